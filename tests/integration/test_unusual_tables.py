"""Tables whose rows pg_dump writes under another table's name, or only in part, come back all the same."""

from __future__ import annotations

import psycopg
import pytest

from tests.pg_fixtures import new_place


def test_partitions_that_are_loaded_through_the_whole_table(pg18, new_database, practise):
    """So pg_dump does where rows are spread by an enum's hash, which differs from server to server."""
    source = new_database(pg18)
    source.psql("""
        CREATE TYPE status AS ENUM ('draft', 'sent', 'accepted', 'declined');
        CREATE TABLE applications (year int, status status, n int) PARTITION BY LIST (year);
        CREATE TABLE applications_2025 PARTITION OF applications FOR VALUES IN (2025);
        CREATE TABLE applications_2026 PARTITION OF applications FOR VALUES IN (2026)
            PARTITION BY HASH (status);
        CREATE TABLE applications_2026_a PARTITION OF applications_2026
            FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE applications_2026_c PARTITION OF applications_2026
            FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        CREATE TABLE applications_2026_b (n int PRIMARY KEY);
        INSERT INTO applications
            SELECT 2025 + n % 2, (enum_range(NULL::status))[1 + n % 4], n FROM generate_series(1, 1000) AS n;
        INSERT INTO applications_2026_b VALUES (1), (2);
    """)
    assert source.dump("--data-only").count(b"\nCOPY public.applications (") == 2
    practice = practise(source)
    practice.back_up()
    everything = "SELECT * FROM applications ORDER BY n; SELECT * FROM applications_2026_b ORDER BY n"
    assert practice.restore().psql(everything) == source.psql(everything)


@pytest.fixture
def words(pg18, pg_workspace):
    """An extension that fills a table when it is made, and has only what is added dumped."""
    path = new_place(pg_workspace, "extensions")
    folder = path / "extension"
    folder.mkdir()
    (folder / "words.control").write_text("default_version = '1.0'\nrelocatable = true\n")
    (folder / "words--1.0.sql").write_text("""
        CREATE TABLE words (word text, own boolean DEFAULT true);
        INSERT INTO words VALUES ('colegio', false), ('postulación', false);
        SELECT pg_catalog.pg_extension_config_dump('words', 'WHERE own');
    """)
    for one in (path, folder, *folder.iterdir()):
        one.chmod(0o755 if one.is_dir() else 0o644)
    with psycopg.connect(pg18.conninfo(), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {pg18.user} SET extension_control_path = '$system:{path}'")
        yield "words"
        connection.execute(f"ALTER ROLE {pg18.user} RESET extension_control_path")


def test_a_table_that_its_extension_filled_keeps_that_and_what_was_added(pg18, words, new_database, practise):
    source = new_database(pg18)
    source.psql(f"CREATE EXTENSION {words}; INSERT INTO words VALUES ('apoderada')")
    practice = practise(source)
    assert practice.back_up().manifest.rows() == {"public.words": 1}
    everything = "SELECT word FROM words ORDER BY word"
    assert practice.restore().psql(everything) == source.psql(everything)
