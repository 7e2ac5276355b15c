"""A restored database has its statistics when it gets its name: nobody waits for an autovacuum."""

from __future__ import annotations


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
