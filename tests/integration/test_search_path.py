"""Functions that name things without their schema are loaded with the source's search_path, and told."""

from __future__ import annotations

import os

import pytest

from mtn_tui.archive import manifest as manifests
from mtn_tui.core.errors import PostgresError
from mtn_tui.core.identity import DatabaseProperties
from mtn_tui.operations.restore.request import Request, arguments
from mtn_tui.postgres.search_path import listed, of_properties, of_source, with_catalog
from tests.operation_fixtures import Practice

SCHEMA = """
    CREATE SCHEMA app;
    CREATE SCHEMA odd;
    CREATE FUNCTION app.plain(x text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(x)';
    CREATE FUNCTION odd.other(x text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(x)';
    CREATE FUNCTION public.norm(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
        'BEGIN RETURN plain(x); END';
    CREATE FUNCTION public.inlined(x text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT other(x)';
    CREATE TABLE public.generated (
        id int PRIMARY KEY, name text, n text GENERATED ALWAYS AS (norm(name)) STORED);
    CREATE TABLE public.checked (id int PRIMARY KEY, name text CHECK (norm(name) <> 'no'));
    CREATE TABLE public.later (id int REFERENCES checked, name text);
    CREATE DOMAIN public.word AS text CHECK (norm(VALUE) <> 'no');
    CREATE TABLE public.worded (id int, w word);
    INSERT INTO generated SELECT g, 'Ñandú ' || g FROM generate_series(1, 2000) g;
    INSERT INTO checked SELECT g, 'x' || g FROM generate_series(1, 100) g;
    INSERT INTO later SELECT g, 'x' || g FROM generate_series(1, 100) g;
    INSERT INTO worded SELECT g, 'x' || g FROM generate_series(1, 100) g;
    ALTER TABLE later ADD CONSTRAINT inlined CHECK (inlined(name) <> 'no');
    ANALYZE;
"""


@pytest.fixture
def unqualified(pg18, new_database):
    database = new_database(pg18)
    database.psql(
        f'ALTER DATABASE "{database.name}" SET search_path TO app, public;'
        f'ALTER ROLE {pg18.user} IN DATABASE "{database.name}" SET search_path TO "$user", app, public, odd'
    )
    database.psql(SCHEMA)
    return database


def test_what_only_the_sources_search_path_finds_is_restored_said_and_recorded(unqualified, practise):
    practice: Practice = practise(unqualified)
    made = practice.back_up()
    assert made.manifest.search_path == ("app", "public", "odd")
    restored = practice.restore()
    assert restored.dump() == unqualified.dump()
    needed = {"COPY public.generated", "COPY public.checked", "COPY public.worded", "COPY public.later"}
    told = practice.job.result["search_path"]
    assert needed == set(told)
    assert sorted(told) == sorted(text.partition(" needed")[0] for text in practice.job.warnings)
    assert practice.job.exit_code == 1
    columns = (
        "SELECT tablename, attname, histogram_bounds FROM pg_stats WHERE schemaname = 'public' ORDER BY 1, 2"
    )
    assert restored.psql(columns) == unqualified.psql(columns)


def test_a_file_that_nothing_signs_gets_no_search_path_but_the_one_that_is_asked_for(unqualified, practise):
    practice: Practice = practise(unqualified)
    path = practice.legacy_backup()
    backup = practice.inventory.find(path.name)
    with pytest.raises(PostgresError, match=r"norm\(text\) line 1") as refused:
        practice.restore(backup=backup, legacy=True)
    assert "--search-path" in refused.value.hint
    assert refused.value.runbook == ""
    restored = practice.restore(backup=backup, legacy=True, search_path=("app", "public", "odd"))
    assert restored.dump() == unqualified.dump()


def test_a_path_that_does_not_help_is_told_as_such(unqualified, practise):
    practice: Practice = practise(unqualified)
    practice.back_up()
    with pytest.raises(PostgresError, match="plain") as refused:
        practice.restore(search_path=("odd",))
    assert "as well with search_path pg_catalog, odd" in refused.value.hint.replace('"', "")


@pytest.mark.parametrize(
    ("made", "refused"),
    [
        ("CREATE INDEX i ON t (norm(name))", "CREATE INDEX i ON public.t. The server said: function plain"),
        (
            "ALTER TABLE t ADD EXCLUDE (norm(name) WITH =)",
            "ADD CONSTRAINT t_norm_excl. The server said: function",
        ),
        ("CREATE MATERIALIZED VIEW m AS SELECT norm(name) FROM t", "REFRESH MATERIALIZED VIEW public.m. "),
    ],
)
def test_what_the_server_makes_on_a_path_of_its_own_is_told_with_the_way_out(
    pg18, new_database, practise, made, refused
):
    """Since PostgreSQL 17: an index, and the rows of a materialized view."""
    database = new_database(pg18)
    database.psql(
        "CREATE SCHEMA app;"
        "CREATE FUNCTION app.plain(x text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT x';"
        "CREATE FUNCTION norm(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x; END';"
        f"CREATE TABLE t (name text); INSERT INTO t VALUES ('a'); {made};"
        "CREATE OR REPLACE FUNCTION norm(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
        " 'BEGIN RETURN plain(x); END';"
        f'ALTER DATABASE "{database.name}" SET search_path TO app, public'
    )
    practice: Practice = practise(database)
    practice.back_up()
    told = practice.here("restore", "--latest", "--target", "mtn_pathless", check=2).stderr
    assert refused in told
    assert "norm(text)" in told
    assert 'ALTER FUNCTION … SET search_path = "pg_catalog", "app", "public"' in told
    assert "--keep-going" in told
    assert "Try: mtn restore" not in told


def test_the_command_says_the_path_to_its_job_and_in_the_plan(unqualified, practise):
    practice: Practice = practise(unqualified)
    practice.back_up()
    request = Request(practice.inventory.latest(), "x", search_path=("app", "Odd, one"))
    words = arguments(request)
    value = words[words.index("--search-path") + 1]
    assert [name for name in listed(value) if name != "pg_catalog"] == ["app", "Odd, one"]
    target = f"planned_{os.getpid()}"
    said = practice.here(
        "restore", "--latest", "--target", target, "--dry-run", "--search-path", "app", check=None
    )
    assert '"pg_catalog", "app"' in said.stdout


def test_the_path_of_a_manifest_of_before_is_taken_from_its_properties(unqualified, practise):
    practice: Practice = practise(unqualified)
    made = practice.back_up()
    key = practice.context.key
    body = manifests._parse(manifests.encode(made.manifest, key))
    body.pop("search_path"), body.pop("mac")
    data = manifests.canonical({**body, "mac": manifests.mac(manifests.canonical(body), key)}) + b"\n"
    read = manifests.decode(data, key, made.manifest.payload)
    assert read.search_path == ()
    assert of_properties(read.properties) == ("app", "public", "odd")
    assert of_properties(DatabaseProperties("x")) == ("public",)


def test_the_servers_default_and_the_schemas_of_roles_are_on_the_path(pg18, new_database):
    database = new_database(pg18)
    database.psql(f'CREATE SCHEMA "{pg18.user}"; CREATE SCHEMA other')
    with database.connect() as connection:
        assert of_source(connection) == (pg18.user, "public")


def test_pg_catalog_comes_first_whatever_was_set():
    assert with_catalog(["a", "pg_catalog", 'b"c']) == '"pg_catalog", "a", "b""c"'
