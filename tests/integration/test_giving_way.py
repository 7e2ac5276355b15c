"""An application that alters or empties a table never waits long for a differential that reads it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mtn_tui.core.models import KEYS, Kind
from mtn_tui.operations.backup import differential as differentials
from mtn_tui.operations.backup import full
from mtn_tui.operations.backup.make import MadeBackup
from mtn_tui.postgres import bulk, changes, giving_way
from mtn_tui.postgres.dump import Dumper
from mtn_tui.postgres.tools import Child, beside
from tests.faults.aftermath import PATIENCE, hammering, wait_for
from tests.integration.test_differential import assert_same
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    """Looks come more often than in real life; a table is still waited for as long."""
    monkeypatch.setattr(giving_way, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(differentials, "_PAUSE", 0.05)


@pytest.fixture
def source(pg18, new_database) -> Database:
    database = new_database(pg18)
    database.psql("""
        CREATE TABLE big (n int PRIMARY KEY, m text);
        INSERT INTO big SELECT n, 'm' FROM generate_series(1, 20000) AS n;
        CREATE TABLE other AS SELECT n FROM generate_series(1, 1000) AS n;
    """)
    return database


@pytest.fixture
def practice(source, practise) -> Practice:
    """An installation with one full, since which all rows of a table have changed."""
    practice: Practice = practise(source)
    practice.back_up()
    source.psql("UPDATE big SET m = 'new'")
    return practice


def noted(practice: Practice, event: str) -> list[str]:
    """Lines of the last job's journal about it."""
    lines = (practice.root / "state" / "jobs" / f"{practice.jobs[0].id}.jsonl").read_text().splitlines()
    return [line for line in lines if f'"{event}"' in line]


def lose_a_row(source: Database) -> None:
    """Of a table whose keys are then kept beside a full."""
    source.psql("DELETE FROM big WHERE n = 3")
    while source.psql("SELECT n_tup_del FROM pg_stat_user_tables WHERE relname = 'big'") != b"1\n":
        pass  # a session tells what it did as it ends


def a_full_of_what_is_emptied_meanwhile(practice: Practice, source: Database) -> MadeBackup:
    """Its table is emptied once the keys are being read."""
    made: list[MadeBackup] = []
    thread = threading.Thread(target=lambda: made.append(practice.back_up()))
    thread.start()
    with source.connect() as application:
        wait_for(lambda: reading(source), "the keys being read")
        application.execute("TRUNCATE big")
    thread.join(60)
    return made[0]


def reading(database: Database) -> bool:
    """Whether one of our sessions has come to what never ends."""
    asked = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'mtn %' AND wait_event = 'PgSleep'"
    return bool(database.psql(asked))


class Endless:
    """The first time that a table is read takes for ever: only whoever cancels it ends it."""

    def __init__(self) -> None:
        self._begun = False

    def first(self) -> bool:
        first, self._begun = not self._begun, True
        return first


def endless_scan(monkeypatch, endless: Endless) -> None:
    real = changes.Reader.locked

    @contextmanager
    def locked(self, some):
        with real(self, some):
            if endless.first():
                self.connection.execute("SELECT pg_sleep(600)")
            yield

    monkeypatch.setattr(changes.Reader, "locked", locked)


def endless_shipping(monkeypatch, endless: Endless) -> None:
    real = bulk.read

    def read(psql, server, database, application, snapshot, table, query, path=""):
        if endless.first():
            rows, order, key = query.partition(" ORDER BY ")
            rows += " AND" if " WHERE " in rows else " WHERE"
            query = f"{rows} pg_sleep(600) IS NULL{order}{key}"
        return real(psql, server, database, application, snapshot, table, query, path)

    monkeypatch.setattr(bulk, "read", read)


def endless_schema(monkeypatch, endless: Endless) -> None:
    """pg_dump holds a lock on each table while it reads the schema."""
    real = Dumper.schema

    def schema(self, *arguments):
        if not endless.first():
            return real(self, *arguments)
        command = [str(beside(self.tool, "psql")), "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1"]
        command += ["-c", "BEGIN; LOCK TABLE big IN ACCESS SHARE MODE", "-c", "SELECT pg_sleep(600)"]
        return Child(command, self.server.environment(self.database) | {"PGAPPNAME": self.application})

    monkeypatch.setattr(Dumper, "schema", schema)


@contextmanager
def differential_meanwhile(practice: Practice) -> Iterator[Callable[[], MadeBackup]]:
    """A differential that runs; call it to wait for its end."""
    done: list[MadeBackup | BaseException] = []

    def make() -> None:
        try:
            done.append(practice.back_up_changes())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            done.append(error)

    thread = threading.Thread(target=make)
    thread.start()

    def ended() -> MadeBackup:
        thread.join(120)
        (one,) = done
        if isinstance(one, BaseException):
            raise one
        return one

    try:
        yield ended
    finally:
        thread.join(120)


WAYS = [endless_schema, endless_scan, endless_shipping]
"""What a differential does with a table locked."""
STATEMENTS = ["TRUNCATE big", "ALTER TABLE big ADD z int", "LOCK TABLE big"]


