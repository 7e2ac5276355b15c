"""A script that nothing signs may hold what pg_dump writes for one database: all else is refused."""

from __future__ import annotations

import pytest

from mtn_tui.archive import mark
from mtn_tui.archive.allowed import Allowed, shown
from mtn_tui.archive.allowed_patterns import Way
from mtn_tui.archive.statements import CopyIn, PsqlCommand, Statement, numbered
from mtn_tui.operations.backup.payload import tail

NEVER = """
DROP DATABASE colegio
DROP DATABASE IF EXISTS colegio WITH (FORCE)
drop/**/database colegio
DROP -- x
CREATE DATABASE colegio WITH TEMPLATE = template0
CREATE/* a /* b */ c */DATABASE colegio
ALTER DATABASE colegio OWNER TO ana
ALTER DATABASE colegio SET search_path TO 'x'
ALTER DATABASE colegio RENAME TO otra
GRANT ALL ON DATABASE colegio TO PUBLIC
REVOKE CONNECT ON DATABASE colegio FROM PUBLIC
COMMENT ON ROLE ana IS 'x'
COMMENT ON TABLESPACE t IS 'x'
CREATE ROLE ana SUPERUSER
CREATE USER ana
CREATE GROUP ana
ALTER ROLE postgres PASSWORD 'x'
ALTER ROLE ana SUPERUSER
ALTER USER ana WITH SUPERUSER
ALTER USER MAPPING FOR ana SERVER s OPTIONS (SET password 'x')
DROP ROLE ana
DROP USER ana
DROP OWNED BY ana
REASSIGN OWNED BY ana TO eva
GRANT pg_write_all_data TO ana
GRANT ana TO eva WITH ADMIN OPTION
REVOKE ana FROM eva
GRANT SET ON PARAMETER work_mem TO ana
GRANT CREATE ON TABLESPACE t TO ana
GRANT SELECT ON ALL TABLES IN SCHEMA public TO ana
CREATE TABLESPACE t LOCATION '/tmp/x'
ALTER TABLESPACE t OWNER TO ana
DROP TABLESPACE t
ALTER SYSTEM SET archive_command = 'rm -rf /'
ALTER SYSTEM RESET ALL
SET ROLE postgres
SET SESSION ROLE postgres
SET LOCAL ROLE postgres
SET role = postgres
SET session_authorization = 'postgres'
SET LOCAL search_path = x
SET SESSION search_path = x
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE
SET session_replication_role = replica
SET session_preload_libraries = 'evil'
SET local_preload_libraries = 'evil'
SET dynamic_library_path = '/tmp'
SET log_statement = none
SET client_encoding = 'SJIS'
SET client_encoding = 'GBK'
SET client_encoding = BIG5
SET standard_conforming_strings = x
SET TIME ZONE 'UTC'
RESET ALL
RESET ROLE
DISCARD ALL
LOAD '/tmp/evil.so'
SHOW ALL
CHECKPOINT
COPY t FROM '/etc/passwd'
COPY t FROM PROGRAM 'id'
COPY t TO '/tmp/x'
COPY t TO PROGRAM 'id'
COPY t TO STDOUT
COPY (SELECT 1) TO '/tmp/x'
COPY (SELECT evil()) TO STDOUT
COPY BINARY t FROM '/tmp/x'
copy"t"from/**/program'id'
COPY t (a) FROM $$/etc/passwd$$
DO $$ BEGIN EXECUTE 'DROP DATABASE x'; END $$
DO LANGUAGE plpgsql 'BEGIN END'
DO 'BEGIN PERFORM 1; END'
CALL p()
EXECUTE p
PREPARE p AS SELECT 1
PREPARE TRANSACTION 'x'
COMMIT PREPARED 'x'
ROLLBACK
ROLLBACK PREPARED 'x'
START TRANSACTION
BEGIN ISOLATION LEVEL SERIALIZABLE
COMMIT AND CHAIN
END
SAVEPOINT s
RELEASE s
SELECT 1
SELECT dblink('dbname=colegio', 'DROP TABLE x')
SELECT pg_read_file('/etc/passwd')
SELECT pg_catalog.pg_read_file('/etc/passwd')
SELECT lo_export(1, '/tmp/x')
SELECT pg_catalog.lo_export('1', '/tmp/x')
SELECT pg_catalog.lo_import('/etc/passwd')
SELECT pg_terminate_backend(1)
SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_stat_activity
SELECT pg_reload_conf()
SELECT set_config('role', 'postgres', false)
SELECT pg_catalog.set_config('session_authorization', 'postgres', false)
SELECT pg_catalog.set_config('search_path', evil(), false)
SELECT pg_catalog.setval('s', evil())
SELECT pg_catalog.setval('s'||evil(), 1, true)
SELECT pg_catalog.setval('s', 1, true), evil()
SELECT pg_catalog.lo_create('1') FROM evil()
SELECT pg_catalog.lo_open('1', evil())
SELECT pg_catalog.lowrite(0, evil())
SELECT * FROM pg_catalog.pg_restore_relation_stats('relation', evil())
SELECT * FROM evil()
SELECT 1 INTO t
WITH x AS (DELETE FROM t RETURNING *) SELECT 1
TABLE t
VALUES (evil())
EXPLAIN ANALYZE DELETE FROM t
INSERT INTO t VALUES (evil())
INSERT INTO t VALUES (1, pg_read_file('x'))
INSERT INTO t VALUES ((SELECT 1))
INSERT INTO t SELECT 1
INSERT INTO t VALUES (1) RETURNING evil()
INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = evil()
INSERT INTO t VALUES ('a'::evil)
UPDATE pg_catalog.pg_authid SET rolsuper = true
UPDATE t SET a = 1
DELETE FROM t
MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE
TRUNCATE t
LOCK TABLE t
ANALYZE
VACUUM FULL
CLUSTER
REINDEX SYSTEM colegio
LISTEN x
NOTIFY x
UNLISTEN *
DECLARE c CURSOR FOR SELECT 1
FETCH ALL FROM c
CLOSE ALL
MOVE c
CREATE SCHEMA x CREATE TABLE t (a int)
CREATE SCHEMA x AUTHORIZATION postgres
CREATE SCHEMA x GRANT ALL ON t TO ana
CREATE TABLE t AS SELECT evil()
CREATE TABLE t (a) AS SELECT evil()
CREATE TEMP TABLE t (a int)
CREATE TABLE t (a int) TABLESPACE x
CREATE TABLE t AS EXECUTE p
CREATE MATERIALIZED VIEW m AS SELECT evil()
CREATE MATERIALIZED VIEW m AS SELECT evil() WITH DATA
CREATE INDEX CONCURRENTLY i ON t USING btree (a)
CREATE EXTENSION dblink CASCADE
CREATE EXTENSION dblink SCHEMA x VERSION '0' CASCADE
CREATE EXTENSION dblink FROM unpackaged
ALTER EXTENSION x UPDATE
ALTER EXTENSION x ADD FUNCTION f()
CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/tmp/evil.so', 'f'
CREATE FUNCTION f() RETURNS int LANGUAGE "c" AS '/tmp/evil.so', 'f'
CREATE FUNCTION f() RETURNS int LANGUAGE 'C' AS '/tmp/evil.so'
CREATE FUNCTION f() RETURNS int AS '/tmp/evil.so' LANGUAGE/**/C
CREATE FUNCTION f() RETURNS int LANGUAGE E'\\x63' AS '/tmp/evil.so'
CREATE FUNCTION f() RETURNS int LANGUAGE U&"\\0063" AS '/tmp/evil.so'
CREATE FUNCTION f() RETURNS int LANGUAGE internal AS 'lo_export'
CREATE FUNCTION f() RETURNS int AS 'x'
CREATE LANGUAGE evil HANDLER evil_handler
CREATE PROCEDURAL LANGUAGE evil HANDLER public.h VALIDATOR public.v
IMPORT FOREIGN SCHEMA public FROM SERVER s INTO public
SECURITY LABEL ON ROLE ana IS 'x'
SECURITY LABEL FOR p ON TABLESPACE t IS 'x'
ALTER TABLE t SET TABLESPACE x
ALTER TABLE t RENAME TO u
ALTER TABLE t SET SCHEMA x
ALTER TABLE ALL IN TABLESPACE x SET TABLESPACE y
ALTER TABLE t OWNER TO ana, ADD COLUMN a int DEFAULT evil()
ALTER TABLE t VALIDATE CONSTRAINT c
ALTER TABLE t ADD COLUMN a int DEFAULT evil()
ALTER FUNCTION f() SECURITY DEFINER
ALTER FUNCTION f() LEAKPROOF
ALTER LARGE OBJECT 1 RENAME TO x
ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT a TO b
ALTER EVENT TRIGGER e RENAME TO f
ALTER SERVER s OPTIONS (SET host 'x')
ALTER PUBLICATION p SET TABLE t
REFRESH MATERIALIZED VIEW CONCURRENTLY m
CREATE TRANSFORM FOR t LANGUAGE l (FROM SQL WITH FUNCTION f(internal)); SELECT 1
CREATE VIEW v AS SELECT 1 AS a; DROP DATABASE colegio
CREATE TABLE t (a text DEFAULT E'\\'); DROP DATABASE colegio
SELECT pg_catalog.setval('s', 1, true) ; DROP DATABASE colegio
CREATE VIEW v AS SELECT 'a' 'b'
CREATE VIEW v AS SELECT 1 \\gexec
X
""".strip().split("\n")

