"""How many rows tables have now, told without keeping anybody waiting."""

from __future__ import annotations

import os

import pytest

from mtn_tui.core.clock import SystemClock
from mtn_tui.postgres import row_counts as counting
from mtn_tui.postgres.row_counts import RowCount, row_counts

MADE = """
    CREATE TABLE small AS SELECT n FROM generate_series(1, 10) AS n;
    CREATE TABLE large (n) WITH (autovacuum_enabled = off) AS SELECT n FROM generate_series(1, 5000) AS n;
    CREATE TABLE unseen AS SELECT 1;
    CREATE TABLE "Odd one" ();
    CREATE TABLE parts (n int) PARTITION BY RANGE (n);
    CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (100);
    INSERT INTO parts SELECT n FROM generate_series(1, 7) AS n;
    CREATE TABLE parent (n int);
    CREATE TABLE child () INHERITS (parent);
    INSERT INTO child VALUES (1), (2);
"""


@pytest.fixture
def source(any_pg, new_database):
    return new_database(any_pg, script=MADE)


def counted(source, *tables, login=None):
    return row_counts(login or source.login, source.name, tables, "tests", SystemClock())


def test_small_tables_are_counted_each_without_its_children(source):
    found = counted(source, "public.small", "public.part", "public.parent", "public.child")
    assert found["public.small"] == RowCount(10, exact=True)
    assert found["public.part"].rows == 7
    assert (found["public.parent"].rows, found["public.child"].rows) == (0, 2)


def test_of_a_partitioned_table_only_what_is_written_for_the_whole_counts(source):
    assert counted(source, "public.parts")["public.parts"].rows == 7
    both = counted(source, "public.parts", "public.part")
    assert (both["public.parts"].rows, both["public.part"].rows) == (0, 7)


def test_new_tables_are_among_them_and_those_that_are_gone_are_not(source):
    found = counted(source, "public.gone", "public.part")
    assert "public.gone" not in found
    assert found['public."Odd one"'] == RowCount(0, exact=True)


def test_a_large_table_is_an_estimate_of_the_server_and_unknown_where_it_has_none(source, monkeypatch):
    monkeypatch.setattr(counting, "_COUNTED", 0)
    assert counted(source, "public.large")["public.large"] is None
    source.psql("ANALYZE large")
    assert counted(source, "public.large")["public.large"] == RowCount(5000, exact=False)
    source.psql("INSERT INTO large SELECT n FROM generate_series(1, 5000) AS n")
    estimate = counted(source, "public.large")["public.large"]
    assert not estimate.exact
    assert 7000 < estimate.rows < 13000


def test_what_takes_too_long_is_an_estimate(source, monkeypatch):
    source.psql("ANALYZE small")
    monkeypatch.setattr(counting, "_SECONDS_IN_ALL", 0)
    assert counted(source, "public.small")["public.small"] == RowCount(10, exact=False)


def test_rows_that_may_not_all_be_seen_are_not_counted(pg18, new_database, practise):
    role = f"mtn_counts_{os.getpid()}"
    source = new_database(
        pg18,
        script=f"""
            {MADE}
            CREATE ROLE {role} LOGIN PASSWORD 'x';
            GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}; REVOKE SELECT ON unseen FROM {role};
            ALTER TABLE small ENABLE ROW LEVEL SECURITY;
        """,
    )
    practice = practise(source, DB_USER=role, DB_PASSWORD="x")
    try:
        found = counted(source, "public.part", login=practice.context.server)
        assert found["public.part"].rows == 7
        assert [found[f"public.{one}"] for one in ("small", "unseen")] == [None, None]
    finally:
        source.psql(f"DROP OWNED BY {role}; DROP ROLE {role}")
