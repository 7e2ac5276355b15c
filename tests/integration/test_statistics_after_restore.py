"""A restored database has its statistics when it gets its name: nobody waits for an autovacuum."""

from __future__ import annotations

import pytest

from mtn_tui.core.models import Kind
from mtn_tui.operations.backup import payload
from mtn_tui.postgres.dump import Dumper
from mtn_tui.postgres.tools import Child
from tests.integration.test_giving_way import noted
from tests.integration.test_keep_going import go_on


@pytest.mark.slow
def test_every_table_is_analyzed_and_extended_statistics_are_filled(pg18, new_rich, practise):
    source = new_rich(pg18)
    source.psql("ANALYZE")
    practice = practise(source)
    practice.back_up()
    restored = practice.restore()
    gathered = """
        SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_stats
        WHERE schemaname !~ '^(pg_|information_schema)' AND NOT inherited
            AND format('%I.%I', schemaname, tablename)::regclass IN
                (SELECT oid FROM pg_class WHERE relkind = 'r')
        UNION SELECT stxname FROM pg_statistic_ext_data JOIN pg_statistic_ext AS s ON s.oid = stxoid
        ORDER BY name
    """
    assert restored.psql(gathered) == source.psql(gathered) != b""


def test_what_a_differential_changes_much_is_analyzed_again_and_the_rest_is_not(pg18, new_database, practise):
    source = new_database(pg18)
    source.psql("""
        CREATE TABLE little (n int PRIMARY KEY); INSERT INTO little SELECT generate_series(1, 20000);
        CREATE TABLE much (n int PRIMARY KEY); INSERT INTO much SELECT generate_series(1, 20000);
    """)
    practice = practise(source)
    practice.back_up()
    source.psql("""
        INSERT INTO little SELECT generate_series(20001, 20200);
        INSERT INTO much SELECT generate_series(20001, 30000);
    """)
    made = practice.back_up_changes()
    restored = practice.restore(backup=practice.inventory.find(made.manifest.id))
    estimated = "SELECT relname, reltuples FROM pg_class WHERE relname IN ('little', 'much') ORDER BY 1"
    assert restored.psql(estimated) == b"little|20000\nmuch|30000\n"


OF_COLUMNS = """
    SELECT schemaname, tablename, attname, null_frac, avg_width, n_distinct, most_common_vals,
        most_common_freqs, histogram_bounds, correlation
    FROM pg_stats WHERE schemaname IN ('public', 'Mi esquema') ORDER BY 1, 2, 3
"""
ANALYZED = "SELECT relname FROM pg_stat_user_tables WHERE last_analyze IS NOT NULL ORDER BY 1"


@pytest.fixture
def known(pg18, new_database):
    """Tables with statistics, one without, and one about whose columns together there are some."""
    source = new_database(pg18)
    source.psql(r"""
        CREATE SCHEMA "Mi esquema"; CREATE TABLE "Mi esquema"."it's \ odd" (n int PRIMARY KEY, "Año" text);
        INSERT INTO "Mi esquema"."it's \ odd" SELECT n, 'año ''' || n % 7 FROM generate_series(1, 3000) AS n;
        CREATE TABLE plain (n int PRIMARY KEY, t text, e int[]);
        INSERT INTO plain SELECT n, E'a\\b' || n % 5, ARRAY[n, n % 3] FROM generate_series(1, 3000) AS n;
        CREATE INDEX ON plain (lower(t));
        CREATE TABLE together (a int, b int);
        INSERT INTO together SELECT n % 10, n % 20 FROM generate_series(1, 3000) AS n;
        CREATE STATISTICS pair ON a, b FROM together;
        CREATE MATERIALIZED VIEW seen AS SELECT t, count(*) FROM plain GROUP BY t;
        CREATE TABLE fresh (n int) WITH (autovacuum_enabled = off);
        ANALYZE plain, "Mi esquema"."it's \ odd", together, seen;
        INSERT INTO fresh SELECT generate_series(1, 3000);
    """)
    return source


def test_statistics_that_a_backup_holds_are_set_and_only_others_are_gathered(known, practise):
    practice = practise(known)
    practice.back_up()
    restored = practice.restore()
    assert practice.job.exit_code == 0
    gathered = f"SELECT * FROM ({OF_COLUMNS}) AS all_of_them WHERE tablename NOT IN ('together', 'fresh')"
    assert restored.psql(gathered) == known.psql(gathered) != b""
    assert restored.psql(ANALYZED) == b"fresh\ntogether\n"
    assert restored.psql("SELECT count(*) FROM pg_statistic_ext_data") == b"1\n"
    assert restored.psql("SELECT DISTINCT tablename FROM pg_stats WHERE tablename = 'fresh'") == b"fresh\n"
    kept = "SELECT reltuples FROM pg_class WHERE relname ~ '^(plain|seen|plain_lower_idx)$' ORDER BY relname"
    assert restored.psql(kept) == known.psql(kept) == b"3000\n3000\n5\n"


def test_gathering_statistics_is_no_change_of_the_schema(known, practise):
    practice = practise(known)
    practice.back_up()
    known.psql("ANALYZE; UPDATE fresh SET n = 0 WHERE n = 3")
    made = practice.back_up_changes()
    assert made.manifest.kind is Kind.DIFF, made.instead


@pytest.mark.parametrize("what", ["nothing", "one and a half", "no end"])
def test_where_pg_dump_gives_no_statistics_the_backup_is_whole_and_the_restore_gathers_them(
    known, practise, monkeypatch, what
):
    said = {
        "nothing": "",
        "no end": "",
        "one and a half": (
            "SELECT * FROM pg_catalog.pg_restore_attribute_stats(''version'', ''180000''::integer,"
            " ''schemaname'', ''public'', ''relname'', ''fresh'', ''attname'', ''n'',"
            " ''inherited'', ''f''::boolean, ''null_frac'', ''0.25''::real);\n\n"
            "SELECT * FROM pg_catalog.pg_restore_attribute_stats(''version'', ''18"
        ).replace("''", "'"),
    }[what]
    failing = ["sh", "-c", 'printf %s "$1"; echo failed >&2; exit 1', "pg_dump", said]
    if what == "no end":
        failing = ["sleep", "600"]
        monkeypatch.setattr(payload, "_PATIENCE", 0.1)
    monkeypatch.setattr(Dumper, "statistics", lambda _self, _snapshot: Child(failing, {}))
    practice = practise(known)
    practice.back_up()
    assert noted(practice, "no-statistics")
    restored = practice.restore()
    assert restored.psql("SELECT count(*) FROM pg_stats WHERE tablename IN ('plain', 'together')") == b"5\n"
    of_fresh = b"0.25\n" if said else b"0\n"
    assert restored.psql("SELECT null_frac FROM pg_stats WHERE tablename = 'fresh'") == of_fresh


def test_statistics_of_what_was_left_out_are_left_out(known, practise):
    """An index that can't be made has none to set, and that is not told as well."""
    known.psql("""
        CREATE FUNCTION odd(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n; END';
        CREATE INDEX of_odd ON plain (odd(n)); ANALYZE plain;
        CREATE OR REPLACE FUNCTION odd(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
            'BEGIN RETURN 1 / (n - 5); END';
    """)
    practice = practise(known)
    practice.back_up()
    error, _name = go_on(practice, "mtn_left_out")
    assert "of_odd" in str(vars(error))
    assert "pg_restore" not in str(vars(error)) + " ".join(practice.job.warnings)
