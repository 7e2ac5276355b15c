"""Every health check, provoked for real: healthy, warning, critical, unknown; its hint followed; then green.

``TABLE`` says which test shows which status of which check; the last test holds
it against the catalogue.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from mtn_tui.core.clock import SystemClock, local_stamp
from mtn_tui.core.errors import NoSpace
from mtn_tui.core.models import MANIFEST, PROOF, ROLES, JobState, Kind
from mtn_tui.core.settings_file import load
from mtn_tui.demo.ports import free_port
from mtn_tui.demo.postgres_binaries import wheel_binaries
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.demo.services import Service
from mtn_tui.demo.small_disk import BACKUPS, small_disk
from mtn_tui.engine import detached
from mtn_tui.engine.jobs import Job, new_job_id
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health import last_known, sign_off
from mtn_tui.operations.health.catalogue import BY_ID, CHECKS
from mtn_tui.operations.health.checks import errors, horizon
from mtn_tui.operations.health.checks.folders import mount_of
from mtn_tui.operations.health.checks.schedule import schedule
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.picture import Row
from mtn_tui.operations.health.registry import LOOKS
from mtn_tui.operations.health.runner import Result, look
from mtn_tui.operations.restore import rto_log
from mtn_tui.operations.retention.prune import prune
from mtn_tui.operations.schedule.description import runs
from mtn_tui.operations.schedule.machine import Machine
from mtn_tui.operations.sync.sync import sync
from mtn_tui.ui.screens.checklist_actions import what_fix_does, what_instead
from tests.faults.test_full_disks import new_disk
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database, copy, running

__all__ = ["new_disk"]

OK, WARN, FAIL, UNKNOWN = Status.OK, Status.WARN, Status.FAIL, Status.UNKNOWN
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

TABLE: dict[str, set[Status]] = {}

ACCEPT, LOOK = "Somebody has to answer for it; type it yourself: ", "It has to be looked into; type: "
FULL, DIFF = "[f] runs: full backup (mtn backup full)", "[f] runs: differential (mtn backup diff)"
DRILL, MONITOR = "[f] runs: restore drill (mtn drill)", "[f] runs: monitor run (mtn monitor)"
OUTSIDE = "No command of mtn mends it: [enter] shows what to do."
EMERGENCY = "[3] leads through the emergency, step by step"

OFFERS: dict[tuple[str, Status], tuple[str, ...]] = {
    ("bucket-answers", WARN): (OUTSIDE,),
    ("contacts", WARN): (OUTSIDE,),
    ("copies", UNKNOWN): (OUTSIDE,),
    ("copies", WARN): ("[f] runs: copying between the stores (mtn sync)",),
    ("differentials", WARN): (DIFF,),
    ("drill", FAIL): (DRILL,),
    ("drill", UNKNOWN): (LOOK + "mtn doctor",),
    ("drill", WARN): (DRILL,),
    ("errors", UNKNOWN): (LOOK + "mtn logs --level error",),
    ("errors", WARN): (LOOK + "mtn logs --level error --since ",),
    ("full", FAIL): (FULL,),
    ("full", UNKNOWN): (FULL, OUTSIDE),
    ("horizon", UNKNOWN): (OUTSIDE,),
    ("horizon", WARN): (OUTSIDE,),
    ("key-elsewhere", UNKNOWN): (OUTSIDE,),
    ("key-elsewhere", WARN): (ACCEPT + "mtn accept --key-elsewhere",),
    ("last-runs", UNKNOWN): (LOOK + "mtn doctor",),
    ("last-runs", WARN): (FULL, DIFF),
    ("monitoring", UNKNOWN): (MONITOR,),
    ("monitoring", WARN): (MONITOR,),
    ("objectives", FAIL): (FULL, DIFF),
    ("objectives", WARN): (OUTSIDE, DRILL),
    ("permissions", FAIL): (OUTSIDE,),
    ("permissions", WARN): (OUTSIDE,),
    ("retention", FAIL): (OUTSIDE,),
    ("retention", UNKNOWN): (OUTSIDE,),
    ("retention", WARN): ("[f] runs: deletion of old backups (mtn prune)",),
    ("rows", FAIL): (EMERGENCY,),
    ("rows", UNKNOWN): (LOOK + "mtn doctor",),
    ("schedule", UNKNOWN): (LOOK + "mtn schedule show", LOOK + "mtn doctor"),
    ("schedule", WARN): (
        "It changes what this machine starts; type it yourself: mtn schedule install",
        LOOK + "mtn schedule show",
    ),
    ("server", FAIL): (EMERGENCY,),
    ("server-disk", FAIL): (LOOK + "mtn kept",),
    ("server-disk", UNKNOWN): (ACCEPT + "mtn accept --server-disk", OUTSIDE),
    ("server-disk", WARN): (LOOK + "mtn kept",),
    ("services", FAIL): ("[f] runs: restart of the services (mtn services --restart)", OUTSIDE),
    ("services", UNKNOWN): (OUTSIDE,),
    ("sizes", UNKNOWN): (OUTSIDE,),
    ("suspect", WARN): (LOOK + "mtn verify ", ACCEPT + "mtn accept "),
    ("uploads", UNKNOWN): (OUTSIDE,),
    ("uploads", WARN): (DIFF,),
}
"""What ``f`` on the checklist says of each of them that is not ok: one of these, or begins with it."""


ELSEWHERE = {
    "configuration": "test_doctor.py, test_unsafe_settings.py",
    "environment": "test_environment.py",
    "key": "test_doctor.py",
    "key-of-backups": "test_another_key.py",
    "folders": "test_doctor.py, test_unsafe_settings.py, test_unwritable_state.py",
    "state": "test_doctor.py",
    "role": "test_doctor.py, test_doctor_reads.py",
    "leftovers": "test_restore.py, test_unsigned_restores.py",
    "pg_dump": "test_doctor.py",
    "bucket": "test_doctor.py, test_bucket_check.py",
    "stores": "test_lost_stores.py",
    "alerts": "test_notify.py",
    "machine": "test_doctor.py",
}


def check_offer(result: Result) -> None:
    """Insist that ``f`` says of what was found what ``OFFERS`` has; of what is ok it is not asked."""
    if result.status is OK:
        return
    row = Row(result.check, last_known.Remembered(result, result.at))
    told = what_fix_does(row) or what_instead(row)
    expected = OFFERS[result.check.id, result.status]
    assert any(told == one or (one.endswith(" ") and told.startswith(one)) for one in expected), told


class Shifted(SystemClock):
    def __init__(self, by: timedelta) -> None:
        self.by = by

    def now(self) -> datetime:
        return super().now() + self.by


def seen(practice: Practice, name: str, after: timedelta = timedelta(0)) -> Result:
    """What a check comes to, as if it were looked at so much later."""
    context = replace(practice.context, clock=Shifted(after), configuration=practice.config)
    inspection = Inspection(context, load(practice.config, {}))
    return look(inspection, BY_ID[name], LOOKS[name])


def expect(
    practice: Practice, name: str, status: Status, *parts: str, after: timedelta = timedelta(0)
) -> Result:
    """Look, and insist on the status and on what is said or advised."""
    result = seen(practice, name, after)
    told = "\n".join(f"{one.says} {one.hint}" for one in result.findings)
    assert result.status is status, told
    for part in parts:
        assert part in told
    assert all(one.hint for one in result.findings if one.status is not OK)
    TABLE.setdefault(name, set()).add(status)
    check_offer(result)
    return result


@pytest.fixture
def small(pg18, new_database):
    return new_database(pg18, script="CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 2000) g")


@pytest.fixture
def disk_only(small, practise) -> Practice:
    return practise(small, MINIO_ENDPOINT="")


@pytest.fixture
def both(small, practise, s3) -> Practice:
    return practise(small, s3)


def job(practice: Practice, kind: str, body: Callable[[Job], object], check: type[Exception] | None = None):
    """A job of that kind on the journal's record."""
    if check is None:
        practice.run(kind, body)
    else:
        with pytest.raises(check):
            practice.run(kind, body)


