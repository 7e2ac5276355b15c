"""kill -9 of a restore of production, the swap included, and of the server: one of both is there, whole."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

import pytest

from mtn_tui.core.models import JobState
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.restore.kept import drop_kept
from mtn_tui.postgres.kept import since
from tests.faults.aftermath import assert_no_session, ballast, begin, contents, wait_for
from tests.faults.test_killed_jobs import chance, journal_length, killed, kills
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database, NewDatabase
from tests.swap_fixtures import BEFORE, Live, production

__all__ = ["chance"]


def clear_kept(live: Live) -> None:
    context = live.practice.context
    for one in live.kept:
        live.practice.run("kept-drop", lambda job, one=one: drop_kept(job, context, one.name))


def make_old(live: Live) -> None:
    """Production as it went on after its backup, always the same, and nothing kept of before."""
    clear_kept(live)
    live.database.psql(
        "INSERT INTO applications SELECT id, '2026-01-01' FROM generate_series(51, 53) AS id"
        " ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at"
    )


def assert_one_of_both(live: Live, old: str, new: str, lost: JobView) -> None:
    """Production answers and is the old one or the new one; what is told of the lost job is true of it."""
    now = contents(live.database)
    assert now in (old, new)
    told = live.practice.here("kept", check=1).stderr
    assert lost.id in told
    expected = "is the new one, whole" if now == new else "is the old one, as it was"
    assert f"{live.database.name} {expected}" in told
    assert [contents(one) for one in live.kept] == ([old] if now == new else [])


def assert_nothing_half_named(live: Live) -> None:
    """After ``mtn kept`` has run, what begins like production is production or kept."""
    mine = {name for name in live.practice.databases() if name.startswith(live.database.name)}
    assert {name for name in mine if since(name) is None} == {live.database.name}


@kills
def test_production_is_the_old_one_or_the_new_one_whole_whenever_its_restore_is_killed(
    pg18: PostgresServer,
    new_database: NewDatabase,
    practise: Callable[..., Practice],
    chance: random.Random,
    kills: int,
) -> None:
    practice = practise(new_database(pg18))
    ballast(practice.source, 4)
    live = production(practice)
    make_old(live)
    old = contents(live.database)
    command = ["restore", "--latest", "--target", practice.source.name, "--drop", "--confirm", live.words]
    practice.mtn(*command)
    new, length = contents(live.database), journal_length(practice)
    assert old != new
    assert_no_session(live.database)
    for turn in range(kills):
        # Most of the kills around the swap, whose records are a journal's last.
        share = 1 - chance.random() * (0.4 if turn % 3 else 1)
        running = killed(practice, command, length, share, chance, lambda: make_old(live))
        assert_one_of_both(live, old, new, running.view)
        assert_nothing_half_named(live)
    make_old(live)
    practice.mtn(*command)
    assert contents(live.database) == new
    assert_no_session(live.database)


def test_a_restore_that_is_killed_right_before_and_right_after_the_swap(
    pg18: PostgresServer, new_database: NewDatabase, practise: Callable[..., Practice]
) -> None:
    """A lock on the database holds RENAME up: the job dies while it waits, then the rename is rolled back."""
    live = production(practise(new_database(pg18, script=BEFORE)))
    old, name = contents(live.database), live.database.name
    command = ["restore", "--latest", "--target", name, "--drop", "--confirm", live.words]
    with Database(pg18, "postgres").connect() as connection, connection.transaction():
        # COMMENT takes a lock on the database that RENAME waits for.
        connection.execute(f"COMMENT ON DATABASE \"{name}\" IS 'x'".encode())
        running = begin(live.practice, *command)
        running.says('"swap"')
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'object'"
        wait_for(lambda: Database(pg18, "postgres").psql(waiting) != b"0\n", "RENAME to wait")
        running.kill()
    assert_no_session(live.database)
    assert contents(live.database) == old
    assert running.view.state is JobState.LOST
    assert "mtn kept" in running.view.hint
    assert "is the old one, as it was" in live.practice.here("kept", check=1).stderr
    assert_nothing_half_named(live)
    live.practice.here(*command)
    assert live.rows == 50
    assert "is the" not in live.practice.here("kept").stderr


def test_of_a_promotion_that_is_killed_it_is_told_that_the_services_were_being_stopped(
    pg18: PostgresServer, new_database: NewDatabase, practise: Callable[..., Practice]
) -> None:
    live = production(practise(new_database(pg18, script=BEFORE)))
    beside, name = live.practice.restore().name, live.database.name
    stopping = live.practice.root / "stopping"
    stopping.touch()
    live.practice.configure(SERVICES_STOP_COMMAND=f"while [ -e {stopping} ]; do sleep 0.1; done")
    command = ["promote", beside, "--target", name, "--confirm", live.words]
    running = begin(live.practice, *command, "--stop-services")
    running.says('"services_stopping"')
    running.kill()
    stopping.unlink()
    told = " ".join(live.practice.here("kept", check=1).stderr.split())
    assert f"{name} is the old one, as it was. Run it again. The services were being stopped" in told
    live.practice.here(*command)
    assert live.rows == 50
    assert "services" not in live.practice.here("kept").stderr


def test_after_a_kill_without_a_database_it_is_told_how_to_get_it_back(
    pg18: PostgresServer, new_database: NewDatabase, practise: Callable[..., Practice]
) -> None:
    """``--in-place``: the present one is dropped, and the new one half loaded."""
    live = production(practise(new_database(pg18, script=BEFORE)))
    name = live.database.name
    options = ["--drop", "--in-place", "--confirm", live.words]
    with Database(pg18, "postgres").connect() as connection, connection.transaction():
        # Whoever makes a database waits for template0.
        connection.execute("COMMENT ON DATABASE template0 IS 'unmodifiable empty database'")
        running = begin(live.practice, "restore", "--latest", "--target", name, *options)
        wait_for(lambda: name not in live.practice.databases(), "the present one to be dropped")
        running.kill()
    told = live.practice.here("kept", check=1).stderr
    safety = running.view.result["safety"]
    assert f"mtn restore {safety} --target {name}" in " ".join(told.split())
    live.practice.here("restore", str(safety), "--target", name)
    assert live.rows == 53
    assert_nothing_half_named(live)
    assert_no_session(live.database)


def test_a_database_that_a_killed_restore_is_still_making_is_not_left_behind(
    pg18: PostgresServer, new_database: NewDatabase, practise: Callable[..., Practice]
) -> None:
    live = production(practise(new_database(pg18, script=BEFORE)))
    command = ["restore", "--latest", "--target", live.database.name, "--drop", "--confirm", live.words]
    with Database(pg18, "postgres").connect() as connection, connection.transaction():
        # Whoever makes a database waits for template0.
        connection.execute("COMMENT ON DATABASE template0 IS 'unmodifiable empty database'")
        running = begin(live.practice, *command)
        making = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        making += " AND query LIKE 'CREATE DATABASE%'"
        wait_for(lambda: Database(pg18, "postgres").psql(making) != b"0\n", "CREATE DATABASE to wait")
        running.kill()
        live.practice.here("kept", check=1)
    assert_no_session(live.database)
    assert_nothing_half_named(live)


@pytest.fixture
def mortal(pg_busy: PostgresServer) -> Iterator[PostgresServer]:
    yield pg_busy
    pg_busy.start()


def test_a_server_that_dies_in_a_swap_comes_back_with_one_of_both(
    mortal: PostgresServer,
    new_database: NewDatabase,
    practise: Callable[..., Practice],
    chance: random.Random,
) -> None:
    live = production(practise(new_database(mortal, script=BEFORE)))
    make_old(live)
    old = contents(live.database)
    command = ["restore", "--latest", "--target", live.database.name, "--drop", "--confirm", live.words]
    live.practice.here(*command)
    new = contents(live.database)
    for _turn in range(2):
        make_old(live)
        running = begin(live.practice, *command)
        running.says('"swap"')
        time.sleep(chance.uniform(0, 0.05))
        mortal.kill9()
        running.process.communicate()
        mortal.start()
        assert contents(live.database) in (old, new)
        live.practice.here("kept", check=None)
        assert_nothing_half_named(live)
