"""Databases whose configurations name the same folders: none is taken for healthy by the runs of another."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health import monitor, prometheus, report
from mtn_tui.operations.health.checks.drill import drill
from mtn_tui.operations.health.checks.monitoring import monitoring
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.restore import rto_log
from tests.operation_fixtures import Practice
from tests.plugin_output import exposition

Two = tuple[Context, Context]


@pytest.fixture
def practice(pg18, new_database, practise) -> Practice:
    made: Practice = practise(new_database(pg18, script="SELECT 1"), MINIO_ENDPOINT="")
    made.ready_made()
    return made


@pytest.fixture
def two(practice: Practice) -> Two:
    ours = practice.context
    settings = ours.settings.model_copy(update={"db_name": 'the "other"'})
    return ours, replace(ours, settings=settings)


def expose(context: Context) -> None:
    inspection = Inspection(context)
    run = monitor.Run((), inspection.now)
    prometheus.write(context, prometheus.render(prometheus.samples(inspection, run, {})))


def exposed(context: Context) -> dict[str, set[str]]:
    """The databases whose status each file of the folder has."""
    return {
        path.name: {dict(labels)["database"] for labels in exposition(path.read_text())["mtn_status"]}
        for path in context.settings.metrics_dir.glob("*.prom")
    }


def test_the_metrics_of_both_are_there(two: Two) -> None:
    ours, other = two
    for context in (ours, other, ours, other):
        expose(context)
    assert sorted(map(sorted, exposed(ours).values())) == sorted([[ours.settings.db_name], ['the "other"']])
    assert exposed(ours)["mtn.prom"] == {ours.settings.db_name}


def test_a_file_that_nobody_writes_any_more_is_taken_over(two: Two) -> None:
    ours, other = two
    expose(ours)
    expose(other)
    path = ours.settings.metrics_dir / "mtn.prom"
    os.utime(path, (time.time() - 2 * 86400,) * 2)
    expose(other)
    assert exposed(ours) == {"mtn.prom": {'the "other"'}}


def test_the_others_report_is_not_ours(two: Two) -> None:
    ours, other = two

    def reported(context: Context, word: str) -> None:
        inspection = Inspection(context)
        run = monitor.Run((), inspection.now)
        report.write(context, run, report.facts(inspection, run) | {"overall_status": word})

    reported(other, "OK")
    (found,) = monitoring(Inspection(ours))
    assert (found.status, "There is no report" in found.says) == (Status.WARN, True)
    reported(ours, "CRITICAL")
    reported(other, "OK")
    (found,) = monitoring(Inspection(ours))
    assert (found.status, found.says.endswith("CRITICAL.")) == (Status.WARN, True)
    (found,) = monitoring(Inspection(other))
    assert found.status is Status.OK


def test_the_others_drill_is_not_ours(practice: Practice, two: Two) -> None:
    ours, other = two
    (backup,) = practice.inventory.backups
    look: Callable[[Context], Status] = lambda context: next(drill(Inspection(context))).status  # noqa: E731
    practice.run("drill", lambda job: rto_log.passed(job, other, backup, 60.0))
    assert (look(ours), look(other)) == (Status.WARN, Status.OK)
    practice.run("drill", lambda job: rto_log.passed(job, ours, backup, 60.0))
    practice.run("drill", lambda job: rto_log.failed(job, other, backup, 60.0))
    assert (look(ours), look(other)) == (Status.OK, Status.FAIL)