def test_the_fulls_age(disk_only: Practice) -> None:
    expect(disk_only, "full", FAIL, "mtn backup full")
    expect(disk_only, "differentials", WARN, "mtn backup diff")
    expect(disk_only, "objectives", FAIL, "mtn backup full")
    disk_only.ready_made()
    expect(disk_only, "full", OK)
    expect(disk_only, "full", OK, after=25.9 * HOUR)
    expect(disk_only, "full", FAIL, "mtn backup full", after=26.1 * HOUR)
    expect(disk_only, "full", UNKNOWN, "in the future", after=-HOUR)
    disk_only.key_file.rename(disk_only.root / "elsewhere")
    expect(disk_only, "full", UNKNOWN)


@pytest.mark.usefixtures("about_noon")  # those of today are counted
def test_the_differentials_and_what_would_be_lost(disk_only: Practice) -> None:
    disk_only.back_up()
    disk_only.back_up_changes()
    expect(disk_only, "differentials", OK, "1 today")
    expect(disk_only, "differentials", OK, after=1.9 * HOUR)
    expect(disk_only, "differentials", WARN, "mtn backup diff", after=2.1 * HOUR)
    disk_only.configure(DIFF_EVERY_MINUTES="240")
    expect(disk_only, "differentials", OK, after=5.9 * HOUR)
    expect(disk_only, "differentials", WARN, "mtn backup diff", after=6.1 * HOUR)
    disk_only.configure(DIFF_EVERY_MINUTES="30")
    expect(disk_only, "objectives", WARN, "mtn drill")
    assert expect(disk_only, "objectives", FAIL, "mtn backup diff", after=1.1 * HOUR).leading.id == "rpo"
    figures = {"status": "success", "raw_size_bytes": 10**9, "rto_seconds": 1.0}
    measured = disk_only.root / "logs" / "metrics"
    (measured / "drill_20261101_020000.json").write_text(json.dumps(figures))
    expect(disk_only, "objectives", OK)
    (measured / "drill_20261101_020000.json").write_text(json.dumps(figures | {"rto_seconds": 10.0**12}))
    expect(disk_only, "objectives", WARN, "faster disk")
    full = next(one for one in disk_only.inventory.backups if one.kind is Kind.FULL)
    for suffix in ("", MANIFEST, PROOF, ROLES):
        (disk_only.backups / f"{full.name}{suffix}").unlink()
    expect(disk_only, "differentials", WARN, "There is no differential")


