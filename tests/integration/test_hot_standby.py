"""A hot standby is backed up as any server; what it can't give or take is told."""

from __future__ import annotations

import threading

import pytest

from mtn_tui.core.errors import PostgresError
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.health.checks.role import role
from mtn_tui.operations.health.checks.server import server
from mtn_tui.operations.restore import trial
from mtn_tui.postgres import dump
from mtn_tui.postgres.connection import connect, translated
from mtn_tui.postgres.recovery_conflicts import says_so
from mtn_tui.postgres.tools import Tool
from tests.faults.aftermath import wait_for
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database
from tests.standby_fixtures import standby

__all__ = ["standby"]


@pytest.fixture
def practice(standby, new_database, practise) -> Practice:
    """An installation that backs up the standby, of which it knows no other server."""
    at_home = new_database(standby.primary)
    at_home.psql("CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) AS n")
    standby.follow()
    return practise(Database(standby, at_home.name))


def at_home(practice: Practice) -> Database:
    """The database on the primary."""
    return Database(practice.source.server.primary, practice.source.name)


def said_by_doctor(practice: Practice) -> str:
    found = [*server(practice.context), *role(practice.context)]
    assert all(one.status in (Status.OK, Status.WARN) for one in found)
    return "\n".join(f"{one.says} {one.hint}" for one in found if one.status is Status.WARN)


def test_a_standby_is_backed_up_and_the_backup_restores_on_the_primary(practice):
    assert practice.back_up().manifest.rows() == {"public.t": 1000}
    assert (practice.job.exit_code, practice.job.warnings) == (0, ())
    primary = at_home(practice).server
    practice.configure(DB_PORT=str(primary.port))
    practice.source = at_home(practice)
    assert practice.restore().dump() == practice.source.dump()


def test_no_backup_is_said_not_to_load_because_its_server_is_a_standby(practice):
    made = practice.back_up()
    practice.configure(ENABLE_TEST_LOAD="true")
    assert trial.due(practice.context, made.manifest.id) is None
    tried = practice.run(
        trial.KIND, lambda job: trial.test_load(job, practice.context, practice.inventory.latest())
    )
    assert (tried.loads, practice.job.warnings) == (None, ())
    assert practice.inventory.latest().loads is None


def test_a_restore_to_a_standby_is_refused_before_anything_is_made(practice):
    practice.back_up()
    before = practice.databases()
    told = practice.here("restore", "--latest", "--target", "mtn_beside", check=2).stderr
    assert "hot standby" in told
    assert "primary" in told
    assert practice.databases() == before


def test_the_doctor_tells_what_a_standby_cant_do(practice):
    home = at_home(practice)
    home.psql("CREATE UNLOGGED TABLE fleeting (id serial); INSERT INTO fleeting VALUES (1), (2)")
    practice.source.server.follow()
    told = said_by_doctor(practice)
    for words in ("takes no changes", "primary", "public.fleeting", "max_standby_streaming_delay"):
        assert words in told
    made = practice.back_up().manifest
    assert made.rows() == {"public.t": 1000}
    journal = practice.root / "state" / "jobs" / f"{practice.job.id}.jsonl"
    assert '"rows-not-on-a-standby"' in journal.read_text()
    assert "public.fleeting" in journal.read_text()


@pytest.mark.slow
def test_a_differential_of_a_standby_leaves_out_what_it_has_not_got(practice, new_database):
    """A table that is not logged, and since PostgreSQL 15 its sequence."""
    home = at_home(practice)
    home.psql("CREATE UNLOGGED TABLE fleeting (id serial); INSERT INTO fleeting VALUES (1)")
    practice.source.server.follow()
    full = practice.back_up()
    home.psql("DELETE FROM t WHERE n = 7; INSERT INTO fleeting VALUES (2)")
    practice.source.server.follow()
    made = practice.back_up_changes()
    assert made.manifest.base == full.manifest.id, made.instead
    beside = new_database(home.server)
    for one in (full, made):
        beside.psql(practice.script(practice.payload(one.manifest)))
    assert beside.psql("TABLE t ORDER BY n") == home.psql("TABLE t ORDER BY n")
    assert beside.psql("TABLE fleeting") == b""


def set_on(standby, script: str, shown: str) -> None:
    Database(standby, "postgres").psql(script + "SELECT pg_reload_conf();")
    wait_for(lambda: Database(standby, "postgres").psql(shown), shown)


DELAY = "SELECT 1 FROM pg_settings WHERE name = 'max_standby_streaming_delay' AND setting = '{}'"


@pytest.fixture
def impatient(standby):
    """The standby lets no change of its primary wait."""
    name = "max_standby_streaming_delay"
    set_on(standby, f"ALTER SYSTEM SET {name} = 0;", DELAY.format(0))
    yield standby
    set_on(standby, f"ALTER SYSTEM RESET {name};", DELAY.format(30000))


@pytest.mark.slow
def test_a_dump_that_is_in_the_way_of_the_primary_ends_with_what_to_set(practice, impatient):
    """A table of more rows than pipes hold: pg_dump is at it when the primary truncates it."""
    home = at_home(practice)
    home.psql("INSERT INTO t SELECT n FROM generate_series(1, 1000000) AS n")
    impatient.follow()
    tool = Tool(impatient.binaries / "pg_dump", "18")
    with dump.opened(dump.Dumper(tool, impatient.login, home.name, "mtn conflict")) as opened:
        home.psql("TRUNCATE t")
        impatient.follow()
        with pytest.raises(PostgresError) as ended:
            for _piece in opened.pieces:
                pass
    assert "conflict with recovery" in ended.value.title
    assert "max_standby_streaming_delay = -1" in ended.value.hint
    assert "hot_standby_feedback" in ended.value.hint


def test_such_a_conflict_is_known_by_the_words_of_both_languages():
    assert says_so("ERROR:  canceling statement due to conflict with recovery")
    assert says_so("FATAL:  terminando la conexión debido a un conflicto con la recuperación")
    assert not says_so("FATAL:  terminating connection due to administrator command")


@pytest.mark.parametrize("idle", [True, False], ids=["a session", "a statement"])
def test_what_we_ask_ourselves_ends_so_as_well(practice, impatient, idle):
    home = at_home(practice)
    with connect(impatient.login, home.name) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("LOCK TABLE t IN ACCESS SHARE MODE")
        if idle:
            home.psql("TRUNCATE t")
            impatient.follow()
            statement = "SELECT 1"
        else:
            statement = "SELECT pg_sleep(60)"
            ends = threading.Thread(
                target=lambda: (
                    wait_for(lambda: practice.source.psql(SLEEPS), "the sleep"),
                    home.psql("TRUNCATE t; SELECT pg_switch_wal()"),
                )
            )
            ends.start()
        with pytest.raises(PostgresError) as ended, translated():
            connection.execute(statement.encode())
    assert "conflict with recovery" in ended.value.title
    assert "max_standby_streaming_delay = -1" in ended.value.hint


SLEEPS = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"


@pytest.mark.slow
def test_a_lock_that_comes_from_the_primary_is_told_as_such(practice, monkeypatch):
    """The process that holds it replays the primary's changes: it must never be ended."""
    monkeypatch.setattr(dump, "_LOCK_SECONDS", 5)
    standby = practice.source.server
    with at_home(practice).connect() as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        standby.follow()
        with pytest.raises(PostgresError) as refused:
            practice.back_up()
        holder.execute("ROLLBACK")
    assert "session of the primary" in refused.value.title
    assert "pg_terminate_backend" not in refused.value.hint
    assert "pg_locks" in refused.value.hint
