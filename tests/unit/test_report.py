"""The figures of a report: what was due and made, how the RPO was held; what is unknown is never good."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtn_tui.core import i18n
from mtn_tui.core.models import Kind
from mtn_tui.core.redact import redact
from mtn_tui.core.settings import Settings
from mtn_tui.operations.alerts.message import Level
from mtn_tui.operations.common import labels
from mtn_tui.operations.reports import document as documents
from mtn_tui.operations.reports.due import due
from mtn_tui.operations.reports.facts import Alert, Drill, Emergency, Facts, Outcome, Ran, Stored
from mtn_tui.operations.reports.figures import Due, figures, held, longest_gap
from mtn_tui.operations.reports.html import html
from mtn_tui.operations.reports.markdown import markdown
from mtn_tui.operations.reports.period import Period, Span, last_full
from mtn_tui.operations.restore import rto_log

HOUR = timedelta(hours=1)
HALF = timedelta(minutes=30)
WEEK = Period(Span.WEEK, date(2026, 11, 16), date(2026, 11, 22), UTC)
START, END = WEEK.start, WEEK.end
SANTIAGO = ZoneInfo("America/Santiago")


def made(at: datetime, kind: Kind = Kind.DIFF, minutes: float = 1, **more) -> Ran:
    values = {
        "ended": at + timedelta(minutes=minutes),
        "made": kind,
        "moment": at,
        "counts": True,
        "seconds": minutes * 60,
        "size": 10**9 if kind is Kind.FULL else 10**6,
    } | more
    return Ran(kind, at, Outcome.MADE, **values)


def a_good_week() -> list[Ran]:
    """From the evening before on."""
    begin = START - HOUR
    runs = [made(begin + number * HALF) for number in range(2 * (7 * 24 + 1))]
    runs += [made(START + timedelta(days=day, hours=2), Kind.FULL, 45) for day in range(7)]
    return sorted(runs, key=lambda one: one.started)


def facts(runs=(), **more) -> Facts:
    usual = Settings(db_name="colegio", db_user="admin")
    values = {
        "period": WEEK,
        "now": END + 7 * HOUR,
        "database": "Admisión_MTN_DB",
        "host": "db1",
        "rpo": HOUR,
        "rto": 4 * HOUR,
        "due": {kind: due(usual, kind, WEEK) for kind in Kind},
        "recorded": min((one.ended or one.started for one in runs), default=None),
        "runs": tuple(runs),
    } | more
    return Facts(**values)


def said(known: Facts) -> str:
    return markdown(documents.document(known, figures(known)))


# The period


def test_the_last_full_week_is_monday_to_sunday_and_the_month_the_whole_one_before():
    for day in range(23, 30):
        now = datetime(2026, 11, day, 12, tzinfo=UTC)
        assert last_full(Span.WEEK, now, UTC) == WEEK
    assert last_full(Span.WEEK, END - timedelta(seconds=1), UTC).last == date(2026, 11, 15)
    month = last_full(Span.MONTH, datetime(2026, 3, 1, tzinfo=UTC), UTC)
    assert (month.first, month.last, len(list(month.days))) == (date(2026, 2, 1), date(2026, 2, 28), 28)


def test_a_week_in_which_the_clocks_change_is_told_in_local_days():
    """In Chile they do so at midnight, which then there is none of, or twice."""
    for now, hours in ((datetime(2026, 9, 8, tzinfo=UTC), 167), (datetime(2026, 4, 7, tzinfo=UTC), 169)):
        week = last_full(Span.WEEK, now, SANTIAGO)
        assert (week.end - week.start).total_seconds() == hours * 3600
        days = list(week.days)
        assert [one[1] for one in days[1:]] == [one[2] for one in days[:-1]]
        usual = Settings(db_name="colegio", db_user="admin")
        assert len(due(usual, Kind.FULL, week)) == 8
        assert len(due(usual, Kind.DIFF, week)) == 2 * hours + 1


# What was made of what was due


def test_a_week_with_all_that_was_due_is_well():
    found = figures(facts(a_good_week()))
    assert found.kinds[Kind.FULL].due == Due(7, 7, 0, 0)
    assert found.kinds[Kind.DIFF].due == Due(336, 336, 0, 0)
    assert (found.rpo.share, found.rpo.missed, found.rpo.unknown) == (1.0, 0, 0)
    assert found.gap.seconds == 31 * 60
    assert found.well
    assert [one.due[Kind.FULL].done for one in found.days] == [1] * 7


def test_what_was_not_made_is_missed_on_its_day_and_a_failed_run_stands_for_none():
    gone = START + timedelta(days=2)
    runs = [one for one in a_good_week() if not gone <= one.started < gone + 24 * HOUR]
    failed = Ran(Kind.FULL, gone + 2 * HOUR, Outcome.FAILED, reason="The disk is full.")
    locked = Ran(Kind.DIFF, gone + 3 * HOUR, Outcome.PASSED_OVER)
    found = figures(facts(sorted([*runs, failed, locked], key=lambda one: one.started)))
    assert found.kinds[Kind.FULL].due == Due(7, 6, 1, 0)
    assert found.kinds[Kind.DIFF].due == Due(336, 288, 48, 0)
    assert [one.due[Kind.DIFF].missed for one in found.days] == [0, 0, 48, 0, 0, 0, 0]
    assert (found.kinds[Kind.FULL].failed, found.kinds[Kind.DIFF].passed_over) == (1, 1)
    assert found.failed == (failed,)
    assert not found.well
    text = said(facts([*runs, failed]))
    assert "✖ Full backups: 6 of 7 that were due. Missed: 1. Failed: 1." in text
    assert "The disk is full." in text


def test_a_full_in_place_of_a_differential_is_both_and_one_run_that_lasts_counts_for_what_was_due_meanwhile():
    runs = [made(START + number * HALF) for number in range(336) if number not in (5, 6, 7)]
    runs.append(replace(made(START + 5 * HALF, Kind.FULL, minutes=75), kind=Kind.DIFF))
    found = figures(facts(sorted(runs, key=lambda one: one.started)))
    assert found.kinds[Kind.DIFF].due == Due(336, 336, 0, 0)
    assert found.kinds[Kind.FULL].due.done == 1
    assert found.kinds[Kind.FULL].made == 1


def test_before_the_first_record_nothing_is_missed_and_nothing_is_good():
    middle = START + timedelta(days=3)
    found = figures(facts([one for one in a_good_week() if one.started >= middle]))
    assert found.kinds[Kind.DIFF].due == Due(336, 192, 0, 144)
    assert found.kinds[Kind.FULL].due == Due(7, 4, 0, 3)
    assert found.rpo.missed == 0
    assert found.rpo.unknown == pytest.approx(3 * 86400 + 60)
    assert found.rpo.share < 4 / 7
    assert found.gap.since >= middle
    assert not found.well
    text = said(facts([one for one in a_good_week() if one.started >= middle]))
    assert "Not known: 144." in text
    assert re.search(r"\| 2026-11-16 \| +0 of 1 \? \| +0 of 48 \? \| `\?{20}` \?", text)


def test_backups_without_any_record_hold_the_rpo_but_what_lies_between_them_is_unknown():
    found = figures(facts([made(START + 5 * HOUR)], recorded=None))
    assert (found.rpo.held, found.rpo.missed) == (59 * 60, 0)
    assert found.gap is None


def test_a_backup_that_is_not_proven_or_was_found_damaged_holds_nothing():
    runs = [replace(one, counts=False) for one in a_good_week()]
    found = figures(facts(runs))
    assert (found.rpo.held, found.rpo.unknown) == (0, 0)
    assert found.kinds[Kind.FULL].due.done == 7


# The RPO


def test_a_backup_counts_from_when_it_is_done_with_the_age_of_what_it_holds():
    """A full of an hour is an hour old when it can first be restored."""
    long = made(START, Kind.FULL, minutes=60)
    found = held([long], START, START + 3 * HOUR, timedelta(hours=1.5), START)
    assert (found.held, found.missed) == (HALF.total_seconds(), 2.5 * 3600)
    gap = longest_gap([long], START, START + 3 * HOUR, START)
    assert (gap.seconds, gap.since) == (3 * 3600, START)


def test_the_longest_gap_may_have_begun_before_the_period_or_go_on_after_it():
    runs = [made(START - 5 * HOUR), made(START + 2 * HOUR), made(END - HOUR)]
    gap = longest_gap(runs[:2], START, START + 3 * HOUR, START - 6 * HOUR)
    assert (gap.seconds, gap.since) == (7 * 3600 + 60, START - 5 * HOUR)
    gap = longest_gap(runs[2:], END - HOUR, END, END - HOUR)
    assert (gap.seconds, gap.since) == (3600, END - HOUR)


_moments = st.lists(st.tuples(st.integers(-60, 120), st.integers(0, 40)), max_size=8)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_moments, st.integers(1, 60), st.integers(-60, 120))
def test_the_parts_of_the_time_are_what_a_minute_by_minute_look_finds(points, target, recorded):
    def at(minute: int) -> datetime:
        return START + timedelta(minutes=minute)

    runs = [made(at(begin), minutes=took) for begin, took in points]
    found = held(runs, START, at(60), timedelta(minutes=target), at(recorded))
    counted = {"held": 0, "missed": 0, "unknown": 0}
    for minute in range(60):
        ready = [begin for begin, took in points if begin + took <= minute]
        good = bool(ready) and minute - max(ready) < target
        counted["held" if good else "missed" if minute >= recorded else "unknown"] += 60
    assert counted == {name: getattr(found, name) for name in counted}


# Sizes, times, drills


def test_sizes_times_and_growth_are_those_of_what_was_made():
    before = made(START - 22 * HOUR, Kind.FULL, size=1000)
    runs = [made(START + timedelta(days=day), Kind.FULL, 10 + day, size=1000 + 50 * day) for day in range(5)]
    found = figures(facts([before, *runs]))
    full = found.kinds[Kind.FULL]
    assert (full.made, full.size, full.usual_size) == (5, 5500, 1100)
    assert (full.usual_seconds, full.slowest.seconds) == (12 * 60, 14 * 60)
    assert full.slowest.started == runs[-1].started
    assert (found.growth.before, found.growth.after, found.growth.since) == (1000, 1200, before.started)
    assert "The full backup has grown from 1.0 kB to 1.2 kB (+20.0 %)" in " ".join(
        said(facts([before, *runs])).split()
    )


def test_drills_have_their_spread_and_a_month_without_one_is_not_well():
    drills = [Drill(START + HOUR, True, seconds) for seconds in (600, 720, 900)]
    text = said(facts(a_good_week(), drills=tuple(drills)))
    assert "✔ Restore drills: 3 passed, 0 failed. RTO 12 min of 4 h (from 10 min to 15 min)." in " ".join(
        text.split()
    )
    failed = facts(a_good_week(), drills=(*drills, Drill(START + 2 * HOUR, False)))
    assert not figures(failed).well
    late = facts(a_good_week(), drills=(Drill(START, True, 5 * 3600),))
    assert "⚠ Restore drills: 1 passed" in said(late)
    assert figures(facts(a_good_week())).well
    month = Period(Span.MONTH, WEEK.first, WEEK.last, UTC)
    assert not figures(facts(a_good_week(), period=month)).well


@pytest.mark.parametrize(
    ("line", "tested"),
    [
        (
            "Fri Oct  3 14:30:11 -03 2025: RTO Test - Duration: 10.9 minutes; seconds=652.1 backup=x job=y",
            rto_log.Tested(datetime(2025, 10, 3, 17, 30, 11, tzinfo=UTC), False, 652.1, "y"),
        ),
        (
            "Fri Oct 31 14:30:11 UTC 2025: RTO Test - Failed after: 2.0 minutes; seconds=120.0",
            rto_log.Tested(datetime(2025, 10, 31, 14, 30, 11, tzinfo=UTC), True),
        ),
        (
            "Fri Oct  3 14:30:11 UTC 2025: RTO Test - Duration: [12 minutos]",
            rto_log.Tested(datetime(2025, 10, 3, 14, 30, 11, tzinfo=UTC), False, 720),
        ),
        ("vie 03 oct 2025 14:30:11 -03: RTO Test - Duration: 12 minutos", None),
        ("Fri Oct 32 14:30:11 UTC 2025: RTO Test - Duration: 12 minutos", None),
        ("Fri Oct  3 14:30:11 +99 2025: RTO Test - Duration: 12 minutos", None),
        ("", None),
    ],
)
def test_a_line_of_a_drill_is_read_as_we_and_the_runbook_write_it(line, tested):
    assert rto_log.read(line) == tested


# In words


def everything() -> Facts:
    runs = [one for one in a_good_week() if not START + 5 * HOUR < one.started < START + 15 * HOUR]
    runs += [
        Ran(Kind.DIFF, START + (5 + number) * HOUR, Outcome.FAILED, reason=f"[markup] *{number}* " + "x" * 90)
        for number in range(12)
    ]
    runs += [
        replace(made(START + 20 * HOUR), warnings=("The bucket | does not `answer`.",)) for _ in range(3)
    ]
    return facts(
        sorted(runs, key=lambda one: one.started),
        drills=(Drill(START, True, 600), Drill(START + HOUR, False)),
        alerts=(
            Alert(START, Level.ERROR, "CRITICAL: <b>down</b>", ("ana@mtn.cl",)),
            Alert(START, Level.SUCCESS, "Full backup done: 4 GB"),
        ),
        emergencies=(Emergency(3, START, START + HOUR, "restored"), Emergency(4, END - HOUR, None)),
        stored=(Stored("disk", 340, 10**10), Stored("bucket", 1, 10**9)),
        unknown=("The bucket did not answer: timeout.",),
    )


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("known", [everything(), facts(a_good_week()), facts()], ids=["all", "good", "empty"])
def test_it_fits_80_columns_in_both_languages_and_no_text_is_markup_by_accident(language, known):
    i18n.use(language)
    text = said(known)
    assert max(map(len, text.splitlines())) <= 79
    assert "*0*" not in text.replace("\\*0\\*", "")
    assert "<b>" not in text.replace("\\<b\\>", "")


def test_it_says_what_failed_what_was_warned_of_and_what_is_not_known():
    text = " ".join(said(everything()).split())
    for part in (
        "# Weekly report: 2026-11-16 – 2026-11-22",
        "… and 2 more",
        "3 × The bucket",
        "✖ Restore drills: 1 passed, 1 failed. RTO 10 min of 4 h.",
        "(not delivered: ana@mtn.cl)",
        f"Incident 3: opened {labels.moment(START)}, closed after 1 h: restored",
        f"Incident 4: opened {labels.moment(END - HOUR)}, still open.",
        "Now in the bucket: 1 backup, 1.0 GB.",
        "## Not known - ? The bucket did not answer: timeout.",
    ):
        assert part in text, part
    assert "Full backup done" not in text


def test_of_an_empty_installation_it_says_that_nothing_is_there():
    found = figures(facts())
    assert (found.empty, found.well) == (True, False)
    text = said(facts())
    assert "? No backups are on record for this time." in text
    assert "## Day by day" not in text
    assert documents.subject(facts(), found).endswith("no backups on record")


def test_only_what_was_held_all_of_the_time_is_100_percent():
    runs = a_good_week()
    runs = [one for one in runs if one.started != START + 9 * HALF]
    assert 0.999 < figures(facts(runs)).rpo.share < 1
    assert "✖ RPO of 1 h held 99.9 % of the time. Longest time without a newer" in " ".join(
        said(facts(runs)).split()
    )
    assert documents.level(figures(facts(runs))) is Level.WARNING
    assert documents.level(figures(facts(a_good_week()))) is Level.SUCCESS


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.widths, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        width = re.search(r"width:(\d+)%", dict(attrs).get("style") or "")
        self.widths += [int(width[1])] if width else []

    def handle_data(self, data):
        self.text += data


def test_in_html_bars_are_widths_nothing_is_fetched_and_nothing_of_others_is_a_tag():
    redact.add("hunter2<secret>")
    known = replace(everything(), unknown=("with hunter2<secret>",))
    page = html(documents.document(known, figures(known)))
    tags = Tags()
    tags.feed(page)
    assert {tag for tag, _attributes in tags.seen} <= {"p", "h2", "div", "span", "table", "tr", "th", "td"}
    assert not any(name in ("src", "href", "background") for _tag, found in tags.seen for name in found)
    assert "url(" not in page
    assert "<b>down</b>" in tags.text
    assert "hunter2" not in page
    bars = len(figures(known).days)
    assert sum(tags.widths) == 100 * bars
    for title in ("In short", "Backups made", "Day by day", "Alerts", "Not known"):
        assert title in tags.text


def test_the_facts_are_json_and_say_what_is_unknown():
    told = figures(everything()).facts()
    assert told["days"][0]["due"]["full"]["due"] == 1
    assert set(told["rpo"]) == {"held", "missed", "unknown", "share"}