BY_PSQL = r"""
\! id
\connect colegio
\c colegio
\i /tmp/x.sql
\ir x.sql
\include x
\copy t from program 'id'
\o |id
\g |id
\w |id
\gexec
\setenv PATH /tmp
\set x `id`
\cd /
\e
\password
\lo_export 1 /tmp/x
\restrict a \! id
\restrict
\unrestrict a;\! id
""".strip().split("\n")

PLAIN = {
    Way.LOAD: """
SET statement_timeout = 0
SET transaction_timeout = 0
SET client_encoding = 'UTF8'
SET client_encoding = 'WIN1252'
SET standard_conforming_strings = on
SET search_path = public, pg_catalog
SET default_with_oids = false
SET xmloption = content
SET default_tablespace = ''
SELECT pg_catalog.set_config('search_path', '', false)
SELECT pg_catalog.setval('public."Un''a"', 7, true)
SELECT pg_catalog.setval(E'public.a\\\\b', -7, false)
SELECT pg_catalog.lo_create('16400')
SELECT pg_catalog.lo_open('16400', 131072)
SELECT pg_catalog.lowrite(0, '\\x00ff')
SELECT pg_catalog.lo_close(0)
BEGIN
COMMIT
CREATE SCHEMA admision
CREATE TABLE public.t (a int DEFAULT nextval('x'), CHECK (a > 0)) INHERITS (public.u) WITH (fillfactor='70')
CREATE TABLE public.t PARTITION OF public.u FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')
CREATE TABLE public.t (a int) WITH (oids = false)
INSERT INTO public.t VALUES (1, 'it''s; DROP DATABASE x', NULL, true, -1.5e+10, '\\x', E'a\\'b', B'101')
INSERT INTO public."T t" (a, "b c") OVERRIDING SYSTEM VALUE VALUES (1, DEFAULT)
INSERT INTO t DEFAULT VALUES
CREATE RULE r AS ON DELETE TO t DO ALSO (DELETE FROM u; DELETE FROM v)
CREATE OPERATOR public.=~= (FUNCTION = f)
ALTER TABLE ONLY t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u(b) ON DELETE CASCADE NOT VALID
ALTER TABLE ONLY public.t ALTER COLUMN id SET DEFAULT nextval('public.s'::regclass)
SECURITY LABEL FOR anon ON COLUMN public.t.a IS 'MASKED WITH FUNCTION anon.fake()'
""",
    Way.ROLES: """
ALTER TABLE public.t OWNER TO postgres
ALTER FUNCTION public.f(a integer, b text) OWNER TO "Una rol"
ALTER LARGE OBJECT 16400 OWNER TO ana
REVOKE ALL ON SCHEMA public FROM PUBLIC
REVOKE ALL ON TABLE t FROM ana
GRANT SELECT,INSERT(a) ON TABLE public.t TO ana WITH GRANT OPTION
GRANT ALL ON SCHEMA public TO PUBLIC
ALTER DEFAULT PRIVILEGES FOR ROLE ana IN SCHEMA x GRANT SELECT ON TABLES TO eva
COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language'
""",
    Way.CLEAN: """
DROP TABLE IF EXISTS public.t
ALTER TABLE IF EXISTS ONLY public.t DROP CONSTRAINT IF EXISTS t_pkey
DROP SCHEMA public
CREATE SCHEMA public
SELECT pg_catalog.lo_unlink('16400')
SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = '16400'
CREATE OR REPLACE PROCEDURAL LANGUAGE plpgsql
""",
    Way.LEFT_OUT: """
COMMENT ON DATABASE colegio IS 'El de verdad'
CREATE SUBSCRIPTION s CONNECTION 'host=x password=y' PUBLICATION p WITH (connect = false, slot_name = 's')
ALTER SUBSCRIPTION s OWNER TO ana
""",
    Way.EXTENSION: """
CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public
""",
    Way.TRIGGERS: """
ALTER TABLE t DISABLE TRIGGER ALL
ALTER TABLE ONLY public."T" ENABLE TRIGGER ALL
""",
    Way.EVENTS: """
CREATE EVENT TRIGGER e ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.f()
""",
    Way.SUPERUSER: """
CREATE OPERATOR CLASS public.o DEFAULT FOR TYPE integer USING btree AS OPERATOR 1 <(integer,integer)
CREATE FUNCTION f() RETURNS int LANGUAGE sql LEAKPROOF AS 'select 1'
CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'x')
""",
}


