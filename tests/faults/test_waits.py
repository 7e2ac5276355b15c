"""Whatever a job waits for on the server, it can be cancelled; and it never waits for a standby."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from mtn_tui.core.models import JobState
from mtn_tui.demo.postgres_binaries import wheel_binaries
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.workspace import Workspace
from mtn_tui.postgres.connection import connect
from mtn_tui.postgres.kept import kept_of
from tests.faults.aftermath import Running, begin, wait_for
from tests.operation_fixtures import Practice
from tests.pg_fixtures import UNSAFE, Database, NewDatabase, new_place

Practise = Callable[..., Practice]


@contextmanager
def held(server: PostgresServer, catalogue: str) -> Iterator[None]:
    """Nobody can write to that catalogue: no database is made, renamed or dropped, or no role made."""
    with psycopg.connect(server.conninfo("postgres")) as connection:
        connection.execute(f"LOCK TABLE pg_catalog.{catalogue} IN SHARE MODE")
        yield


def waits_for_a_lock(database: Database) -> bool:
    asked = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND {}"
    return database.psql(asked.format("application_name LIKE 'mtn%'")) == b"t\n"


def stops_while(running: Running, database: Database) -> None:
    wait_for(lambda: waits_for_a_lock(database), "the lock")
    running.ask(signal.SIGTERM)
    assert "asked to stop" in running.ends(130)
    assert running.view.state is JobState.CANCELLED


def kept(practice: Practice, target: str) -> list[str]:
    with connect(practice.source.login, "postgres") as connection:
        return [one.name for one in kept_of(connection, target)]


@pytest.fixture
def practice(pg18: PostgresServer, new_school: NewDatabase, practise: Practise) -> Practice:
    practice = practise(new_school(pg18))
    practice.ready_made()
    return practice


@pytest.fixture
def staging(practice: Practice, pg18: PostgresServer, new_database: NewDatabase) -> Database:
    made = new_database(pg18)
    practice.made.append(made.name)
    return made


def test_a_restore_that_can_not_make_its_database_can_be_cancelled(
    practice: Practice, pg18: PostgresServer
) -> None:
    before = practice.databases()
    with held(pg18, "pg_database"):
        stops_while(begin(practice, "restore", "--latest", "--target", "never_made"), practice.source)
    assert practice.databases() == before


def test_a_restore_that_can_not_swap_can_be_cancelled_and_changes_nothing(
    practice: Practice, pg18: PostgresServer, staging: Database
) -> None:
    staging.psql("CREATE TABLE precious AS SELECT 42 AS answer")
    running = begin(practice, "restore", "--latest", "--target", staging.name, "--drop")
    running.reaches("count")
    with held(pg18, "pg_database"):
        stops_while(running, practice.source)
    assert staging.psql("SELECT answer FROM precious") == b"42\n"


@pytest.mark.slow
def test_an_undo_and_a_drop_of_what_was_kept_can_be_cancelled(
    practice: Practice, pg18: PostgresServer, staging: Database
) -> None:
    practice.restore(staging.name, drop=True)
    (before,) = kept(practice, staging.name)
    for command in (["undo", staging.name], ["kept", "drop", "--yes", before]):
        with held(pg18, "pg_database"):
            stops_while(begin(practice, *command), practice.source)
        assert kept(practice, staging.name) == [before]


@pytest.mark.slow
def test_roles_that_can_not_be_made_can_be_cancelled(pg18: PostgresServer, practice: Practice) -> None:
    with psycopg.connect(pg18.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE passing")
        practice.back_up()
        connection.execute("DROP ROLE passing")
    with held(pg18, "pg_authid"):
        stops_while(
            begin(practice, "restore", "--latest", "--target", "never_made", "--roles"), practice.source
        )


@pytest.fixture
def lonely(pg_workspace: Workspace) -> Iterator[PostgresServer]:
    """A server that waits for a standby which does not exist, from ``abandon`` on."""
    with PostgresServer(
        wheel_binaries(), new_place(pg_workspace, "lonely") / "server", settings=UNSAFE
    ) as server:
        yield server
        forget(server)


def abandon(server: PostgresServer, standby: str = "ghost") -> None:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
        connection.execute("SELECT pg_reload_conf()")
    wait_for(lambda: shown(server) == standby, "the setting")


def shown(server: PostgresServer) -> str:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        row = connection.execute("SHOW synchronous_standby_names").fetchone()
    return str(row[0]) if row else ""


def forget(server: PostgresServer) -> None:
    with psycopg.connect(server.conninfo(options="-c synchronous_commit=local"), autocommit=True) as one:
        one.execute("ALTER SYSTEM RESET synchronous_standby_names")
        one.execute("SELECT pg_reload_conf()")


@pytest.mark.slow
def test_without_its_standby_a_server_is_backed_up_restored_swapped_and_put_back(
    lonely: PostgresServer, new_school: NewDatabase, practise: Practise
) -> None:
    practice = practise(new_school(lonely))
    lonely.create_database("beside")
    abandon(lonely)
    practice.back_up()
    practice.restore("beside", drop=True)
    (before,) = kept(practice, "beside")
    practice.mtn("undo", "beside", check=0)
    assert kept(practice, "beside") != [before]
    for name in kept(practice, "beside"):
        practice.mtn("kept", "drop", name, "--yes", check=0)
    assert kept(practice, "beside") == []
    forget(lonely)
