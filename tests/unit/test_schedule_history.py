"""Which runs were missed, and which are done: by the journals of jobs, on a clock of the tests' own."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mtn_tui.core.errors import JobError
from mtn_tui.core.models import JobState
from mtn_tui.core.settings import Settings
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import read_job
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import open_stores
from mtn_tui.operations.schedule.description import runs
from mtn_tui.operations.schedule.history import done, missed

SANTIAGO = ZoneInfo("America/Santiago")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SANTIAGO).astimezone(UTC)


class Clock:
    """One that stands still until it is set."""

    def __init__(self) -> None:
        self.time = at("2026-11-28 12:10")

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


@pytest.fixture
def context(tmp_path) -> Context:
    settings = Settings(db_name="school", db_user="admin", backup_dir=tmp_path / "backups")
    return Context(settings, open_stores(settings), tmp_path / "state", "ana", "db1", Clock())


RUNS = {run.id: run for run in runs(Settings(db_name="school", db_user="admin"))}


@pytest.fixture
def ran(context) -> Callable[..., None]:
    def run(
        what: str, when: str, minutes: float = 1, *, error: Exception | None = None, **result: str
    ) -> None:
        clock = Clock()
        clock.time = at(when)
        job = Job.create(context.jobs, kind=what, subject="school", operator="ana", clock=clock)
        job.start()
        job.result(result)
        clock.time += minutes * MINUTE
        job.end(error)
        job.close()
        os.utime(job.journal_path, (clock.time.timestamp(),) * 2)

    return run


def every_half_hour(ran, start: str, end: str, *left_out: str) -> None:
    moment = at(start)
    while moment <= at(end):
        local = f"{moment.astimezone(SANTIAGO):%Y-%m-%d %H:%M}"
        if local not in left_out:
            ran("backup-diff", local)
        moment += 30 * MINUTE


def test_missed_half_hours_are_named_and_those_before_the_first_are_none(context, ran):
    left_out = ("2026-11-28 03:00", "2026-11-28 11:30")
    every_half_hour(ran, "2026-11-27 22:00", "2026-11-28 12:00", *left_out)
    found = missed(context, [RUNS["differential"]], SANTIAGO)
    assert found.moments == {"differential": tuple(map(at, left_out))}
    assert found.unseen == ()


def test_one_that_is_due_just_now_is_not_missed_yet_and_then_it_is(context, ran):
    every_half_hour(ran, "2026-11-28 08:00", "2026-11-28 11:30")
    assert missed(context, [RUNS["differential"]], SANTIAGO).moments == {}
    context.clock.time = at("2026-11-28 12:16")
    assert missed(context, [RUNS["differential"]], SANTIAGO).moments == {
        "differential": (at("2026-11-28 12:00"),)
    }


def test_one_that_found_another_one_still_at_it_is_on_time(context, ran):
    every_half_hour(ran, "2026-11-28 08:00", "2026-11-28 10:00")
    ran("backup-diff", "2026-11-28 10:30", 95)
    assert missed(context, [RUNS["differential"]], SANTIAGO).moments == {}


def test_one_that_was_killed_stands_for_no_run_after_it(context, ran):
    every_half_hour(ran, "2026-11-28 08:00", "2026-11-28 10:30")
    killed = max(context.jobs.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
    lines = killed.read_text().splitlines(keepends=True)
    killed.write_text("".join(line for line in lines if '"succeeded"' not in line))
    assert read_job(killed).state is JobState.RUNNING
    of_nobody = f'"pid": {dead_pid()}'
    killed.write_text(re.sub(r'"pid": \d+', of_nobody, killed.read_text()))
    assert read_job(killed).state is JobState.LOST
    assert missed(context, [RUNS["differential"]], SANTIAGO).moments == {
        "differential": (at("2026-11-28 11:00"), at("2026-11-28 11:30"))
    }


def dead_pid() -> int:
    """The number of a process that is over."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_one_that_failed_was_started(context, ran):
    every_half_hour(ran, "2026-11-28 08:00", "2026-11-28 11:30")
    ran("backup-diff", "2026-11-28 12:00", error=JobError("no server"))
    assert missed(context, [RUNS["differential"]], SANTIAGO).moments == {}


def test_a_full_that_was_made_late_was_made(context, ran):
    for day in ("26", "27", "28"):
        ran("backup-full", f"2026-11-{day} 02:00" if day != "28" else "2026-11-28 08:12", 60)
    assert missed(context, RUNS.values(), SANTIAGO).moments == {}


def test_a_full_that_no_night_started_is_missed(context, ran):
    ran("backup-full", "2026-11-27 02:00", 60)
    assert missed(context, RUNS.values(), SANTIAGO).moments == {"full": (at("2026-11-28 02:00"),)}


def test_what_was_never_seen_is_told_as_such(context):
    found = missed(context, RUNS.values(), SANTIAGO)
    assert (found.moments, found.unseen) == ({}, ("full", "differential", "prune"))


def test_a_full_is_done_once_one_has_succeeded_since_it_was_due(context, ran):
    full = RUNS["full"]
    context.clock.time = at("2026-11-28 03:00")
    ran("backup-full", "2026-11-27 02:00", 60)
    ran("backup-full", "2026-11-28 01:30", 10)
    ran("backup-full", "2026-11-28 02:00", 10, error=JobError("no server"))
    assert not done(context, full, SANTIAGO)
    ran("backup-full", "2026-11-28 02:20", 10)
    assert done(context, full, SANTIAGO)
    context.clock.time += 23 * HOUR
    assert not done(context, full, SANTIAGO)


def test_a_full_in_place_of_a_differential_is_one_and_that_of_another_database_is_none(context, ran):
    context.clock.time = at("2026-11-28 03:00")
    ran("backup-diff", "2026-11-28 02:00", kind="diff")
    assert not done(context, RUNS["full"], SANTIAGO)
    ran("backup-diff", "2026-11-28 02:30", kind="full")
    assert done(context, RUNS["full"], SANTIAGO)
    other = replace(context, settings=context.settings.model_copy(update={"db_name": "other"}))
    assert not done(other, RUNS["full"], SANTIAGO)


def test_a_drill_is_tried_again_on_the_next_friday_until_one_passes(context, ran):
    drill = RUNS["drill"]
    ran("drill", "2026-11-06 05:00", error=JobError("it does not hold"))
    context.clock.time = at("2026-11-13 05:00")
    assert not done(context, drill, SANTIAGO)
    ran("drill", "2026-11-10 11:00")
    assert done(context, drill, SANTIAGO)
    context.clock.time = at("2026-12-04 05:00")
    assert not done(context, drill, SANTIAGO)


def test_journals_that_can_t_be_read_are_passed_over(context, ran):
    ran("backup-full", "2026-11-28 02:00")
    (context.jobs / "aaaaaaaa.jsonl").write_bytes(b"\x00{")
    assert done(context, RUNS["full"], SANTIAGO)