def way(sql: str) -> Way:
    return Allowed().statement(sql.encode())


@pytest.mark.parametrize("sql", NEVER)
def test_what_pg_dump_never_writes_is_refused(sql: str) -> None:
    assert way(sql) is Way.NOT


@pytest.mark.parametrize("sql", NEVER)
def test_it_is_refused_however_it_is_written(sql: str) -> None:
    if "'" not in sql and '"' not in sql and "$" not in sql and "--" not in sql:
        for odd in (
            sql.lower().replace(" ", "\n\t\f"),
            sql.replace(" ", "/*;'*/"),
            sql.replace(" ", " --'\n"),
        ):
            assert way(odd) is Way.NOT, odd


@pytest.mark.parametrize("line", BY_PSQL)
def test_every_command_of_psql_is_refused(line: str) -> None:
    assert Allowed().psql(line.encode()) is Way.NOT


def test_two_commands_that_protect_psql_are_harmless() -> None:
    for line in (b"\\restrict aB0", b"\\unrestrict aB0"):
        assert Allowed().psql(line) is Way.CLEAN


@pytest.mark.parametrize(
    ("expected", "sql"), [(one, sql) for one, script in PLAIN.items() for sql in script.strip().split("\n")]
)
def test_what_pg_dump_writes_is_told_apart(expected: Way, sql: str) -> None:
    assert way(sql) is expected


