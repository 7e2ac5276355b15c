"""What an application does to its tables meanwhile kills no backup, and empties no table of one untold."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from mtn_tui.core.errors import PostgresError
from mtn_tui.demo.postgres_binaries import wheel_binaries
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.postgres import dump
from tests.faults.aftermath import hammering, wait_for
from tests.operation_fixtures import Practice
from tests.pg_fixtures import UNSAFE, Database, new_place


@pytest.fixture
def source(pg18, new_database) -> Database:
    """Three tables of 1,000 rows: pg_dump locks the first one first."""
    database = new_database(pg18)
    database.psql("""
        CREATE TABLE first AS SELECT n FROM generate_series(1, 1000) AS n;
        CREATE TABLE victim (n int PRIMARY KEY, m text); INSERT INTO victim SELECT n, 'm' FROM first;
        CREATE TABLE other AS TABLE victim;
        CREATE TABLE parts (n int, m text) PARTITION BY LIST (n);
        CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1);
        CREATE VIEW victims AS SELECT n FROM victim; CREATE SEQUENCE numbers;
        CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
        INSERT INTO parts VALUES (1, 'one');
    """)
    return database


def waiting(database: Database) -> bool:
    """Whether a backup waits for a table."""
    with Database(database.server, "postgres").connect() as connection:
        row = connection.execute(
            "SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND datname = %s AND application_name LIKE 'mtn backup %%'",
            [database.name],
        ).fetchone()
    return row is not None


@contextmanager
def backup_that_waits(practice: Practice) -> Iterator[Callable[[], None]]:
    """A backup whose snapshot is taken and whose pg_dump waits for a table; call it to let it go on."""
    done: list[BaseException] = []

    def back_up() -> None:
        try:
            practice.back_up()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            done.append(error)

    thread = threading.Thread(target=back_up)
    with practice.source.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE first IN ACCESS EXCLUSIVE MODE")
        thread.start()
        try:
            wait_for(lambda: waiting(practice.source) or not thread.is_alive(), "pg_dump at the table")

            def go_on() -> None:
                holder.execute("COMMIT")
                thread.join(120)
                if done:
                    raise done[0]

            yield go_on
        finally:
            if holder.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                holder.execute("ROLLBACK")
            thread.join(120)


def counted(database: Database) -> dict[str, int]:
    """Rows of the tables that have some of their own."""
    with database.connect() as connection:
        names = connection.execute(
            "SELECT oid::regclass::text FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        found = {}
        for (name,) in names:
            row = connection.execute(f"SELECT count(*) FROM ONLY {name}".encode()).fetchone()
            assert row is not None
            found[f"public.{name}"] = int(str(row[0]))
    return found


def tries(practice: Practice) -> int:
    """How often the backup was begun anew, by its journal."""
    assert practice.job is not None
    lines = (practice.root / "state" / "jobs" / f"{practice.job.id}.jsonl").read_text().splitlines()
    notes = [line for line in lines if '"dump-opening"' in line]
    return sum("Waiting for the table" not in note for note in notes)


def changed_meanwhile(practise, database: Database, statement: str) -> Practice:
    """After a backup that waited, before it locked its tables, for the statement to be done."""
    practice: Practice = practise(database, ENABLE_POST_BACKUP_VERIFY="false")
    with backup_that_waits(practice) as go_on:
        database.psql(statement)
        go_on()
    return practice


KIN = {
    "TRUNCATE": "TRUNCATE victim",
    "TRUNCATE of a partitioned table": "TRUNCATE parts",
    "VACUUM FULL": "VACUUM FULL victim",
    "CLUSTER": "CLUSTER victim USING victim_pkey",
    "ALTER TYPE": "DROP VIEW victims; ALTER TABLE victim ALTER n TYPE bigint",
    "ADD COLUMN": "ALTER TABLE victim ADD more int DEFAULT 7",
    "DROP COLUMN": "ALTER TABLE victim DROP m",
    "RENAME of a column": "ALTER TABLE victim RENAME m TO mm",
    "DROP": "DROP TABLE victim CASCADE",
    "RENAME": "ALTER TABLE victim RENAME TO renamed",
    "a swap of names": "ALTER TABLE victim RENAME TO old; ALTER TABLE other RENAME TO victim;"
    "ALTER TABLE old RENAME TO other",
    "made anew": "DROP TABLE victim CASCADE; CREATE TABLE victim AS SELECT 1 AS only",
    "SET SCHEMA": "CREATE SCHEMA s; ALTER TABLE victim SET SCHEMA s; DROP TABLE s.victim CASCADE",
    "SET LOGGED": "ALTER TABLE victim SET UNLOGGED",
    "DETACH PARTITION and DROP": "ALTER TABLE parts DETACH PARTITION part_1; DROP TABLE part_1",
}
"""Statements after which a table that was listed is another one."""

HARMLESS = {
    "REINDEX": "REINDEX TABLE victim",
    "CREATE": "CREATE TABLE new AS SELECT 1 AS n",
    "CREATE INDEX": "CREATE INDEX ON victim (m)",
    "ANALYZE": "ANALYZE victim",
    "ATTACH PARTITION": "CREATE TABLE part_2 (n int, m text);"
    "ALTER TABLE parts ATTACH PARTITION part_2 FOR VALUES IN (2)",
    "DETACH PARTITION": "ALTER TABLE parts DETACH PARTITION part_1",
    "a constraint": "ALTER TABLE victim ADD CHECK (n > 0)",
    "a trigger": "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    "CREATE TRIGGER t BEFORE INSERT ON victim FOR EACH ROW EXECUTE FUNCTION t()",
    "INSERT": "INSERT INTO victim SELECT n + 1000, 'late' FROM generate_series(1, 9) AS n",
    "DELETE": "DELETE FROM victim",
}
"""After these the snapshot is as good as before."""


@pytest.mark.sample("TRUNCATE of", "ALTER TYPE", "DROP COLUMN", "a swap of names", "DETACH")
@pytest.mark.parametrize("statement", KIN.values(), ids=KIN)
def test_a_table_that_changes_before_it_is_locked_is_dumped_as_it_became(source, practise, statement):
    practice = changed_meanwhile(practise, source, statement)
    assert (practice.job.exit_code, practice.job.warnings) == (0, ())
    assert tries(practice) == 1
    made = practice.inventory.latest().manifest
    assert made.altered == ()
    assert made.rows() == counted(source)


@pytest.mark.sample("CREATE INDEX", "ATTACH", "DELETE")
@pytest.mark.parametrize("statement", HARMLESS.values(), ids=HARMLESS)
def test_what_leaves_the_rows_of_the_snapshot_alone_begins_nothing_anew(source, practise, statement):
    before = counted(source)
    practice = changed_meanwhile(practise, source, statement)
    assert (practice.job.exit_code, tries(practice)) == (0, 0)
    assert practice.inventory.latest().manifest.rows() == before


def test_a_table_emptied_once_is_never_dumped_as_empty_without_being_named(source, practise):
    """It holds its 1,000 rows again by the time the snapshot is taken anew."""
    practice: Practice = practise(source)
    with backup_that_waits(practice) as go_on:
        source.psql("TRUNCATE victim; INSERT INTO victim SELECT n, 'new' FROM generate_series(1, 1000) AS n")
        go_on()
    assert tries(practice) == 1
    restored = practice.restore()
    assert restored.psql("TABLE victim ORDER BY n") == source.psql("TABLE victim ORDER BY n")
    assert restored.dump() == source.dump()


OF_AN_EXTENSION = """
    CREATE EXTENSION citext; ALTER EXTENSION citext ADD TABLE other; CREATE TABLE own AS TABLE other;
    ALTER EXTENSION citext ADD TABLE own;
    UPDATE pg_extension SET extconfig = ARRAY['other'::regclass], extcondition = ARRAY['WHERE n > 10']
    WHERE extname = 'citext'