def test_the_last_runs(disk_only: Practice) -> None:
    expect(disk_only, "last-runs", OK, "none is on record")
    for kind in ("backup-full", "backup-diff"):
        job(disk_only, kind, lambda _job: None)
        expect(disk_only, "last-runs", OK, "ended well")
        job(disk_only, kind, lambda one: one.warn("x", "The bucket took it late."))
        expect(disk_only, "last-runs", WARN, "took it late", "mtn job log")
        job(disk_only, kind, lambda _job: None)
        job(disk_only, kind, lambda _job: 1 / 0, ZeroDivisionError)
        expect(disk_only, "last-runs", WARN, "failed", "mtn job log")
        job(disk_only, kind, lambda _job: None)
    expect(disk_only, "last-runs", OK)
    shutil.rmtree(disk_only.root / "state" / "jobs")
    (disk_only.root / "state" / "jobs").write_bytes(b"a file where the folder should be")
    expect(disk_only, "last-runs", UNKNOWN)


def test_a_suspect_backup(disk_only: Practice) -> None:
    expect(disk_only, "suspect", OK)
    made = disk_only.ready_made()
    payload = disk_only.payload(made)
    whole = payload.read_bytes()
    payload.write_bytes(whole[:-16])
    expect(disk_only, "suspect", WARN, "mtn verify")
    payload.write_bytes(whole)
    expect(disk_only, "suspect", OK)
    disk_only.source.psql("TRUNCATE t")
    last = disk_only.back_up().manifest
    expect(disk_only, "suspect", WARN, f"mtn accept {last.id}")
    disk_only.here("accept", last.id)
    expect(disk_only, "suspect", OK)