def test_the_mark_of_a_backup_is_the_only_do_and_only_byte_for_byte() -> None:
    (statement,) = [event for event in numbered([tail("abcdef23")]) if isinstance(event, Statement)]
    assert statement.sql == mark.statement(b"abcdef23")
    assert way(statement.sql.decode()) is Way.LOAD
    for old, new in (
        (b"COMMENT", b"comment"),
        (b"abcdef23", b"abcdef2'"),
        (b"$mtn$", b"$mt$"),
        (b"  ", b" "),
    ):
        assert way(statement.sql.replace(old, new).decode()) is Way.NOT
    assert way(statement.sql.decode() + " ") is Way.NOT


def test_an_extension_comes_before_what_could_lie_in_wait_for_it() -> None:
    allowed = Allowed()
    assert allowed.statement(b"CREATE SCHEMA x") is Way.LOAD
    assert allowed.statement(b"CREATE EXTENSION citext WITH SCHEMA x") is Way.EXTENSION
    assert allowed.statement(b"CREATE FUNCTION x.f() RETURNS int LANGUAGE sql AS 'select 1'") is Way.LOAD
    assert allowed.statement(b"CREATE EXTENSION hstore WITH SCHEMA x") is Way.NOT


def test_another_role_s_session_holds_rights_and_nothing_else() -> None:
    allowed = Allowed()
    for sql in (
        b"SET SESSION AUTHORIZATION ana",
        b"GRANT SELECT ON TABLE t TO eva",
        b"RESET SESSION AUTHORIZATION",
    ):
        assert allowed.statement(sql) is Way.ROLES
    assert allowed.statement(b"CREATE TABLE t (a int)") is Way.LOAD
    assert allowed.statement(b"SET SESSION AUTHORIZATION 'ana'") is Way.ROLES
    assert allowed.statement(b"CREATE TABLE t (a int)") is Way.NOT
    assert allowed.copy(b"COPY t (a) FROM stdin") is Way.NOT