"""
"""Of one table, which is for configuration, some rows are dumped; of the other none are."""


def test_a_configuration_table_of_an_extension_that_is_emptied_once_is_dumped_as_it_became(source, practise):
    practice: Practice = practise(source)
    source.psql(OF_AN_EXTENSION)
    with backup_that_waits(practice) as go_on:
        source.psql("TRUNCATE other; INSERT INTO other SELECT n, 'new' FROM generate_series(1, 30) AS n")
        go_on()
    assert (practice.job.exit_code, tries(practice)) == (0, 1)
    assert practice.inventory.latest().manifest.rows()["public.other"] == 20


def test_a_table_that_an_extension_keeps_for_itself_begins_nothing_anew(source, practise):
    """No row of it is dumped."""
    practice: Practice = practise(source)
    source.psql(OF_AN_EXTENSION)
    with backup_that_waits(practice) as go_on:
        source.psql("TRUNCATE own")
        go_on()
    assert (practice.job.exit_code, tries(practice)) == (0, 0)
    assert "public.own" not in practice.inventory.latest().manifest.rows()


def test_a_table_that_is_emptied_each_time_is_kept_as_suspect_and_named(source, practise, monkeypatch):
    """Between every snapshot and pg_dump's locks; plain pg_dump never tells."""
    practice: Practice = practise(source)
    listed = dump.relations

    def emptied_after(connection, moment=None):
        found = listed(connection, moment)
        if moment is not None:
            source.psql("TRUNCATE victim; INSERT INTO victim VALUES (7, 'late')")
        return found

    monkeypatch.setattr(dump, "relations", emptied_after)
    made = practice.back_up()
    assert tries(practice) >= dump._TRIES
    assert made.manifest.altered == ('"public"."victim"',)
    assert made.manifest.rows()["public.victim"] == 0
    assert made.manifest.rows()["public.other"] == 1000
    assert practice.job.exit_code == 1
    assert "victim" in made.suspect
    monkeypatch.undo()
    (told,) = json.loads(practice.here("list", "--json").stdout)
    assert "victim" in told["suspect"]


