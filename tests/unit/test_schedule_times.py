"""When runs are due, through every change of the clocks; one full a night, whatever cron makes of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from mtn_tui.core.settings import Settings
from mtn_tui.operations.backup.make import OPERATION
from mtn_tui.operations.schedule import systemd
from mtn_tui.operations.schedule.description import runs, when_said
from mtn_tui.operations.schedule.times import When, every

RUNS = {run.id: run for run in runs(Settings(db_name="school", db_user="admin"))}
FULL, DIFFERENTIAL = RUNS["full"].when, RUNS["differential"].when
SANTIAGO, MADRID = ZoneInfo("America/Santiago"), ZoneInfo("Europe/Madrid")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STEP = 15 * MINUTE
"""Of the simulated clocks: every zone's offset is a multiple of it."""


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_runs_are_the_runbooks_and_those_of_the_new_monitor():
    said = {run.id: (" ".join(run.arguments), when_said(run.when)) for run in RUNS.values()}
    assert said == {
        "full": ("backup full", "daily at 02:00"),
        "differential": ("backup diff", "every 30 minutes"),
        "monitor": ("monitor", "every 6 hours from 00:30"),
        "watch": ("monitor --quick", "every 15 minutes"),
        "prune": ("prune", "daily at 04:30"),
        "drill": ("drill", "first Friday of the month, 05:00"),
        "report": ("report --week --mail", "every Monday at 07:00"),
    }


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0.5, "every minute"),
        (7, "every 6 minutes"),
        (25, "every 20 minutes"),
        (30, "every 30 minutes"),
        (45, "every 30 minutes"),
        (60, "every hour"),
        (90, "every hour"),
        (300, "every 4 hours from 00:00"),
        (5000, "daily at 00:00"),
    ],
)
def test_what_a_day_can_t_be_cut_into_is_done_more_often(minutes, said):
    assert when_said(every(minutes)) == said


def test_a_drill_is_due_on_the_first_friday_at_five():
    due = RUNS["drill"].when.due(utc("2026-01-01"), utc("2026-05-01"), SANTIAGO)
    assert [moment.astimezone(SANTIAGO).date() for moment in due] == [
        *(date(2026, 1, 2), date(2026, 2, 6), date(2026, 3, 6), date(2026, 4, 3))
    ]
    assert {moment.astimezone(SANTIAGO).hour for moment in due} == {5}
    assert RUNS["drill"].when.last(utc("2026-02-05"), SANTIAGO) == due[0]
    assert RUNS["drill"].when.next(utc("2026-02-06 09:00"), SANTIAGO) == due[2]


def test_a_report_is_due_on_monday_at_seven():
    due = RUNS["report"].when.next(utc("2026-11-28"), SANTIAGO)
    assert due.astimezone(SANTIAGO) == datetime(2026, 11, 30, 7, tzinfo=SANTIAGO)


def test_the_last_and_the_next_due_are_told_at_the_very_moment():
    at = utc("2026-11-28 05:00")
    assert FULL.last(at, SANTIAGO) == at
    assert FULL.next(at, SANTIAGO) == at + DAY
    assert FULL.last(at - MINUTE, SANTIAGO) == at - DAY


def test_half_hours_pass_through_a_repeated_hour_and_a_skipped_one():
    for change in ("2026-10-25 01:00", "2026-03-29 01:00"):
        due = DIFFERENTIAL.due(utc(change) - 3 * HOUR, utc(change) + 3 * HOUR, MADRID)
        assert {after - before for before, after in pairwise(due)} == {30 * MINUTE}


def test_a_full_at_an_hour_that_is_skipped_is_due_at_the_change_and_of_a_repeated_one_the_first_time():
    assert FULL.due(utc("2026-03-28 12:00"), utc("2026-03-29 12:00"), MADRID) == [utc("2026-03-29 01:00")]
    assert FULL.due(utc("2026-10-24 12:00"), utc("2026-10-25 12:00"), MADRID) == [utc("2026-10-25 00:00")]


# How programs of the field treat changed clocks. Each yields the moments at which it starts a run.