def test_errors_in_the_logs(disk_only: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    expect(disk_only, "errors", OK)
    log = disk_only.root / "logs" / "full-backup_20261127_020000.log"
    moment = f"{datetime.now() - HOUR:%Y-%m-%d %H:%M:%S}"
    log.write_text(f"[{moment}] [ERROR] dump failed: no space\n[{moment}] [INFO] Errors: 0\n")
    job(disk_only, "verify", lambda _job: 1 / 0, ZeroDivisionError)
    expect(disk_only, "errors", WARN, "errors since", "in verify", after=timedelta(seconds=3))
    for journal in (disk_only.root / "state" / "jobs").iterdir():
        journal.unlink()
    expect(disk_only, "errors", WARN, "1 error since", "dump failed: no space", "mtn logs --level error")
    expect(disk_only, "errors", OK, after=25 * HOUR)
    disk_only.here("check", "--sign-off", "seen, a full disk", check=None)
    expect(disk_only, "errors", OK)
    log.write_text(f"[{datetime.now() + HOUR:%Y-%m-%d %H:%M:%S}] [ERROR] and again\n")
    expect(disk_only, "errors", WARN, "and again", after=2 * HOUR)
    sign_off.path(disk_only.context).unlink()
    log.write_text(f"[{moment}] [INFO] all is well\n" * 20)
    monkeypatch.setattr(errors, "MOST_READ", 100)
    expect(disk_only, "errors", UNKNOWN, "was not read")


def test_the_last_report_of_the_monitor(disk_only: Practice) -> None:
    path = disk_only.context.settings.metrics_dir / "backup-status_latest.json"
    path.parent.mkdir()
    expect(disk_only, "monitoring", WARN, "no report", "mtn monitor")
    now = datetime.now().astimezone()
    for stamp in (now.isoformat(), f"{now:%Y-%m-%d %H:%M:%S}"):
        path.write_text(json.dumps({"report_timestamp": stamp, "overall_status": "OK"}))
        expect(disk_only, "monitoring", OK)
        expect(disk_only, "monitoring", WARN, "mtn monitor", after=7.1 * HOUR)
    path.write_text(json.dumps({"report_timestamp": now.isoformat(), "overall_status": "CRITICAL"}))
    expect(disk_only, "monitoring", WARN, "CRITICAL")
    for spoilt in (b"{", b"[]", b'{"report_timestamp": "0001-01-01", "overall_status": "OK"}'):
        path.write_bytes(spoilt)
        expect(disk_only, "monitoring", UNKNOWN, "mtn monitor")
    job = new_job_id()
    disk_only.mtn(*seen(disk_only, "monitoring").leading.fix, **{detached.JOB_ID: job})
    (view,) = disk_only.jobs
    assert (view.id, view.kind, view.state) == (job, "monitor", JobState.SUCCEEDED)
    assert view.result["overall_status"] == json.loads(path.read_bytes())["overall_status"] == "CRITICAL"
    expect(disk_only, "monitoring", WARN, "CRITICAL")


def test_the_room_on_the_disk_of_the_backups(small, practise, new_disk: Callable[..., Path]) -> None:
    disk = new_disk(4 << 20)
    practice: Practice = practise(small, MINIO_ENDPOINT="", BACKUP_DIR=str(disk))
    ours = expect_disk(practice, OK, "it will not be full within a year")
    assert ours.figures["disk_total_bytes"] == 4 << 20
    ballast = disk / "ballast"
    for part, status in ((0.81, WARN), (0.91, FAIL), (0.79, OK)):
        ballast.write_bytes(bytes(int(part * (4 << 20))))
        expect_disk(practice, status, "" if status is OK else "mtn prune --dry-run")


def test_when_the_disk_of_the_backups_will_be_full(small, practise, new_disk: Callable[..., Path]) -> None:
    disk = new_disk(264 << 20)
    practice: Practice = practise(small, MINIO_ENDPOINT="", BACKUP_DIR=str(disk))
    ballast = disk / "ballast"
    for number in range(1, 4):
        stamp = local_stamp(datetime.now().astimezone() - number * DAY)
        with (disk / f"admision_mtn_full_h_{stamp}.sql.gz.gpg").open("wb") as file:
            file.truncate(80 << 20)  # without its bytes
    told = expect_disk(practice, WARN, "It will be full in")
    assert told.figures["disk_full_in_seconds"] <= 7 * 86400
    for path in disk.iterdir():
        path.unlink()
    expect_disk(practice, OK)
    # What is no backup: a day ago there was twice as much.
    for ago, used in ((25 * HOUR, 0), (timedelta(0), 100 << 20)):
        ballast.write_bytes(bytes(used))
        last_known.keep(practice.context, [seen(practice, "disk", -ago)])
    expect_disk(practice, WARN, "It will be full in 1 day")


def test_no_days_are_promised_where_the_next_backup_does_not_fit(
    small, practise, new_disk: Callable[..., Path]
) -> None:
    disk = new_disk(90 << 20)
    practice: Practice = practise(small, MINIO_ENDPOINT="", BACKUP_DIR=str(disk))
    practice.back_up()
    expect_disk(practice, OK)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(40 << 20))
    assert expect_disk(practice, FAIL, "The next full does").short.endswith(", the next full does not fit")
    ballast.unlink()
    practice.back_up_changes()
    ballast.write_bytes(bytes(40 << 20))
    with pytest.raises(NoSpace) as refused:
        practice.back_up_changes()
    assert "about 67.1 MB are needed" in refused.value.title
    told = expect_disk(practice, FAIL, "No backup fits any more: 67.1 MB have to be free.", "mtn prune")
    assert "It will be full" not in told.says
    assert told.short.endswith(", no backup fits")
    assert told.figures["disk_full_in_seconds"] == 0


def expect_disk(practice: Practice, status: Status, *parts: str):
    """The finding of BACKUP_DIR's disk; that of the others is the machine's own."""
    (ours,) = [one for one in seen(practice, "disk").findings if "backups" in one.says]
    assert ours.status is status, ours
    for part in parts:
        assert part in f"{ours.says} {ours.hint}"
    TABLE.setdefault("disk", set()).add(status)
    return ours


