"""The doctor looks at all that a backup reads: policies and large objects, not only privileges on tables."""

from __future__ import annotations

import os

import pytest

from mtn_tui.core.errors import MtnError, PostgresError
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.health.checks.role import role

ROLE = f"mtn_backs_up_{os.getpid()}"

WORLDS = {
    "a policy": (
        "CREATE TABLE t (x int); ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
        f"CREATE POLICY p ON t USING (true); GRANT SELECT ON t TO {ROLE}",
        "public.t",
        f"ALTER ROLE {ROLE} BYPASSRLS",
    ),
    "a policy forced on the owner": (
        f"CREATE TABLE t (x int); ALTER TABLE t OWNER TO {ROLE};"
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        "public.t",
        f"ALTER ROLE {ROLE} BYPASSRLS",
    ),
    "a large object of another": (
        "SELECT lo_from_bytea(0, 'x')",
        "1 large object",
        f"ALTER ROLE {ROLE} SET lo_compat_privileges = on",
    ),
    "a schema that is closed": (
        f"CREATE SCHEMA s; CREATE TABLE s.t (x int); GRANT SELECT ON s.t TO {ROLE}",
        "all tables and sequences (1 not)",
        f"GRANT pg_read_all_data TO {ROLE}",
    ),
    "a sequence of another": (
        "CREATE SEQUENCE s",
        "all tables and sequences (1 not)",
        f"GRANT pg_read_all_data TO {ROLE}",
    ),
}

FINE = {
    "a policy that does not bind the owner": (
        f"CREATE TABLE t (x int); ALTER TABLE t OWNER TO {ROLE}; ALTER TABLE t ENABLE ROW LEVEL SECURITY"
    ),
    "an object that everybody may read": (
        "SELECT lo_from_bytea(4711, 'x'); GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC"
    ),
    "a foreign table": (
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
        "CREATE FOREIGN TABLE f (x int) SERVER s"
    ),
    "an extension's own table": (
        "CREATE TABLE t (x int); CREATE EXTENSION citext; ALTER EXTENSION citext ADD TABLE t"
    ),
}


@pytest.fixture
def limited(any_pg, new_database, practise):
    """An installation whose role may make databases, and nothing else."""
    database = new_database(any_pg)
    database.psql(f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD 'llana-1'")
    yield practise(database, DB_USER=ROLE, DB_PASSWORD="llana-1")
    database.psql(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")


def test_what_would_fail_a_backup_is_found_and_the_hint_mends_it(limited):
    for world, (script, says, mends) in WORLDS.items():
        limited.source.psql(script)
        (found,) = role(limited.context)
        assert (found.status, says in found.says, mends in found.hint) == (Status.FAIL, True, True), world
        if world == "a policy":
            with pytest.raises(MtnError):
                limited.back_up()
        if "pg_read_all_data" in mends:
            with pytest.raises(PostgresError) as refused:
                limited.back_up()
            assert "GRANT pg_read_all_data TO" in refused.value.hint, world
            assert ROLE in refused.value.hint
        limited.source.psql(mends)
        assert [one.status for one in role(limited.context)] == [Status.OK], world
        if world == "a large object of another":
            assert limited.back_up().manifest.id
        limited.source.psql(
            f"ALTER ROLE {ROLE} NOBYPASSRLS; ALTER ROLE {ROLE} RESET ALL;"
            f"REVOKE pg_read_all_data FROM {ROLE};"
            "DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS s CASCADE; DROP SEQUENCE IF EXISTS s;"
            "SELECT lo_unlink(oid) FROM pg_largeobject_metadata"
        )
    for world, script in FINE.items():
        limited.source.psql(script)
        assert [one.status for one in role(limited.context)] == [Status.OK], world
        limited.source.psql("DROP EXTENSION IF EXISTS citext; DROP TABLE IF EXISTS t")
    assert limited.back_up().manifest.id


def test_what_may_not_be_looked_at_is_unknown(limited):
    limited.source.psql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    try:
        (found,) = role(limited.context)
        assert found.status is Status.UNKNOWN
        assert "pg_control_system" in found.says
    finally:
        limited.source.psql("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
    limited.source.psql(
        "CREATE SUBSCRIPTION nightly CONNECTION 'host=x' PUBLICATION p"
        " WITH (connect = false, slot_name = NONE)"
    )
    (lacking,) = role(limited.context)
    limited.source.psql("DROP SUBSCRIPTION nightly")
    assert lacking.status is Status.WARN
