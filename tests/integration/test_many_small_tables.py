"""Small tables are loaded many at a time, and what holds for one alone holds for them all the same."""

from __future__ import annotations

import pytest

from tests.pg_fixtures import Database

MANY = 260


@pytest.fixture
def many(pg18, new_database) -> Database:
    source = new_database(pg18)
    source.psql(
        "CREATE TABLE users (id int PRIMARY KEY, boss int REFERENCES users DEFERRABLE);"
        "INSERT INTO users SELECT n, 1 FROM generate_series(1, 20) n;"
        "CREATE SCHEMA other; CREATE TABLE other.users (id int PRIMARY KEY);"
        "INSERT INTO other.users VALUES (7);"
        + "".join(
            f"CREATE TABLE t{n} (id serial PRIMARY KEY, u int REFERENCES users, o int REFERENCES other.users,"
            f" twice int GENERATED ALWAYS AS (u * 2) STORED UNIQUE);"
            f"INSERT INTO t{n} (u, o) SELECT n, 7 FROM generate_series(1, {n % 4}) n;"
            f"COMMENT ON CONSTRAINT t{n}_u_fkey ON t{n} IS 'whose';"
            for n in range(MANY)
        )
        + "".join(f"CREATE INDEX i{n} ON t0 (u, id) WHERE u > {n};" for n in range(MANY))
        + "CREATE TABLE ring_a (id int PRIMARY KEY, b int); CREATE TABLE ring_b (id int PRIMARY KEY, a int);"
        "INSERT INTO ring_a VALUES (1, 2); INSERT INTO ring_b VALUES (2, 1);"
        "ALTER TABLE ring_a ADD FOREIGN KEY (b) REFERENCES ring_b DEFERRABLE INITIALLY DEFERRED;"
        "ALTER TABLE ring_b ADD FOREIGN KEY (a) REFERENCES ring_a;"
        "CREATE TABLE rooms (during int4range, EXCLUDE USING gist (during WITH &&));"
        "INSERT INTO rooms VALUES ('[1,3)'), ('[3,5)');"
        "CREATE MATERIALIZED VIEW one AS SELECT count(*) AS n FROM t3;"
        "CREATE MATERIALIZED VIEW two AS SELECT n + 1 AS n FROM one; CREATE UNIQUE INDEX ON two (n);"
    )
    return source


@pytest.mark.slow
def test_all_of_them_come_back(pg18, many, practise):
    practice = practise(many)
    practice.back_up()
    restored = practice.restore()
    assert restored.dump("--restrict-key=k") == many.dump("--restrict-key=k")
    assert restored.psql("SELECT n FROM two") == many.psql("SELECT n FROM two")


def test_a_table_whose_statistics_can_t_be_gathered_is_loaded_and_said(pg18, new_database, practise):
    """The function of an extended statistics breaks on the rows, which nothing else asks it for."""
    source = new_database(pg18)
    source.psql("""
        CREATE TABLE t0 (n int); CREATE TABLE t1 (n int); CREATE TABLE t2 (n int);
        CREATE FUNCTION breaks(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
            'BEGIN RETURN 1 / (n - 1); END';
        CREATE STATISTICS s ON breaks(n), n FROM t1;
        INSERT INTO t0 VALUES (5); INSERT INTO t1 VALUES (1), (2); INSERT INTO t2 VALUES (6);
    """)
    practice = practise(source)
    practice.back_up()
    restored = practice.restore()
    (warning,) = practice.job.warnings
    assert "ANALYZE public.t1" in warning
    assert restored.psql("SELECT count(*) FROM t1") == b"2\n"
    gathered = restored.psql("SELECT tablename FROM pg_stats WHERE tablename ~ '^t' ORDER BY 1")
    assert gathered == b"t0\nt2\n"
