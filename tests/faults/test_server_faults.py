"""PostgreSQL, or a program of its, dies half-way: it is said, nothing is accepted, and the next run works."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from mtn_tui.core.errors import PostgresError, ServerLost
from mtn_tui.core.models import JobState
from mtn_tui.demo.postgres_binaries import wheel_binaries
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.workspace import Workspace
from tests.faults.aftermath import (
    HangsWhen,
    Running,
    assert_no_session,
    assert_nothing_half_made,
    ballast,
    begin,
    contents,
    files,
    half_way_through_a_dump,
    wait_for,
)
from tests.faults.proxy import FaultProxy
from tests.operation_fixtures import Practice
from tests.pg_fixtures import UNSAFE, Database, new_place

TARGET = "restored_half"


@pytest.fixture(scope="module")
def mortal(pg_workspace: Workspace) -> Iterator[Database]:
    """A database on a server of our own, to be killed."""
    with PostgresServer(
        wheel_binaries(), new_place(pg_workspace, "mortal") / "server", settings=UNSAFE
    ) as server:
        server.create_database("escuela")
        database = Database(server, "escuela")
        ballast(database, 16)
        yield database


@pytest.fixture
def source(mortal: Database) -> Iterator[Database]:
    yield mortal
    mortal.server.start()
    mortal.server.drop_database(TARGET)


@pytest.fixture
def proxy(source: Database) -> Iterator[FaultProxy]:
    with FaultProxy(source.server.host, source.server.port) as proxy:
        yield proxy


@pytest.fixture
def practice(source: Database, practise: Callable[..., Practice], proxy: FaultProxy) -> Practice:
    """An installation that reaches the server through the proxy, with one backup."""
    practice: Practice = practise(source, DB_PORT=str(proxy.port))
    practice.back_up()
    return practice


def half_way_through_a_load(practice: Practice, proxy: FaultProxy) -> Running:
    passed = []

    def enough() -> bool:
        """Some way into the rows: whoever sends something asks."""
        journals = [path.read_text() for path in (practice.root / "state" / "jobs").iterdir()]
        if any('"phase": "load"' in text for text in journals):
            passed.append(1)
        return len(passed) > 60

    proxy.set(HangsWhen(enough))
    running = begin(practice, "restore", "--latest", "--target", TARGET)
    wait_for(lambda: len(passed) > 60, "rows on their way")
    assert running.view.phase == "load"
    return running


def assert_only_the_first_backup_is_there(practice: Practice, before: dict[str, str]) -> None:
    assert files(practice) == before
    assert_nothing_half_made(practice)
    assert len(practice.inventory.backups) == 1


@pytest.mark.slow
def test_a_server_killed_half_way_through_a_dump(
    practice: Practice, source: Database, proxy: FaultProxy
) -> None:
    before = files(practice)
    running = half_way_through_a_dump(practice, proxy)
    source.server.kill9()
    proxy.heal()
    told = running.ends(2)
    assert re.search("pg_dump lost the server|connection to PostgreSQL broke", told)
    assert "See whether the server runs" in told
    assert running.view.state is JobState.FAILED
    assert running.view.error == ServerLost.__name__
    assert_only_the_first_backup_is_there(practice, before)
    source.server.start()
    practice.mtn("backup", "full")
    assert_nothing_half_made(practice)
    assert before.items() < files(practice).items()


@pytest.mark.slow
def test_a_server_killed_half_way_through_a_load(
    practice: Practice, source: Database, proxy: FaultProxy
) -> None:
    running = half_way_through_a_load(practice, proxy)
    (scratch,) = [name for name in practice.databases() if name.startswith(TARGET)]
    source.server.kill9()
    proxy.heal()
    told = running.ends(2)
    assert "broke" in told
    assert running.view.error == ServerLost.__name__
    source.server.start()
    assert scratch in practice.databases()
    assert TARGET not in practice.databases()
    practice.mtn("restore", "--latest", "--target", TARGET)
    assert [name for name in practice.databases() if name.startswith(TARGET)] == [TARGET]
    assert contents(Database(source.server, TARGET)) == contents(source)


@pytest.mark.sample("dump")
@pytest.mark.parametrize("phase", ["scan", "dump"])
def test_a_server_killed_while_a_differential_looks_for_changes_or_writes_them(
    practice: Practice, source: Database, proxy: FaultProxy, phase: str
) -> None:
    source.psql("UPDATE ballast SET id = -id")
    before = files(practice)
    journals = practice.root / "state" / "jobs"

    def reached() -> bool:
        return any(f'"phase": "{phase}"' in path.read_text() for path in new())

    def new() -> set[Path]:
        return set(journals.iterdir()) - there

    there = set(journals.iterdir())
    proxy.set(HangsWhen(reached))
    running = begin(practice, "backup", "diff")
    running.reaches(phase)
    source.server.kill9()
    proxy.heal()
    told = running.ends(2)
    assert "See whether the server runs" in told
    assert running.view.error == ServerLost.__name__
    assert_only_the_first_backup_is_there(practice, before)
    source.server.start()
    practice.mtn("backup", "diff")
    assert_nothing_half_made(practice)
    assert before.items() < files(practice).items()


def pg_dump_of_rows(job: int) -> psutil.Process:
    """Not that of the statistics, which may have ended meanwhile."""
    for one in psutil.Process(job).children():
        with suppress(psutil.ZombieProcess):
            if one.name() == "pg_dump" and "--statistics-only" not in one.cmdline():
                return one
    raise AssertionError("no pg_dump is running")


def test_pg_dump_killed_half_way(practice: Practice, source: Database, proxy: FaultProxy) -> None:
    before = files(practice)
    running = half_way_through_a_dump(practice, proxy)
    os.kill(pg_dump_of_rows(running.process.pid).pid, signal.SIGKILL)
    proxy.heal()
    assert "pg_dump failed" in running.ends(2)
    assert running.view.error == PostgresError.__name__
    assert_only_the_first_backup_is_there(practice, before)
    assert_no_session(source)


@pytest.mark.slow
def test_the_dumps_session_ended_by_an_administrator_half_way(
    practice: Practice, source: Database, proxy: FaultProxy
) -> None:
    """And with it the one that keeps its snapshot, which holds no lock, and that of the statistics."""
    before = files(practice)
    running = half_way_through_a_dump(practice, proxy)
    ended = Database(source.server, "postgres").psql(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
        " WHERE application_name LIKE 'mtn backup %' AND xact_start IS NOT NULL"
    )
    assert int(ended) >= 2
    proxy.heal()
    assert re.search("pg_dump lost the server|connection to PostgreSQL broke", running.ends(2))
    assert running.view.error == ServerLost.__name__
    assert_only_the_first_backup_is_there(practice, before)
    assert_no_session(source)
