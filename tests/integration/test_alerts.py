"""A job's end is told to people; that it could not be told never fails the job."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from mtn_tui.core.errors import Cancelled
from mtn_tui.core.models import Kind
from mtn_tui.demo.ports import free_port
from mtn_tui.engine import host
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import FileLock, Holder, lock_path
from mtn_tui.operations import announced as announced_module
from mtn_tui.operations.announced import announced
from mtn_tui.operations.backup.make import OPERATION
from tests.alert_fixtures import mail_server
from tests.operation_fixtures import Practice

ANA = "ana@mtn.cl"


@pytest.fixture
def small(pg18, new_database):
    database = new_database(pg18)
    database.psql("CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 50) g")
    return database


def text(mail):
    return mail.get_body(("plain",)).get_content()


def test_a_backup_that_is_done_and_one_that_fails_are_told(small, practise):
    with mail_server() as sink:
        practice: Practice = practise(
            small, SMTP_SERVER="127.0.0.1", SMTP_PORT=str(sink.port), ALERT_EMAIL=ANA
        )
        made = json.loads(practice.mtn("backup", "full", "--json").stdout)
        (done,) = sink.mails
        assert done["Subject"].startswith("[MTN ✔] Full backup done: ")
        assert made["id"] in text(done)
        assert "read back whole" in text(done)
        practice.configure(DB_PASSWORD="wrong")
        practice.mtn("backup", "full", check=2)
        (_done, failed) = sink.mails
    assert failed["Subject"] == "[MTN ✖] CRITICAL: full backup failed"
    assert failed["Importance"] == "high"
    assert "mtn job log" in text(failed)
    assert practice.jobs[0].title in text(failed).replace("\n", " ")
    assert practice.jobs[1].warnings == ()


def test_a_differential_is_told_only_if_it_fails_or_a_full_is_made_instead_and_then_why(small, practise):
    with mail_server() as sink:
        practice: Practice = practise(
            small, SMTP_SERVER="127.0.0.1", SMTP_PORT=str(sink.port), ALERT_EMAIL=ANA
        )
        practice.here("backup", "diff", "--json")  # there is no full to make it on
        practice.here("backup", "diff", "--json")
        (instead,) = sink.mails
        assert instead["Subject"].startswith("[MTN ✔] Full backup made instead of a differential: ")
        assert "instead of a differential: there is no full backup" in " ".join(text(instead).split())
        practice.configure(DB_PASSWORD="wrong")
        practice.here("backup", "diff", check=2)
        (_instead, failed) = sink.mails
    assert failed["Subject"] == "[MTN ✖] CRITICAL: differential failed"
    assert "mtn job log" in text(failed)


def test_a_differential_with_warnings_one_that_is_cancelled_and_one_not_begun_are_told(small, practise):
    with mail_server() as sink:
        practice: Practice = practise(
            small, SMTP_SERVER="127.0.0.1", SMTP_PORT=str(sink.port), ALERT_EMAIL=ANA
        )
        practice.back_up()
        practice.configure(LOG_DIR=str(practice.key_file / "logs"))  # a file is no folder
        practice.here("backup", "diff", check=1)
        path = lock_path(practice.context.locks, small.name, OPERATION[Kind.DIFF])
        holder = Holder("differential", small.name, "abcdefgh", "eva", "db-host-1", 1, datetime.now(UTC))
        with FileLock(path, holder):
            practice.here("backup", "diff", check=75)
        stopped = Job.create(practice.context.jobs, kind="backup-diff", subject=small.name, operator="ana")

        def stops(job):
            job.cancel("SIGTERM")
            job.token.check()

        with pytest.raises(Cancelled):
            host.run(stopped, announced(practice.context, stops))
    assert [mail["Subject"] for mail in sink.mails] == [
        "[MTN ⚠] Differential done, 2 warnings",  # log and metrics
        "[MTN ⚠] Differential not begun",
        "[MTN ⚠] Differential cancelled",
    ]


def test_a_backup_is_not_lost_where_nothing_of_the_program_can_tell_of_it(small, practise, monkeypatch):
    """Whatever tells of a job is imported while it works: the program may have been replaced meanwhile."""
    practice: Practice = practise(small)

    def gone():
        raise ModuleNotFoundError("No module named 'mtn_tui.operations.job_alerts'")

    monkeypatch.setattr(announced_module, "_job_alerts", gone)
    made = practice.here("backup", "full", "--json", check=1)
    assert practice.inventory.latest().copies
    (warning,) = practice.jobs[0].warnings
    assert "Nobody was notified: ModuleNotFoundError" in warning
    assert made


def test_a_backup_is_not_lost_for_a_dead_mail_server_and_is_told_of_later(small, practise):
    port = free_port()
    practice: Practice = practise(small, SMTP_SERVER="127.0.0.1", SMTP_PORT=str(port), ALERT_EMAIL=ANA)
    done = practice.mtn("backup", "full", check=1)
    assert f"Alert to {ANA} is queued for retry" in done.stderr
    assert practice.inventory.latest().copies
    assert practice.jobs[0].exit_code == 1
    (kept,) = (practice.root / "state" / "notices").glob("*/*.jsonl")
    aged = kept.read_text().replace(f'"at": "{practice.jobs[0].ended.year}', '"at": "2000')
    kept.write_text(aged)
    with mail_server(port) as sink:
        practice.mtn("verify", "--all", check=0)
    assert [mail["Subject"][:24] for mail in sink.mails] == ["[MTN ✔] Full backup done"]
    assert not kept.exists()


def test_without_a_usable_state_folder_people_are_told_all_the_same(small, practise):
    with mail_server() as sink:
        practice: Practice = practise(
            small, SMTP_SERVER="127.0.0.1", SMTP_PORT=str(sink.port), ALERT_EMAIL=ANA
        )
        (practice.root / "state").write_bytes(b"")
        done = practice.mtn("backup", "full", check=1)
    assert "Nobody was told" not in done.stderr
    (told,) = sink.mails
    assert "Full backup done" in told["Subject"]


def test_what_waited_elsewhere_while_the_state_folder_was_unusable_is_sent_once_it_is_back(small, practise):
    with mail_server() as sink:
        practice: Practice = practise(
            small, SMTP_SERVER="127.0.0.1", SMTP_PORT=str(free_port()), ALERT_EMAIL=ANA
        )
        (practice.root / "state").write_bytes(b"")
        practice.mtn("notify", "INFO", "first", "body", check=None)
        (practice.root / "state").unlink()
        practice.configure(SMTP_PORT=str(sink.port))
        practice.mtn("notify", "--flush", check=0)
    assert [mail["Subject"] for mail in sink.mails] == ["[MTN ℹ] first"]


def test_a_corrupted_backup_that_verifying_finds_is_told(small, practise):
    with mail_server() as sink:
        practice: Practice = practise(
            small, SMTP_SERVER="127.0.0.1", SMTP_PORT=str(sink.port), ALERT_EMAIL=ANA
        )
        made = practice.back_up()
        payload = practice.payload(made.manifest)
        data = bytearray(payload.read_bytes())
        data[len(data) // 2] ^= 1
        payload.chmod(0o600)
        payload.write_bytes(bytes(data))
        practice.here("verify", "--all", check=2)
    (told,) = sink.mails
    assert told["Subject"] == "[MTN ✖] CRITICAL: corrupted backup"
    assert made.manifest.payload in text(told).replace("\n", "")
    assert f"Backup: {made.manifest.id}" in " ".join(text(told).split())


def test_without_a_mail_server_nobody_is_missed(small, practise):
    practice: Practice = practise(small, SMTP_SERVER="", ALERT_EMAIL=ANA)
    practice.here("backup", "full", check=0)
    assert practice.jobs[0].warnings == ()


def test_a_restore_that_falls_back_and_one_that_may_not_are_told(small, practise):
    with mail_server() as sink:
        practice: Practice = practise(
            small, SMTP_SERVER="127.0.0.1", SMTP_PORT=str(sink.port), ALERT_EMAIL=ANA
        )
        practice.mtn("backup", "full")
        newest = json.loads(practice.mtn("backup", "full", "--json").stdout)
        path = practice.backups / newest["name"]
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        before = len(sink.mails)
        practice.made += ["mtn_alert_never", "mtn_alert"]
        practice.mtn("restore", newest["id"], "--target", "mtn_alert_never", check=2)
        practice.mtn("restore", "--latest", "--target", "mtn_alert", check=1)
        named, latest = sink.mails[before:]
    older = practice.inventory.backups[1]
    about = [(named, "mtn_alert_never", newest["id"], newest["name"])]
    about.append((latest, "mtn_alert", older.id, str(older.name)))  # the one that was used instead
    for mail, target, backup_id, file in about:
        assert mail["Subject"] == "[MTN ✖] CRITICAL: corrupted backup"
        told = " ".join(text(mail).split())
        assert all(
            f"{name}: {value}" in told
            for name, value in (("Backup", backup_id), ("File", file), ("Target", target))
        ), told
    assert newest["name"] in " ".join(text(latest).split())
    assert "is used instead" in " ".join(text(latest).split())


def test_a_drill_that_fails_and_one_over_the_rto_are_told_and_one_that_passes_is_not(small, practise):
    with mail_server() as sink:
        practice: Practice = practise(
            small, SMTP_SERVER="127.0.0.1", SMTP_PORT=str(sink.port), ALERT_EMAIL=ANA
        )
        payload = practice.payload(practice.ready_made())
        practice.here("drill")
        assert sink.mails == []
        practice.configure(TARGET_RTO_HOURS="0.000001")
        practice.here("drill", check=1)
        (slow,) = sink.mails
        payload.write_bytes(payload.read_bytes()[:-1])
        practice.here("drill", check=2)
        (_slow, failed) = sink.mails
    assert slow["Subject"] == "[MTN ⚠] Restore drill: over the RTO"
    assert failed["Subject"] == "[MTN ✖] CRITICAL: restore drill failed"
    assert practice.jobs[0].title in text(failed).replace("\n", " ")
