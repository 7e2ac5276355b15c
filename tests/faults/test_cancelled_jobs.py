"""A run that is asked to stop: it does so soon, says so, and leaves what was there as it was."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from mtn_tui.core.models import JobState
from mtn_tui.demo.postgres_server import PostgresServer
from tests.faults.aftermath import (
    HangsWhen,
    Running,
    assert_no_session,
    assert_nothing_half_made,
    ballast,
    begin,
    files,
    half_way_through_a_dump,
    locked,
    template_busy,
    wait_for,
)
from tests.faults.proxy import FaultProxy
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database, NewDatabase


@pytest.fixture
def source(pg18: PostgresServer, new_school: NewDatabase) -> Database:
    return new_school(pg18)


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


@pytest.fixture
def target(new_database: NewDatabase, pg18: PostgresServer) -> Database:
    database = new_database(pg18)
    database.psql("CREATE TABLE precious AS SELECT 42 AS answer")
    return database


def assert_cancelled(running: Running) -> None:
    assert "asked to stop" in running.ends(130)
    assert running.view.state is JobState.CANCELLED
    assert running.view.exit_code == 130


@pytest.mark.sample("SIGINT")
@pytest.mark.parametrize(
    ("number", "waits"),
    [(signal.SIGTERM, True), (signal.SIGINT, True), (signal.SIGHUP, False)],
    ids=["SIGTERM", "SIGINT", "SIGHUP, just before"],
)
def test_a_backup_that_waits_for_a_locked_table_stops_at_once(
    practice: Practice, source: Database, number: signal.Signals, waits: bool
) -> None:
    before = files(practice)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with locked(source, "students"):
        running = begin(practice, "backup", "full")
        running.reaches("dump")
        if waits:
            wait_for(lambda: source.psql(waiting) == b"1\n", "the table")
        running.ask(number)
        assert_cancelled(running)
    assert "stayed locked" not in running.journal  # it did not wait for the table's own 60 s
    assert files(practice) == before
    assert_nothing_half_made(practice)
    assert_no_session(source)


@pytest.mark.slow
def test_a_backup_is_stopped_by_its_id_half_way_through_the_dump(
    practice: Practice, source: Database, proxy: FaultProxy
) -> None:
    ballast(source, 16)
    before = files(practice)
    running = half_way_through_a_dump(practice, proxy)
    told = practice.mtn("job", "cancel", running.view.id, "--verbose").stderr
    assert "was asked to stop" in told
    running.says("cancelling")
    proxy.heal()
    assert_cancelled(running)
    assert files(practice) == before
    assert_nothing_half_made(practice)
    assert_no_session(source)


@pytest.mark.sample("SIGTERM")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_a_restore_stopped_while_its_database_is_made_leaves_the_target_as_it_was(
    practice: Practice, source: Database, target: Database, number: signal.Signals
) -> None:
    with template_busy(target):
        running = begin(practice, "restore", "--latest", "--drop", "--target", target.name)
        making = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE DATABASE %'"
        wait_for(lambda: Database(source.server, "postgres").psql(making) == b"1\n", "CREATE DATABASE")
        running.ask(number)
        running.says("cancelling")
    assert_cancelled(running)
    assert target.psql("SELECT answer FROM precious") == b"42\n"
    assert [name for name in practice.databases() if name.startswith(target.name)] == [target.name]
    assert_no_session(source)


def test_a_restore_stopped_half_way_through_the_load_leaves_the_target_as_it_was(
    practice: Practice, source: Database, target: Database, proxy: FaultProxy
) -> None:
    passed = []

    def enough() -> bool:
        journals = [path.read_text() for path in (practice.root / "state" / "jobs").iterdir()]
        if any('"phase": "load"' in text for text in journals):
            passed.append(1)
        return len(passed) > 20

    proxy.set(HangsWhen(enough))
    running = begin(practice, "restore", "--latest", "--drop", "--target", target.name)
    wait_for(lambda: len(passed) > 20, "rows on their way")
    running.ask(signal.SIGTERM)
    running.says("cancelling")
    proxy.heal()
    assert_cancelled(running)
    assert target.psql("SELECT answer FROM precious") == b"42\n"
    assert [name for name in practice.databases() if name.startswith(target.name)] == [target.name]
    assert_no_session(source)
