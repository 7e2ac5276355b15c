"""An incident remembers what was wrong when it was opened, and what has mended it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mtn_tui.core.clock import SystemClock
from mtn_tui.core.models import JobState
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.incident import memory
from mtn_tui.operations.incident.assess import Assessment, Proposal
from mtn_tui.operations.incident.file import open_incident
from mtn_tui.operations.incident.state import Actor, RecoveryMode

DOWN = Check("server", Status.FAIL, "PostgreSQL does not answer.")
UP = Check("server", Status.OK, "PostgreSQL answers.")
AGED = Check("backup", Status.WARN, "The newest proven full is 3 h old.")


def found(*checks: Check, way: RecoveryMode = RecoveryMode.LEAVE) -> Assessment:
    return Assessment(checks, Proposal(way, "Nothing is wrong that can be seen from here."))


@pytest.fixture
def file(tmp_path):
    return open_incident(tmp_path, "admision", Actor("ana", "db1", "s1"), SystemClock())


def job(file, since: timedelta = timedelta(minutes=1), **changes) -> JobView:
    facts = {"kind": memory.STARTS, "state": JobState.SUCCEEDED, "started": file.state.opened_at + since}
    return JobView("aaaaaaaa", **{**facts, **changes})


def test_a_look_is_written_down_where_something_else_is_wrong(file):
    for one in (found(DOWN), found(DOWN, AGED), found(UP), found(UP, AGED), found(DOWN)):
        memory.remember(file, one, [])
    assert [len(memory.findings_of(one.facts)) for one in file.state.looks] == [1, 1, 1]
    assert [one.says for one in memory.wrong_at_first(file.look())] == [DOWN.says]


def test_a_start_that_has_worked_since_it_was_opened_is_written_down_once(file):
    jobs = [
        job(file),
        job(file, state=JobState.FAILED),
        job(file, since=-timedelta(minutes=1)),
        job(file, kind="restore"),
    ]
    for _twice in range(2):
        memory.remember(file, found(UP), memory.starts(file.state, jobs))
    (mended,) = file.look().mended
    assert mended.facts["job"] == "aaaaaaaa"


def test_it_is_never_said_that_nothing_is_wrong_where_something_was(file):
    memory.remember(file, found(DOWN), [])
    assert "does not answer" in memory.in_view_of(file.state, found(UP)).proposal.why
    for other in (found(DOWN), found(UP, way=RecoveryMode.RESTORE)):
        assert memory.in_view_of(file.state, other) == other


def test_where_nothing_was_wrong_nothing_is_made_up(file):
    memory.remember(file, found(UP), [])
    assert memory.in_view_of(file.state, found(UP)) == found(UP)
    assert memory.over_since(file.state, []) == ()
