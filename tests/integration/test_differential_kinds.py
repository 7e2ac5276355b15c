"""What holds off rows that come or go is put aside while a differential is applied, and put back."""

from __future__ import annotations

import os

import pytest

from tests.integration.test_differential import assert_same, by_hand, differential
from tests.pg_fixtures import Database

KINDS = {
    "a check that holds for new rows only": (
        "CREATE TABLE t (id int PRIMARY KEY, n int); "
        "INSERT INTO t SELECT n, n % 3 FROM generate_series(1, 20) n;"
        "ALTER TABLE t ADD CONSTRAINT c CHECK (n > 0) NOT VALID; COMMENT ON CONSTRAINT c ON t IS 'said'",
        "DELETE FROM t WHERE id = 1",
    ),
    "the same, of a table and of its parent as well": (
        "CREATE TABLE up (n int); CREATE TABLE t () INHERITS (up); INSERT INTO t VALUES (0), (1), (2);"
        "ALTER TABLE t ADD CONSTRAINT c CHECK (n > 0) NOT VALID;"
        "ALTER TABLE up ADD CONSTRAINT c CHECK (n > 0) NOT VALID;"
        "COMMENT ON CONSTRAINT c ON t IS 'said'; COMMENT ON CONSTRAINT c ON up IS 'above'",
        "DELETE FROM t WHERE n = 2",
    ),
    "a check of a domain that holds for new values only": (
        "CREATE DOMAIN d AS int; CREATE TABLE t (id int, one d, more d[]);"
        "INSERT INTO t VALUES (1, -1, '{-1}'), (2, 2, '{2}');"
        "ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE > 0) NOT VALID;"
        "COMMENT ON CONSTRAINT c ON DOMAIN d IS 'said'",
        "DELETE FROM t WHERE id = 2",
    ),
    "columns that may be empty in old rows only": (
        "CREATE TABLE t (id int, n int); INSERT INTO t VALUES (1, NULL), (2, 2), (3, NULL);"
        "ALTER TABLE t ADD CONSTRAINT c NOT NULL n NOT VALID; COMMENT ON CONSTRAINT c ON t IS 'said'",
        "DELETE FROM t WHERE id < 3",
    ),
    "checks and keys that are not enforced": (
        "CREATE TABLE up (id int PRIMARY KEY); CREATE TABLE t (id int REFERENCES up NOT ENFORCED,"
        " CHECK (id < 0) NOT ENFORCED, virtual int GENERATED ALWAYS AS (id * 2) VIRTUAL);"
        "INSERT INTO t VALUES (1), (2)",
        "INSERT INTO t VALUES (3); DELETE FROM t WHERE id = 1",
    ),
    "deletes that are published, where nothing tells rows apart": (
        "CREATE TABLE t (n int); INSERT INTO t VALUES (1), (1), (2); CREATE PUBLICATION deletes FOR TABLE t",
        "TRUNCATE t; INSERT INTO t VALUES (3)",
    ),
    "a column list and a filter of what is published": (
        "CREATE TABLE t (id int PRIMARY KEY, n int, m int);"
        "INSERT INTO t SELECT n, n, n FROM generate_series(1, 9) n;"
        "CREATE PUBLICATION p FOR TABLE t (id, n) WHERE (n > 3) WITH (publish = 'insert');"
        "CREATE PUBLICATION q FOR TABLE t (n) WITH (publish = 'insert');"
        "ALTER PUBLICATION q SET (publish = 'delete')",
        "TRUNCATE t; INSERT INTO t VALUES (1, 2, 3)",
    ),
    "comments of keys": (
        "CREATE TABLE up (id int PRIMARY KEY);"
        "CREATE TABLE t (id int CONSTRAINT c REFERENCES up);"
        "COMMENT ON CONSTRAINT c ON t IS 'said';"
        "INSERT INTO up VALUES (1), (2); INSERT INTO t VALUES (1), (2)",
        "UPDATE up SET id = id; DELETE FROM t WHERE id = 2",
    ),
    "views whose rows were let go": (
        "CREATE TABLE t AS SELECT 1 AS n; CREATE MATERIALIZED VIEW a AS TABLE t; CREATE VIEW b AS TABLE a;"
        "CREATE MATERIALIZED VIEW c AS TABLE t WITH NO DATA",
        "REFRESH MATERIALIZED VIEW a WITH NO DATA; REFRESH MATERIALIZED VIEW c",
    ),
}


