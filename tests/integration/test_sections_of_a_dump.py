"""The sections of what pg_dump really writes, and the hash of its schema."""

from __future__ import annotations

from collections import Counter

import pytest

from mtn_tui.archive import statements
from mtn_tui.archive.schema import SchemaHash
from mtn_tui.archive.sections import HEAD, Part, split
from mtn_tui.archive.statements import CopyIn
from tests.archive_fixtures import TAIL, chunked
from tests.pg_fixtures import Database


@pytest.mark.parametrize("sizes", [[1000, 7], [1 << 20]], ids=str)
def test_each_table_of_a_dump_has_its_section_and_its_rows(rich_db: Database, sizes: list[int]) -> None:
    dump = rich_db.run("pg_dump")
    blocks = [*split(chunked(dump, sizes), TAIL, member=5000, section=20_000)]
    assert b"".join(block.data for block in blocks) == HEAD + dump + TAIL
    rows: Counter[str] = Counter()
    copies: dict[str, str] = {}
    of = {part: bytearray() for part in Part}
    part, table = Part.PRE_DATA, ""
    for block in blocks:
        if block.start is not None:
            part, table = block.start.part, block.start.table
            if part is Part.TABLE:
                copies.setdefault(table, block.start.copy)
        of[part] += block.data
        if part is Part.TABLE:
            rows[table] += block.rows
        else:
            assert block.rows == 0
    told = [event.sql.decode() + ";" for event in statements.read([dump]) if isinstance(event, CopyIn)]
    assert told == [*copies.values()]
    assert len(told) > 20
    with rich_db.connect() as connection:
        for name, counted in rows.items():
            # Names come from pg_dump, quoted.
            (row,) = connection.execute(f"SELECT count(*) FROM ONLY {name}".encode()).fetchall()
            assert (name, counted) == (name, row[0])
    assert b"\nCREATE TABLE " not in of[Part.SQL] + of[Part.POST_DATA]
    assert b"\nSELECT pg_catalog.setval(" not in of[Part.PRE_DATA] + of[Part.POST_DATA]
    assert of[Part.SQL].count(b"\nSELECT pg_catalog.lo_open(") == 4
    for after in (
        b"\nGRANT ",
        b"\nREFRESH MATERIALIZED VIEW ",
        b"\nCREATE EVENT TRIGGER ",
        b"ADD CONSTRAINT ",
    ):
        assert after in of[Part.POST_DATA]


WITH = {
    "nothing": "",
    "only large objects": "SELECT lo_create(7); COMMENT ON LARGE OBJECT 7 IS E'REFRESH;\\n--';"
    "GRANT SELECT ON LARGE OBJECT 7 TO PUBLIC",
    "only a sequence": "CREATE SEQUENCE s; SELECT nextval('s')",
    "only functions": "CREATE FUNCTION f() RETURNS text LANGUAGE sql"
    " AS $$SELECT '\nCOPY x FROM stdin;\n\\.\n'$$",
    "no rows": "CREATE TABLE t (a int PRIMARY KEY); CREATE MATERIALIZED VIEW m AS TABLE t",
    "identity": "CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY, b serial); INSERT INTO t DEFAULT VALUES",
    "partitions": "CREATE TABLE t (a int PRIMARY KEY) PARTITION BY LIST (a); CREATE INDEX ON t (a);"
    "CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); INSERT INTO t VALUES (1)",
    "a partitioned table alone": "CREATE TABLE t (a int PRIMARY KEY) PARTITION BY LIST (a)",
    "a refresh in a comment": "CREATE TABLE t (); COMMENT ON TABLE t IS E'\\nCOPY t FROM stdin;\\n';"
    "CREATE MATERIALIZED VIEW m AS SELECT 1 AS x; CREATE UNIQUE INDEX i ON m (x);"
    "COMMENT ON INDEX i IS E'\\nREFRESH MATERIALIZED VIEW m;\\n'",
    "an extension's own table": "CREATE EXTENSION citext; CREATE TABLE t (a citext)",
    "publications and event triggers": "CREATE TABLE t (a int); CREATE PUBLICATION p FOR TABLE t;"
    "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';"
    "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION e()",
    "policies and default privileges": "CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
    "CREATE POLICY p ON t USING (a > 0); ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    "strings with backslashes": "CREATE TABLE t (a text DEFAULT E'\\\\''; COPY x FROM stdin;\\n');"
    "INSERT INTO t DEFAULT VALUES",
}


def _hashes(database: Database) -> tuple[str, str]:
    """Of the schema within a whole dump, and of what pg_dump -s writes."""
    found, expected = SchemaHash(), SchemaHash()
    for _block in split(chunked(database.run("pg_dump"), [4096]), TAIL, found.add):
        pass
    expected.add(database.run("pg_dump", "--schema-only"))
    return found.hexdigest(), expected.hexdigest()


@pytest.mark.parametrize("script", WITH.values(), ids=WITH)
def test_the_schema_in_a_dump_has_the_hash_of_a_dump_of_the_schema(pg18, new_database, script: str) -> None:
    source = new_database(pg18)
    source.psql(script)
    found, expected = _hashes(source)
    assert found == expected


def test_the_schema_of_a_dump_of_everything_has_the_hash_of_a_dump_of_the_schema(rich_db: Database) -> None:
    found, expected = _hashes(rich_db)
    assert found == expected
