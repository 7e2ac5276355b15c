"""What mtn restored read-only beside production is listed and dropped; nothing else of its name ever is."""

from __future__ import annotations

import json

import pytest

from mtn_tui.core.errors import PostgresError
from mtn_tui.operations.common.beside import READ_ONLY, databases_beside
from mtn_tui.operations.incident.state import RecoveryMode
from mtn_tui.operations.incident.steps import staging_of
from mtn_tui.operations.restore.promote import promote
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, connect
from mtn_tui.postgres.identity import database_properties
from tests.pg_fixtures import Database


@pytest.fixture
def beside(live) -> Database:
    """The database of the wizard's third way, as it is left there."""
    practice = live.practice
    return practice.restore(staging_of(practice.context, RecoveryMode.BESIDE), closed=True)


def listed(live) -> dict[str, dict[str, object]]:
    found = json.loads(live.practice.here("kept", "--json").stdout)
    return {one["name"]: one for one in found if one["beside"]}


def comment_of(database: Database) -> str:
    with connect(database.server.login, MAINTENANCE) as connection:
        return database_properties(connection, database.name).comment


def refused(live, name: str) -> str:
    """What ``mtn kept drop`` says of a database that it must not drop, and has not dropped."""
    said = live.practice.here("kept", "drop", name, "--yes", check=64).stderr
    assert name in live.practice.databases()
    return " ".join(said.split())


def test_it_is_listed_with_the_command_that_drops_it_and_dropped_once_that_is_said(live, beside):
    practice, name, before = live.practice, beside.name, live.practice.databases()
    backup = practice.inventory.latest()
    one = listed(live)[name]
    assert (one["of"], one["backup"], one["past"]) == (live.database.name, str(backup.name), False)
    assert str(one["since"]) >= backup.moment.isoformat(timespec="seconds")
    assert int(str(one["size"])) > 1_000_000
    told = practice.here("kept").stdout
    assert f"Restored from {backup.name}, read-only. When nobody needs it:" in " ".join(told.split())
    assert f"mtn kept drop {name}" in told
    assert "--yes" in refused_without_yes(live, name)
    practice.here("--read-only", "kept", "drop", name, "--yes", check=64)
    assert practice.databases() == before
    facts = json.loads(practice.here("kept", "--json", "drop", name, "--yes").stdout)
    assert (facts["dropped"], facts["of"]) == (name, live.database.name)
    assert practice.databases() == before - {name}
    assert listed(live) == {}
    assert live.rows == 53


def refused_without_yes(live, name: str) -> str:
    return live.practice.here("kept", "drop", name, check=64).stderr


def test_a_restore_that_leaves_one_names_the_command(live):
    practice, name = live.practice, f"{live.database.name}_recovery"
    practice.made.append(name)
    command = f"mtn kept drop {name}"
    said = practice.here("restore", "--latest", "--target", name, "--closed").stdout
    assert command in said
    assert command not in practice.here("restore", "--latest", "--target", name, "--drop").stdout


def test_one_of_that_name_that_mtn_did_not_make_is_not_dropped(live, new_database):
    name = staging_of(live.practice.context, RecoveryMode.BESIDE)
    new_database(live.database.server, name)
    assert listed(live) == {}
    assert "no kept database" in refused(live, name)


def test_one_that_was_restored_to_be_written_to_is_not_dropped(live):
    database = live.practice.restore("mtn_to_stay")
    assert listed(live) == {}
    assert "no kept database" in refused(live, database.name)


def test_one_that_somebody_uses_is_not_dropped_and_they_are_named(live, beside):
    server = beside.server
    with connect(server.login, beside.name, "the secretary's psql"):
        assert f"is in use, by {server.user} the secretary's psql." in refused(live, beside.name)
    live.practice.here("kept", "drop", beside.name, "--yes")
    assert beside.name not in live.practice.databases()


@pytest.mark.slow
def test_one_that_is_used_just_when_it_is_dropped_stays(live, beside):
    """The server waits five seconds for the session to end."""
    with connect(beside.server.login, MAINTENANCE) as connection, beside.connect() as session:
        with pytest.raises(PostgresError):
            databases.drop(connection, beside.name, force=False)
        assert session.execute("SELECT 1").fetchone() == (1,)


