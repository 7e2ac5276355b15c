"""mtn prune: what it deletes, says and waits for. The rules are in unit/test_retention.py."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from minio.commonconfig import COMPLIANCE
from minio.retention import Retention

from mtn_tui.core.clock import local_stamp
from mtn_tui.core.models import MANIFEST, PROOF, Rung
from mtn_tui.demo.ports import free_port
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.engine.locks import lease, slug
from mtn_tui.operations.backup import make
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.installation import Mark, installation_id
from mtn_tui.operations.drill import drill
from mtn_tui.operations.incident.file import open_incident
from mtn_tui.operations.incident.state import Actor
from mtn_tui.operations.inventory import marks
from mtn_tui.operations.restore import trial
from mtn_tui.operations.retention import prune, reasons, records
from mtn_tui.operations.retention.prune import Pruned
from mtn_tui.operations.services.health import Errand
from mtn_tui.operations.sync import sync
from tests.aged import NOW, aged, context_of, names, objects
from tests.operation_fixtures import Bucket, Practice
from tests.pg_fixtures import Database

LOGGED = (
    *make.LOG.values(),
    *("restore", "recover", trial.KIND, drill.KIND, prune.KIND, sync.KIND),
    *(errand.value for errand in Errand),
)
"""What logs are called after."""

NewPractice = Callable[..., Practice]


@pytest.fixture
def somewhere(pg18: PostgresServer) -> Database:
    """No database of that name is needed: only backups of it."""
    return Database(pg18, f"mtn_pruned_{os.getpid()}")


@pytest.fixture
def practice(practise: NewPractice, somewhere: Database, s3: Bucket) -> Practice:
    return practise(somewhere, s3)


def pruned(practice: Practice, waits=lambda: None) -> Pruned:
    context = context_of(practice)
    return practice.run("prune", lambda job: prune.prune(job, context, waits), context)


def by_id(one: Pruned) -> list[tuple[str, str]]:
    return [(verdict.copy.store.name, verdict.backup.id) for verdict in one.deleted]


def test_it_deletes_what_is_too_old_with_all_that_lies_beside_it_and_keeps_what_is_needed(practice):
    recent = [aged(practice, days) for days in (0, 1, 2)]
    old = aged(practice, 40)
    base = aged(practice, 60)
    differential = aged(practice, 59, base)
    ancient = aged(practice, 120)
    gone_too = aged(practice, 119, ancient)

    shown = practice.here("prune", "--dry-run").stdout
    assert len(objects(practice)) == 2 * (7 * 5 - 2 + 5)
    done = practice.here("prune")

    stay = {("bucket", one.id) for one in (*recent, old, base, differential)}
    stay |= {("disk", one.id) for one in (*recent, differential)}
    assert names(practice) == stay
    for one in (old, ancient, gone_too):
        assert not [key for store, key in objects(practice) if one.payload in key and store == "disk"]
    told = [line.split()[:3] for line in shown.splitlines()]
    assert ["deleted", "disk", old.id] in told
    assert ["kept", "bucket", old.id] in told
    assert "disk: 256 Bytes would be freed" in shown
    assert "6 copies deleted, 10 kept" in done.stdout
    assert "disk: 256 Bytes freed" in done.stdout

    again = practice.here("prune", "--json")
    assert json.loads(again.stdout)["deleted"] == []
    assert names(practice) == stay
    (figures,) = practice.root.joinpath("logs", "metrics").glob("prune_latest.json")
    assert json.loads(figures.read_text())["status"] == "success"
    assert list(practice.root.joinpath("logs").glob("prune_*.log"))


def test_dry_run_says_one_line_a_copy_and_changes_nothing(practice):
    for days in (0, 1, 40):
        aged(practice, days)
    before = objects(practice)
    found = json.loads(practice.here("--read-only", "prune", "--dry-run", "--json").stdout)
    verdicts = found["copies"]
    assert found["records"] == []
    assert objects(practice) == before
    assert len(verdicts) == 6
    assert [(one["store"], one["why"], one["reason"]) for one in verdicts if not one["kept"]] == [
        ("disk", "expired", "40 d old, kept for 30 days")
    ]


def test_three_months_of_the_scripts_backups_stay_all(practice):
    """And so do those of other installations beside them, and files of no backup."""
    theirs = {}
    for day in range(95):
        stamp = local_stamp(NOW - timedelta(days=day))
        for kind, folder in (("full", "full"), ("diff", "differential")):
            name = f"admision_mtn_{kind}_MacBook-Pro-de-Jorge-4_{stamp}.sql.gz.gpg"
            theirs[name] = f"{folder}/{name}"
    older = "admision_mtn_full_20250101_020000.sql.gz.gpg"
    theirs[older] = f"full/{older}"
    for name in (*theirs, "RESTORE-CARD.txt", "notes.txt"):
        (practice.backups / name).write_bytes(b"Salted__")
        os.utime(practice.backups / name, (1e9, 1e9))
    bucket = practice.context.stores.bucket
    assert bucket is not None
    for key in list(theirs.values())[:5]:
        with (practice.backups / "notes.txt").open("rb") as stream:
            bucket.put(key, stream)
    before = objects(practice)
    for days in (0, 1, 2, 45):
        aged(practice, days)
    practice.here("prune")
    assert before <= objects(practice)
    assert ("disk", "f0064800") not in names(practice)


def test_a_backup_in_use_stays_until_it_is_not(practice):
    for days in (0, 1):
        aged(practice, days)
    old = aged(practice, 40)
    with lease(practice.context.locks, old.payload):
        assert ("disk", old.id) in names(practice)
        assert "in use just now" in practice.here("prune", "--dry-run").stdout
        assert by_id(pruned(practice)) == []
    assert by_id(pruned(practice)) == [("disk", old.id)]


def test_a_lease_taken_just_before_a_deletion_still_counts(practice):
    """The stores were looked at before it."""
    for days in (0, 1):
        aged(practice, days)
    old = aged(practice, 40)
    held = lease(practice.context.locks, old.payload)
    entered = []

    def waits() -> None:
        if practice.jobs and "delete" in practice.jobs[0].phase and not entered:
            held.__enter__()
            entered.append(True)

    done = pruned(practice, waits)
    held.__exit__(None, None, None)
    assert entered
    assert done.deleted == ()
    assert [one.reason.says for one in done.left] == ["in use just now"]


def test_a_pin_set_just_before_a_deletion_still_counts(practice):
    for days in (0, 1):
        aged(practice, days)
    old = aged(practice, 40)
    context = context_of(practice)

    def waits() -> None:
        if practice.jobs and practice.jobs[0].phase == "delete":
            marks.pin(context, practice.inventory.find(old.id))

    assert pruned(practice, waits).deleted == ()
    assert ("disk", old.id) in names(practice)


def test_it_waits_while_an_incident_is_open_and_says_so(practice):
    for days in (0, 1, 40):
        aged(practice, days)
    context = practice.context
    begun = open_incident(context.state, practice.source.name, Actor("ana", "db-host-1", "1"), context.clock)
    assert practice.here("prune", check=1).stderr.count("an incident is open") == 1
    old = practice.root / "logs" / "full-backup_20200101_020000.log"
    old.write_text("long ago\n")
    os.utime(old, (1e9, 1e9))
    shown = practice.here("prune", "--dry-run").stdout
    assert "an incident is open" in shown
    assert "old log" not in shown
    assert len(names(practice)) == 6
    begun.close("it was nothing")
    assert "1 old log or record would be deleted" in practice.here("prune", "--dry-run").stdout
    practice.here("prune")
    assert len(names(practice)) == 5
    assert not old.exists()


def test_an_incident_that_opens_meanwhile_stops_it(practice):
    for days in (0, 1, 40, 41, 42):
        aged(practice, days)
    asked = []

    def waits():
        asked.append(True)
        return reasons.incident() if len(asked) > 2 else None

    done = pruned(practice, waits)
    assert by_id(done) == [("disk", "f0060480")]
    assert len(names(practice)) == 9
    assert practice.job is not None
    assert "an incident is open" in practice.job.warnings[0]


def test_nothing_goes_while_the_newest_is_not_proven_and_the_reason_is_a_warning(practice):
    for days in (1, 2, 40):
        aged(practice, days)
    newest = aged(practice, 0, rung=Rung.HASHED)
    said = practice.here("prune", check=1).stderr
    assert f"Nothing is deleted: the newest backup, {newest.payload}, is not proven." in said
    assert len(names(practice)) == 8


def test_a_bucket_that_does_not_answer_keeps_the_fulls_of_both(practise, somewhere, s3):
    practice = practise(somewhere, s3)
    for days in (0, 1, 40):
        aged(practice, days)
    base = aged(practice, 100)
    old = aged(practice, 99, base)
    practice.configure(MINIO_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    said = practice.here("prune", check=1).stderr
    assert "Nothing is deleted in the bucket, and no full in another store" in said
    assert practice.here("prune", "--dry-run", check=1).stdout.count("deleted") == 0
    there = {key for store, key in objects_on_disk(practice)}
    assert old.payload not in there
    assert base.payload in there


def objects_on_disk(practice: Practice) -> set[tuple[str, str]]:
    return {("disk", entry.key) for entry in practice.context.stores.disk.list()}


def test_what_another_installation_put_into_the_bucket_stays(practice):
    """Though prefix, host, database and server are the same: two configurations of one machine."""
    for days in (0, 1):
        aged(practice, days)
    context = context_of(practice)
    ours = aged(practice, 100, mark=str(Mark(installation_id(context), slug(practice.source.name), "a")))
    theirs = aged(practice, 101, mark=str(Mark("0" * 32, slug(practice.source.name), "a")))
    assert "put there by another installation: 00000000" in practice.here("prune", "--dry-run").stdout
    practice.here("prune")
    assert {place for place in names(practice) if place[1] in (ours.id, theirs.id)} == {("bucket", theirs.id)}


@pytest.mark.parametrize("suffixes", [1, 2, 4])
def test_what_a_kill_left_of_a_deletion_is_finished(practice, suffixes):
    for days in (0, 1):
        aged(practice, days)
    half, other, moved = aged(practice, 120), aged(practice, 121), aged(practice, 5)
    for one in (half, moved):
        for suffix in ("", ".keys.enc", ".roles.enc", PROOF)[:suffixes]:
            practice.context.stores.disk.delete(one.payload + suffix)
    done = pruned(practice)
    assert done.finished == 1
    assert not [key for store, key in objects(practice) if half.payload in key or other.payload in key]
    # Of a backup that had to stay somebody moved the payload away: that is no deletion of ours.
    assert ("disk", moved.payload + MANIFEST) in objects(practice)


def test_objects_that_the_bucket_locks_stay_and_the_date_is_said(practise, somewhere, seaweed: SeaweedServer):
    name = f"locked-{os.getpid()}"
    client = seaweed.client()
    client.make_bucket(name, object_lock=True)
    practice = practise(somewhere, Bucket(seaweed.endpoint, name, seaweed.access_key, seaweed.secret_key))
    for days in (0, 1):
        aged(practice, days)
    old, locked = aged(practice, 120), aged(practice, 121)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    key = locked.name.key
    client.set_object_retention(name, key, Retention(COMPLIANCE, until))
    said = practice.here("prune").stdout
    assert f"locked by the bucket until {until.astimezone():%Y-%m-%d %H:%M}" in said
    assert "The bucket keeps versions" in said
    assert names(practice) >= {("bucket", locked.id)}
    assert ("bucket", old.id) not in names(practice)


def test_logs_figures_and_journals_go_after_90_days_and_nothing_else_does(practice):
    for days in (0, 1):
        aged(practice, days)
    logs, jobs = practice.root / "logs", practice.root / "state" / "jobs"
    jobs.mkdir(parents=True, exist_ok=True)
    (logs / "metrics").mkdir()
    old, young = local_stamp(NOW - timedelta(days=95)), local_stamp(NOW - timedelta(days=85))
    going = [
        *(logs / f"{name}_{old}.log" for name in LOGGED),
        logs / f"backup-report_{old}.txt",
        logs / "metrics" / f"diff-backup_{old}.json",
        jobs / "aaaaaaaa.out",
        jobs / "bbbbbbbb.jsonl",
    ]
    staying = [
        logs / f"full-backup_{young}.log",
        logs / "rto-tests.log",
        logs / "audit.jsonl",
        logs / f"incident_0001_{old}.md",
        logs / f"other_{old}.log",
        logs / "metrics" / "full-backup_latest.json",
        practice.root / "state" / "incidents" / "0001.jsonl",
        jobs / "cccccccc.jsonl",
    ]
    over = b'{"at": "2026-01-01T00:00:00+00:00", "event": "state", "state": "succeeded", "exit_code": 0}\n'
    for path in (*going, *staying):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(over)
        os.utime(path, ((NOW - timedelta(days=95)).timestamp(),) * 2)
    for path in (staying[0], staying[-1]):
        os.utime(path)
    rewritten = logs / f"drill_{local_stamp(NOW - timedelta(days=96))}.log"
    rewritten.write_bytes(b"copied here lately")
    found = records.expired(context_of(practice), NOW)
    assert [one.path for one in found] == sorted(going)
    assert {one.size for one in found} == {len(over)}
    shown = practice.here("prune", "--dry-run").stdout
    assert f"15 old logs and records would be deleted: {labels.size(15 * len(over))} would be freed" in shown
    assert {line.split()[0] for line in shown.splitlines() if "kept for 90 days" in line} == set(
        map(str, going)
    )
    told = json.loads(practice.here("prune", "--dry-run", "--json").stdout)["records"]
    assert [(one["path"], one["size"], one["why"]) for one in told] == [
        (str(path), len(over), "expired") for path in sorted(going)
    ]
    assert "15 old logs and records deleted" in practice.here("prune").stdout
    assert not [path for path in going if path.exists()]
    assert all(path.exists() for path in (*staying, rewritten))


def test_databases_kept_for_too_long_are_named_and_never_dropped(practice, new_database, pg18):
    kept = f"{practice.source.name}__before_20260101_000000"
    new_database(pg18, kept)
    aged(practice, 0)
    assert f"KEEP_REPLACED_DAYS: {kept}. See what is kept: mtn kept" in practice.here("prune").stdout
    assert kept in practice.databases()


def test_without_the_key_nothing_is_judged(practice):
    aged(practice, 0)
    practice.key_file.unlink()
    assert "7.2" in practice.here("prune", check=2).stderr
    assert "7.2" in practice.here("prune", "--dry-run", check=2).stderr


def test_two_at_once_are_one(practice):
    aged(practice, 0)
    said = []
    pruned(practice, lambda: said.append(practice.here("prune", check=75).stderr))
    assert "Already running" in said[0]
