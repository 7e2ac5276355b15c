"""Equal databases are told as equal, and every way of being unequal is named."""

from __future__ import annotations

import time
from threading import Thread

import pytest

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import Cancelled, PostgresError
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.postgres.compare import Comparison, compare
from mtn_tui.postgres.server import Server
from tests.pg_fixtures import Database, NewDatabase


def compared(source: Database, target: Database) -> Comparison:
    schemas = (source.dump("--schema-only").decode(), target.dump("--schema-only").decode())
    return compare(source.login, source.name, target.name, schemas)


def texts(comparison: Comparison) -> list[str]:
    return [difference.text for difference in comparison.differences]


def test_a_dump_restored_by_psql_equals_its_source(rich_db: Database, new_database: NewDatabase) -> None:
    restored = new_database(rich_db.server)
    restored.psql(rich_db.dump())
    result = compared(rich_db, restored)
    assert texts(result) == []
    assert result.equal
    assert result.tables > 40
    assert result.rows > 24_000
    assert result.large_objects == 4
    assert restored.dump() == rich_db.dump()


def test_the_school_restored_equals_its_source(school_db: Database, new_database: NewDatabase) -> None:
    restored = new_database(school_db.server, "Admisión_MTN_DB")
    restored.psql(school_db.dump())
    assert compared(school_db, restored).equal


CHANGES = {
    "DELETE FROM rich.con_nota": ["Table rich.con_nota: 20 rows in the source, 0 rows in the copy."],
    "INSERT INTO rich.sin_columnas DEFAULT VALUES": [
        "Table rich.sin_columnas: 5 rows in the source, 6 rows in the copy."
    ],
    "UPDATE rich.grande SET observacion = observacion || ' ' WHERE id = 12001": [
        "Table rich.grande holds the same amount in both, but other contents: 24000 rows."
    ],
    # The same values, in other rows.
    "UPDATE rich.gallina SET huevo = 3 - huevo": [
        "Table rich.gallina holds the same amount in both, but other contents: 2 rows."
    ],
    "UPDATE rich.usa_funcion SET b = NULL": [
        "Table rich.usa_funcion holds the same amount in both, but other contents: 1 row."
    ],
    "UPDATE rich.tipos SET f8 = f8 + 1e-16 WHERE s = 1": [
        "Table rich.tipos holds the same amount in both, but other contents: 4 rows."
    ],
    'UPDATE rich."con ""comilla""" SET "100%" = NULL': [
        'Table rich."con ""comilla""" holds the same amount in both, but other contents: 1 row.'
    ],
    "UPDATE rich.fila_larga SET bytes = bytes || '\\x00' WHERE id = 2": [
        "Table rich.fila_larga holds the same amount in both, but other contents: 2 rows."
    ],
    # A row that moves from one partition to another.
    "UPDATE rich.notas SET anio = 2024, region = 'RM' WHERE id = 22": [
        "Table rich.notas_2024_rm: 700 rows in the source, 701 rows in the copy.",
        "Table rich.notas_otras: 1000 rows in the source, 999 rows in the copy.",
    ],
    "SELECT setval('rich.sin_uso', 1000)": [
        "Sequence rich.sin_uso: starts at 1000 in the source, goes on after 1000 in the copy."
    ],
    "SELECT setval('rich.por_llamar', 78, false)": [
        "Sequence rich.por_llamar: starts at 77 in the source, starts at 78 in the copy."
    ],
    "SELECT lo_put(424242, 99999, '\\x00')": [
        "Large object 424242 holds the same amount in both, but other contents: 100000 bytes."
    ],
    "SELECT lo_unlink(424243)": ["Large object 424243 is missing from the copy."],
    "SELECT lo_create(424250)": ["Large object 424250 is in the copy only."],
    "REFRESH MATERIALIZED VIEW rich.sin_poblar": [
        "Materialized view rich.sin_poblar: not populated in the source, populated in the copy."
    ],
}


def test_any_change_of_contents_is_found_and_named(rich_db: Database, new_rich: NewDatabase) -> None:
    target = new_rich(rich_db.server)
    target.psql(";\n".join(CHANGES))
    found = texts(compare(rich_db.login, rich_db.name, target.name))
    assert sorted(found) == sorted(line for lines in CHANGES.values() for line in lines)


@pytest.mark.sample("DROP INDEX", "GRANT")
@pytest.mark.parametrize(
    "change",
    [
        "COMMENT ON TABLE applications IS 'otro'",
        "DROP INDEX applications_created_idx",
        "ALTER TABLE applications DISABLE TRIGGER applications_touch",
        "ALTER TABLE documents ALTER COLUMN remarks SET DEFAULT ''",
        "GRANT SELECT ON users TO PUBLIC",
        "ALTER TABLE interviews DROP CONSTRAINT interviews_application_id_fkey",
    ],
)
def test_any_change_of_the_schema_is_found(
    pg18: PostgresServer, new_school: NewDatabase, change: str
) -> None:
    source, target = new_school(pg18), new_school(pg18)
    target.psql(change)
    (difference,) = compared(source, target).differences
    assert difference.kind == "schema"
    assert difference.text.startswith("The schema differs from line ")