NOT_ITS_OWN = {
    "renamed by hand": 'ALTER DATABASE "{name}" RENAME TO "{other}"',
    "written to again": 'ALTER DATABASE "{name}" RESET default_transaction_read_only',
    "without its mark": 'COMMENT ON DATABASE "{name}" IS NULL',
    "with a mark that can't be read": """COMMENT ON DATABASE "{name}" IS 'mtn: restored {{"name": 1}}'""",
}


@pytest.mark.parametrize("statement", NOT_ITS_OWN.values(), ids=NOT_ITS_OWN.keys())
def test_one_that_somebody_has_made_theirs_is_not_dropped(live, beside, statement):
    other = f"{beside.name}_renamed"
    live.practice.made.append(other)
    Database(beside.server, MAINTENANCE).psql(statement.format(name=beside.name, other=other))
    (name,) = {beside.name, other} & live.practice.databases()
    assert listed(live) == {}
    assert "no kept database" in refused(live, name)


def test_production_is_not_dropped_whatever_its_comment_says(live, beside):
    live.practice.configure(PRODUCTION_DATABASES=beside.name)
    assert listed(live) == {}
    assert "no kept database" in refused(live, beside.name)


def test_another_schools_is_neither_listed_nor_dropped(live, beside, new_database):
    """On the same server, by the other school's configuration."""
    other = new_database(live.database.server)
    live.practice.configure(DB_NAME=other.name)
    assert listed(live) == {}
    assert "no kept database" in refused(live, beside.name)
    live.practice.configure(DB_NAME=live.database.name)
    assert list(listed(live)) == [beside.name]


def test_what_is_promoted_loses_its_mark_and_has_the_comment_that_it_had(live):
    practice, name = live.practice, live.database.name
    live.database.psql(f"COMMENT ON DATABASE \"{name}\" IS 'of the school'")
    practice.back_up()
    staging = practice.restore(practice.context.settings.staging_db_name, closed=True)
    assert list(listed(live)) == [staging.name]
    assert comment_of(staging).endswith("\nof the school")
    live.database.server.drop_database(name)
    practice.run("promote", lambda job: promote(job, practice.context, staging.name, name))
    assert comment_of(live.database) == "of the school"
    assert listed(live) == {}
    assert "no kept database" in refused(live, name)


def test_the_mark_goes_with_what_it_tells_of(live, beside):
    """Replaced by one that may be written to it is kept, and has its mark again when it comes back."""
    practice, name, first = live.practice, beside.name, comment_of(beside)
    practice.restore(name, drop=True)
    assert listed(live) == {}
    with beside.connect() as connection:
        assert connection.execute("SHOW default_transaction_read_only").fetchone() == ("off",)
    assert not comment_of(beside).startswith("mtn:")
    practice.here("undo", name)
    assert comment_of(beside) == first
    assert list(listed(live)) == [name]
    second = practice.back_up().manifest
    practice.restore(name, drop=True, closed=True)
    assert listed(live)[name]["backup"] == second.payload


def test_those_that_stay_too_long_are_named(live, beside):
    practice = live.practice
    practice.configure(KEEP_REPLACED_DAYS="0")
    assert f"KEEP_REPLACED_DAYS: {beside.name}. See what is kept: mtn kept" in practice.here("prune").stdout
    told = " ".join(practice.here("kept").stdout.split())
    assert f"longer ago than KEEP_REPLACED_DAYS (0). Drop it: mtn kept drop {beside.name}" in told


def test_a_name_that_needs_quoting_is_told_so_that_the_command_works(live):
    practice, name = live.practice, 'Admisión {"x"} de prueba'
    practice.restore(name, closed=True)
    with connect(practice.context.server, MAINTENANCE) as server:
        (one,) = databases_beside(server, practice.context.settings)
        assert READ_ONLY in database_properties(server, name).settings
    assert one.name == name
    assert f"mtn kept drop '{name}'" in practice.here("kept").stdout
