"""An incident's steps as commands, on real servers: each ends by its job, whoever looks."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mtn_tui.core.clock import SystemClock
from mtn_tui.core.contacts import load as load_contacts
from mtn_tui.core.errors import UsageError
from mtn_tui.core.models import JobState
from mtn_tui.core.suggested import command
from mtn_tui.demo.services import Services
from mtn_tui.engine import detached
from mtn_tui.engine.jobs import new_job_id
from mtn_tui.engine.journal import journal_path
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.production import confirmation
from mtn_tui.operations.incident import messages, steps
from mtn_tui.operations.incident.assess import Assessment, Proposal, assess
from mtn_tui.operations.incident.escalation import clock
from mtn_tui.operations.incident.file import IncidentFile, open_incident
from mtn_tui.operations.incident.state import Actor, RecoveryMode, Step, StepStatus
from mtn_tui.operations.restore.validate import validate
from mtn_tui.operations.setup.init import write_contacts
from mtn_tui.postgres.connection import MAINTENANCE, connect
from mtn_tui.postgres.identity import server_identity
from tests.pg_fixtures import Database

WHO = Actor("ana", "db1", "s1")


def opened(practice) -> IncidentFile:
    return open_incident(practice.context.state, practice.source.name, WHO, SystemClock())


def at_step(file: IncidentFile, step: Step, **facts: object) -> None:
    """All before it done, with what step 3 has chosen."""
    for one in Step:
        if one == step:
            return
        file.begin(one)
        file.done(one, **(facts if one is Step.CHOOSE else {}))


def run_as_job(practice, file: IncidentFile, step: Step, arguments: list[str], check: int = 0) -> None:
    """As the wizard does, but waiting for it."""
    job = new_job_id()
    practice.mtn(*arguments, check=check, **{detached.JOB_ID: job})
    file.begin(step, job=job)
    steps.settle(file, practice.context)


def test_a_lost_database_goes_from_staging_to_production_by_its_steps(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.back_up()
    name, before = practice.source.name, practice.source.dump()
    staging = steps.staging_of(practice.context, RecoveryMode.RESTORE)
    practice.made.append(staging)
    pg18.drop_database(name)
    (backup,) = practice.inventory.backups
    file = opened(practice)
    at_step(file, Step.STAGING, backup=backup.handle, moment=backup.moment.isoformat())

    run_as_job(practice, file, Step.STAGING, steps.restore_arguments(practice.context, file.state))
    state = file.state.steps[Step.STAGING]
    assert (state.standing, state.facts["database"]) == (StepStatus.DONE, staging)
    assert state.facts["rows"] == sum(backup.manifest.rows().values())

    found = validate(practice.context, staging, backup)
    assert {one.status for one in found.checks} == {Status.OK}
    file.begin(Step.VALIDATE)
    file.done(Step.VALIDATE, oid=found.oid)

    run_as_job(practice, file, Step.PRODUCTION, steps.promote_arguments(practice.context, "", file.state))
    assert file.state.steps[Step.PRODUCTION].standing is StepStatus.DONE
    assert practice.source.dump() == before
    assert staging not in practice.databases()
    practice.source.psql("CREATE TABLE written (id int)")

    alert = messages.last_alert(practice.context, file.state)
    assert alert.subject == "Database Restored"
    assert "restored from the backup of" in alert.body
    assert "written after that backup" not in alert.body, "it is not known"
    path = steps.write_report(practice.context, file.state)
    assert f"backup: {backup.handle}" in path.read_text()
    assert "oid" not in path.read_text()
    told = json.loads(practice.here("incident", "show", "--json").stdout)
    assert told["steps"]["6"]["standing"] == "done"
    assert "Incident 1" in practice.here("incident", "show").stdout
    assert practice.here("incident", "export").stdout.startswith("# Incident 1")
    file.begin(Step.CHOOSE)
    file.done(Step.CHOOSE, loses_seconds=7200)
    alert = messages.last_alert(practice.context, file.state)
    assert "What was written after that backup is lost (at most 2 h)." in alert.body


def test_what_is_lost_reaches_until_production_was_replaced_if_it_was_there(pg18, new_school, practise):
    """People wrote on, longer than step 3 has counted."""
    practice = practise(new_school(pg18))
    moment = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
    file = opened(practice)
    until = (moment + timedelta(seconds=17)).isoformat()
    at_step(file, Step.STAGING, moment=moment.isoformat(), lost_until=until, loses_seconds=17)
    steps_now, ended = file.state.steps, moment + timedelta(seconds=59)
    for facts, seconds in (({}, 17), ({"kept": "school__before_20261124_030059"}, 59)):
        done = replace(steps_now[Step.PRODUCTION], facts=facts, ended=ended)
        incident = replace(file.state, steps={**steps_now, Step.PRODUCTION: done})
        told = messages.last_alert(practice.context, incident).body
        assert f"is lost (at most {seconds} s, up to " in told
    file.looked([Check("database", Status.FAIL, "The database is gone.").line])
    before = replace(file.state, opened_at=moment + timedelta(seconds=5))
    assert "is lost (at most 5 s, up to " in messages.last_alert(practice.context, before).body


def test_what_was_restored_beside_before_is_kept_and_named_at_the_end(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    backup = practice.ready_made()
    file = opened(practice)
    file.begin(Step.ASSESS)
    file.done(Step.ASSESS, way=RecoveryMode.BESIDE.value)
    beside = steps.staging_of(practice.context, RecoveryMode.BESIDE)
    practice.made.append(beside)
    for step, facts in ((Step.NOTIFY, {}), (Step.CHOOSE, {"backup": backup.id})):
        file.begin(step)
        file.done(step, **facts)
    for _again in range(2):
        run_as_job(practice, file, Step.STAGING, steps.restore_arguments(practice.context, file.state))
        assert file.state.steps[Step.STAGING].standing is StepStatus.DONE
    (kept,) = [name for name in practice.databases() if name.startswith(f"{beside}__before_")]
    practice.made.append(kept)
    drop = command("kept", "drop", kept)
    assert drop in messages.last_alert(practice.context, file.state).body
    assert drop in steps.write_report(practice.context, file.state).read_text()


def test_the_newest_row_and_the_backup_are_told_apart_in_step_5(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    (backup,) = practice.inventory.backups
    newest = backup.moment.replace(microsecond=0) + timedelta(seconds=1)
    practice.source.psql(f"UPDATE applications SET created_at = '{newest.isoformat()}'")
    found = {one.id: one for one in validate(practice.context, practice.source.name, backup).checks}
    there, made = labels.told_apart(newest, backup.moment)
    assert there != made
    assert all(moment in found["newest"].says for moment in (there, made)), found["newest"].says


def test_production_that_is_there_is_kept_and_only_with_the_words(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    staging = steps.staging_of(practice.context, RecoveryMode.RESTORE)
    practice.restore(staging, closed=True)
    file = opened(practice)
    at_step(file, Step.PRODUCTION)
    arguments = steps.promote_arguments(practice.context, "", file.state)
    run_as_job(practice, file, Step.PRODUCTION, arguments, check=64)
    failed = file.state.steps[Step.PRODUCTION]
    assert failed.standing is StepStatus.FAILED
    assert "is production" in failed.reason
    with connect(practice.context.server, MAINTENANCE) as server:
        words = confirmation(server_identity(server).system_identifier)
    run_as_job(practice, file, Step.PRODUCTION, steps.promote_arguments(practice.context, words, file.state))
    facts = file.state.steps[Step.PRODUCTION].facts
    practice.made.append(facts["kept"])
    assert facts["kept"] in practice.databases()
    assert facts["away_seconds"] < 30


def test_another_that_was_given_the_name_of_what_was_validated_is_not_promoted(
    pg18, new_school, practise, tmp_path
):
    stopped = tmp_path / "stopped"
    practice = practise(new_school(pg18), SERVICES_STOP_COMMAND=f"touch {shlex.quote(str(stopped))}")
    practice.ready_made()
    (backup,) = practice.inventory.backups
    staging = steps.staging_of(practice.context, RecoveryMode.RESTORE)
    practice.restore(staging, closed=True)
    pg18.drop_database(practice.source.name)
    file = opened(practice)
    at_step(file, Step.VALIDATE)
    file.begin(Step.VALIDATE)
    file.done(Step.VALIDATE, oid=validate(practice.context, staging, backup).oid)
    pg18.drop_database(staging)
    practice.restore(staging, closed=True)

    arguments = steps.promote_arguments(practice.context, "", file.state)
    run_as_job(practice, file, Step.PRODUCTION, arguments, check=64)
    failed = file.state.steps[Step.PRODUCTION]
    assert failed.standing is StepStatus.FAILED
    assert "is not the database that was validated" in failed.reason
    assert failed.facts["hint"] == "Restore and validate again: steps 4 and 5."
    assert not stopped.exists()
    assert staging in practice.databases()
    assert practice.source.name not in practice.databases()


@pytest.mark.parametrize("becomes", ["nothing", "another"])
def test_what_fails_once_the_services_are_stopped_says_that_they_are(pg18, new_school, practise, becomes):
    """What was to be promoted is renamed by the very command that stops them."""
    practice = practise(new_school(pg18))
    staging = steps.staging_of(practice.context, RecoveryMode.RESTORE)
    moved = f"{staging}_moved"
    practice.made += [staging, moved]
    pg18.create_database(staging)
    pg18.drop_database(practice.source.name)
    statements = [f'ALTER DATABASE "{staging}" RENAME TO "{moved}"']
    statements += [f'CREATE DATABASE "{staging}"'] if becomes == "another" else []
    script = f"import psycopg; server = psycopg.connect({pg18.conninfo('postgres')!r}, autocommit=True)\n"
    script += "".join(f"server.execute({one!r})\n" for one in statements)
    practice.configure(SERVICES_STOP_COMMAND=shlex.join([sys.executable, "-c", script]))
    file = opened(practice)
    at_step(file, Step.PRODUCTION)
    arguments = steps.promote_arguments(practice.context, "", file.state)
    run_as_job(practice, file, Step.PRODUCTION, arguments, check=64)
    failed = file.state.steps[Step.PRODUCTION]
    says = "There is no database" if becomes == "nothing" else "is not the database that was validated"
    assert says in failed.reason
    assert "The services are stopped now" in str(failed.facts["hint"])
    assert practice.source.name not in practice.databases()


def test_the_incident_of_the_database_that_is_configured_is_shown(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    file = opened(practice)
    open_incident(practice.context.state, "another", WHO, SystemClock())
    assert f"Incident 1: {practice.source.name}" in practice.here("incident", "show").stdout
    file.close("over")
    assert practice.here("incident", "export").stdout.startswith("# Incident 1")
    assert "Incident 2: another" in practice.here("incident", "show", "2").stdout


def test_the_file_of_an_earlier_version_does_not_say_which_was_validated(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    file = opened(practice)
    at_step(file, Step.PRODUCTION)
    arguments = steps.promote_arguments(practice.context, "", file.state)
    assert not any(one.startswith("--oid") for one in arguments)


def test_a_promotion_that_was_killed_once_it_had_swapped_is_done(pg18, new_school, practise):
    """Its journal ends with the swap, and its process is gone: the server says what became of it."""
    practice = practise(new_school(pg18))
    practice.ready_made()
    staging = steps.staging_of(practice.context, RecoveryMode.RESTORE)
    practice.restore(staging, closed=True)
    pg18.drop_database(practice.source.name)
    file = opened(practice)
    at_step(file, Step.PRODUCTION)
    practice.mtn(*steps.promote_arguments(practice.context, "", file.state))
    journal = journal_path(practice.context.jobs, practice.jobs[0].id)
    lines = journal.read_bytes().splitlines(keepends=True)
    swapped = next(number for number, line in enumerate(lines) if b'"swapped"' in line)
    journal.write_bytes(b"".join(lines[: swapped + 1]))
    assert practice.jobs[0].state is JobState.LOST
    file.begin(Step.PRODUCTION, job=practice.jobs[0].id)
    steps.settle(file, practice.context)
    assert file.state.step is Step.SERVICES
    assert f"{practice.source.name} is the new one, whole." in file.state.records[-2].text
    pg18.drop_database(practice.source.name)
    file.begin(Step.PRODUCTION, job=practice.jobs[0].id)
    steps.settle(file, practice.context)
    state = file.state.steps[Step.PRODUCTION]
    assert state.standing is StepStatus.FAILED
    assert f"{practice.source.name} does not exist, as before." in str(state.facts["hint"])


def test_services_are_stopped_before_and_waited_for_after(pg18, new_school, practise, tmp_path):
    with Services() as services:
        practice = practise(
            new_school(pg18),
            SERVICES_STOP_COMMAND=f"echo stopped > {shlex.quote(str(tmp_path / 'stopped'))}",
            SERVICES_RESTART_COMMAND=f"rm {shlex.quote(str(tmp_path / 'stopped'))}",
            SERVICE_HEALTH_URLS=" ".join(services.urls),
        )
        practice.ready_made()
        staging = steps.staging_of(practice.context, RecoveryMode.RESTORE)
        practice.made.append(staging)
        practice.restore(staging, closed=True)
        pg18.drop_database(practice.source.name)
        file = opened(practice)
        at_step(file, Step.SERVICES)
        practice.mtn(*steps.promote_arguments(practice.context, "", file.state))
        assert (tmp_path / "stopped").exists()
        run_as_job(practice, file, Step.SERVICES, steps.services_arguments())
        assert not (tmp_path / "stopped").exists()
        assert set(file.state.steps[Step.SERVICES].facts["services"].values()) == {True}


def test_a_server_that_is_down_is_started_by_its_command(pg18, new_school, practise):
    practice = practise(new_school(pg18), DATABASE_START_COMMAND="echo up")
    practice.mtn(*steps.start_arguments())
    assert (practice.jobs[0].kind, practice.jobs[0].exit_code) == ("database-start", 0)
    (log,) = practice.context.settings.log_dir.glob("database-start_*.log")
    assert log.read_text() == "up\n"
    practice.configure(DATABASE_START_COMMAND="")
    done = practice.mtn(*steps.start_arguments(), check=2)
    assert "DATABASE_START_COMMAND is not set" in done.stderr


def test_a_job_that_is_lost_or_unknown_fails_its_step(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    file = opened(practice)
    at_step(file, Step.STAGING)
    file.begin(Step.STAGING, job="aaaaaaaa")
    steps.settle(file, practice.context)
    assert file.state.steps[Step.STAGING].standing is StepStatus.FAILED
    with pytest.raises(UsageError):
        steps.restore_arguments(practice.context, file.state)


def test_only_the_holder_settles(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    file = opened(practice)
    at_step(file, Step.STAGING)
    file.begin(Step.STAGING, job="aaaaaaaa")
    other = IncidentFile(file.path, Actor("luis", "db1", "s2"), SystemClock())
    assert steps.settle(other, practice.context).steps[Step.STAGING].standing is StepStatus.RUNNING


def test_validating_what_is_not_what_was_backed_up_stands_in_the_way(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    (backup,) = practice.inventory.backups
    restored: Database = practice.restore()
    restored.psql("SET session_replication_role = replica; DELETE FROM interviews WHERE id % 2 = 0")
    found = {one.id: one for one in validate(practice.context, restored.name, backup).checks}
    assert found["counts"].status is Status.FAIL
    assert "interviews" in found["counts"].says
    restored.psql("DROP TABLE applications CASCADE")
    told = validate(practice.context, restored.name, backup)
    assert any(one.id == "tables" and one.status is Status.FAIL for one in told.checks)
    missing = validate(practice.context, "mtn_never", backup)
    assert [one.status for one in missing.checks] == [Status.FAIL]


def test_the_first_alert_says_what_is_wrong_and_what_is_done(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    pg18.drop_database(practice.source.name)
    alert = messages.first_alert(practice.context, assess(practice.context))
    assert alert.subject == "CRITICAL: Database Down"
    assert "The database is gone" in alert.body
    assert "ana" in alert.body
    told = messages.send(practice.context, alert, [])
    assert told["subject"] == alert.subject


@pytest.mark.parametrize(
    ("line", "subject"),
    [
        ("fail services: Two of six are down.", "The admission system is down"),
        ("fail server: It does not answer.", "The admission system is down"),
        ("fail disk: It has 0 bytes free.", "The database server's disk is full"),
        ("fail backup: There is no proven full backup.", "An incident of the admission system"),
        ("fail: An older program wrote this.", "An incident of the admission system"),
    ],
)
def test_that_the_system_is_down_is_said_only_where_people_can_not_work(
    pg18, new_database, practise, line, subject
):
    context = practise(new_database(pg18)).context
    found = Assessment((Check.of_line(line),), Proposal(RecoveryMode.LEAVE, "Something is wrong."))
    assert Check.of_line(line).line == line
    assert messages.first_alert(context, found).subject == f"CRITICAL: {subject}"


def test_an_alert_does_not_say_that_a_database_is_down_which_answers(pg18, new_school, practise):
    practice = practise(new_school(pg18), MINIO_ENDPOINT="")
    practice.ready_made()
    found = assess(practice.context)
    decided = replace(found, proposal=Proposal(RecoveryMode.RESTORE, "The operator has decided so."))
    alert = messages.first_alert(practice.context, decided)
    assert alert.subject == "CRITICAL: An incident of the admission system"
    assert alert.body.startswith("The operator has decided so.\nA full restore comes next.")


def test_the_clock_says_whom_to_call_and_who_was_passed_over(tmp_path):
    path = tmp_path / "contacts.toml"
    write_contacts(path)
    contacts = load_contacts(path)
    sunday = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)

    class Fixed(SystemClock):
        def now(self) -> datetime:
            return sunday

    file = open_incident(tmp_path, "db", WHO, Fixed())
    state = clock(contacts, file.state, sunday + timedelta(minutes=1))
    assert [call.person.level for call in state.due] == [2]
    assert [call.person.level for call in state.passed_over] == [1]
    assert state.next_at == sunday + timedelta(minutes=60)
    assert state.next_calls
    called = IncidentFile(file.path, WHO, Fixed()).called(state.due[0].person.key)
    later = clock(contacts, called, sunday + timedelta(minutes=2))
    assert (later.due, later.to_tell) == ((), state.due)  # who was called gets the mail all the same
    closed = IncidentFile(file.path, WHO, Fixed()).close("over")
    assert clock(contacts, closed, sunday + timedelta(minutes=90)).due == ()
