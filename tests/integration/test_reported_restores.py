"""What people report of restores that fail: each is restored, or told with the way out."""

from __future__ import annotations

import pytest

from mtn_tui.core.errors import PostgresError
from tests.operation_fixtures import Practice

# Each depends on what no catalogue tells, so that only the script's order, or a search_path, helps.
HIDDEN = """
    CREATE SCHEMA app;
    CREATE FUNCTION app.plain(x text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(x)';
    CREATE FUNCTION public.inlined(x text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT plain(x)';
    CREATE TABLE public.made_at_once (name text, low text GENERATED ALWAYS AS (public.inlined(name)) STORED);
    INSERT INTO made_at_once (name) VALUES ('Ñandú');

    CREATE TABLE public.zz_marks (pupil int PRIMARY KEY, mark int);
    INSERT INTO zz_marks SELECT n, n % 7 FROM generate_series(1, 3000) n;
    CREATE MATERIALIZED VIEW public.best AS SELECT mark, count(*) AS many FROM public.zz_marks GROUP BY 1;
    CREATE FUNCTION public.of_best() RETURNS SETOF public.best LANGUAGE plpgsql STABLE AS
        'BEGIN RETURN QUERY SELECT * FROM public.best; END';
    CREATE MATERIALIZED VIEW public.zz_read_by_a_function AS SELECT * FROM public.of_best();
    CREATE MATERIALIZED VIEW public.aa_by_key AS SELECT pupil, mark FROM public.zz_marks GROUP BY pupil;
    CREATE UNIQUE INDEX ON public.aa_by_key (pupil);
    CREATE FUNCTION public.known(p int) RETURNS boolean LANGUAGE plpgsql STABLE AS
        'BEGIN RETURN EXISTS (SELECT FROM public.zz_marks WHERE pupil = p); END';
    CREATE TABLE public.aa_asks (pupil int);
    ALTER TABLE public.aa_asks ADD CHECK (public.known(pupil)) NOT VALID;
"""

SETTINGS = {
    "quote_all_identifiers": "on",
    "datestyle": "German, DMY",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "-5",
    "timezone": "Asia/Kolkata",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "search_path": "nowhere",
    "lc_messages": "C",
    "client_encoding": "LATIN1",
    "statement_timeout": "1000",
    "array_nulls": "off",
}


def test_what_only_the_scripts_order_or_the_search_path_makes_possible_is_restored(
    pg18, new_database, practise
):
    source = new_database(pg18)
    source.psql(f'ALTER DATABASE "{source.name}" SET search_path TO app, public')
    source.psql(HIDDEN)
    practice: Practice = practise(source)
    practice.back_up()
    restored = practice.restore()
    assert restored.dump() == source.dump()
    counted = "SELECT count(*) FROM zz_read_by_a_function; SELECT count(*) FROM aa_by_key; TABLE made_at_once"
    assert restored.psql(counted) == source.psql(counted)


@pytest.mark.sample("few rows")
@pytest.mark.parametrize("rows", [5, 20_000], ids=["few rows", "many rows"])
def test_rows_whose_check_looks_into_a_table_that_comes_later_are_loaded_after_it(
    pg18, new_database, practise, rows
):
    """With psql that goes well where the other table's name comes first."""
    source = new_database(pg18)
    source.psql(f"""
        CREATE TABLE public.courses (id int PRIMARY KEY);
        CREATE FUNCTION public.there(c int) RETURNS boolean LANGUAGE plpgsql STABLE AS
            'BEGIN RETURN EXISTS (SELECT FROM public.courses WHERE id = c); END';
        INSERT INTO courses SELECT generate_series(1, 5);
        CREATE TABLE public.a_marks (course int CHECK (public.there(course)), remark text);
        INSERT INTO a_marks SELECT n % 5 + 1, md5(n::text) FROM generate_series(1, {rows}) n;
        CREATE INDEX ON a_marks (course);
    """)
    practice: Practice = practise(source)
    practice.back_up()
    restored = practice.restore()
    assert restored.dump() == source.dump()
    assert practice.job.warnings == ()


@pytest.mark.slow
def test_settings_of_the_role_that_backs_up_and_restores_change_nothing(pg18, new_rich, practise):
    source = new_rich(pg18)
    without = ("--no-owner", "--no-acl")  # extensions belong to whoever makes them
    want = source.dump(*without)
    source.psql("CREATE ROLE mtn_set SUPERUSER LOGIN PASSWORD 'x'")
    practice: Practice = practise(source, DB_USER="mtn_set", DB_PASSWORD="x")
    try:
        for name, value in SETTINGS.items():
            source.psql(f"ALTER ROLE mtn_set SET {name} = '{value}'")
        practice.back_up()
        assert practice.restore().dump(*without).decode().splitlines() == want.decode().splitlines()
    finally:
        for name in practice.made:
            pg18.drop_database(name)
        source.psql("DROP ROLE mtn_set")


def test_a_view_whose_query_is_text_that_names_no_schema_is_told_with_the_way_out(
    pg18, new_database, practise
):
    source = new_database(pg18)
    source.psql(
        "CREATE TABLE texts (words tsvector); INSERT INTO texts VALUES (to_tsvector('uno dos'));"
        "CREATE MATERIALIZED VIEW found AS SELECT word FROM ts_stat('SELECT words FROM public.texts');"
    )
    practice: Practice = practise(source)
    source.psql(
        "DROP MATERIALIZED VIEW found; SET check_function_bodies = off;"
        "CREATE MATERIALIZED VIEW found AS SELECT word FROM ts_stat('SELECT words FROM texts') WITH NO DATA;"
        "UPDATE pg_class SET relispopulated = true WHERE relname = 'found'"
    )
    practice.back_up()
    with pytest.raises(PostgresError, match=r"REFRESH MATERIALIZED VIEW public\.found") as raised:
        practice.restore()
    assert "search_path" in raised.value.hint
    assert "--keep-going" in raised.value.hint
