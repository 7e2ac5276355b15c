"""A job that was asked for on a terminal goes on without it, whatever becomes of the terminal."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from mtn_tui.cli import following
from mtn_tui.core.errors import JobError
from mtn_tui.core.models import JobState
from mtn_tui.engine import detached
from mtn_tui.engine.jobview import JobView
from tests.operation_fixtures import Practice
from tests.pty.standing import (
    Hold,
    at_a_terminal,
    begun,
    hang_up,
    kill,
    over,
    say_hangup,
    stall,
    terminate,
    with_a_backup,
)
from tests.pty.terminal import PATIENCE

TARGET = "mtn_detached"

COMMANDS = {"backup-full": ("backup", "full"), "restore": ("restore", "--latest", "--target", TARGET)}


@pytest.fixture
def practice(pg18, new_database, practise) -> Iterator[Practice]:
    practice = with_a_backup(new_database(pg18), practise)
    practice.made.append(TARGET)
    return practice


def assert_done(practice: Practice, job: JobView) -> None:
    job = over(practice, job)
    assert (job.state, job.title) == (JobState.SUCCEEDED, "")
    if job.kind == "restore":
        assert TARGET in practice.databases()
    else:
        assert len(practice.inventory.backups) == 2
    output = detached.output_path(practice.root / "state" / "jobs", job.id)
    until = time.monotonic() + PATIENCE
    while output.exists():  # its process removes it as it ends, after the journal has its last word
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.sample("backup-full-stall", "restore-hang_up")
@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        *(("backup-full", fault) for fault in (hang_up, say_hangup, terminate, kill, stall)),
        ("restore", hang_up),
        pytest.param("restore", kill, marks=pytest.mark.soak),
    ],
)
def test_a_job_goes_on_without_its_terminal(practice, kind, fault):
    with closing(Hold(practice, kind)) as hold, at_a_terminal(practice, *COMMANDS[kind]) as terminal:
        job = begun(practice, kind)
        assert job.pid != terminal.process.pid
        if fault is not hang_up:
            assert terminal.sane
        fault(terminal)
        if fault is not stall:
            terminal.process.wait(PATIENCE)
        listed = practice.mtn("job", "list").stdout
        assert f"{job.id}  {kind}" in listed
        assert "running" in listed
        hold.close()
        assert_done(practice, job)
        assert "succeeded" in practice.mtn("job", "log", job.id).stdout
        followed = practice.mtn("job", "follow", job.id)
        assert (TARGET if kind == "restore" else "proven: read back whole") in followed.stdout


@pytest.mark.slow
def test_what_a_followed_job_comes_to_is_said_as_if_it_had_run_here(practice):
    with at_a_terminal(practice, "backup", "full", "--json") as terminal:
        assert terminal.ended() == 0
        assert '"rung": "complete"' in terminal.shown
    with at_a_terminal(practice, "restore", "--latest", "--target", practice.source.name) as terminal:
        assert terminal.ended() == 64
        assert "error: " in terminal.shown


def interrupted(practice, terminal):
    """The backup that is at work below the terminal, once Ctrl-C has asked what is to become of it."""
    job = begun(practice, "backup-full")
    terminal.wait_for("full backup:")
    terminal.type("\x03")
    terminal.wait_for("[c] cancel it")
    return job


def test_an_interrupt_asks_and_enter_leaves_it_running(practice):
    with (
        closing(Hold(practice, "backup-full")) as hold,
        at_a_terminal(practice, "backup", "full") as one,
    ):
        job = interrupted(practice, one)
        one.type("\r")
        assert one.ended() == 130
        assert f"mtn job follow {job.id}" in one.shown
        assert one.sane
        hold.close()
        assert_done(practice, job)


def test_an_interrupt_can_cancel_it(practice):
    with (
        closing(Hold(practice, "backup-full")),
        at_a_terminal(practice, "backup", "full") as terminal,
    ):
        job = interrupted(practice, terminal)
        terminal.type("c\r")
        assert terminal.ended() == 130
        assert over(practice, job).state is JobState.CANCELLED
        assert len(practice.inventory.backups) == 1


@pytest.mark.sample("c\\r")
@pytest.mark.parametrize("answer", ["c\r", "\r"])
def test_a_job_that_ended_while_it_was_asked_is_told_as_it_ended(practice, answer):
    with (
        closing(Hold(practice, "backup-full")) as hold,
        at_a_terminal(practice, "backup", "full") as terminal,
    ):
        job = interrupted(practice, terminal)
        hold.close()
        assert_done(practice, job)
        terminal.type(answer)
        assert terminal.ended() == 0


@pytest.mark.slow
def test_an_interrupt_of_following_stops_nothing(practice):
    with closing(Hold(practice, "backup-full")) as hold:
        told = practice.mtn("backup", "full", "--detach")
        job = begun(practice, "backup-full")
        assert told.stdout == f"{job.id}\n"
        with at_a_terminal(practice, "job", "follow", job.id) as terminal:
            terminal.wait_for("full backup:")
            terminal.type("\x03")
            assert terminal.ended() == 130
        hold.close()
        assert_done(practice, job)


def test_why_there_is_no_job_is_said_and_kept(practice):
    folder = practice.root / "state" / "jobs"
    with closing(detached.start(["backup", "nothing"], folder, practice.environment)) as job:
        with pytest.raises(JobError) as caught:
            following.until_it_is_over(job, may_ask=False, shown=True)
    assert "exit code 64" in caught.value.title
    assert "nothing" in caught.value.hint
    assert stat.S_IMODE(detached.output_path(folder, job.id).stat().st_mode) == 0o600


@pytest.mark.slow
def test_where_logind_would_kill_it_the_job_gets_a_scope_of_its_own(practice, tmp_path):
    """Neither program is here: two of the same names tell what they were asked, and do it."""
    tools = tmp_path / "tools"
    tools.mkdir()
    run = f'echo "$@" > {tmp_path}/asked; while [ "$1" != -- ]; do shift; done; shift; exec "$@"'
    for name, body in {"busctl": "echo b true", "systemd-run": run}.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    practice.mtn("backup", "full", "--detach", PATH=f"{tools}:{os.environ['PATH']}")
    assert_done(practice, practice.jobs[0])
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith("--scope --quiet --collect -- " if os.geteuid() == 0 else "--user --scope ")
    assert asked.endswith("backup full\n")
