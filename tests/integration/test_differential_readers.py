"""Differentials of what needs more than ordinary rights, and by who has no more than is needed."""

from __future__ import annotations

import os

import pytest

from tests.integration.test_differential import WORK, assert_same, by_hand, differential
from tests.pg_fixtures import Database


def test_the_rows_that_were_added_to_an_extensions_tables(pg18, catalogue, new_database, practise):
    """What the extension fills them with by itself is neither read nor deleted."""
    source = new_database(pg18)
    source.psql(f"""
        CREATE SCHEMA topo; CREATE EXTENSION {catalogue};
        INSERT INTO topo.topology SELECT n, 'mine' FROM generate_series(1, 20) AS n;
        INSERT INTO topo.layer SELECT n, n FROM generate_series(1, 20) AS n;
        CREATE TABLE place (id int PRIMARY KEY, layer int REFERENCES topo.layer);
        INSERT INTO place SELECT n, n FROM generate_series(1, 20) AS n;
    """)
    practice = practise(source)
    full = practice.back_up()
    source.psql("""
        DELETE FROM place WHERE id < 5; DELETE FROM topo.layer WHERE id < 3;
        UPDATE topo.layer SET topology = 7;
        DELETE FROM topo.topology WHERE id IN (1, 2); INSERT INTO topo.topology VALUES (99, 'more');
        INSERT INTO topo.layer VALUES (99, 99); INSERT INTO place VALUES (99, 99);
    """)
    made = differential(practice)
    rows = "SELECT * FROM topo.topology ORDER BY 1; SELECT * FROM topo.layer ORDER BY 1"
    ours = practice.restore(backup=practice.inventory.find(made.manifest.id))
    for restored in (by_hand(practice, full, made, into=new_database(pg18)), ours):
        assert_same(source, restored)
        assert restored.psql(rows) == source.psql(rows)
        assert b"0|of the extension\n" in source.psql(rows)


@pytest.fixture
def reader(any_pg):
    """A role that may log in, and nothing else."""
    name, server = f"mtn_reader_{os.getpid()}", Database(any_pg, "postgres")
    server.psql(f"CREATE ROLE {name} LOGIN PASSWORD 'llana-1'")
    yield name
    server.psql(f"DROP ROLE {name}")


def test_who_may_read_everything_can_make_one(reader, any_pg, new_school, new_database, practise):
    """A plain role with SELECT on tables, sequences and large objects makes fulls and differentials."""
    source = new_school(any_pg)
    source.psql(f"""
        CREATE SCHEMA more; CREATE TABLE more.t (id int PRIMARY KEY); CREATE SEQUENCE more.s;
        SELECT lo_from_bytea(4711, 'one'); GRANT SELECT ON LARGE OBJECT 4711 TO {reader};
        GRANT USAGE ON SCHEMA public, more TO {reader};
        GRANT SELECT ON ALL TABLES IN SCHEMA public, more TO {reader};
        GRANT SELECT ON ALL SEQUENCES IN SCHEMA public, more TO {reader};
    """)
    practice = practise(source, DB_USER=reader, DB_PASSWORD="llana-1")
    full = practice.back_up()
    source.psql(WORK + "SELECT nextval('more.s'), lo_put(4711, 0, 'two'); INSERT INTO more.t VALUES (1)")
    made = differential(practice)
    assert_same(source, by_hand(practice, full, made, into=new_database(any_pg)))
    source.psql(f"DROP OWNED BY {reader}")


def test_large_objects_of_roles_that_are_missing_where_it_is_restored(pg18, new_database, practise):
    """With --no-owner they become the operator's, in the middle of the differential's one transaction."""
    source = new_database(pg18)
    one, other = (f"mtn_gone_{os.getpid()}_{number}" for number in range(2))
    source.psql(f"CREATE ROLE {one}; CREATE ROLE {other}; CREATE TABLE t (n int)")
    source.psql("SELECT lo_from_bytea(4711, 'one')")
    practice = practise(source)
    practice.back_up()
    source.psql(f"""
        GRANT SELECT ON LARGE OBJECT 4711 TO {other} WITH GRANT OPTION; INSERT INTO t VALUES (1);
        ALTER LARGE OBJECT 4711 OWNER TO {one}; COMMENT ON LARGE OBJECT 4711 IS 'said';
    """)
    made = differential(practice)
    source.psql(f"DROP OWNED BY {one}, {other}; DROP ROLE {one}; DROP ROLE {other}")
    restored = practice.restore(backup=practice.inventory.find(made.manifest.id), no_owner=True)
    said = restored.psql("SELECT n, lo_get(4711), obj_description(4711, 'pg_largeobject') FROM t")
    assert said == b"1|\\x6f6e65|said\n"


def test_large_objects_that_are_made_again_get_no_rights_by_default(pg18, new_database, practise):
    """As PostgreSQL 18 can give them."""
    reader = "pg_monitor"
    source = new_database(pg18)
    source.psql("SELECT lo_from_bytea(n, 'one') FROM generate_series(4711, 4712) AS n")
    source.psql(f"ALTER DEFAULT PRIVILEGES GRANT ALL ON LARGE OBJECTS TO {reader}")
    practice = practise(source)
    full = practice.back_up()
    source.psql("SELECT lo_put(4711, 0, 'two'); GRANT SELECT ON LARGE OBJECT 4712 TO PUBLIC")
    made = differential(practice)
    restored = by_hand(practice, full, made, into=new_database(pg18))
    rights = (
        "SELECT oid, grantee, privilege_type FROM pg_largeobject_metadata,"
        " aclexplode(coalesce(lomacl, acldefault('L', lomowner))) ORDER BY 1, 2, 3"
    )
    assert restored.psql(rights) == source.psql(rights)
