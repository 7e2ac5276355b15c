"""What a plain owner who may make databases can't make of a backup is told before anything is made."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from mtn_tui.core.errors import PostgresError
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.restore.plan import plan
from mtn_tui.operations.restore.preflight.requirements import Needs, needs_of
from mtn_tui.operations.restore.request import Request

TABLE = "CREATE TABLE public.t (id int PRIMARY KEY, name text);"
IN_C = "CREATE FUNCTION public.absolute(integer) RETURNS integer LANGUAGE internal IMMUTABLE AS 'int4abs';"

KINDS = {
    "event trigger": (
        "CREATE FUNCTION public.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION public.f()",
        "CREATE EVENT TRIGGER watch",
    ),
    "publication of all tables": (
        "CREATE PUBLICATION everything FOR ALL TABLES",
        "CREATE PUBLICATION everything",
    ),
    "publication of a schema": (
        "CREATE PUBLICATION of_one FOR TABLES IN SCHEMA public",
        "ALTER PUBLICATION of_one",
    ),
    "wrapper": (
        "CREATE FOREIGN DATA WRAPPER w",
        "CREATE FOREIGN DATA WRAPPER w",
    ),
    "server and user mapping": (
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
        "CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (password 'callada-1')",
        "CREATE SERVER s",
    ),
    "language": (
        "CREATE LANGUAGE other HANDLER plpgsql_call_handler",
        "LANGUAGE other",
    ),
    "subscription": (
        "CREATE SUBSCRIPTION nightly CONNECTION 'host=x password=callada-1' PUBLICATION p"
        " WITH (connect = false, slot_name = NONE)",
        "CREATE SUBSCRIPTION nightly",
    ),
    "cast without a function": (
        "CREATE CAST (date AS integer) WITHOUT FUNCTION",
        "CREATE CAST",
    ),
    "cast of built-in types": (
        "CREATE FUNCTION public.f(date) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';"
        "CREATE CAST (date AS bigint) WITH FUNCTION public.f(date)",
        "CREATE CAST",
    ),
    "operator class": (
        "CREATE OPERATOR CLASS public.mine FOR TYPE int4 USING hash"
        " AS OPERATOR 1 =, FUNCTION 1 hashint4(int4)",
        "CREATE OPERATOR",
    ),
    "operator family": (
        "CREATE OPERATOR FAMILY public.fam USING btree",
        "CREATE OPERATOR FAMILY",
    ),
    "base type": (
        "CREATE TYPE public.shouted;"
        "CREATE FUNCTION public.i(cstring) RETURNS public.shouted LANGUAGE internal STRICT AS 'textin';"
        "CREATE FUNCTION public.o(public.shouted) RETURNS cstring LANGUAGE internal STRICT AS 'textout';"
        "CREATE TYPE public.shouted (INPUT = public.i, OUTPUT = public.o, LIKE = text)",
        "CREATE TYPE public.shouted",
    ),
    "transform": (
        "CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal))",
        "CREATE TRANSFORM",
    ),
    "function in C": (IN_C, "absolute"),
    "leakproof function": (
        "CREATE FUNCTION public.quiet(int) RETURNS int LANGUAGE sql LEAKPROOF AS 'SELECT 1'",
        "quiet",
    ),
    "function that sets a superuser's parameter": (
        "CREATE FUNCTION public.unreachable() RETURNS int LANGUAGE sql"
        " SET log_min_messages = 'panic' AS 'SELECT 1'",
        "log_min_messages",
    ),
    "access method": (
        "CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler",
        "CREATE ACCESS METHOD other",
    ),
    "search template": (
        "CREATE TEXT SEARCH TEMPLATE public.plain (LEXIZE = dsimple_lexize)",
        "CREATE TEXT SEARCH TEMPLATE",
    ),
    "aggregate over internals": (
        "CREATE AGGREGATE public.all_of(anynonarray)"
        " (SFUNC = array_agg_transfn, STYPE = internal, FINALFUNC = array_agg_finalfn, FINALFUNC_EXTRA)",
        "CREATE AGGREGATE",
    ),
    "rights on the catalog": (
        "GRANT SELECT ON pg_catalog.pg_statistic TO pg_monitor",
        "pg_statistic",
    ),
}


@pytest.fixture
def plain(pg18, new_database, practise):
    """An installation whose role owns its database, and may make others."""
    role = f"mtn_owner_{os.getpid()}"
    source = new_database(pg18)
    source.psql(f"CREATE ROLE {role} LOGIN CREATEDB PASSWORD 'llana-1'; {TABLE}")
    practice = practise(source)
    yield practice, role
    for name in practice.made:
        pg18.drop_database(name)
    source.psql(
        f"REASSIGN OWNED BY {role} TO {pg18.user}; DROP OWNED BY {role};"
        "ALTER TABLE IF EXISTS public.t OWNER TO CURRENT_USER"
    )
    source.psql(f"DROP ROLE {role}")


def checks(practice, **options):
    request = Request(practice.inventory.latest(), "mtn_beside", no_owner=True, **options)
    return {check.id: check for check in plan(practice.context, request).checks}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_found_in_what_pg_dump_writes(pg18, new_database, kind):
    database = new_database(pg18)
    script, name = KINDS[kind]
    database.psql(TABLE + script)
    needs = needs_of([database.dump()])
    if kind == "subscription":
        database.psql("DROP SUBSCRIPTION nightly")
    found = [
        *needs.for_superusers,
        *needs.subscriptions,
        *needs.routine_settings,
        *needs.system_grants,
    ]
    assert any(name in one for one in found), found
    assert "callada-1" not in str(found)
    assert replace(needs_of([TABLE.encode()]), tables=frozenset()) == Needs((), (), ())


def test_what_a_plain_owner_cant_make_is_told_before(plain):
    practice, role = plain
    practice.source.psql("CREATE EXTENSION pg_buffercache; CREATE EXTENSION citext; " + KINDS["wrapper"][0])
    practice.back_up()
    found = checks(practice)
    assert (found["privileges"].status, found["extensions"].status) == (Status.OK, Status.OK)
    practice.configure(DB_USER=role, DB_PASSWORD="llana-1")
    before, found = practice.databases(), checks(practice)
    for check, name in {
        "privileges": "CREATE FOREIGN DATA WRAPPER w",
        "extensions": "pg_buffercache",
    }.items():
        assert found[check].status is Status.STOP
        assert name in found[check].says
        assert "superuser" in found[check].hint
    assert "citext" not in found["extensions"].says
    with pytest.raises(PostgresError) as stopped:
        practice.restore("mtn_beside", no_owner=True)
    assert stopped.value.title == found["extensions"].says
    assert practice.databases() == before


def test_what_a_plain_owner_can_make_is_not_held_back(plain):
    practice, role = plain
    practice.source.psql(
        """
        CREATE EXTENSION citext; CREATE TYPE public.pair AS (a int); CREATE TYPE public.mood AS ENUM ('ok');
        CREATE TYPE public."odd (x" AS ENUM ('a'); CREATE TYPE public.span AS RANGE (SUBTYPE = int);
        CREATE FUNCTION public.f(public.pair) RETURNS text LANGUAGE sql IMMUTABLE SET work_mem = '4MB'
            AS ' SELECT '' LEAKPROOF LANGUAGE c ''::text';
        CREATE CAST (public.pair AS text) WITH FUNCTION public.f(public.pair);
        CREATE PUBLICATION of_one FOR TABLE public.t; CREATE POLICY p ON public.t USING (true);
        """
    )
    practice.back_up()
    practice.configure(DB_USER=role, DB_PASSWORD="llana-1")
    found = checks(practice)
    assert (found["privileges"].status, found["extensions"].status) == (Status.OK, Status.OK)
    copy = practice.restore("", no_owner=True)
    assert copy.psql("SELECT count(*) FROM pg_cast WHERE castfunc = 'public.f'::regproc") == b"1\n"


@pytest.mark.sample("server")
@pytest.mark.parametrize("where", ["user", "database", "server"])
def test_a_server_that_only_reads_is_told_before(plain, where):
    practice, role = plain
    practice.back_up()
    practice.configure(DB_USER=role, DB_PASSWORD="llana-1")
    setting = "default_transaction_read_only"
    of = {"user": f"ROLE {role}", "database": "DATABASE postgres", "server": "SYSTEM"}[where]
    practice.source.psql(f"ALTER {of} SET {setting} = on; SELECT pg_reload_conf()")
    try:
        with practice.source.connect() as waiting:
            while where == "server" and waiting.execute(f"SHOW {setting}").fetchone() != ("on",):
                pass  # the postmaster has been asked to read it
        found = checks(practice)["writable"]
        assert found.status is Status.STOP
        assert setting in found.hint
        with pytest.raises(PostgresError) as stopped:
            practice.restore("mtn_beside", no_owner=True)
        assert stopped.value.title == found.says
    finally:
        practice.source.psql(f"SET {setting} = off; ALTER {of} RESET {setting}; SELECT pg_reload_conf();")
    with practice.source.connect() as waiting:
        while waiting.execute(f"SHOW {setting}").fetchone() != ("off",):
            pass
    assert checks(practice)["writable"].status is Status.OK
