"""Extensions that a server takes in one database only are told beforehand, and can be left out, with what
goes with them said before and after."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

import pytest

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.models import Kind, Rung
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.operations.backup import key_file
from mtn_tui.operations.common import production
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.incident.state import Incident, RecoveryMode, Step, StepState
from mtn_tui.operations.incident.steps import chosen, not_had, plan_staging, restore_arguments
from mtn_tui.operations.restore.request import Request, arguments
from mtn_tui.operations.restore.validate import validate
from mtn_tui.postgres.one_database import KNOWN, named
from tests.one_database_fixtures import at_home, one_database_extensions
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database

PUPIL = "12.345.678-9"


@pytest.fixture
def server(pg18: PostgresServer, pg_workspace) -> Iterator[PostgresServer]:
    with one_database_extensions(pg18, pg_workspace):
        yield pg18


SCHEMA = f"""
    CREATE TABLE pupils (id int PRIMARY KEY, rut text); INSERT INTO pupils VALUES (1, '{PUPIL}');
    CREATE TABLE bulk (n int PRIMARY KEY); INSERT INTO bulk SELECT generate_series(1, 20000);
    CREATE FUNCTION nightly() RETURNS bigint LANGUAGE plpgsql AS
        $$BEGIN RETURN cron.schedule('VACUUM'); END$$;
    CREATE EXTENSION pg_cron;
    CREATE EXTENSION pg_trgm;
    COMMENT ON EXTENSION pg_cron IS 'schedules';
    INSERT INTO cron.job (command) SELECT 'VACUUM ' || n || ' -- {PUPIL}' FROM generate_series(1, 12) n;
    INSERT INTO cron.job_run_details SELECT n, md5(n::text) FROM generate_series(1, 3000) n;
    GRANT USAGE ON SCHEMA cron TO pg_monitor;
    GRANT INSERT ON cron.job TO pg_monitor;
    GRANT USAGE ON SEQUENCE cron.jobid_seq TO pg_monitor;
    REVOKE EXECUTE ON FUNCTION cron.schedule(text) FROM public;
    GRANT EXECUTE ON FUNCTION cron.schedule(text) TO pg_monitor;
    CREATE POLICY of_ours ON cron.job USING (true);
    ALTER DEFAULT PRIVILEGES IN SCHEMA cron GRANT SELECT ON TABLES TO pg_monitor;
    CREATE PUBLICATION changes FOR TABLE pupils, cron.job_run_details;
