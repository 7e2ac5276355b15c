"""What the operator's connection runs of a script that nothing signs is what was read, and nothing more."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mtn_tui.operations.restore.validate import validate
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database, NewDatabase

HEAD = b"--\n-- PostgreSQL database dump\n--\n\n"
FOOT = b"\n--\n-- PostgreSQL database dump complete\n--\n"


@pytest.fixture
def practice(pg18, new_database: NewDatabase, practise: Callable[..., Practice]) -> Practice:
    return practise(new_database(pg18))


@pytest.fixture
def target(practice: Practice) -> str:
    name = f"mtn_by_operator_{os.getpid()}"
    practice.made.append(name)
    return name


def restored(practice: Practice, path: Path, target: str, *more: str, code: int = 0) -> str:
    done = practice.here("restore", "--legacy", "--file", str(path), "--target", target, *more, check=code)
    return done.stdout + done.stderr


def script(tmp_path: Path, text: bytes) -> Path:
    path = tmp_path / "x.sql"
    path.write_bytes(HEAD + text + FOOT)
    return path


SMUGGLED = {
    "roles": rb"COMMENT ON EXTENSION plpgsql IS 'x\''; CREATE ROLE mtn_evil SUPERUSER; --'",
    "loaded": rb"COMMENT ON TABLE public.t IS 'x\''; CREATE ROLE mtn_evil SUPERUSER; --'",
}


@pytest.mark.parametrize("kind", SMUGGLED)
@pytest.mark.parametrize("more", [(), ("--as-operator",)])
def test_where_the_servers_strings_have_escapes_no_string_ends_elsewhere_than_it_was_read(
    practice, target, tmp_path, kind, more
):
    role = f"mtn_escapes_{os.getpid()}"
    source = practice.source
    source.psql(f"CREATE ROLE {role} SUPERUSER LOGIN PASSWORD 'x-1'")
    source.psql(f"ALTER ROLE {role} SET standard_conforming_strings = off")
    practice.configure(DB_USER=role, DB_PASSWORD="x-1")
    path = script(tmp_path, b"CREATE TABLE public.t (a text);\n" + SMUGGLED[kind] + b";\n")
    try:
        restored(practice, path, target, *more, code=len(more))  # that option is told
        assert source.psql("SELECT rolname FROM pg_roles WHERE rolname = 'mtn_evil'") == b""
        found = Database(source.server, target).psql(
            "SELECT description FROM pg_description WHERE description ~ '^x'"
        )
        assert b"CREATE ROLE mtn_evil" in found, "it is a comment"
    finally:
        source.server.drop_database(target)
        source.psql("DROP ROLE IF EXISTS mtn_evil")
        source.psql(f"DROP ROLE {role}")


@pytest.mark.parametrize("encoding", ["LATIN1", "WIN1252", "SQL_ASCII", "UTF8"])
def test_owners_rights_and_roles_of_a_script_in_another_encoding(practice, target, tmp_path, encoding):
    source, role = practice.source, f"mtn_Peña_{os.getpid()}"
    source.psql(f"""
        CREATE ROLE "{role}"; CREATE SCHEMA "Año";
        CREATE TABLE "Año"."Niño" ("Ñandú" text); INSERT INTO "Año"."Niño" VALUES ('áé');
        ALTER TABLE "Año"."Niño" OWNER TO "{role}"; GRANT SELECT ON "Año"."Niño" TO PUBLIC;
        CREATE EXTENSION citext SCHEMA "Año"; COMMENT ON EXTENSION citext IS 'mañana';
        CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        CREATE EVENT TRIGGER "Señal" ON ddl_command_end EXECUTE FUNCTION f();
        ALTER EVENT TRIGGER "Señal" DISABLE;
    """)
    try:
        path = tmp_path / "x.sql"
        path.write_bytes(source.run("pg_dump", "-E", encoding))
        restored(practice, path, target, code=1)  # the event trigger is told
        assert Database(source.server, target).dump() == source.dump()
    finally:
        source.server.drop_database(target)
        source.server.drop_database(source.name)
        Database(source.server, "postgres").psql(f'DROP ROLE "{role}"')


def test_where_a_script_says_that_backslashes_escape_what_the_operator_runs_of_it_has_the_same_text(
    practice, target, tmp_path
):
    text = b"SET standard_conforming_strings = off;\nCREATE TABLE public.t (a text);\n"
    restored(practice, script(tmp_path, text + rb"COMMENT ON EXTENSION plpgsql IS 'a\\b';" + b"\n"), target)
    found = Database(practice.source.server, target).psql(
        "SELECT obj_description(oid, 'pg_extension') FROM pg_extension"
    )
    assert found == b"a\\b\n"


RIGHTS = {
    "GRANT ALL ON FUNCTION pg_catalog.pg_read_file(text) TO PUBLIC": "FUNCTION pg_read_file(text) TO PUBLIC",
    "GRANT ALL ON FUNCTION lo_export(oid, text) TO pg_monitor": "FUNCTION lo_export(oid,text) TO pg_monitor",
    "GRANT SELECT ON TABLE pg_authid TO PUBLIC": "SELECT ON TABLE pg_authid TO PUBLIC",
    "GRANT SELECT(rolpassword) ON TABLE pg_authid TO PUBLIC": "SELECT (rolpassword) ON TABLE pg_authid",
    "GRANT ALL ON SCHEMA pg_catalog TO pg_monitor": "CREATE ON SCHEMA pg_catalog TO pg_monitor",
    "GRANT ALL ON FUNCTION public.dblink_connect_u(text) TO PUBLIC": "dblink_connect_u(text) TO PUBLIC",
}


def test_what_the_server_keeps_from_ordinary_users_is_given_to_nobody_and_said(practice, target, tmp_path):
    """By name or by a search path; of an extension too. What all have anyway is no matter."""
    text = "CREATE EXTENSION dblink WITH SCHEMA public;\nSET search_path = public, pg_catalog;\n"
    text += "CREATE TABLE t (a int);\nGRANT SELECT ON TABLE pg_class TO pg_monitor;\n"
    text += "GRANT ALL ON FUNCTION public.dblink(text) TO pg_monitor;\nGRANT SELECT ON TABLE t TO PUBLIC;\n"
    text += "".join(f"{right};\n" for right in RIGHTS)
    told = restored(practice, script(tmp_path, text.encode()), target, code=1)
    for said in RIGHTS.values():
        assert said in told
    assert "pg_class" not in told
    database = Database(practice.source.server, target)
    for allowed in (
        "has_function_privilege('pg_monitor', 'lo_export(oid,text)', 'EXECUTE')",
        "has_function_privilege('pg_monitor', 'pg_read_file(text)', 'EXECUTE')",
        "has_function_privilege('pg_monitor', 'dblink_connect_u(text)', 'EXECUTE')",
        "has_any_column_privilege('pg_monitor', 'pg_authid', 'SELECT')",
        "has_schema_privilege('pg_monitor', 'pg_catalog', 'CREATE')",
    ):
        assert database.psql(f"SELECT {allowed}") == b"f\n", allowed
    assert database.psql("SELECT has_table_privilege('pg_monitor', 't', 'SELECT')") == b"t\n"


@pytest.mark.parametrize(
    "given",
    [
        "ALTER FUNCTION lo_import(text) OWNER TO pg_monitor",
        "ALTER FUNCTION pg_catalog.lo_export(oid, text) OWNER TO pg_monitor",
        "ALTER SCHEMA pg_catalog OWNER TO pg_monitor",
        "ALTER TYPE pg_catalog.int4 OWNER TO pg_monitor",
    ],
)
def test_what_belongs_to_the_server_is_given_to_no_other_owner(practice, target, tmp_path, given):
    text = f"SET search_path = public, pg_catalog;\nCREATE TABLE t (a int);\n{given};\n"
    told = restored(practice, script(tmp_path, text.encode()), target, code=2)
    assert "gives away what belongs to the server" in told
    assert target not in practice.databases()


CONNECTS = {
    b"\\connect colegio": "colegio",
    b'\\connect "Mi base"': "Mi base",
    "\\connect -reuse-previous=on \"dbname='Admisión_MTN_DB'\"".encode(): "Admisión_MTN_DB",
    b'\\connect -reuse-previous=on "dbname=\'it\\\'s ""odd""\'"': 'it\'s "odd"',
    b"\\c postgresql://ana:secreta@host/colegio": "colegio",
    b"\\c 'host=x password=secreta dbname=colegio'": "colegio",
    b"\\connect colegio ana host 5432": "colegio",
}
SECRETS = (b"\\set clave 'secreta'", b"\\setenv\tPGPASSWORD secreta", b"ALTER ROLE x PASSWORD 'secreta' \\g")


@pytest.mark.parametrize("line", [*CONNECTS, *SECRETS])
def test_of_a_psql_command_its_name_and_its_database_are_told_and_nothing_else(
    practice, target, tmp_path, line
):
    told = restored(practice, script(tmp_path, line + b"\nCREATE TABLE t (a int);\n"), target, code=2)
    assert "psql command, which is never run: " in told
    if line in CONNECTS:
        assert f"It holds: {CONNECTS[line]}. " in told
        assert "> -" not in told, "a file of that name is an option"
    written = [path for path in practice.root.rglob("*") if path.is_file() and path.name != "x.sql"]
    assert "secreta" not in told
    assert not [path for path in written if b"secreta" in path.read_bytes()]


def test_a_mark_of_utf_8_within_gzip_is_passed_over_as_psql_does(practice, target, tmp_path):
    path = tmp_path / "x.sql.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + practice.source.run("pg_dump").replace(b"\n", b"\r\n")))
    restored(practice, path, target)


VALIDATED = """
CREATE FUNCTION public.evil() RETURNS boolean LANGUAGE plpgsql AS
'BEGIN CREATE ROLE mtn_evil; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN true; END';
CREATE FUNCTION public.evil(a text, b character varying) RETURNS text LANGUAGE plpgsql AS
'BEGIN PERFORM public.evil(); RETURN b; END';
CREATE AGGREGATE public.max(character varying) (SFUNC = public.evil, STYPE = text);
CREATE TABLE public.applications (created_at character varying);
CREATE VIEW public.users AS SELECT 1 AS a WHERE public.evil();
COPY public.applications (created_at) FROM stdin;
2026-01-01
\\.
"""


def test_step_5_runs_nothing_of_what_such_a_script_has_made(practice, target, tmp_path):
    path = practice.backups / "admision_mtn_full_20261003_020000.sql.gz"
    path.write_bytes(gzip.compress(HEAD + VALIDATED.encode() + FOOT))
    source = practice.source
    restored(practice, path, target)
    (backup,) = practice.inventory.backups
    try:
        found = validate(practice.context, target, backup).checks
        assert source.psql("SELECT rolname FROM pg_roles WHERE rolname = 'mtn_evil'") == b""
        said = {one.id: one for one in found}
        assert "users is no table" in "".join(one.says for one in found)
        assert "no date" in said["newest"].says
        assert "applications has 1 rows" in "".join(one.says for one in found)
    finally:
        source.psql("DROP ROLE IF EXISTS mtn_evil")


OWNERS = """
COMMENT ON DATABASE %I IS 'x [mtn abcdef23]'
REVOKE CONNECT ON DATABASE %I FROM PUBLIC
GRANT ALL ON DATABASE %I TO pg_monitor WITH GRANT OPTION
REVOKE ALL ON DATABASE %I FROM CURRENT_USER
ALTER DATABASE %I CONNECTION LIMIT 0
ALTER DATABASE %I IS_TEMPLATE true
ALTER DATABASE %I SET default_transaction_read_only = on
""".strip().split("\n")


@pytest.mark.parametrize("fails", [False, True])
def test_what_the_owner_of_a_database_may_set_of_it_stays_as_new(practice, target, tmp_path, fails):
    """A function of the script may: it runs as the owner of the database that is loaded."""
    does = "".join(f"EXECUTE format($q${one}$q$, current_database()); " for one in OWNERS)
    text = f"""CREATE FUNCTION public.evil() RETURNS integer LANGUAGE plpgsql AS
$$BEGIN {does}RETURN 1; END$$;
CREATE TABLE public.t (a integer, b integer DEFAULT public.evil());
COPY public.t (a) FROM stdin;
1
\\.
{"ALTER TABLE ONLY public.t ADD CONSTRAINT c CHECK (a > 1);" if fails else ""}
"""
    restored(practice, script(tmp_path, text.encode()), target, code=2 if fails else 0)
    there = [one for one in practice.databases() if one.startswith(target)]
    assert there == ([] if fails else [target])
    if not fails:
        database = Database(practice.source.server, target)
        assert (
            database.psql(
                "SELECT datconnlimit, datistemplate, shobj_description(oid, 'pg_database') IS NULL,"
                " has_database_privilege('pg_monitor', oid, 'CREATE'), acl.many FROM pg_database,"
                " LATERAL (SELECT count(*) AS many FROM aclexplode(datacl)) AS acl"
                " WHERE datname = current_database()"
            )
            == b"-1|f|t|f|5\n"
        )
        assert database.psql("SHOW default_transaction_read_only") == b"off\n"