def test_each_filesystem_is_named_by_where_it_is_and_what_lies_on_it(small, practise, tmp_path: Path) -> None:
    """Also one that is reached through another mount namespace, as that of the practice of a full disk."""
    with small_disk(tmp_path / "small") as disk:
        practice: Practice = practise(small, MINIO_ENDPOINT="", BACKUP_DIR=str(disk.path / BACKUPS))
        (disk.path / BACKUPS).mkdir(mode=0o700, exist_ok=True)
        ours, *others = seen(practice, "disk").findings
        assert f", on {disk.path}: backups, temporary files." in ours.says
        assert len({mount_of(Path(str(practice.root))), disk.path}) == len([ours, *others]) == 2
        assert ": logs, metrics, state of the program." in others[0].says
        inspection = Inspection(practice.context)
        assert inspection.of_our_server is inspection.of_our_server


def test_a_disk_without_inodes_is_full_too(small, practise, new_disk: Callable[..., Path]) -> None:
    disk = new_disk("4m,nr_inodes=40")
    practice: Practice = practise(small, MINIO_ENDPOINT="", BACKUP_DIR=str(disk))
    expect_disk(practice, OK)
    for number in range(36):
        (disk / f"{number}").touch()
    expect_disk(practice, FAIL, "Free inodes")


def test_the_database_server(pg_workspace, practise, new_disk: Callable[..., Path], monkeypatch) -> None:
    """A server of its own: it is stopped, its disk is small, and it takes prepared transactions."""
    disk = new_disk(200 << 20, pg_workspace.path)
    with running(wheel_binaries(), disk / "pg", {"max_prepared_transactions": "2"}) as server:
        copy(server, "template0", "colegio")
        database = Database(server, "colegio")
        practice: Practice = practise(database, MINIO_ENDPOINT="")
        assert expect(practice, "server", OK).leading.figures["database_size_bytes"] > 1 << 20
        expect(practice, "server-disk", OK)
        ballast = disk / "ballast"
        for part, status in ((0.85, WARN), (0.95, FAIL)):
            free = shutil.disk_usage(disk).free + (ballast.stat().st_size if ballast.exists() else 0)
            ballast.write_bytes(bytes(int(free - (1 - part) * (200 << 20))))
            expect(practice, "server-disk", status, "Make room there")
        ballast.unlink()
        expect(practice, "server-disk", OK)

        expect(practice, "horizon", OK)
        monkeypatch.setattr(horizon, "LIMIT", timedelta(0))
        other = database.connect()
        other.execute("BEGIN")
        pid = other.info.backend_pid
        expect(practice, "horizon", WARN, "idle in transaction", f"pg_terminate_backend({pid})")
        database.psql(f"SELECT pg_terminate_backend({pid}, 5000)")
        other.close()
        expect(practice, "horizon", OK)
        database.psql("BEGIN; CREATE TABLE held (id int); PREPARE TRANSACTION 'of ana''s'")
        expect(practice, "horizon", WARN, "ROLLBACK PREPARED 'of ana''s';")
        database.psql("ROLLBACK PREPARED 'of ana''s'")
        database.psql("SELECT pg_create_physical_replication_slot('gone', true)")
        expect(practice, "horizon", WARN, "pg_drop_replication_slot('gone');")
        database.psql("SELECT pg_drop_replication_slot('gone')")
        expect(practice, "horizon", OK)
        database.psql("CREATE ROLE limited LOGIN PASSWORD 'x'")
        practice.configure(DB_USER="limited", DB_PASSWORD="x")
        with database.connect():
            expect(practice, "horizon", UNKNOWN, "GRANT pg_read_all_stats TO limited;")
            database.psql("GRANT pg_read_all_stats TO limited")
            expect(practice, "horizon", OK)
        practice.configure(DB_USER=server.user, DB_PASSWORD=server.password)

        server.stop()
        expect(practice, "server", FAIL, "does not answer")
        for name in ("server-disk", "horizon"):
            expect(practice, name, UNKNOWN, "does not answer")
        server.start()
        practice.configure(DB_PORT=str(server.port))
        expect(practice, "server", OK)
        monkeypatch.setattr("mtn_tui.operations.common.server_disk._LOCAL", ())  # as from another machine
        expect(practice, "server-disk", UNKNOWN, "mtn accept --server-disk")
        practice.here("accept", "--server-disk", "--note", "zabbix")
        expect(practice, "server-disk", OK, "it is watched")


