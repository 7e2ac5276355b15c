"""Jobs held at work for as long as a test needs them, and what can become of the terminal above them."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing

import psycopg

from mtn_tui.core.models import JobState
from mtn_tui.engine.jobview import JobView
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database
from tests.pty.terminal import PATIENCE, Terminal


def with_a_backup(source: Database, practise: Callable[[Database], Practice]) -> Practice:
    """An installation whose jobs ``Hold`` can hold."""
    source.psql("CREATE TABLE held AS SELECT n FROM generate_series(1, 1000) AS n")
    practice = practise(source)
    practice.back_up()
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