def test_a_missing_table_and_an_extra_one_are_named(pg18: PostgresServer, new_database: NewDatabase) -> None:
    source, target = new_database(pg18), new_database(pg18)
    source.psql('CREATE TABLE "a\nb" (x int); CREATE TABLE shared (x int)')
    target.psql("CREATE TABLE shared (x int); CREATE TABLE more ()")
    result = compare(source.login, source.name, target.name)
    assert texts(result) == [
        'Table public."a\\nb" is missing from the copy.',
        "Table public.more is in the copy only.",
    ]


def test_the_order_of_rows_does_not_matter(any_pg: PostgresServer, new_database: NewDatabase) -> None:
    source, target = new_database(any_pg), new_database(any_pg)
    for database, order in ((source, "ASC"), (target, "DESC")):
        database.psql(
            f"CREATE TABLE t AS SELECT i, i::text AS s FROM generate_series(1, 1000) i ORDER BY i {order}"
        )
    assert compare(source.login, source.name, target.name).equal


def test_rows_that_come_twice_count_twice(any_pg: PostgresServer, new_database: NewDatabase) -> None:
    source, target = new_database(any_pg), new_database(any_pg)
    source.psql("CREATE TABLE t AS SELECT * FROM (VALUES (1), (1), (2), (2), (2)) v (a)")
    target.psql("CREATE TABLE t AS SELECT * FROM (VALUES (1), (1), (1), (2), (2)) v (a)")
    (difference,) = compare(source.login, source.name, target.name).differences
    assert difference.name == "public.t"


def test_a_column_that_the_restore_moves_is_no_difference(
    any_pg: PostgresServer, new_database: NewDatabase
) -> None:
    source, target = new_database(any_pg), new_database(any_pg)
    source.psql(
        "CREATE TABLE p (a int); CREATE TABLE c (b int) INHERITS (p); ALTER TABLE p ADD COLUMN z text;"
        "INSERT INTO c VALUES (1, 2, 'x')"
    )
    target.psql(source.dump())
    columns = (
        "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute"
        " WHERE attrelid = 'c'::regclass AND attnum > 0"
    )
    assert source.psql(columns) != target.psql(columns)
    assert compared(source, target).equal


def test_the_databases_own_settings_do_not_matter(school_db: Database, new_school: NewDatabase) -> None:
    target = new_school(school_db.server)
    for setting in (
        "timezone = 'Asia/Tokyo'",
        "datestyle = 'German'",
        "bytea_output = 'escape'",
        "intervalstyle = 'iso_8601'",
    ):
        target.psql(f'ALTER DATABASE "{target.name}" SET {setting}')
    assert compared(school_db, target).equal


def test_rows_that_a_policy_hides_are_refused_not_left_out(
    any_pg: PostgresServer, new_database: NewDatabase
) -> None:
    source = new_database(any_pg)
    source.psql(
        "DO $$ BEGIN CREATE ROLE mtn_reader LOGIN PASSWORD 'lector';"
        "EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        "CREATE TABLE t AS SELECT 1 AS a; GRANT SELECT ON t TO mtn_reader;"
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY"
    )
    reader = Server(any_pg.host, any_pg.port, "mtn_reader", "lector")
    with pytest.raises(PostgresError, match="row-level security"):
        compare(reader, source.name, source.name)


def test_a_database_that_is_not_there_is_named(pg18: PostgresServer, new_database: NewDatabase) -> None:
    source = new_database(pg18)
    with pytest.raises(PostgresError, match="no_such_database"):
        compare(source.login, source.name, "no_such_database")


def test_a_failure_on_one_side_does_not_wait_for_the_other(
    pg18: PostgresServer, new_database: NewDatabase
) -> None:
    source, target = new_database(pg18), new_database(pg18)
    source.psql("CREATE TABLE waits (a int)")
    target.psql("CREATE TABLE t (a int)")
    with source.connect() as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE waits")
        with pytest.raises(PostgresError, match="no_such"):
            compare(source.login, source.name, "no_such")


def test_a_comparison_is_cancelled_while_the_server_works(
    pg18: PostgresServer, new_database: NewDatabase
) -> None:
    source = new_database(pg18)
    source.psql("CREATE TABLE waits (a int)")
    token = CancelToken()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            compare(source.login, source.name, source.name, cancel=token)
        except Cancelled as error:
            failures.append(error)

    with source.connect() as blocker, source.connect() as observer, blocker.transaction():
        blocker.execute("LOCK TABLE waits")
        thread = Thread(target=run)
        thread.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
        deadline = time.monotonic() + 60
        while observer.execute(waiting).fetchone() != (2,) and time.monotonic() < deadline:
            time.sleep(0.02)
        token.cancel()
        thread.join(60)
        assert not thread.is_alive()
    assert len(failures) == 1


def test_progress_ends_at_the_total(school_db: Database) -> None:
    told: list[tuple[int, int]] = []
    compare(
        school_db.login,
        school_db.name,
        school_db.name,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1][0] == told[-1][1] > 0
