"""Rows whose parent is not there are found, of whatever kind the foreign key is."""

from __future__ import annotations

import pytest

from mtn_tui.postgres.connection import connect
from mtn_tui.postgres.foreign_keys import not_validated, violated

KEYS = """
    CREATE TABLE parents (id int PRIMARY KEY, a int, b text COLLATE "C", UNIQUE (a, b));
    CREATE TABLE "od""d" (id int PRIMARY KEY, "x y" int REFERENCES parents);
    CREATE TABLE simple (a int, b text COLLATE "POSIX", FOREIGN KEY (a, b) REFERENCES parents (a, b));
    CREATE TABLE whole (a int, b text, FOREIGN KEY (a, b) REFERENCES parents (a, b) MATCH FULL);
    CREATE TABLE tree (id int PRIMARY KEY, above int REFERENCES tree);
    CREATE TABLE wider (id bigint REFERENCES parents (id));
    CREATE TABLE parts (id int PRIMARY KEY, parent int REFERENCES parents) PARTITION BY RANGE (id);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
    CREATE TABLE of_parts (part int REFERENCES parts);
    CREATE TABLE heirs () INHERITS (simple);
    INSERT INTO parents VALUES (1, 1, 'one');
    INSERT INTO "od""d" VALUES (1, 1), (2, NULL);
    INSERT INTO simple VALUES (1, 'one'), (9, NULL);
    INSERT INTO whole VALUES (1, 'one'), (NULL, NULL);
    INSERT INTO heirs VALUES (8, 'no key of theirs');
    INSERT INTO tree VALUES (1, NULL), (2, 1);
    INSERT INTO wider VALUES (1);
    INSERT INTO parts VALUES (1, 1);
    INSERT INTO of_parts VALUES (1);
"""


@pytest.fixture
def database(any_pg, new_database):
    return new_database(any_pg, script=KEYS)


def found(database, look=violated):
    with connect(database.login, database.name) as connection:
        return [name.partition(":")[0] for name in look(connection)]


def test_where_every_key_holds_none_is_found(database):
    assert found(database) == []


@pytest.mark.parametrize(
    ("wrong", "table"),
    [
        ('UPDATE "od""d" SET "x y" = 5', '"od""d"'),
        ("INSERT INTO simple VALUES (1, 'two')", "simple"),
        ("INSERT INTO whole VALUES (1, NULL)", "whole"),
        ("DELETE FROM tree WHERE id = 1", "tree"),
        ("INSERT INTO wider VALUES (3000000000)", "wider"),
        ("INSERT INTO parts VALUES (2, 7)", "parts"),
        ("INSERT INTO of_parts VALUES (3)", "of_parts"),
    ],
)
def test_a_row_without_its_parent_is_found(database, wrong, table):
    database.psql(f"SET session_replication_role = replica; {wrong}")
    assert found(database) == [table]


def test_keys_that_nobody_has_validated_are_named_and_not_asked_for(database):
    database.psql(
        "CREATE TABLE late (id int); INSERT INTO late VALUES (5);"
        "ALTER TABLE late ADD FOREIGN KEY (id) REFERENCES parents NOT VALID"
    )
    assert (found(database), found(database, not_validated)) == ([], ["late"])


def test_keys_that_are_not_enforced_and_those_over_periods_are_left_alone(pg18, new_database):
    database = new_database(pg18)
    database.psql(
        "CREATE TABLE rooms (id int4range, span daterange, PRIMARY KEY (id, span WITHOUT OVERLAPS));"
        "CREATE TABLE stays (room int4range, span daterange,"
        " FOREIGN KEY (room, PERIOD span) REFERENCES rooms (id, PERIOD span));"
        "CREATE TABLE parents (id int PRIMARY KEY);"
        "CREATE TABLE loose (id int REFERENCES parents NOT ENFORCED); INSERT INTO loose VALUES (7);"
        "INSERT INTO rooms VALUES ('[1,2)', '[2026-01-01,2026-02-01)'), ('[1,2)', '[2026-02-01,2026-03-01)');"
        "INSERT INTO stays VALUES ('[1,2)', '[2026-01-15,2026-02-15)')"
    )
    assert (found(database), found(database, not_validated)) == ([], [])
