"""Functions, types and views that change while a backup is opened leave none that does not load, untold."""

from __future__ import annotations

import pytest

from mtn_tui.postgres import dump
from tests.integration.test_changes_during_a_backup import changed_meanwhile, counted, source, tries
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database

__all__ = ["source"]

DEFINITIONS = {
    "DROP FUNCTION": "DROP FUNCTION one()",
    "a function made anew": "DROP FUNCTION one();"
    "CREATE FUNCTION one() RETURNS pair LANGUAGE sql AS 'SELECT (1)'",
    "RENAME of a schema": "ALTER SCHEMA apart RENAME TO aside",
    "a part more": "ALTER TYPE pair ADD ATTRIBUTE b int",
    "a part less": "ALTER TYPE pair DROP ATTRIBUTE a",
    "RENAME of a type": "ALTER TYPE pair RENAME TO couple",
    "DROP STATISTICS": "DROP STATISTICS together",
    "a view of a new function": "CREATE FUNCTION new() RETURNS int LANGUAGE sql AS 'SELECT 7';"
    "CREATE OR REPLACE VIEW victims AS SELECT new() AS n",
    "a rule of a new table": "CREATE TABLE new (n int);"
    "CREATE OR REPLACE RULE noted AS ON DELETE TO other DO ALSO INSERT INTO new VALUES (OLD.n)",
    "a trigger of a new function": "CREATE FUNCTION new() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END';"
    "CREATE OR REPLACE TRIGGER checks BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION new()",
}
"""Changes of what nobody locks, and of what pg_dump reads a part in the snapshot, a part as it became."""

READ_IN_THE_SNAPSHOT = {
    "GRANT": "GRANT EXECUTE ON FUNCTION one() TO PUBLIC; GRANT USAGE ON TYPE mood TO PUBLIC",
    "a trigger that rests": "ALTER TABLE other DISABLE TRIGGER checks",
    "new ones": "CREATE TYPE kind AS (a int);"
    "CREATE FUNCTION two() RETURNS kind LANGUAGE sql AS 'SELECT ROW(1)';"
    "CREATE VIEW new AS SELECT two() AS n",
    "temporary ones": "CREATE TEMP TABLE passing (n int); CREATE TEMP VIEW passed AS SELECT n FROM passing",
    "ADD VALUE": "ALTER TYPE mood ADD VALUE 'better'",
    "a sequence": "ALTER SEQUENCE numbers RESTART 77",
    "REFRESH": "REFRESH MATERIALIZED VIEW reckoned",
}


@pytest.fixture
def defined(source) -> Database:
    """The same with a definition of each kind."""
    source.psql("""
        CREATE TYPE mood AS ENUM ('good'); CREATE TYPE pair AS (a int);
        CREATE STATISTICS together ON n, m FROM other;
        CREATE TABLE pairs AS SELECT ROW(1)::pair AS p FROM first;
        CREATE SCHEMA apart; CREATE FUNCTION apart.two() RETURNS int LANGUAGE sql AS 'SELECT 2';
        CREATE FUNCTION checked() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER checks BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION checked();
        CREATE RULE noted AS ON DELETE TO other DO ALSO NOTHING;
        CREATE MATERIALIZED VIEW reckoned AS SELECT n FROM other;
    """)
    return source


@pytest.mark.sample("DROP FUNCTION", "a part more")
@pytest.mark.parametrize("statement", DEFINITIONS.values(), ids=DEFINITIONS)
def test_a_definition_that_changes_before_it_is_read_leaves_a_backup_that_loads(defined, practise, statement):
    practice = changed_meanwhile(practise, defined, statement)
    assert (practice.job.exit_code, practice.job.warnings, tries(practice)) == (0, (), 1)
    copy = practice.restore()
    assert copy.dump("--schema-only", "--no-owner") == defined.dump("--schema-only", "--no-owner")
    assert counted(copy) == counted(defined)


@pytest.mark.sample("GRANT", "new ones")
@pytest.mark.parametrize("statement", READ_IN_THE_SNAPSHOT.values(), ids=READ_IN_THE_SNAPSHOT)
def test_what_is_read_in_the_snapshot_alone_begins_nothing_anew(defined, practise, statement):
    practice = changed_meanwhile(practise, defined, statement)
    assert (practice.job.exit_code, practice.job.warnings, tries(practice)) == (0, (), 0)
    practice.restore()


def test_a_definition_that_changes_each_time_is_kept_as_suspect_and_named(defined, practise, monkeypatch):
    practice: Practice = practise(defined, ENABLE_POST_BACKUP_VERIFY="false")
    read, numbers = dump.definitions, iter(range(100))

    def replaced_after(connection, moment=None):
        found = read(connection, moment)
        if moment is not None:
            body = f"'SELECT {next(numbers)}'"
            defined.psql(f"CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS {body}")
        return found

    monkeypatch.setattr(dump, "definitions", replaced_after)
    made = practice.back_up()
    assert made.manifest.altered == ('"public"."one"',)
    assert (tries(practice), practice.job.exit_code) == (dump._TRIES, 1)
    assert "one" in made.suspect