def test_rows_that_the_main_tables_lack(pg18, new_school: Callable[..., Database], practise) -> None:
    database = new_school(pg18)
    practice: Practice = practise(database, USE_MINIO="false")
    expect(practice, "rows", OK, "no proven backup yet")
    practice.back_up()
    expect(practice, "rows", OK, "As many rows as in the backups of the last week", "interviews ")
    delete = "DELETE FROM interviews WHERE id % {} = 0"
    database.psql("CREATE TABLE saved AS TABLE interviews; " + delete.format(20))
    expect(practice, "rows", OK, "As many rows")
    database.psql(delete.format(3))
    expect(practice, "rows", FAIL, "interviews: ", "mtn accept --fewer-rows")
    practice.back_up()
    expect(practice, "rows", FAIL, "interviews: ")
    database.psql("INSERT INTO interviews SELECT * FROM saved ON CONFLICT DO NOTHING")
    expect(practice, "rows", OK, "As many rows")

    practice.here("accept", "--fewer-rows", check=64)
    database.psql(delete.format(3))
    said = practice.here("accept", "--fewer-rows", "--note", "those of 2024").stdout
    assert said.startswith("Written down: interviews is meant to have ")
    expect(practice, "rows", OK, "said that it is meant so")
    database.psql(delete.format(2))
    expect(practice, "rows", FAIL, "mtn accept --fewer-rows")
    database.psql("CREATE ROLE nobodys LOGIN PASSWORD 'x'")
    practice.configure(DB_USER="nobodys", DB_PASSWORD="x")
    expect(practice, "rows", UNKNOWN, "can't be read", "permission denied")
    practice.configure(DB_USER=pg18.user, DB_PASSWORD=pg18.password)
    database.psql("DROP ROLE nobodys; DROP TABLE interviews CASCADE")
    expect(practice, "rows", FAIL, "it is not there")


@pytest.mark.parametrize(
    ("age", "status"), [(200_000_000, None), (10**9, WARN), (1_800_000_000, FAIL)], ids=str
)
def test_transaction_ids_run_out(age, status):
    found = [one.status for one in horizon.judged(horizon.Held("ana", oldest_row=age))]
    assert found == ([] if status is None else [status])
    TABLE.setdefault("horizon", set()).update(found)


def test_the_bucket_and_what_lies_in_one_store_only(both: Practice, seaweed: SeaweedServer) -> None:
    expect(both, "bucket-answers", OK)
    expect(both, "copies", OK)
    expect(both, "uploads", OK)
    expect(both, "sizes", OK)
    made = [both.ready_made(), both.ready_made()]
    expect(both, "copies", OK)
    store = both.context.stores.bucket
    assert store is not None
    keys = [entry.key for entry in store.list() if made[1].payload in entry.key]
    for key in keys:
        store.delete(key)
    result = expect(both, "copies", WARN, "1 backup is missing in the bucket", "mtn sync")
    assert result.leading.fix == ("sync",)
    for path in both.backups.glob(f"{made[0].payload}*"):
        path.unlink()
    expect(both, "copies", WARN, "1 backup is missing in the disk")
    (full,) = [one for one in expect(both, "sizes", OK).findings if one.says.startswith("disk")]
    assert full.figures["disk_fulls_bytes"] == both.payload(made[1]).stat().st_size
    assert "1 full, " in full.says

    both.run("sync", lambda job: sync(job, both.context))
    expect(both, "copies", OK)

    client = seaweed.client()
    client._create_multipart_upload(both.values["MINIO_BUCKET"], f"full/{made[0].payload}", {})
    client._create_multipart_upload(both.values["MINIO_BUCKET"], "full/of-others", {})
    expect(both, "uploads", OK)
    expect(both, "uploads", WARN, "1 upload has broken off", "mtn backup diff", after=25 * HOUR)
    store.abort_unfinished(lambda _upload: True)
    expect(both, "uploads", OK, after=25 * HOUR)

    good = dict(both.values)
    for wrong in (
        {"MINIO_ENDPOINT": f"http://127.0.0.1:{free_port()}"},
        {"MINIO_SECRET_KEY": "not the one"},
        {"MINIO_BUCKET": "not-there"},
    ):
        both.configure(**wrong)
        expect(both, "bucket-answers", WARN)
        for name in ("copies", "uploads", "sizes"):
            expect(both, name, UNKNOWN)
        both.configure(**good)
    expect(both, "bucket-answers", OK)


def test_without_a_bucket_there_is_nothing_to_compare(disk_only: Practice) -> None:
    for name in ("copies", "bucket-answers", "uploads"):
        expect(disk_only, name, OK, "no bucket")


