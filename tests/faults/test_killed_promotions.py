"""kill -9 of step 6 of an incident: one of both is in production, whole, and the next screen says which."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from mtn_tui.core.models import JobState
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.engine.jobview import JobView
from mtn_tui.engine.journal import journal_path
from mtn_tui.operations.common.production import PHRASE
from mtn_tui.operations.incident.state import Step, StepStatus
from tests.faults.aftermath import contents, wait_for
from tests.faults.test_killed_jobs import chance
from tests.faults.test_killed_swaps import make_old
from tests.operation_fixtures import Practice
from tests.pg_fixtures import NewDatabase
from tests.pty.incidents import ENTER, closed, left_at, on_disk, opened, renaming_held, staging
from tests.pty.standing import kill, over, until
from tests.pty.terminal import Terminal
from tests.swap_fixtures import BEFORE, Live, production

__all__ = ["chance"]


@pytest.mark.slow
@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_whenever_step_6_is_killed_production_is_one_of_both_and_the_next_screen_says_which(
    pg18: PostgresServer,
    new_database: NewDatabase,
    practise: Callable[..., Practice],
    chance: random.Random,
    kills: int,
) -> None:
    live = production(practise(new_database(pg18, script=BEFORE)))
    practice = live.practice
    practice.made.append(staging(practice).name)
    make_old(live)
    left_at(practice, Step.PRODUCTION)
    old, new = contents(live.database), contents(staging(practice))
    for turn in range(kills):
        with closing(opened(practice)) as screen:
            job = (killed_in_the_swap if turn % 3 else killed_before_it)(live, screen, chance)
            kill(screen)
        now = contents(live.database)
        assert now in (old, new)
        with closing(opened(practice)) as screen:
            if now == new:
                assert_new_is_told(live, screen, job, old)
            else:
                assert_old_is_told(live, screen, job)
        closed(practice)
        make_old(live)
        left_at(practice, Step.PRODUCTION)


def promoting(practice: Practice, screen: Terminal) -> JobView:
    """The job, begun by its keys."""
    before = {job.id for job in practice.jobs}
    screen.wait_for(f"Type it out: {PHRASE}")
    screen.type(PHRASE)
    screen.press(f"Type it out: {PHRASE}", ENTER)
    return until(practice, lambda job: job.id not in before and job.pid > 0)


def killed_before_it(live: Live, screen: Terminal, chance: random.Random) -> JobView:
    job = promoting(live.practice, screen)
    journal, lines = journal_path(live.practice.context.jobs, job.id), chance.randint(1, 5)
    wait_for(lambda: journal.read_bytes().count(b"\n") >= lines, "its journal")
    os.kill(job.pid, signal.SIGKILL)
    return over(live.practice, job)


def killed_in_the_swap(live: Live, screen: Terminal, chance: random.Random) -> JobView:
    """It is stopped while it renames, and goes on for some milliseconds: some are done with all by then."""
    with renaming_held(live.database) as it_waits:
        job = promoting(live.practice, screen)
        wait_for(it_waits, "RENAME to wait")
        os.kill(job.pid, signal.SIGSTOP)
    os.kill(job.pid, signal.SIGCONT)
    time.sleep(chance.uniform(0, 0.004))
    os.kill(job.pid, signal.SIGKILL)
    return over(live.practice, job)


def assert_new_is_told(live: Live, screen: Terminal, job: JobView, old: str) -> None:
    # The screen that was killed may have seen the job's end, and have gone on by then.
    screen.until(lambda: screen.shows("on to step 7") or screen.shows("on to the report"), "step 7")
    incident = on_disk(live.practice)
    (kept,) = live.kept
    assert incident.step is Step.SERVICES
    assert incident.steps[Step.PRODUCTION].facts["kept"] == kept.name
    assert contents(kept) == old
    if job.state is JobState.LOST:
        (note,) = [one.text for one in incident.records if one.event == "note"]
        assert f"{live.database.name} is the new one, whole." in note
        assert "mtn undo" in note


def assert_old_is_told(live: Live, screen: Terminal, job: JobView) -> None:
    """And step 6 can be done again at once: what was validated is still there."""
    assert job.state is JobState.LOST
    screen.wait_for("is gone and did not say how it")
    screen.wait_for(f"Job {job.id} (promote")
    screen.wait_for(f"Type it out: {PHRASE}")
    state = on_disk(live.practice).steps[Step.PRODUCTION]
    assert state.standing is StepStatus.FAILED
    assert f"{live.database.name} is the old one, as it was." in str(state.facts["hint"])
    assert live.kept == []
    assert staging(live.practice).name in live.practice.databases()