def test_where_a_backslash_escapes_each_is_doubled_or_the_statement_is_refused() -> None:
    allowed = Allowed()
    assert allowed.statement(b"SET standard_conforming_strings = off") is Way.LOAD
    assert allowed.statement(rb"INSERT INTO t VALUES ('a\\', 'b')") is Way.LOAD
    assert allowed.statement(rb"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ \n '\' $$") is Way.LOAD
    assert allowed.statement(rb"INSERT INTO t VALUES ('\', '); DROP DATABASE colegio; --')") is Way.NOT
    assert allowed.statement(rb"CREATE VIEW v AS SELECT '\', '; DROP DATABASE colegio; --'") is Way.NOT


def test_rows_come_from_the_script_alone() -> None:
    for sql in (
        b'COPY public."T" (a, "b") FROM stdin',
        b"COPY t FROM stdin",
        b"COPY t (a) WITH OIDS FROM stdin",
    ):
        assert Allowed().copy(sql) is Way.LOAD
    for sql in (
        b"COPY t TO '/tmp/x' FROM stdin",
        b"COPY (SELECT evil()) FROM stdin",
        b"COPY t FROM PROGRAM 'x' FROM stdin",
    ):
        assert Allowed().copy(sql) is Way.NOT


def test_dummies_that_are_made_to_be_dropped_are_not_made() -> None:
    allowed = Allowed()
    assert allowed.statement(b"DROP TABLE IF EXISTS x.t") is Way.CLEAN
    assert allowed.statement(b"CREATE OR REPLACE VIEW x.v AS SELECT NULL::integer AS id") is Way.CLEAN
    assert allowed.statement(b"CREATE TABLE x.t (a int)") is Way.LOAD
    assert allowed.statement(b"CREATE OR REPLACE VIEW x.v AS SELECT 1 AS id") is Way.LOAD


def test_each_statement_has_the_line_that_it_begins_in() -> None:
    script = b"-- a\n\n/* b\n */ SET a\n = 1;  SET b = 2;\n\\restrict x\n"
    script += b"COPY t FROM stdin;\n1\n2\n\\.\nSELECT\n1;\n"
    for size in (1, 3, 1000):
        lines = []
        for event in numbered([script[at : at + size] for at in range(0, len(script), size)]):
            if isinstance(event, Statement | CopyIn):
                lines.append(event.line)
            elif isinstance(event, PsqlCommand):
                lines.append(event.number)
        assert lines == [4, 5, 6, 7, 11]


def test_what_is_shown_of_a_statement_holds_no_secret() -> None:
    assert shown(b"ALTER ROLE ana PASSWORD 'secreta'") == "ALTER ROLE ana PASSWORD"
    assert shown(b'DROP DATABASE "Mi clave"') == 'DROP DATABASE "…"'
    assert shown(b"DO $$ secreta $$") == "DO '…'"
    assert shown(b"SELECT evil('" + b"x" * 9999 + b"')") == "SELECT evil"


def test_a_statement_made_to_take_long_is_read_in_no_time() -> None:
    """Each could be split in 2 ** 200 ways."""
    for sql in ("CREATE SEQUENCE s" + " as a" * 200 + " !", "CREATE SEQUENCE s" + " as as" * 200 + " (1)"):
        assert way(sql) is Way.NOT
    assert way("CREATE SEQUENCE s AS integer START WITH 1 INCREMENT BY -1 NO MINVALUE CACHE 1") is Way.LOAD
