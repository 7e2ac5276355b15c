"""Step 1 sees what is wrong with a real server, and proposes a restore only where one would help."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mtn_tui.demo.services import Services
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.incident import loss
from mtn_tui.operations.incident.assess import Assessment, assess
from mtn_tui.operations.incident.state import RecoveryMode
from mtn_tui.operations.inventory.model import Inventory
from mtn_tui.operations.restore.main_tables import MAIN_TABLES, last_whole
from tests.pg_fixtures import Database


def statuses(found: Assessment) -> dict[str, set[Status]]:
    told: dict[str, set[Status]] = {}
    for one in found.findings:
        told.setdefault(one.id, set()).add(one.status)
    return told


def test_where_all_is_well_nothing_is_restored(pg18, new_school, practise):
    with Services() as services:
        practice = practise(new_school(pg18), SERVICE_HEALTH_URLS=" ".join(services.urls))
        practice.ready_made()
        found = assess(practice.context)
        assert found.proposal.way is RecoveryMode.LEAVE
        assert "Nothing is wrong" in found.proposal.why
        assert {status for said in statuses(found).values() for status in said} == {Status.OK}
        services.all[2].healthy = False
        found = assess(practice.context)
        assert found.proposal.way is RecoveryMode.LEAVE
        assert "services are not healthy" in found.proposal.why
        assert statuses(found)["services"] == {Status.FAIL}


def test_services_that_can_not_be_asked_hold_up_no_assessment(pg18, new_school, practise, tmp_path):
    urls, lost = "https://127.0.0.1:1/health", str(tmp_path / "lost.pem")
    practice = practise(new_school(pg18), SERVICE_HEALTH_URLS=urls, ALERT_CA_FILE=lost)
    practice.ready_made()
    found = assess(practice.context)
    assert found.proposal.way is RecoveryMode.LEAVE
    assert statuses(found)["services"] == {Status.UNKNOWN}
    (said,) = [one for one in found.findings if one.id == "services"]
    assert "lost.pem" in said.says + said.hint


def test_a_database_that_is_gone_is_restored(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    pg18.drop_database(practice.source.name)
    found = assess(practice.context)
    assert found.proposal.way is RecoveryMode.RESTORE
    assert found.backup.name == practice.inventory.backups[0].name
    assert statuses(found)["database"] == {Status.FAIL}


def test_without_a_proven_backup_no_restore_is_proposed(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    pg18.drop_database(practice.source.name)
    found = assess(practice.context)
    assert found.proposal.way is RecoveryMode.LEAVE
    assert "no proven backup" in found.proposal.why
    assert statuses(found)["backup"] == {Status.FAIL}


def test_a_main_table_that_is_gone_calls_for_a_restore(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.source.psql("DROP TABLE applications CASCADE")
    found = assess(practice.context)
    assert found.proposal.way is RecoveryMode.RESTORE
    assert statuses(found)["tables"] == {Status.OK, Status.FAIL}
    practice.back_up()
    assert assess(practice.context).proposal.way is RecoveryMode.RESTORE, "the one before has it"


def test_a_database_that_never_had_the_main_tables_is_not_said_to_lack_them(pg18, new_database, practise):
    practice = practise(new_database(pg18))
    practice.source.psql("CREATE TABLE orders AS SELECT 1 AS id")
    for _backups in range(2):
        found = assess(practice.context)
        assert found.proposal.way is RecoveryMode.LEAVE
        assert "Nothing is wrong" in found.proposal.why
        assert "tables" not in statuses(found)
        practice.back_up()
    practice.source.psql("CREATE TABLE users AS SELECT 1 AS id")
    assert statuses(assess(practice.context))["tables"] == {Status.OK}


def test_a_table_whose_file_is_gone_calls_for_a_restore(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.source.psql("CHECKPOINT")
    path = practice.source.psql("SELECT pg_relation_filepath('interviews')").decode().strip()
    for file in (pg18.folder / "data").glob(f"{path}*"):
        file.unlink()
    found = assess(practice.context)
    assert found.proposal.way is RecoveryMode.RESTORE
    assert any("interviews" in one.says and one.status is Status.FAIL for one in found.findings)


def test_missing_rows_are_recovered_beside_and_the_rest_is_left_alone(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.source.psql("SET session_replication_role = replica; DELETE FROM applications WHERE id % 2 = 0")
    found = assess(practice.context)
    assert found.proposal.way is RecoveryMode.BESIDE
    assert "applications" in found.proposal.why


@pytest.mark.parametrize("made_after", ["full", "differential"])
def test_what_was_lost_before_the_newest_backup_is_seen_and_the_last_that_has_it_is_named(
    pg18, new_school, practise, made_after
):
    practice = practise(new_school(pg18))
    practice.back_up()
    whole = practice.back_up_changes().manifest
    practice.source.psql("SET session_replication_role = replica; DELETE FROM applications WHERE id % 2 = 0")
    later = practice.back_up() if made_after == "full" else practice.back_up_changes()
    assert later.manifest.snapshot_at > whole.snapshot_at
    found = assess(practice.context)
    assert found.proposal.way is RecoveryMode.BESIDE
    kept = loss.recorded(found.tables)
    assert kept["whole"] == whole.id
    had = whole.rows()["public.applications"]
    assert kept["lost"] == [{"table": "applications", "before": had, "now": had - had // 2, "new": 0}]
    (said,) = [one.says for one in found.findings if one.status is Status.WARN and one.id == "tables"]
    assert f"{had // 2:,} rows that were there are gone, 0 new since (backup of" in said


def test_a_backup_of_long_ago_that_had_more_rows_says_nothing(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.back_up()
    practice.source.psql("SET session_replication_role = replica; DELETE FROM applications WHERE id % 2 = 0")
    practice.back_up()
    newest, oldest = practice.inventory.backups
    long_ago = newest.moment - timedelta(days=8)
    of_long_ago = replace(oldest.manifest, snapshot_at=long_ago)
    aged = replace(oldest, copies=tuple(replace(one, manifest=of_long_ago) for one in oldest.copies))
    for backups, whole in ((practice.inventory.backups, oldest), ((newest, aged), newest)):
        found = last_whole(Inventory(backups), practice.source.name)
        assert found["applications"].name == whole.name


@pytest.mark.parametrize("barred", ["CONNECTION LIMIT 0", "ALLOW_CONNECTIONS false"])
def test_a_database_that_lets_nobody_in_is_not_replaced(pg18, new_school, practise, barred):
    practice = practise(new_school(pg18))
    practice.ready_made()
    server = Database(pg18, "postgres")
    server.psql("CREATE ROLE app LOGIN PASSWORD 'app'")
    practice.configure(DB_USER="app", DB_PASSWORD="app")
    server.psql(f'ALTER DATABASE "{practice.source.name}" {barred}')
    found = assess(practice.context)
    server.psql("DROP ROLE app")
    assert found.proposal.way is RecoveryMode.LEAVE
    assert "takes no connections" in found.proposal.why
    assert statuses(found)["database"] == {Status.FAIL}


def test_tables_that_our_user_may_not_read_call_for_no_restore(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    server = Database(pg18, "postgres")
    server.psql("CREATE ROLE app LOGIN PASSWORD 'app'")
    practice.configure(DB_USER="app", DB_PASSWORD="app")
    found = assess(practice.context)
    server.psql("DROP ROLE app")
    assert found.proposal.way is RecoveryMode.LEAVE
    assert statuses(found)["tables"] == {Status.UNKNOWN}


def test_a_database_whose_files_are_gone_calls_for_a_restore(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    oid = practice.source.psql("SELECT oid FROM pg_database WHERE datname = current_database()").decode()
    folder = pg18.folder / "data" / "base" / oid.strip()
    folder.rename(folder.with_name("away"))
    found = assess(practice.context)
    folder.with_name("away").rename(folder)
    assert found.proposal.way is RecoveryMode.RESTORE
    assert statuses(found)["database"] == {Status.FAIL}


def test_a_server_that_is_down_is_to_be_started_and_not_restored(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.configure(DB_PORT="1")
    found = assess(practice.context)
    assert found.proposal.way is RecoveryMode.LEAVE
    assert "does not answer" in found.proposal.why
    assert statuses(found)["server"] == {Status.FAIL}
    assert "database" not in statuses(found)


def test_a_password_that_changed_is_told_as_such(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.configure(DB_PASSWORD="wrong")
    found = assess(practice.context)
    assert found.proposal.way is RecoveryMode.LEAVE
    assert "refuses the user" in found.proposal.why


def test_the_main_tables_are_those_of_the_runbook():
    assert MAIN_TABLES == ("users", "applications", "interviews")