"""
WITHOUT = ("pg_cron",)


@pytest.fixture
def practice(server, new_database, practise) -> Practice:
    source = new_database(server)
    at_home(source)
    source.psql(SCHEMA)
    made: Practice = practise(source)
    made.back_up()
    return made


def test_it_is_told_before_anything_is_made_with_the_command_that_leaves_it_out(practice):
    before = practice.databases()
    with pytest.raises(PostgresError) as raised:
        practice.restore("mtn_one", drop=True)
    title, hint = raised.value.title, raised.value.hint
    assert (
        f"pg_cron can be in one database of a server only (cron.database_name = {practice.source.name})"
        in (title)
    )
    assert "cron.job (12 rows), cron.job_run_details (3,000 rows)" in hint
    assert "cron.schedule(" in hint
    assert practice.databases() == before
    assert practice.inventory.latest().refused is None, "it lies in the target"
    command = shlex.split(re.search(r"mtn restore [^:]*(?= Its own rows)", hint)[0])
    assert command[-2:] == ["--without-extension=pg_cron", "--drop"]
    practice.made.append("mtn_one")
    practice.here(*command[1:], check=1)
    assert "mtn_one" in practice.databases()


def test_what_goes_is_said_before_and_after_and_all_else_is_there(practice):
    practice.made.append("mtn_one")
    command = ("restore", "--latest", "--target", "mtn_one", "--without-extension", "pg_cron")
    dry = practice.here(*command, "--dry-run", check=1).stdout
    planned = json.loads(practice.here(*command, "--dry-run", "--json", check=1).stdout)
    assert planned["without"] == ["pg_cron"]
    assert re.search(r"Left out +pg_cron\n", dry)
    done = practice.here(*command, check=1)
    for said in (dry, done.stdout, done.stderr):
        assert "cron.job (12 rows), cron.job_run_details (3,000 rows)" in said
        assert "SELECT cron.schedule(" in said
    restored = Database(practice.source.server, "mtn_one")
    every = (
        "SELECT extname FROM pg_extension ORDER BY 1; SELECT count(*) FROM pupils; SELECT sum(n) FROM bulk"
    )
    assert restored.psql(every) == b"pg_trgm\nplpgsql\n1\n200010000\n"
    assert restored.psql("SELECT tablename FROM pg_publication_tables") == b"pupils\n"
    facts = practice.jobs[0].result["left_out"]
    assert facts["extensions"] == ["pg_cron"]
    assert facts["rows"] == {"cron.job": 12, "cron.job_run_details": 3000}
    assert {
        "CREATE EXTENSION IF NOT EXISTS pg_cron",
        "COMMENT ON EXTENSION pg_cron",
        "GRANT USAGE ON SCHEMA cron",
        "ALTER DEFAULT PRIVILEGES",
        "SELECT pg_catalog.setval",
    } <= set(facts["statements"])
    (journal,) = (practice.root / "state" / "jobs").glob(f"*{practice.jobs[0].id}*.jsonl")
    assert "cron.job" in journal.read_text()
    assert PUPIL not in journal.read_text()


@pytest.mark.sample("True")
@pytest.mark.parametrize("by_keys", [True, False])
def test_of_a_chain_it_is_left_out_as_well_and_a_drill_does_so_by_itself(practice, monkeypatch, by_keys):
    source = practice.source
    if by_keys:
        monkeypatch.setattr(key_file, "_ROWS", 5)
        source.psql("DELETE FROM cron.job_run_details WHERE runid = 1; DELETE FROM pupils WHERE id = 9")
        while source.psql("SELECT sum(n_tup_del) > 0 FROM pg_stat_user_tables") != b"t\n":
            pass  # a session tells what it did as it ends
        practice.back_up()
    source.psql("""
        DELETE FROM cron.job_run_details WHERE runid = 2; INSERT INTO cron.job (command) VALUES ('ANALYZE');
        DELETE FROM bulk WHERE n = 7; INSERT INTO pupils VALUES (2, 'new');
    """)
    made = practice.back_up_changes()
    assert made.manifest.kind is Kind.DIFF, made.instead
    how = b"rows gone, and new" if by_keys else b"all rows"
    assert b"cron.job_run_details: " + how in practice.script(practice.payload(made.manifest))
    backup = practice.inventory.find(made.manifest.id)
    with pytest.raises(PostgresError, match="one database of a server only"):
        practice.restore("mtn_one", backup=backup)
    restored = practice.restore("mtn_one", backup=backup, without=WITHOUT)
    every = "SELECT * FROM pupils ORDER BY 1; SELECT * FROM bulk ORDER BY 1"
    assert restored.psql(every) == source.psql(every)
    assert restored.psql("SELECT count(*) FROM pg_extension WHERE extname = 'pg_cron'") == b"0\n"
    done = practice.here("drill", check=1)
    assert "Left out, as asked: pg_cron." in done.stderr
    assert practice.inventory.backups[0].rung is Rung.QUERIED


def test_a_detached_restore_leaves_the_same_out(practice):
    request = Request(practice.inventory.latest(), "mtn_one", without=("pg_cron", "a b"))
    assert [one for one in arguments(request) if "without" in one] == [
        "--without-extension=pg_cron",
        "--without-extension=a b",
    ]


def test_production_is_swapped_without_it_and_the_gap_is_named(practice):
    context = practice.context
    with practice.source.connect() as connection:
        (identifier,) = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()
    words = production.confirmation(identifier)
    command = ("restore", "--latest", "--target", practice.source.name, "--drop", "--confirm", words)
    said = practice.here(*command, "--without-extension", "pg_cron", check=1)
    assert "Left out, as asked: pg_cron." in said.stderr
    assert "in the database that cron.database_name names: CREATE EXTENSION pg_cron;" in said.stdout
    source = practice.source
    source.psql("CREATE EXTENSION pg_cron")
    assert context.settings.db_name == source.name


@pytest.mark.sample("login")
@pytest.mark.parametrize("owner", ["operator", "login"])
def test_a_file_that_nothing_signs_is_loaded_without_it_as_well(practice, owner):
    practice.source.psql("DROP EXTENSION pg_trgm")
    file = practice.legacy_backup()
    as_operator = ["--as-operator"] if owner == "operator" else []
    command = ("restore", "--file", str(file), "--legacy", "--target", "mtn_one", *as_operator)
    practice.made.append("mtn_one")
    assert "--without-extension pg_cron" in practice.here(*command, check=2).stderr
    done = practice.here(*command, "--without-extension", "pg_cron", check=1)
    assert "cron.job, cron.job_run_details" in done.stderr
    assert Database(practice.source.server, "mtn_one").psql("SELECT sum(n) FROM bulk") == b"200010000\n"


def test_in_place_is_no_way_round_it_and_nothing_is_dropped_for_it(practice):
    practice.made.append("mtn_one")
    practice.source.server.create_database("mtn_one")
    with pytest.raises(PostgresError, match="one database of a server only"):
        practice.restore("mtn_one", drop=True, in_place=True)
    assert "mtn_one" in practice.databases()


def test_what_requires_it_has_to_go_with_it(practice):
    practice.source.psql("CREATE EXTENSION reports")
    practice.back_up()
    with pytest.raises(PostgresError, match="reports requires it") as raised:
        practice.restore("mtn_one")
    assert "--without-extension=pg_cron --without-extension=reports" in raised.value.hint
    with pytest.raises(PostgresError, match=r"reports require what is left out \(pg_cron\)") as raised:
        practice.restore("mtn_one", without=("pg_cron",))
    assert "--without-extension=pg_cron --without-extension=reports" in raised.value.hint
    practice.restore("mtn_one", without=("pg_cron", "reports"))


@pytest.mark.sample("view")
@pytest.mark.parametrize(
    "depends",
    [
        "CREATE VIEW jobs AS SELECT * FROM cron.job",
        "CREATE TABLE watched (id int, state cron.state)",
        "CREATE FUNCTION job(n int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
        " $$BEGIN RETURN (SELECT max(command) FROM cron.job); END$$; CREATE INDEX by_job ON pupils (job(id))",
    ],
    ids=["view", "type", "index"],
)
def test_what_depends_on_it_fails_with_an_error_that_names_it_and_demotes_no_backup(practice, depends):
    practice.source.psql(depends)
    practice.back_up()
    with pytest.raises(PostgresError) as raised:
        practice.restore("mtn_one", without=WITHOUT)
    assert raised.value.hint.startswith("Left out: pg_cron.")
    assert [one.refused for one in practice.inventory.backups] == [None, None]


def test_one_that_the_backup_has_not_got_is_a_mistake_in_the_command(practice):
    said = practice.here(
        "restore", "--latest", "--target", "mtn_one", "--without-extension", "pg_corn", check=64
    )
    assert "The backup has no extension pg_corn." in said.stderr
    assert "pg_cron, pg_trgm" in said.stderr


def test_staging_without_it_is_validated_as_restored_and_a_lost_table_is_still_found(practice):
    practice.source.psql("CREATE TABLE applications (id int); INSERT INTO applications VALUES (1)")
    practice.back_up()
    backup = practice.inventory.latest()
    restored = practice.restore("mtn_one", without=WITHOUT)

    def checks() -> dict[str, tuple[str, str]]:
        found = validate(practice.context, "mtn_one", backup).checks
        return {one.id: (one.status.value, one.says) for one in found}

    assert checks()["counts"][0] == "ok"
    assert checks()["extensions"] == (
        "warn",
        "It is without the extensions pg_cron, and without their own rows.",
    )
    restored.psql("DROP TABLE bulk")
    assert checks()["counts"][0] == "fail"


def test_a_test_load_leaves_it_out_by_itself_and_says_so(practice):
    practice.configure(ENABLE_TEST_LOAD="true")
    practice.here("backup", "full")
    trial = practice.jobs[0]
    assert (trial.kind, trial.result["loads"], trial.result["without"]) == ("test-load", True, ["pg_cron"])
    backup = practice.inventory.latest()
    assert backup.loads.reason == ""
    assert "without pg_cron" in practice.here("show", backup.id).stdout


def test_kin_that_nobody_knows_is_told_when_met_and_marks_no_backup(server, new_database, practise):
    source = new_database(server)
    at_home(source)
    source.psql(
        "CREATE EXTENSION lonely; SELECT lonely.schedule('VACUUM'); GRANT INSERT ON lonely.job TO pg_monitor;"
        "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)"
    )
    practice: Practice = practise(source, ENABLE_TEST_LOAD="true")
    practice.here("backup", "full")
    assert practice.jobs[0].result["loads"] is None
    backup = practice.inventory.latest()
    assert backup.loads is None
    with pytest.raises(PostgresError) as raised:
        practice.restore("mtn_one")
    assert "--without-extension lonely" in raised.value.hint
    assert practice.inventory.latest().refused is None
    restored = practice.restore("mtn_one", without=("lonely",))
    assert restored.psql("SELECT n FROM kept") == b"1\n"
    assert practice.job.result["left_out"]["rows"] == {"lonely.job": 1, "lonely.job_run_details": 0}


def test_any_other_extension_can_be_left_out_too_and_costs_no_rows_of_those_kept(practice):
    restored = practice.restore("mtn_one", without=("pg_cron", "pg_trgm"))
    assert restored.psql("SELECT extname FROM pg_extension") == b"plpgsql\n"


def test_an_incident_plans_staging_without_it_and_its_command_says_so(practice):
    """Whoever chooses the backup agrees to it, as to what belongs to nobody here."""
    made = plan_staging(practice.context, RecoveryMode.RESTORE, practice.inventory.latest())
    assert not [check for check in made.checks if check.status is Status.STOP]
    (said,) = not_had(made)
    assert "Left out, as asked: pg_cron." in said
    assert "cron.job (12 rows)" in said
    incident = Incident(1, steps={Step.CHOOSE: StepState(facts=chosen(made))})
    assert "--without-extension=pg_cron" in restore_arguments(practice.context, incident)


def test_a_setting_that_this_user_may_not_see_or_that_is_not_there_names_no_database(pg18):
    """``cron.database_name`` is for superusers, and not there where the library is not loaded."""
    with Database(pg18, "postgres").connect() as connection:
        assert named(connection, "data_directory")
        connection.execute("SET ROLE pg_signal_backend")
        assert named(connection, "data_directory") == ""
        assert named(connection, "cron.nothing") == ""


def test_each_known_one_names_its_setting_and_its_schemas():
    assert all("." in one.setting and one.schemas for one in KNOWN.values())
