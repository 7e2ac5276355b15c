"""A clock that ran ahead for a while: what it dated hides nothing once it is right."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import JobError
from mtn_tui.core.settings_file import load
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.alerts.receipts import PROVEN_FOR, Proof
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health import causes, last_known, monitor, report, sign_off
from mtn_tui.operations.health.catalogue import BY_ID
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.registry import LOOKS
from mtn_tui.operations.health.runner import Result, look
from mtn_tui.operations.restore import rto_log
from mtn_tui.operations.schedule import history
from mtn_tui.operations.schedule.description import runs
from tests.aged import aged, context_of
from tests.operation_fixtures import Practice

YEARS = timedelta(days=4 * 365)
HOUR = timedelta(hours=1)


class Shifted(SystemClock):
    """The machine's clock, when it was wrong by so much."""

    def __init__(self, by: timedelta = YEARS) -> None:
        self.by = by

    def now(self):
        return super().now() + self.by


@pytest.fixture
def practice(pg18, new_database, practise) -> Practice:
    made: Practice = practise(new_database(pg18, script="SELECT 1"), MINIO_ENDPOINT="")
    return made


def ahead(practice: Practice) -> Context:
    return replace(practice.context, clock=Shifted())


def seen(practice: Practice, name: str) -> Result:
    """What a check comes to some seconds later, for lines of logs settle first."""
    clock = Shifted(timedelta(seconds=3))
    context = replace(context_of(practice), configuration=practice.config, clock=clock)
    return look(Inspection(context, load(practice.config, {})), BY_ID[name], LOOKS[name])


@contextmanager
def a_job(context: Context, kind: str, subject: str) -> Iterator[Job]:
    job = Job.create(context.jobs, kind=kind, subject=subject, operator="ana", clock=context.clock)
    job.start()
    yield job
    job.close()


def run(context: Context, kind: str, subject: str, error: Exception | None = None) -> None:
    with a_job(context, kind, subject) as job:
        job.end(error)


@pytest.mark.parametrize("name", ["full", "differentials", "objectives"])
def test_backups_of_the_future_are_no_sign_of_health(practice: Practice, name: str) -> None:
    full = aged(practice, -YEARS.days)
    assert seen(practice, name).status is Status.UNKNOWN
    aged(practice, -YEARS.days - 0.01, on=full)
    assert seen(practice, name).status is Status.UNKNOWN
    old = aged(practice, 3)
    aged(practice, 2.9, on=old)
    assert seen(practice, name).status is (Status.WARN if name == "differentials" else Status.FAIL)


@pytest.mark.parametrize("name", ["full", "differentials", "objectives"])
def test_nor_do_they_alarm_each_night_once_there_are_newer_ones(practice: Practice, name: str) -> None:
    aged(practice, -YEARS.days)
    new = aged(practice, 0.01)
    aged(practice, 0.005, on=new)
    found = seen(practice, name)
    assert found.findings[0].status is Status.OK, found


def test_a_clock_some_seconds_ahead_is_no_reason_to_alarm(practice: Practice) -> None:
    full = aged(practice, -1 / 1440)
    aged(practice, -2 / 1440, on=full)
    for name in ("full", "differentials", "objectives"):
        found = seen(practice, name).findings[0]
        assert found.status is Status.OK
        assert all(value >= 0 for value in found.figures.values())
        assert "in the future" not in found.says


def test_the_last_run_is_the_last_that_really_was(practice: Practice) -> None:
    run(ahead(practice), "backup-full", practice.source.name)
    run(practice.context, "backup-full", practice.source.name, JobError("no server"))
    assert seen(practice, "last-runs").status is Status.WARN


def test_a_night_is_not_done_by_a_run_of_the_future(practice: Practice) -> None:
    (full,) = (one for one in runs(practice.context.settings) if one.id == "full")
    run(ahead(practice), "backup-full", practice.source.name)
    assert not history.done(practice.context, full)
    run(practice.context, "backup-full", practice.source.name)
    assert history.done(practice.context, full)


def test_errors_since_a_sign_off_of_the_future_are_told(practice: Practice) -> None:
    sign_off.sign(ahead(practice), "ana", "", {})
    with pytest.raises(ZeroDivisionError):
        practice.run("backup-full", lambda _job: 1 / 0)
    assert seen(practice, "errors").status is Status.WARN


def test_a_drill_of_the_future_is_none(practice: Practice) -> None:
    aged(practice, 1)
    backup = practice.inventory.backups[0]
    with a_job(practice.context, "drill", practice.source.name) as job:
        rto_log.passed(job, ahead(practice), backup, 60.0)
        assert seen(practice, "drill").status is Status.UNKNOWN
        rto_log.passed(job, practice.context, backup, 60.0)
    assert seen(practice, "drill").status is Status.OK


def test_a_report_of_the_future_is_none(practice: Practice) -> None:
    context = ahead(practice)
    inspection = Inspection(context)
    told = monitor.Run((), context.clock.now())
    facts = report.facts(inspection, told) | {"overall_status": "OK"}
    path = report.write(context, told, facts)
    assert path.exists()
    assert json.loads((practice.root / "logs/metrics/backup-status_latest.json").read_text())
    assert seen(practice, "monitoring").status is Status.UNKNOWN


def test_what_was_kept_with_a_date_of_the_future_gives_way(practice: Practice) -> None:
    def result(context: Context, status: Status) -> Result:
        found = Check("disk", status, "says", figures={"disk_free_bytes": 1.0})
        return Result(BY_ID["disk"], (found,), context.clock.now(), 0.1)

    last_known.keep(ahead(practice), [result(ahead(practice), Status.FAIL)])
    now = practice.context.clock.now()
    for status in (Status.FAIL, Status.OK):
        last_known.keep(practice.context, [result(practice.context, status)])
        kept = last_known.load(practice.context)["disk"]
        assert kept.result.status is status
        assert kept.since - now < HOUR
        assert all(at - now < HOUR for series in (kept.series or {}).values() for at, _value in series)


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.FAIL])
def test_a_cause_of_the_future_is_told_all_the_same(practice: Practice, status: Status) -> None:
    now = practice.context.clock.now()
    known = causes.Cause("disk", "disk", status, now + YEARS)
    found = [Result(BY_ID["disk"], (Check("disk", status, "says"),), now, 0.1)]
    first = causes.judge([known], found, None, now)
    second = causes.judge(first.causes, found, None, now + HOUR)
    assert [*first.alerts, *second.alerts]


def test_an_alert_that_arrived_in_the_future_proves_nothing(practice: Practice) -> None:
    now = practice.context.clock.now()
    proven: Callable[..., bool] = lambda at: Proof("mail", at).holds(now)  # noqa: E731
    assert [proven(now + YEARS), proven(now), proven(now - PROVEN_FOR), proven(now - 2 * PROVEN_FOR)] == [
        False,
        True,
        True,
        False,
    ]


def test_the_newest_of_the_future_is_not_restored_without_a_word(practice: Practice) -> None:
    aged(practice, -YEARS.days)
    aged(practice, 0.01)
    said = practice.here("restore", "--latest", "--target", "other", "--dry-run", check=None)
    assert "in the future: a clock was wrong" in said.stderr + said.stdout
