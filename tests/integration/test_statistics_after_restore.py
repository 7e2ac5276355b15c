"""A restored database has its statistics when it gets its name: nobody waits for an autovacuum."""

from __future__ import annotations

import pytest


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
