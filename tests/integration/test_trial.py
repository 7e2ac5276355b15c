"""After a full, a test load of its schema and a few rows says whether it loads; the backup is as it was."""

from __future__ import annotations

import json
import signal
import time

import pytest

from mtn_tui.archive import proof as proofs
from mtn_tui.core.models import PROOF, JobState
from tests.alert_fixtures import mail_server
from tests.operation_fixtures import Practice

SCHEMA = """
    CREATE TABLE parents (id int PRIMARY KEY, name text);
    CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents);
    COMMENT ON CONSTRAINT children_parent_fkey ON children IS 'of which there is none in a test load';
    CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM children;
    CREATE INDEX ON parents (lower(name));
    CREATE PUBLICATION everything FOR ALL TABLES;
    INSERT INTO parents SELECT g, 'x' || g FROM generate_series(1, 5000) g;
    INSERT INTO children SELECT g, 5001 - g FROM generate_series(1, 5000) g;
    SELECT lo_from_bytea(0, 'large');
"""


@pytest.fixture
def school(pg18, new_database):
    database = new_database(pg18)
    database.psql(SCHEMA)
    return database


def scratch(practice):
    return {name for name in practice.databases() if "__loading_" in name}


def test_a_schema_that_loads_is_marked_so_once_and_its_later_backups_with_it(school, practise, s3):
    practice: Practice = practise(school, s3, ENABLE_TEST_LOAD="true")
    made = json.loads(practice.mtn("backup", "full", "--json").stdout)
    assert [(job.kind, job.state) for job in practice.jobs] == [
        ("test-load", JobState.SUCCEEDED),
        ("backup-full", JobState.SUCCEEDED),
    ]
    assert practice.jobs[0].result["loads"] is True
    found = practice.inventory.find(made["id"])
    assert [copy.proof.loads.reason for copy in found.copies] == ["", ""]
    assert found.rung.word == "complete", "it is a mark of its own, and no rung"
    assert scratch(practice) == set()
    (facts,) = json.loads(practice.here("list", "--json").stdout)
    assert facts["loads"]["reason"] == ""
    assert "Loads here" in practice.here("show", made["id"]).stdout
    again = json.loads(practice.here("backup", "full", "--json").stdout)
    assert [job.kind for job in practice.jobs] == ["backup-full", "test-load", "backup-full"]
    assert practice.inventory.find(again["id"]).loads == found.loads
    school.psql("CREATE TABLE another (id int)")
    practice.here("backup", "full")
    assert practice.jobs[0].kind == "test-load"


def test_a_check_that_looks_for_rows_that_a_test_load_leaves_out_is_no_failure(school, practise):
    school.psql(
        "CREATE FUNCTION there(p int) RETURNS boolean LANGUAGE sql STABLE AS"
        " 'SELECT EXISTS (SELECT FROM public.parents WHERE id = p)';"
        "CREATE TABLE a_marks (parent int CHECK (public.there(parent))); INSERT INTO a_marks VALUES (4321)"
    )
    practice: Practice = practise(school, ENABLE_TEST_LOAD="true")
    practice.here("backup", "full")
    assert practice.jobs[0].result["loads"] is True


def test_what_does_not_load_is_told_marked_and_costs_the_backup_nothing(school, practise):
    """The function works where it is, and not in a database of the backup's own."""
    school.psql(
        "CREATE FUNCTION norm(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x; END';"
        "CREATE TABLE pupils (name text CHECK (norm(name) <> '')); INSERT INTO pupils VALUES ('Pupil-Qx7');"
        "CREATE OR REPLACE FUNCTION norm(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
        " $$BEGIN RAISE EXCEPTION 'not %', x; END$$"
    )
    with mail_server() as sink:
        practice: Practice = practise(
            school,
            ENABLE_TEST_LOAD="true",
            SMTP_SERVER="127.0.0.1",
            SMTP_PORT=str(sink.port),
            ALERT_EMAIL="ana@mtn.cl",
        )
        done = practice.here("backup", "full", check=1)
    assert "does not load on this server: PostgreSQL refused: COPY public.pupils" in done.stderr
    assert "norm(text) line 1 at RAISE" in done.stderr
    trial, made = practice.jobs
    assert (made.state, made.exit_code, trial.state, trial.exit_code) == (
        JobState.SUCCEEDED,
        0,
        JobState.SUCCEEDED,
        1,
    )
    assert [mail["Subject"] for mail in sink.mails][1] == "[MTN ⚠] A backup does not load"
    backup = practice.inventory.latest()
    assert "COPY public.pupils" in backup.loads.reason
    assert backup.rung.word == "complete"
    assert "DOES NOT LOAD HERE" in practice.here("list").stdout
    others = [path for path in practice.root.rglob("*") if path.is_file() and path.suffix != ".rows"]
    assert [path for path in others if b"Pupil-Qx7" in path.read_bytes()] == []
    assert "Pupil-Qx7" not in done.stderr + str([mail.as_string() for mail in sink.mails])
    assert scratch(practice) == set()


def test_a_user_who_may_make_no_databases_gets_no_test_load(school, practise):
    role = f"mtn_plain_{school.name}"
    school.psql(f"CREATE ROLE {role} LOGIN PASSWORD 'x' IN ROLE pg_read_all_data")
    try:
        school.psql("GRANT pg_read_all_data TO " + role)
        practice: Practice = practise(school, ENABLE_TEST_LOAD="true", DB_USER=role, DB_PASSWORD="x")
        practice.here("backup", "full", check=None)
        assert {job.kind for job in practice.jobs} == {"backup-full"}
    finally:
        school.psql(f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.mark.slow
def test_it_is_cancelled_by_a_signal_and_leaves_nothing_and_the_backup_as_it_was(school, practise):
    """An index that is never done holds it up until it is asked to stop."""
    school.psql(
        "CREATE FUNCTION slow(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x; END';"
        "CREATE INDEX waits ON parents (slow(id));"
        "CREATE OR REPLACE FUNCTION slow(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS"
        " 'BEGIN PERFORM pg_sleep(600); RETURN x; END'"
    )
    practice: Practice = practise(school, ENABLE_TEST_LOAD="true")
    process = practice.start("backup", "full")
    until = time.monotonic() + 60
    while not (scratch(practice) and practice.jobs[0].phase == "load"):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert [job.state for job in practice.jobs] == [JobState.CANCELLED, JobState.SUCCEEDED]
    assert scratch(practice) == set()
    backup = practice.inventory.latest()
    assert (backup.loads, backup.rung.word) == (None, "complete")


@pytest.mark.slow
def test_what_a_killed_one_left_is_swept_by_the_next(school, practise):
    practice: Practice = practise(school, ENABLE_TEST_LOAD="true")
    practice.here("backup", "full")
    job = practice.jobs[0].id
    school.psql(f'CREATE DATABASE "{school.name}__loading_{job}"')
    proof = practice.backups / (str(practice.inventory.latest().name) + PROOF)
    known = proofs.load(proof.read_bytes())
    proof.write_bytes(proofs.encode(proofs.replace(known, loads=None)))
    practice.here("backup", "full")
    assert practice.jobs[0].kind == "test-load"
    assert scratch(practice) == set()