def test_a_table_that_pg_dump_could_not_read_is_tried_for_longer(source, practise, monkeypatch):
    """A column of the snapshot is gone by the time of the locks: such a dump would end in an error."""
    practice: Practice = practise(source, ENABLE_POST_BACKUP_VERIFY="false")
    listed, exported = dump.relations, dump.exported
    left = iter(range(dump._TRIES + 1))

    def with_the_column(*arguments):
        source.psql("ALTER TABLE victim ADD COLUMN IF NOT EXISTS gone int")
        return exported(*arguments)

    def without_it(connection, moment=None):
        found = listed(connection, moment)
        if moment is not None and next(left, None) is not None:
            source.psql("ALTER TABLE victim DROP gone")
        return found

    monkeypatch.setattr(dump, "exported", with_the_column)
    monkeypatch.setattr(dump, "relations", without_it)
    made = practice.back_up()
    assert tries(practice) == dump._TRIES + 1
    assert (made.manifest.altered, practice.job.exit_code) == ((), 0)
    assert made.manifest.rows()["public.victim"] == 1000


def test_whoever_keeps_a_table_locked_is_named(source, practise, monkeypatch):
    monkeypatch.setattr(dump, "_LOCK_SECONDS", 5)
    practice: Practice = practise(source)
    with source.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("ALTER TABLE victim ALTER m SET DEFAULT 'secreto'")
        with pytest.raises(PostgresError) as refused:
            practice.back_up()
        pid = holder.info.backend_pid
        said = f"{refused.value.title} {refused.value.hint}"
        assert f"process {pid}" in said
        assert f"user {source.server.user}" in said
        assert "since 20" in said
        assert "ALTER TABLE" in said
        assert "victim" in said
        assert f"pg_terminate_backend({pid})" in said
        assert "secreto" not in said
        holder.execute("ROLLBACK")
    assert list(practice.backups.glob("*")) == []


@pytest.mark.slow
def test_of_a_queue_the_one_at_its_head_is_named(source, practise, monkeypatch):
    """A reader who sleeps in his transaction, an ALTER that waits for him, and we behind both."""
    monkeypatch.setattr(dump, "_LOCK_SECONDS", 5)
    practice: Practice = practise(source)
    with source.connect() as sleeper, source.connect() as altering:
        sleeper.execute("BEGIN")
        sleeper.execute("SELECT FROM victim")
        queued = threading.Thread(target=lambda: altering.execute("ALTER TABLE victim ADD x int"))
        queued.start()
        wait_for(
            lambda: source.psql("SELECT 1 FROM pg_locks WHERE NOT granted AND relation IS NOT NULL"),
            "the ALTER in the queue",
        )
        try:
            with pytest.raises(PostgresError) as refused:
                practice.back_up()
        finally:
            sleeper.execute("ROLLBACK")
        assert f"process {sleeper.info.backend_pid}" in refused.value.title
        assert "idle in transaction" in refused.value.title
        queued.join()


@pytest.mark.slow
def test_a_prepared_transaction_that_keeps_a_table_is_named(
    pg_workspace, new_database, practise, monkeypatch
):
    """It has no process that could be ended."""
    monkeypatch.setattr(dump, "_LOCK_SECONDS", 5)
    settings = UNSAFE | {"max_prepared_transactions": "2"}
    with PostgresServer(
        wheel_binaries(), new_place(pg_workspace, "prepared") / "server", settings=settings
    ) as server:
        source = new_database(server)
        source.psql("CREATE TABLE t (a int)")
        source.psql("BEGIN; LOCK TABLE t; PREPARE TRANSACTION 'left'")
        practice: Practice = practise(source)
        with pytest.raises(PostgresError) as refused:
            practice.back_up()
        assert "prepared transaction" in refused.value.title
        source.psql("ROLLBACK PREPARED 'left'")


def hammered(source: Database, practice: Practice, backups: int, seconds: float) -> list[int]:
    """Truncate one table, alter another every 20 ms while backups are made; how often each was changed."""
    until = time.monotonic() + seconds
    altered = ["ALTER TABLE first ADD x int", "ALTER TABLE first DROP x"]
    with hammering(source, ["TRUNCATE other"], altered) as changed:
        made = 0
        while made < backups or time.monotonic() < until:
            wait_for(lambda: min(changed) > 20, "a good number of changes")
            before = list(changed)
            manifest = practice.back_up().manifest
            rows = manifest.rows()
            assert rows["public.victim"] == rows["public.first"] == 1000
            assert rows["public.other"] == 0
            assert set(manifest.altered) <= {'"public"."first"', '"public"."other"'}
            assert practice.job.exit_code == (1 if manifest.altered else 0)
            assert changed[0] > before[0]
            made += 1
    return changed


def test_a_backup_gets_through_a_table_that_is_truncated_and_one_that_is_altered_all_the_time(
    source, practise
):
    hammered(source, practise(source, ENABLE_POST_BACKUP_VERIFY="false"), backups=1, seconds=0)


@pytest.mark.soak
def test_three_backups_of_a_minute_of_truncates_and_alters_end(source, practise):
    hammered(source, practise(source), backups=3, seconds=60)
