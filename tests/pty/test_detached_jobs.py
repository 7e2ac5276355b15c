"""A job that was asked for on a terminal goes on without it, whatever becomes of the terminal."""

from __future__ import annotations

import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest

from mtn_tui.cli import following
from mtn_tui.core.errors import JobError
from mtn_tui.core.models import JobState
from mtn_tui.engine import detached
from mtn_tui.engine.jobview import JobView
from tests.operation_fixtures import Practice
from tests.pty.terminal import PATIENCE, Terminal

TARGET = "mtn_detached"

COMMANDS = {"backup-full": ("backup", "full"), "restore": ("restore", "--latest", "--target", TARGET)}


@pytest.fixture
def practice(pg18, new_database, practise) -> Iterator[Practice]:
    source = new_database(pg18)
    source.psql("CREATE TABLE held AS SELECT n FROM generate_series(1, 1000) AS n")
    practice: Practice = practise(source)
    practice.back_up()
    practice.made.append(TARGET)
    return practice


class Hold:
    """Keeps a job of ours waiting, for as long as it is open."""

    def __init__(self, practice: Practice, kind: str) -> None:
        # A dump waits for whoever has locked a table, a restore for whoever alters the template.
        server, source = practice.source.server, practice.source.name
        database, statement = {
            "backup-full": (source, "LOCK TABLE held"),
            "restore": ("postgres", "COMMENT ON DATABASE template0 IS 'unmodifiable empty database'"),
        }[kind]
        self._connection = psycopg.connect(server.conninfo(database))
        self._connection.execute(statement)
        self.close = self._connection.close


def until(practice: Practice, wanted: Callable[[JobView], bool]) -> JobView:
    """The newest job, once it is as wanted."""
    end = time.monotonic() + PATIENCE
    while True:
        jobs = practice.jobs
        if jobs and wanted(jobs[0]):
            return jobs[0]
        assert time.monotonic() < end, jobs
        time.sleep(0.05)


def begun(practice: Practice, kind: str) -> JobView:
    """The job, running and past its first phase's name, under whose terminal it was asked for."""
    return until(practice, lambda job: job.kind == kind and job.state is JobState.RUNNING and bool(job.phase))


def over(practice: Practice, job: JobView) -> JobView:
    return until(practice, lambda one: one.id == job.id and one.state.over)


def at_a_terminal(practice: Practice, *arguments: str, **more: str) -> closing[Terminal]:
    return closing(Terminal([sys.executable, "-m", "mtn_tui", *arguments], practice.environment | more))


def assert_done(practice: Practice, job: JobView) -> None:
    job = over(practice, job)
    assert (job.state, job.title) == (JobState.SUCCEEDED, "")
    if job.kind == "restore":
        assert TARGET in practice.databases()
    else:
        assert len(practice.inventory.backups) == 2
    assert not detached.output_path(practice.root / "state" / "jobs", job.id).exists()


def hang_up(terminal: Terminal) -> None:
    terminal.hang_up()


def kill(terminal: Terminal) -> None:
    terminal.process.send_signal(signal.SIGKILL)


def terminate(terminal: Terminal) -> None:
    terminal.process.send_signal(signal.SIGTERM)


def say_hangup(terminal: Terminal) -> None:
    os.killpg(terminal.process.pid, signal.SIGHUP)


def stall(terminal: Terminal) -> None:
    """As ctrl-s does: whoever writes to the terminal now waits."""
    terminal.stop_output()


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        *(("backup-full", fault) for fault in (hang_up, say_hangup, terminate, kill, stall)),
        *(("restore", fault) for fault in (hang_up, kill)),
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
        assert (TARGET if kind == "restore" else "proven to: complete") in followed.stdout


def test_what_a_followed_job_comes_to_is_said_as_if_it_had_run_here(practice):
    with at_a_terminal(practice, "backup", "full", "--json") as terminal:
        assert terminal.ended() == 0
        assert '"rung": "complete"' in terminal.shown
    with at_a_terminal(practice, "restore", "--latest", "--target", practice.source.name) as terminal:
        assert terminal.ended() == 64
        assert "error: " in terminal.shown


def test_an_interrupt_asks_and_enter_leaves_it_running(practice):
    with (
        closing(Hold(practice, "backup-full")) as hold,
        at_a_terminal(practice, "backup", "full") as one,
    ):
        job = begun(practice, "backup-full")
        one.wait_for("full backup:")
        one.type("\x03")
        one.wait_for("c: cancel it")
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
        job = begun(practice, "backup-full")
        terminal.wait_for("full backup:")
        terminal.type("\x03")
        terminal.wait_for("c: cancel it")
        terminal.type("c\r")
        assert terminal.ended() == 130
        assert over(practice, job).state is JobState.CANCELLED
        assert len(practice.inventory.backups) == 1


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
            following.until_it_is_over(job, may_ask=False)
    assert "exit code 64" in caught.value.title
    assert "nothing" in caught.value.hint
    assert stat.S_IMODE(detached.output_path(folder, job.id).stat().st_mode) == 0o600


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