def test_the_monthly_drill(disk_only: Practice) -> None:
    expect(disk_only, "drill", WARN, "mtn drill")
    context, backup = disk_only.context, None
    job(disk_only, "drill", lambda one: rto_log.failed(one, context, backup, 3.0))
    expect(disk_only, "drill", FAIL, "mtn drill")
    disk_only.ready_made()
    (backup,) = disk_only.inventory.backups
    job(disk_only, "drill", lambda one: rto_log.passed(one, context, backup, 60.0))
    due = (rto_log.last_test(context).at + timedelta(days=36)).astimezone().date()
    expect(disk_only, "drill", OK, f"The next is due by {due}.")
    expect(disk_only, "drill", OK, after=35 * DAY)
    expect(disk_only, "drill", WARN, "mtn drill", f"The next was due by {due}.", after=37 * DAY)
    log = disk_only.root / "logs" / rto_log.NAME
    by_hand = time.strftime("%a %b %e %H:%M:%S", time.gmtime())
    log.write_text(f"no line\n{by_hand} UTC {time.gmtime().tm_year}: RTO Test - Duration: [9 minutes]\n…\n")
    expect(disk_only, "drill", OK)
    log.unlink()
    log.mkdir()
    expect(disk_only, "drill", UNKNOWN)


def test_a_copy_of_the_key_elsewhere(disk_only: Practice) -> None:
    expect(disk_only, "key-elsewhere", WARN, "mtn accept --key-elsewhere")
    disk_only.here("accept", "--key-elsewhere", "--note", "in the safe")
    expect(disk_only, "key-elsewhere", OK, disk_only.context.key.fingerprint)
    disk_only.key_file.write_text("another key, another copy\n")
    expect(disk_only, "key-elsewhere", WARN, disk_only.context.key.fingerprint)
    disk_only.key_file.write_text("")
    expect(disk_only, "key-elsewhere", UNKNOWN)
    disk_only.key_file.unlink()
    expect(disk_only, "key-elsewhere", OK, "no key yet")
    disk_only.here("accept", "--key-elsewhere", "--server-disk", check=64)


PERSON = '[people.{key}]\nname = "{name}"\nrole = "x"\nemail = "{email}"\nphone = "{phone}"\n'


def test_the_people_to_call(disk_only: Practice) -> None:
    path = disk_only.root / "config" / "contacts.toml"
    expect(disk_only, "contacts", WARN, "no file of contacts")
    source = Path(errors.__file__).parents[2] / "setup" / "contacts.toml.template"
    path.write_text(source.read_text())
    expect(disk_only, "contacts", WARN, "operations (name, phone)", "devops", str(path))

    def people(*those: dict[str, str]) -> None:
        good = {"name": "Ana Soto", "email": "ana@mtn.cl", "phone": "+56 9 8123 4567"}
        text = 'zone = "America/Santiago"\nseverity = {}\n'
        all_of = [PERSON.format(key=f"p{number}", **good | one) for number, one in enumerate(those)]
        path.write_text(text + "".join(all_of))

    people({}, {"email": ""}, {"phone": ""})
    expect(disk_only, "contacts", OK, "3 people")
    for wrong, key in (
        ({"name": "[DBA]"}, "name"),
        ({"phone": "+56 9 XXXX XXXX"}, "phone"),
        ({"phone": "+56 9 0000 0000"}, "phone"),
        ({"email": "ana@example.com"}, "e-mail"),
        ({"email": "", "phone": ""}, "e-mail, phone"),
    ):
        people({}, wrong)
        expect(disk_only, "contacts", WARN, f"p1 ({key})")
    people()
    path.write_text(path.read_text() + "[people]\n")
    expect(disk_only, "contacts", WARN)


def test_the_services(disk_only: Practice) -> None:
    expect(disk_only, "services", OK, "SERVICE_HEALTH_URLS")
    with Service() as one, Service() as other:
        disk_only.configure(SERVICE_HEALTH_URLS=f"{one.url} {other.url}", SERVICES_RESTART_COMMAND="true")
        expect(disk_only, "services", OK, "All 2 services")
        other.healthy = False
        result = expect(disk_only, "services", FAIL, "1 of 2", "mtn services --restart")
        assert result.leading.fix == ("services", "--restart")
        other.healthy = True
        expect(disk_only, "services", OK)
    disk_only.configure(SERVICE_HEALTH_URLS="https://127.0.0.1:1/health", ALERT_CA_FILE="/nowhere/ca.pem")
    expect(disk_only, "services", UNKNOWN)


