"""A restore of a file that nothing signs touches nothing but its own database."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from mtn_tui.postgres.connection import application, connect
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database, NewDatabase

HEAD = b"--\n-- PostgreSQL database dump\n--\n\n"
FOOT = b"\n--\n-- PostgreSQL database dump complete\n--\n"

EVIL = """
CREATE FUNCTION public.evil(a integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE
    AS 'BEGIN RETURN public.really(a); END';
CREATE FUNCTION public.really(a integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.seen SELECT session_user::text, current_user::text, what, NULL
        FROM unnest(ARRAY['r']) AS what;
    BEGIN EXECUTE 'RESET SESSION AUTHORIZATION'; EXECUTE 'RESET ROLE'; EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN EXECUTE 'ALTER ROLE ' || quote_ident(session_user) || ' SUPERUSER';
        INSERT INTO public.seen VALUES ('', '', 'superuser', NULL); EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch {gone}''';
        INSERT INTO public.seen VALUES ('', '', 'program', NULL); EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN EXECUTE 'CREATE ROLE mtn_evil'; EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN EXECUTE 'SET ROLE ' || quote_ident('{user}');
        INSERT INTO public.seen VALUES ('', '', 'role', NULL); EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN EXECUTE 'ALTER DATABASE ' || quote_ident(current_database()) || ' SET search_path = evil';
        EXCEPTION WHEN OTHERS THEN NULL; END;
    RETURN a;
END
$$;
"""


@pytest.fixture
def practice(pg18, new_database: NewDatabase, practise: Callable[..., Practice]) -> Practice:
    source = new_database(pg18)
    source.psql(
        "CREATE TABLE t (id serial PRIMARY KEY, a text); INSERT INTO t (a) VALUES ('uno'), ('dos');"
        "CREATE VIEW v AS SELECT * FROM t; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';"
        "CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t; COMMENT ON TABLE t IS 'x';"
        "GRANT SELECT ON t TO PUBLIC;"
    )
    return practise(source)


def a_target(practice: Practice) -> str:
    name = f"mtn_unsigned_{os.getpid()}"
    practice.made.append(name)
    return name


@pytest.fixture
def target(practice: Practice) -> str:
    return a_target(practice)


def written(path: Path, script: bytes) -> Path:
    path.write_bytes(gzip.compress(script) if path.suffix == ".gz" else script)
    return path


def roles(practice: Practice) -> set[str]:
    return set(
        Database(practice.source.server, "postgres").psql("SELECT rolname FROM pg_roles").decode().split()
    )


def doctors(practice: Practice) -> list[dict[str, str]]:
    """What the doctor says of leftovers."""
    found = json.loads(practice.here("doctor", "--json", check=None).stdout)
    return [one for one in found if one["check"] == "leftovers"]


def restored(practice: Practice, path: Path, target: str, *more: str, code: int | None = 0) -> str:
    options = ("--legacy", "--file", str(path), "--target", target, *more)
    done = practice.here("restore", *options, check=code)
    assert not [one for one in roles(practice) if one.startswith("mtn_load_")]
    return done.stdout + done.stderr


def test_a_dump_that_drops_production_is_refused_before_anything_and_by_the_dry_run_too(
    practice, target, tmp_path
):
    script = practice.source.run("pg_dump", "-C", "-c")
    before = practice.databases()
    for path in (tmp_path / "lo que sea.sql.gz", tmp_path / "volcado.sql"):
        written(path, script)
        for more in (("--dry-run",), ()):
            told = restored(practice, path, target, *more, code=2)
            line = script[: script.index(b"\nDROP DATABASE ")].count(b"\n") + 2
            assert f"Line {line}: " in told, told
            assert "DROP DATABASE" in told
            assert "pg_dump -C" in told
    assert practice.databases() == before
    assert practice.source.psql("SELECT count(*) FROM t") == b"2\n"


def test_a_dump_that_says_owners_by_session_authorization_is_refused_with_the_way(practice, target, tmp_path):
    path = written(tmp_path / "x.sql", practice.source.run("pg_dump", "--use-set-session-authorization"))
    for more in (("--dry-run",), (), ("--as-operator",)):
        told = restored(practice, path, target, *more, code=2)
        assert "dumped again without --use-set-session-authorization" in told
        assert "pg_dump does not write" not in told
    written(path, practice.source.run("pg_dump"))
    restored(practice, path, target)


def test_the_login_may_make_things_in_the_schema_public_of_every_server(
    any_pg, new_database, practise, tmp_path
):
    practice = practise(new_database(any_pg))
    practice.source.psql("CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    path = written(tmp_path / "dump.sql", practice.source.dump())
    target = a_target(practice)
    restored(practice, path, target)
    assert Database(any_pg, target).dump() == practice.source.dump()


@pytest.mark.sample("program0")
@pytest.mark.parametrize(
    "program", [("pg_dump", "-C"), ("pg_dump", "-C", "-c"), ("pg_dumpall", "--no-role-passwords")]
)
def test_the_line_that_the_refusal_gives_makes_a_file_that_restores(practice, target, tmp_path, program):
    path = written(tmp_path / "de todo.sql.gz", practice.source.run(*program))
    told = restored(practice, path, target, code=2)
    (command,) = re.findall(r"\\connect: (.*?\.sql\.gz)  Then", told)
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    (made,) = (one for one in tmp_path.glob("*.sql.gz") if one != path)
    restored(practice, made, target)
    assert Database(practice.source.server, target).dump() == practice.source.dump()


def test_a_file_of_any_name_restores_as_it_was_with_all_that_it_holds(practice, target, tmp_path):
    source = practice.source
    before = roles(practice)
    path = written(tmp_path / "Dump 2026 (ñ).sql", source.run("pg_dump"))
    facts = json.loads(
        practice.here("restore", "--legacy", "--file", str(path), "--target", target, "--json").stdout
    )
    assert facts["loaded_by"] == "login"
    assert Database(source.server, target).dump() == source.dump()
    assert roles(practice) == before
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert Database(source.server, target).psql(owner) == source.psql(owner)


@pytest.mark.sample("options0", "options4")
@pytest.mark.parametrize(
    "options",
    [
        ("--clean",),
        ("--clean", "--if-exists"),
        ("--inserts", "--no-owner", "--no-acl"),
        ("--column-inserts", "--rows-per-insert=7", "--on-conflict-do-nothing", "--quote-all-identifiers"),
        ("--enable-row-security", "--load-via-partition-root", "--no-security-labels", "--no-publications"),
    ],
)
def test_each_form_of_a_dump_restores(practice, target, tmp_path, options):
    path = written(tmp_path / "x.sql.gz", practice.source.run("pg_dump", *options))
    restored(practice, path, target)
    shown = ("--no-acl",) if "--no-acl" in options else ()
    assert Database(practice.source.server, target).dump(*shown) == practice.source.dump(*shown)


def test_what_a_script_runs_is_run_by_a_login_that_may_do_nothing_else(practice, target, tmp_path):
    gone, user = tmp_path / "gone", practice.source.server.user
    evil = EVIL.replace("{gone}", str(gone)).replace("{user}", user)
    script = f"""
SET search_path = public, pg_catalog;
CREATE TABLE public.seen (session text, actual text, what text, x text);
{evil}
ALTER FUNCTION public.evil(a integer) OWNER TO {user};
CREATE TABLE public.t (a integer DEFAULT public.evil(1), b integer, CONSTRAINT c CHECK (public.evil(b) = b));
ALTER TABLE t OWNER TO {user};
CREATE FUNCTION public.fires() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
'BEGIN PERFORM public.evil(2); RETURN NEW; END';
CREATE TRIGGER g BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.fires();
CREATE FUNCTION public.on_event() RETURNS event_trigger LANGUAGE plpgsql AS
'BEGIN PERFORM public.evil(3); END';
COPY public.t (b) FROM stdin;
1
\\.
CREATE INDEX i ON public.t USING btree (public.evil(b));
CREATE MATERIALIZED VIEW public.m AS SELECT public.evil(b) AS n FROM public.t WITH NO DATA;
CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.on_event();
ALTER EVENT TRIGGER e OWNER TO {user};
REFRESH MATERIALIZED VIEW public.m;
GRANT SELECT ON TABLE t TO PUBLIC;
"""
    told = restored(practice, written(tmp_path / "x.sql", HEAD + script.encode() + FOOT), target, code=1)
    assert "The event trigger e exists, disabled" in told
    database = Database(practice.source.server, target)
    seen = database.psql("SELECT DISTINCT session, actual, what FROM public.seen").decode().split("\n")[:-1]
    assert len(seen) == 1
    assert re.fullmatch(r"(mtn_load_[a-z2-7]{8})\|\1\|r", seen[0])
    assert not gone.exists()
    assert "mtn_evil" not in roles(practice)
    assert database.psql("SELECT evtenabled FROM pg_event_trigger") == b"D\n"
    assert database.psql("SHOW search_path") == b'"$user", public\n'
    owners = (
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    )
    assert database.psql(owners).decode().strip() == user


def test_two_statements_that_psql_takes_for_one_are_refused_by_the_server(practice, target, tmp_path):
    smuggled = """CREATE FUNCTION public.f() RETURNS int LANGUAGE sql
BEGIN ATOMIC; SELECT a.case FROM (SELECT 1 AS "case") a; END; CREATE ROLE mtn_evil; SELECT 1; END;"""
    told = restored(practice, written(tmp_path / "x.sql", HEAD + smuggled.encode() + FOOT), target, code=2)
    assert "mtn_evil" not in roles(practice), told
    assert target not in practice.databases()


def test_what_takes_a_superuser_is_refused_unless_the_operator_is_to_load_it(practice, target, tmp_path):
    practice.source.psql("CREATE FUNCTION g() RETURNS int LANGUAGE sql LEAKPROOF AS 'SELECT 1'")
    path = written(tmp_path / "x.sql", practice.source.run("pg_dump"))
    told = restored(practice, path, target, code=64)
    assert "--as-operator" in told
    assert target not in practice.databases()
    restored(practice, path, target, "--as-operator", code=1)
    assert Database(practice.source.server, target).dump() == practice.source.dump()


SUPERUSERS = {
    "CREATE FUNCTION g": "CREATE FUNCTION g() RETURNS int LANGUAGE sql LEAKPROOF AS 'SELECT 1'",
    "CREATE OPERATOR CLASS": "CREATE OPERATOR CLASS o FOR TYPE int USING hash AS OPERATOR 1 =(int, int),"
    " FUNCTION 1 hashint4(int)",
    "CREATE TYPE shell": "CREATE TYPE shell",
    "CREATE FOREIGN DATA WRAPPER": "CREATE FOREIGN DATA WRAPPER w",
    "CREATE SERVER": "CREATE SERVER s FOREIGN DATA WRAPPER w",
    "CREATE USER MAPPING": "CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password 'secreta')",
    "CREATE FOREIGN TABLE": "CREATE FOREIGN TABLE f (a int) SERVER s",
    "CREATE PROCEDURAL LANGUAGE": "CREATE PROCEDURAL LANGUAGE plperlu",
}


def test_what_only_the_operator_can_make_is_told_with_its_line_by_the_dry_run(practice, target, tmp_path):
    for kind, statement in SUPERUSERS.items():
        script = HEAD + b"SET client_encoding = 'UTF8';\n\n" + statement.encode() + b";\n" + FOOT
        told = restored(practice, written(tmp_path / "x.sql", script), target, "--dry-run", code=2)
        assert f"Line 7: {kind}" in told
        assert "--as-operator" in told
        assert "secreta" not in told


def test_roles_that_are_not_there_are_told_before_anything_is_loaded(practice, target, tmp_path):
    script = practice.source.run("pg_dump").replace(b" OWNER TO ", b' OWNER TO "Nadie"; -- ')
    script = script.replace(
        b"GRANT SELECT ON TABLE public.t TO PUBLIC", b"GRANT SELECT ON TABLE public.t TO nadie"
    )
    path = written(tmp_path / "x.sql", script)
    for more in (("--dry-run",), ()):
        told = restored(practice, path, target, *more, code=2)
        assert "The server has no roles Nadie, nadie" in told
        assert "--no-owner" in told
    assert target not in practice.databases()
    restored(practice, path, target, "--no-owner", code=1)
    assert Database(practice.source.server, target).psql("SELECT count(*) FROM t") == b"2\n"


def test_rows_of_an_extension_s_own_tables_are_filled_in_by_the_login(
    practice, catalogue, target, tmp_path, new_database
):
    """With COPY and with INSERT; and what was given for it is taken back."""
    source = new_database(practice.source.server)
    source.psql(f"""
        CREATE SCHEMA topo; CREATE EXTENSION {catalogue};
        INSERT INTO topo.topology SELECT n, md5(n::text) FROM generate_series(1, 5) n;
        INSERT INTO topo.layer SELECT n, n FROM generate_series(1, 5) n;
    """)
    for options in ((), ("--inserts",)):
        path = written(tmp_path / "x.sql", source.run("pg_dump", *options))
        restored(practice, path, target, "--drop")
        assert Database(source.server, target).dump() == source.dump()
        granted = "SELECT grantee FROM pg_class, aclexplode(relacl) WHERE relnamespace = 'topo'::regnamespace"
        assert Database(source.server, target).psql(f"{granted} AND grantee <> relowner") == b""


def test_rows_that_come_with_triggers_off_are_loaded(practice, target, tmp_path):
    """As of a dump of the schema with one of the rows after it, whose order no foreign key knows."""
    source = practice.source
    source.psql(
        "CREATE TABLE a (id int PRIMARY KEY, b int); INSERT INTO a VALUES (1, 1);"
        "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a); INSERT INTO b VALUES (1, 1);"
        "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b"
    )
    rows = source.run("pg_dump", "--data-only", "--disable-triggers")
    assert b"DISABLE TRIGGER ALL" in rows
    path = written(tmp_path / "x.sql", source.run("pg_dump", "--schema-only") + rows)
    restored(practice, path, target)
    database = Database(source.server, target)
    database.psql("REFRESH MATERIALIZED VIEW m")  # which a dump of rows alone does not do
    assert database.dump() == source.dump()
    assert database.psql("SELECT DISTINCT tgenabled FROM pg_trigger") == b"O\n"


def test_a_restore_that_is_killed_while_it_loads_leaves_nothing_that_kept_does_not_sweep_and_name(
    practice, target, tmp_path
):
    script = b"CREATE FUNCTION public.slow() RETURNS int LANGUAGE sql AS 'SELECT 1 FROM pg_sleep(60)';\n"
    script += b"CREATE TABLE public.t (a int, b int DEFAULT public.slow());\n"
    script += b"COPY public.t (a) FROM stdin;\n1\n\\.\n"
    path = written(tmp_path / "x.sql", HEAD + script + FOOT)
    process = practice.start("restore", "--legacy", "--file", str(path), "--target", target)
    at_it = "SELECT usename FROM pg_stat_activity WHERE usename ~ '^mtn_load_' AND query ~ '^COPY'"
    deadline = time.monotonic() + 60
    while not (login := practice.source.psql(at_it).decode().strip()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.communicate()
    (named,) = (one for one in doctors(practice) if login in one["title"])
    assert (named["status"], "mtn kept" in named["hint"]) == ("warn", True)
    (database,) = (one for one in practice.databases() if one.startswith(f"{target}__"))
    assert database in named["title"]
    told = practice.here("kept", "--verbose", check=None).stderr
    assert f"left: {login}" in told
    assert login not in roles(practice)
    assert not [one for one in practice.databases() if one.startswith(target)]


def test_the_doctor_names_what_a_job_of_another_machine_left_and_the_statements_that_remove_it(practice):
    name, job = f"mtn_left_{os.getpid()}", "abcdefgh"
    server = Database(practice.source.server, "postgres")
    practice.made.append(f"{name}__restoring_{job}")
    assert [one["status"] for one in doctors(practice)] == ["ok"]
    server.psql(f"CREATE ROLE mtn_load_{job} LOGIN")
    server.psql(f"CREATE DATABASE {name}__restoring_{job} OWNER mtn_load_{job}")
    with connect(practice.context.server, "postgres", application("restore", job, "elsewhere")):
        assert [one["status"] for one in doctors(practice)] == ["ok"], "it is at work"
    (named,) = doctors(practice)
    assert named["status"] == "warn"
    for statement in named["hint"].partition(": ")[2].split(";")[:-1]:
        server.psql(statement)
    assert f"mtn_load_{job}" not in roles(practice)
    assert [one["status"] for one in doctors(practice)] == ["ok"]


def test_our_own_file_without_its_manifest_still_restores(practice, target, tmp_path):
    practice.back_up()
    (payload,) = practice.backups.glob("*.gpg")
    moved = tmp_path / "suelto.gpg"
    payload.rename(moved)
    restored(practice, moved, target)
    assert Database(practice.source.server, target).dump() == practice.source.dump()
    assert b"[mtn " in Database(practice.source.server, target).psql(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    )


def test_who_may_make_no_roles_is_told_and_may_load_it_himself(practice, target, tmp_path):
    role = f"mtn_maker_{os.getpid()}"
    practice.source.psql(f"CREATE ROLE {role} LOGIN CREATEDB PASSWORD 'x-1'")
    path = written(tmp_path / "x.sql", practice.source.run("pg_dump", "--no-owner", "--no-acl"))
    practice.configure(DB_USER=role, DB_PASSWORD="x-1")
    try:
        told = practice.here("restore", "--legacy", "--file", str(path), "--target", target, check=2).stderr
        assert "may not make roles" in told
        assert "--as-operator" in told
        practice.here(
            "restore", "--legacy", "--file", str(path), "--target", target, "--as-operator", check=1
        )
        practice.source.server.drop_database(target)
        practice.source.psql(f"ALTER ROLE {role} CREATEROLE")
        done = practice.here("restore", "--legacy", "--file", str(path), "--target", target, check=None)
        assert done.returncode in (0, 1), done.stderr
        options = ("--no-owner", "--no-acl")
        assert Database(practice.source.server, target).dump(*options) == practice.source.dump(*options)
    finally:
        practice.source.server.drop_database(target)
        practice.source.psql(f"DROP ROLE {role}")


def test_who_is_no_superuser_is_told_before_whom_he_can_give_nothing_to(practice, target, tmp_path):
    role = f"mtn_giver_{os.getpid()}"
    practice.source.psql(f"CREATE ROLE {role} LOGIN CREATEDB CREATEROLE PASSWORD 'x-1'")
    script = practice.source.run("pg_dump", "--clean", "--no-acl")
    script = script.replace(
        b"CREATE TABLE", b"ALTER SCHEMA public OWNER TO pg_database_owner;\nCREATE TABLE", 1
    )
    owner = practice.source.server.user
    practice.configure(DB_USER=role, DB_PASSWORD="x-1")
    try:
        told = restored(practice, written(tmp_path / "x.sql", script), target, "--dry-run", code=2)
        assert f"can't give to {owner} what is theirs" in told
        mine = script.replace(f"OWNER TO {owner};".encode(), f"OWNER TO {role};".encode())
        restored(practice, written(tmp_path / "x.sql", mine), target, code=None)
        owner_of = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 't'::regclass"
        assert Database(practice.source.server, target).psql(owner_of).decode().strip() == role
    finally:
        practice.source.server.drop_database(target)
        practice.source.psql(f"DROP ROLE {role}")


def test_the_login_connects_once(practice, target, tmp_path, monkeypatch):
    """It may do so once, and the server counts a session for a moment longer than it lasts."""
    users, real = [], psycopg.Connection.connect.__func__

    def connect(cls, *arguments, **given):
        users.append(str(given.get("user")))
        return real(cls, *arguments, **given)

    monkeypatch.setattr(psycopg.Connection, "connect", classmethod(connect))
    restored(practice, written(tmp_path / "x.sql", practice.source.run("pg_dump")), target)
    assert len([user for user in users if user.startswith("mtn_load_")]) == 1


def test_a_server_that_lets_no_new_login_in_is_told(practice, target, tmp_path):
    path = written(tmp_path / "x.sql", practice.source.run("pg_dump"))
    hba = Path(practice.source.psql("SHOW hba_file").decode().strip())
    was = hba.read_text()
    try:
        hba.write_text("host all /^mtn_load_ all reject\nlocal all /^mtn_load_ reject\n" + was)
        practice.source.psql("SELECT pg_reload_conf()")
        told = restored(practice, path, target, code=2)
        assert "No login could be made" in told
        assert "--as-operator" in told
        assert target not in practice.databases()
    finally:
        hba.write_text(was)
        practice.source.psql("SELECT pg_reload_conf()")


def test_the_login_of_a_killed_restore_is_swept(practice, target):
    job = practice.run("restore", lambda job: job.id)
    practice.source.psql(f"CREATE ROLE mtn_load_{job} LOGIN")
    practice.back_up()
    practice.restore(target)
    assert f"mtn_load_{job}" not in roles(practice)


def test_in_the_bucket_it_is_refused_as_well(pg18, new_database, practise, s3, tmp_path):
    practice = practise(new_database(pg18), s3)
    path = practice.backups / "admision_mtn_full_20261003_020000.sql.gz"
    written(path, HEAD + b"ALTER SYSTEM SET archive_command = 'x';\n" + FOOT)
    with path.open("rb") as file:
        practice.context.stores.bucket.put(f"full/{path.name}", file)
    path.unlink()
    told = practice.here("restore", path.name, "--legacy", "--target", "mtn_never", check=2).stderr
    assert "Line 5: " in told
    assert "ALTER SYSTEM" in told
    assert "mtn_never" not in practice.databases()