def busybox(when: When, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Compares the local time of every minute: a skipped one never comes, a repeated one comes twice."""
    moment = start
    while moment <= end:
        local = moment.astimezone(zone)
        if local.hour in (*when.hours, *when.again) and local.minute in when.minutes:
            yield moment
        moment += STEP


def vixie(when: When, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Debian's and cronie's: what was skipped is done at the change, what is repeated is not done again."""
    moment, reached = start, start.astimezone(zone).replace(tzinfo=None) - STEP
    while moment <= end:
        local = moment.astimezone(zone).replace(tzinfo=None)
        while reached < local:
            reached += STEP
            if reached.hour in (*when.hours, *when.again) and reached.minute in when.minutes:
                yield moment
        moment += STEP


def kept(when: When, moments: Iterator[datetime], zone: ZoneInfo, lasts: timedelta) -> list[datetime]:
    """The fulls that come of it: none where one was made since it was due, or is being made."""
    made: list[datetime] = []
    for now in moments:
        is_done = made and made[-1] >= when.last(now, zone) - MINUTE and made[-1] + lasts <= now
        is_running = made and made[-1] + lasts > now
        if not is_done and not is_running:
            made.append(now)
    return made


def changes(zone: ZoneInfo) -> list[date]:
    """The days on whose noons another offset holds than on the next, within a year; and one other day."""
    found = [date(2026, 1, 1)]
    for week in range(53):
        days = [date(2026, 1, 1) + (7 * week + number) * DAY for number in range(8)]
        if noon(days[0], zone).utcoffset() != noon(days[-1], zone).utcoffset():
            offsets = [noon(day, zone).utcoffset() for day in days]
            found += [days[at] for at in range(7) if offsets[at] != offsets[at + 1]]
    return found


def noon(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=zone)


@pytest.fixture(scope="module")
def zones() -> list[ZoneInfo]:
    """One zone of all that change their clocks on the same days by the same hours."""
    every_zone = map(ZoneInfo, sorted(available_timezones()))
    of_each = {tuple(noon(day, zone).isoformat() for day in changes(zone)): zone for zone in every_zone}
    return [zone for days, zone in of_each.items() if len(days) > 1]


@pytest.mark.parametrize("cron", [busybox, vixie])
@pytest.mark.parametrize("lasts", [20 * MINUTE, 90 * MINUTE])
def test_no_change_of_the_clocks_in_any_zone_skips_or_doubles_a_full(
    zones: list[ZoneInfo], cron: Callable[..., Iterator[datetime]], lasts: timedelta
):
    assert len(zones) > 20
    for zone in zones:
        for day in changes(zone):
            night = (noon(one, zone).astimezone(UTC) for one in (day, day + DAY))
            made = kept(FULL, cron(FULL, *night, zone), zone, lasts)
            assert len(made) == 1, (zone, day, made)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd to ask")
@pytest.mark.parametrize("zone", ["America/Santiago", "Europe/Madrid", "America/New_York"])
def test_nor_does_systemd_which_tells_itself_when_it_would_start_one(zone):
    place = ZoneInfo(zone)
    for day in changes(place):
        first, last = (noon(one, place).astimezone(UTC) for one in (day, day + DAY))
        started = (one for one in asked(systemd.calendar(FULL), first, zone, 4) if one <= last)
        assert len(kept(FULL, started, place, 20 * MINUTE)) == 1, day


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd to ask")
def test_systemd_starts_a_differential_in_each_half_hour_of_a_repeated_hour():
    started = asked(systemd.calendar(DIFFERENTIAL), utc("2026-10-24 22:45"), "Europe/Madrid", 10)
    assert started == [utc("2026-10-24 23:00") + number * 30 * MINUTE for number in range(10)]


def asked(calendar: str, after: datetime, zone: str, count: int) -> list[datetime]:
    said = subprocess.run(
        [
            *("systemd-analyze", "calendar", f"--iterations={count}"),
            *(f"--base-time={after:%Y-%m-%d %H:%M:%S} UTC", calendar),
        ],
        env={**os.environ, "TZ": zone, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    in_utc = [line.partition("(in UTC): ")[2] for line in said.splitlines() if "(in UTC): " in line]
    if not in_utc:  # the zone is UTC itself
        in_utc = [line.partition(": ")[2] for line in said.splitlines() if "UTC" in line and "-" in line]
    return [
        datetime.strptime(one.strip(), "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
        for one in in_utc[:count]
    ]


def test_with_fulls_of_an_hour_no_minute_of_a_week_is_further_from_a_backup_than_the_rpo():
    """A differential is made on the full before, while the next one is: their locks differ."""
    assert len(set(OPERATION.values())) == len(OPERATION)
    start = utc("2026-11-23")
    took = {"full": HOUR, "differential": 5 * MINUTE}
    finished: list[tuple[datetime, datetime]] = []
    for name, lasts in took.items():
        busy = start - DAY
        for moment in RUNS[name].when.due(start - DAY, start + 7 * DAY, SANTIAGO):
            if moment >= busy:  # one that finds another ends quietly
                busy = moment + lasts
                finished.append((busy, moment))
    newest, worst = start - DAY, timedelta(0)
    for done, snapshot in sorted(finished):
        if done > start:
            worst = max(worst, done - newest)  # just before it was done
        newest = max(newest, snapshot)
    assert timedelta(0) < worst <= HOUR