def test_the_schedule(disk_only: Practice, tmp_path: Path) -> None:
    folder = tmp_path / "cron.d"
    folder.mkdir()
    nowhere = tmp_path / "nowhere"
    machine = Machine(nowhere, False, False, nowhere, (folder,), nowhere, nowhere)

    def found(status: Status, *parts: str, after: timedelta = timedelta(minutes=2)) -> None:
        """Two minutes later: a run that begins just before it is due is that of its due time."""
        context = replace(disk_only.context, clock=Shifted(after), configuration=disk_only.config)
        result = look(Inspection(context), BY_ID["schedule"], partial(schedule, machine=machine))
        told = "\n".join(f"{one.says} {one.hint}" for one in result.findings)
        assert result.status is status, told
        for part in parts:
            assert part in told
        TABLE.setdefault("schedule", set()).add(status)
        check_offer(result)

    found(WARN, "Not started by itself: full backup, differential", "mtn schedule install")
    path = folder / "mtn"
    command = f"mtn --config {disk_only.config}"
    lines = [
        f"0 2 * * * root {command} {' '.join(run.arguments)}\n" for run in runs(disk_only.context.settings)
    ]
    path.write_text("".join(lines[1:]))
    found(WARN, "Not started by itself: full backup.")
    path.write_text("".join(lines))
    found(WARN, "differential was not started in two days", "wait for it")
    for kind in ("backup-full", "backup-diff", "prune"):
        disk_only.run(kind, lambda _job: None)
    found(OK, "All 7 runs")
    found(WARN, "differential was not started", "last ", after=5 * HOUR)
    path.write_text("".join([*lines, lines[0]]))
    found(WARN, "full backup is started more than once")
    path.write_text("".join([*lines, "0 2 * * * root /opt/backup-system/scripts/full-backup.sh\n"]))
    found(WARN, "full-backup.sh", "mtn schedule install")
    path.write_text("".join(lines))
    found(OK)
    shutil.rmtree(disk_only.root / "state" / "jobs")
    (disk_only.root / "state" / "jobs").write_bytes(b"a file where the folder should be")
    found(UNKNOWN)


def test_backups_that_nobody_verifies(disk_only: Practice) -> None:
    expect(disk_only, "retention", OK)
    disk_only.configure(ENABLE_POST_BACKUP_VERIFY="false")
    expect(disk_only, "retention", FAIL, "ENABLE_POST_BACKUP_VERIFY")


@dataclass
class Aged(Practice):
    """An installation whose clock is wrong."""

    age: timedelta = timedelta(0)

    @property
    def context(self) -> Context:
        return replace(super().context, clock=Shifted(-self.age))


def test_backups_that_retention_would_have_deleted(both: Practice) -> None:
    practice = Aged(**vars(both))
    for practice.age in (31 * DAY, 4 * DAY, 3 * DAY, timedelta(0)):
        practice.ready = 0
        practice.ready_made()
    expect(both, "retention", OK)
    practice.age, practice.ready = 36 * DAY, 0
    practice.ready_made()
    expect(both, "retention", WARN, "1 copy should", "mtn prune --dry-run")
    both.run("prune", lambda job: prune(job, both.context, lambda: None))
    expect(both, "retention", OK)
    both.configure(MINIO_SECRET_KEY="not the one")
    expect(both, "retention", UNKNOWN)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to another user")
def test_what_a_run_of_root_leaves_is_closed_to_the_user_of_cron(disk_only: Practice) -> None:
    expect(disk_only, "permissions", OK)
    root = disk_only.root
    (root / "state" / "locks").mkdir(parents=True)
    nobody = 65534
    for path in (root, *root.rglob("*")):
        os.chown(path, nobody, -1)
    expect(disk_only, "permissions", OK)
    lock = root / "state" / "locks" / "colegio.lock"
    closed = {
        lock: "may not use 1 file in",
        root / "logs": "may not write to",
        disk_only.key_file: "may not read",
    }
    lock.touch(0o600)
    os.chown(lock, nobody, -1)
    for path, said in closed.items():
        os.chown(path, 0, 0)
        expect(disk_only, "permissions", FAIL, said, str(path.name), "sudo chown")
        os.chown(path, nobody, -1)
        expect(disk_only, "permissions", OK)
    (root / "logs").chmod(0o777)
    for folder in root.parents:
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)
    root.chmod(0o755)
    expect(disk_only, "permissions", WARN, "Anybody", f"chmod o-w {root}/logs")


def test_the_table_has_every_check_of_the_catalogue(request: pytest.FixtureRequest) -> None:
    here = Path(__file__).read_text(encoding="utf-8")
    missing = [one.id for one in CHECKS if one.id not in ELSEWHERE and f'"{one.id}"' not in here]
    assert missing == []
    for files in ELSEWHERE.values():
        for file in files.split(", "):
            assert list(Path(__file__).parents[1].rglob(file)), file
