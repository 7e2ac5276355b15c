"""Kinds of objects that few databases have, those of PostgreSQL's own regression tests, come back as any."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtn_tui.archive.schema import SchemaHash

SCRIPT = Path(__file__).parents[1] / "uncommon_schema.sql"

KINDS = """
    ACCESS METHOD | ACL | AGGREGATE | CAST | CHECK CONSTRAINT | COLLATION | COMMENT | CONSTRAINT | CONVERSION
    | DEFAULT | DEFAULT ACL | DOMAIN | EVENT TRIGGER | EXTENSION | FK CONSTRAINT
    | FOREIGN DATA WRAPPER | FOREIGN TABLE | FUNCTION | INDEX | INDEX ATTACH | MATERIALIZED VIEW
    | MATERIALIZED VIEW DATA | OPERATOR | OPERATOR CLASS | OPERATOR FAMILY | POLICY | PROCEDURAL LANGUAGE
    | PROCEDURE | PUBLICATION | PUBLICATION TABLE | PUBLICATION TABLES IN SCHEMA | ROW SECURITY | RULE
    | SCHEMA | SEQUENCE | SEQUENCE OWNED BY | SEQUENCE SET | SERVER | SHELL TYPE | STATISTICS | TABLE
    | TABLE ATTACH | TABLE DATA | TEXT SEARCH CONFIGURATION | TEXT SEARCH DICTIONARY | TEXT SEARCH PARSER
    | TEXT SEARCH TEMPLATE | TRANSFORM | TRIGGER | TYPE | USER MAPPING | VIEW
"""
"""By pg_dump's names; without security labels and subscriptions, which need a library or another server."""


@pytest.fixture
def uncommon(any_pg, new_database):
    database = new_database(any_pg)
    database.psql(SCRIPT.read_bytes())
    return database


def kinds_in(database) -> set[str]:
    """Of a list line ``215; 1255 16385 FUNCTION odd f() admin`` the words in capitals."""
    listed = database.run("pg_restore", "--list", given=database.run("pg_dump", "--format=custom")).decode()
    known = sorted((kind.strip() for kind in KINDS.split("|")), key=len, reverse=True)
    told = (line.split(" ", 3)[3] for line in listed.splitlines() if not line.startswith(";"))
    return {next((kind for kind in known if line.startswith(kind + " ")), line) for line in told}


def schema_hash(script: bytes) -> str:
    found = SchemaHash()
    found.add(script)
    return found.hexdigest()


def test_these_and_the_features_of_the_rich_schema_are_all_kinds_that_pg_dump_knows(uncommon, rich_db):
    assert {kind.strip() for kind in KINDS.split("|")} <= kinds_in(uncommon) | kinds_in(rich_db)


def test_the_manifest_has_the_hash_of_a_dump_of_the_schema_and_the_restore_is_equal(uncommon, practise):
    practice = practise(uncommon)
    made = practice.back_up()
    assert made.manifest.schema_hash == schema_hash(uncommon.run("pg_dump", "--schema-only"))
    assert practice.restore().dump() == uncommon.dump()
    assert (practice.job.exit_code, practice.job.warnings) == (0, ())