@pytest.fixture(scope="module")
def role(pg18):
    """A role that may make nothing but what is its own."""
    name, server = f"mtn_owner_{os.getpid()}", Database(pg18, "postgres")
    server.psql(f"CREATE ROLE {name}")
    yield name
    server.psql(f"DROP ROLE {name}")


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param(KINDS, id="all at once"),
        *(pytest.param({kind: made}, id=kind, marks=pytest.mark.soak) for kind, made in KINDS.items()),
    ],
)
def test_what_holds_rows_off(kinds, pg18, role, practise, new_database):
    """By psql alone: as a superuser, and as the plain role that owns everything. Each kind has a schema."""
    schema = work = ""
    for number, (made, changed) in enumerate(kinds.values()):
        schema += f"CREATE SCHEMA s{number}; SET search_path = s{number}; {made};"
        work += f"SET search_path = s{number}; {changed};"
    source, plain = new_database(pg18), new_database(pg18)
    for one in (source, plain):
        one.psql(f"ALTER DATABASE {one.name} OWNER TO {role}")
    source.psql(f"SET ROLE {role}; {schema}")
    practice = practise(source)
    full = practice.back_up()
    source.psql(f"SET ROLE {role}; {work}")
    made = differential(practice)
    assert_same(source, by_hand(practice, full, made, into=new_database(pg18)))
    for one in (full, made):
        script = practice.script(practice.payload(one.manifest))
        plain.psql(f"SET SESSION AUTHORIZATION {role};\n".encode() + script)
    assert_same(source, plain)


def test_event_triggers_do_not_act_on_it(pg18, new_database, practise):
    """A log of all that was defined, as audits keep it, is told of nothing that a differential does."""
    source = new_database(pg18)
    source.psql("""
        CREATE TABLE log (tag text); CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2);
        CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO public.log VALUES (TG_TAG); END';
        CREATE TRIGGER none BEFORE INSERT ON t EXECUTE FUNCTION suppress_redundant_updates_trigger();
        ALTER TABLE t ENABLE ALWAYS TRIGGER none;
        CREATE EVENT TRIGGER usual ON ddl_command_end EXECUTE FUNCTION note();
        CREATE EVENT TRIGGER always ON ddl_command_start EXECUTE FUNCTION note();
        ALTER EVENT TRIGGER always ENABLE ALWAYS;
    """)
    practice = practise(source)
    full = practice.back_up()
    source.psql("DELETE FROM t WHERE n = 1")
    made = differential(practice)
    assert_same(source, by_hand(practice, full, made, into=new_database(pg18)))


def test_event_triggers_at_login_write_no_rows_into_what_is_restored(pg18, new_database, practise):
    """They act again once it has its name, and nothing of how they were kept from it is left."""
    source = new_database(pg18)
    source.psql("""
        CREATE TABLE logins (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz DEFAULT now());
        CREATE TABLE t (n int);
        CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO public.logins DEFAULT VALUES; END';
        CREATE EVENT TRIGGER note ON login EXECUTE FUNCTION note();
        ALTER EVENT TRIGGER note ENABLE ALWAYS;
    """)
    practice = practise(source)
    practice.back_up()
    source.psql("INSERT INTO t VALUES (1)")
    made = differential(practice)
    restored = practice.restore(backup=practice.inventory.find(made.manifest.id))
    counted = dict(made.manifest.counted)["public.logins"]
    assert practice.job.warnings == ()
    assert restored.psql("SELECT count(*) FROM logins").decode() == f"{counted + 1}\n"
    settings = "SELECT count(*) FROM pg_db_role_setting JOIN pg_database AS d ON d.oid = setdatabase"
    assert source.psql(f"{settings} WHERE datname = '{restored.name}'") == b"0\n"


def test_rows_that_are_written_as_the_whole_tables(any_pg, new_database, practise):
    """So pg_dump does where rows are spread by an enum's hash; other partitions are written by themselves."""
    source = new_database(any_pg)
    source.psql("""
        CREATE TYPE status AS ENUM ('draft', 'sent', 'accepted', 'declined');
        CREATE TABLE applications (year int, status status, n int) PARTITION BY LIST (year);
        CREATE TABLE a_2025 PARTITION OF applications FOR VALUES IN (2025);
        CREATE TABLE a_2026 PARTITION OF applications FOR VALUES IN (2026) PARTITION BY HASH (status);
        CREATE TABLE "a 2026 'x'" PARTITION OF a_2026 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE a_2026_c PARTITION OF a_2026 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        INSERT INTO applications
            SELECT 2025 + n % 2, (enum_range(NULL::status))[1 + n / 2 % 4], n FROM generate_series(1, 100) n;
    """)
    everything = "SELECT * FROM applications ORDER BY n"
    practice = practise(source)
    full = practice.back_up()
    for work in (
        "INSERT INTO applications VALUES (2026, 'sent', 101)",
        "DELETE FROM applications WHERE n > 90",
    ):
        source.psql(work)
        made = differential(practice)
        changed = practice.script(practice.payload(made.manifest)).count(b'\nCOPY "public".')
        assert changed == (1 if work.startswith("INSERT") else 2)
        restored = by_hand(practice, full, made, into=new_database(any_pg))
        assert restored.psql(everything) == source.psql(everything)