@pytest.mark.sample("endless_scan")
@pytest.mark.parametrize(
    ("way", "statement"),
    [  # each with one of the others; all pairs in the soak
        pytest.param(way, statement, marks=[pytest.mark.soak] if number != other else [])
        for number, way in enumerate(WAYS)
        for other, statement in enumerate(STATEMENTS)
    ],
)
def test_who_waits_for_a_table_that_is_read_gets_through_and_the_differential_ends_right(
    practice, source, new_database, monkeypatch, way, statement
):
    endless = Endless()
    way(monkeypatch, endless)
    with differential_meanwhile(practice) as ended, source.connect() as application:
        wait_for(lambda: reading(source), "the table being read")
        application.execute("SET lock_timeout = '60s'")
        application.execute(f"BEGIN; {statement}; COMMIT")
        with source.connect() as reader:
            assert reader.execute("SELECT count(*) FROM big").fetchone() is not None
        made = ended()
    assert noted(practice, "gives-way")
    target = new_database(source.server)
    for one in practice.inventory.find(made.manifest.id).chain:
        target.psql(practice.script(practice.backups / str(one.name)))
    if "ALTER" in statement and way is endless_scan:
        source.psql("ALTER TABLE big DROP z")  # it is counted again as it was at the moment
    assert_same(source, target)


def test_a_table_that_is_always_waited_for_is_read_to_its_end_in_the_last_try(practice, source, monkeypatch):
    """Tries are limited; after them the application waits, and that is noted."""
    monkeypatch.setattr(differentials, "_TRIES", 1)
    held, release = threading.Event(), threading.Event()
    real = changes.Reader.locked

    @contextmanager
    def locked(self, some):
        with real(self, some):
            held.set()
            release.wait(PATIENCE)
            yield

    monkeypatch.setattr(changes.Reader, "locked", locked)
    with differential_meanwhile(practice) as ended:
        with source.connect() as application:
            both = "BEGIN; LOCK TABLE other, big; COMMIT"  # whichever of them is read first
            queued = threading.Thread(target=lambda: application.execute(both))
            try:
                assert held.wait(PATIENCE), "nothing was scanned"
                queued.start()
                wait_for(lambda: noted(practice, "holds-on"), "the note")
            finally:
                release.set()
            queued.join(60)
        assert ended().manifest.kind is Kind.DIFF
    assert not noted(practice, "gives-way")


def test_the_keys_of_a_full_give_way_and_the_full_is_whole_without_them(source, practise, monkeypatch):
    lose_a_row(source)
    practice: Practice = practise(source)
    endless_shipping(monkeypatch, Endless())
    made = a_full_of_what_is_emptied_meanwhile(practice, source)
    assert noted(practice, "gives-way")
    assert made.manifest.rows()["public.big"] == 19999
    assert not list(practice.backups.glob("*" + KEYS))
    assert practice.job.exit_code == 0


def test_of_what_reads_for_a_full_only_the_keys_give_way_and_pg_dump_ends(source, practise, monkeypatch):
    much = "SELECT repeat(md5(n::text), 50) AS told FROM generate_series(1, 2000) AS n"
    source.psql(f"CREATE TABLE wide AS {much}")  # more than a pipe holds
    lose_a_row(source)
    practice: Practice = practise(source)
    endless_shipping(monkeypatch, Endless())
    real = full.write_payload

    def late(*arguments):
        wait_for(lambda: noted(practice, "gives-way"), "the keys to give way while pg_dump holds its locks")
        return real(*arguments)

    monkeypatch.setattr(full, "write_payload", late)
    made = a_full_of_what_is_emptied_meanwhile(practice, source)
    assert made.manifest.rows()["public.big"] == 19999
    assert not made.manifest.altered
    assert not list(practice.backups.glob("*" + KEYS))
    assert practice.job.exit_code == 0


def test_a_table_that_stays_locked_is_told_with_who_holds_it(practice, source, monkeypatch):
    monkeypatch.setattr(bulk, "LOCK_SECONDS", 1)
    monkeypatch.setattr(changes, "LOCK_SECONDS", 1)
    monkeypatch.setattr(differentials, "_TRIES", 2)
    before = sorted(practice.backups.iterdir())
    with source.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("ALTER TABLE big ALTER m SET DEFAULT 'secreto'")
        told = practice.here("backup", "diff", check=2).stderr
        pid = holder.info.backend_pid
        holder.execute("ROLLBACK")
    words = " ".join(told.split())
    assert "stayed locked for" in words
    assert f"process {pid}" in words
    assert f"pg_terminate_backend({pid})" in words
    assert "secreto" not in words
    assert sorted(practice.backups.iterdir()) == before


def test_it_gets_through_tables_that_are_truncated_and_altered_all_the_time(practice, source):
    """In the end by a full, which says why."""
    work = [["TRUNCATE other"], ["ALTER TABLE big ALTER m TYPE text", "ALTER TABLE big ADD CHECK (n > 0)"]]
    with hammering(source, *work) as changed:
        wait_for(lambda: min(changed) > 5, "a good number of changes")
        made = practice.back_up_changes()
    assert (made.manifest.kind is Kind.FULL) == bool(made.instead)
    assert made.manifest.rows()["public.big"] == 20000
    assert set(made.manifest.altered) <= {'"public"."big"', '"public"."other"'}
