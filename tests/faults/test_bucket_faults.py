"""A bucket that refuses, hangs, cuts or says no: the backup is kept on disk, on time, and says so."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from mtn_tui.core.models import MANIFEST, JobState, Rung
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.engine.pipeline import background
from mtn_tui.operations.backup import make
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import Stores
from mtn_tui.operations.inventory.model import CopyStatus
from mtn_tui.storage import s3 as of_s3
from mtn_tui.storage.s3 import S3Storage
from tests.faults.aftermath import (
    PATIENCE,
    HangsWhen,
    assert_nothing_half_made,
    ballast,
    begin,
    files,
    objects,
    sessions,
    wait_for,
)
from tests.faults.proxy import FaultProxy
from tests.operation_fixtures import Bucket, Practice
from tests.pg_fixtures import Database, NewDatabase

SOON = "0.02"
"""Minutes until an upload is given up."""

READ_TIMEOUT = 1.0
"""Seconds, instead of the 30 of real life."""


@pytest.fixture
def proxy(seaweed: SeaweedServer) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", seaweed.port) as proxy:
        yield proxy


@pytest.fixture
def source(pg18: PostgresServer, new_school: NewDatabase) -> Database:
    return new_school(pg18)


@pytest.fixture
def behind(source: Database, practise: Callable[..., Practice], s3: Bucket, proxy: FaultProxy) -> Practice:
    """An installation that reaches its empty bucket through the proxy."""
    bucket = Bucket(proxy.endpoint, s3.name, s3.access_key, s3.secret_key)
    return practise(source, bucket, UPLOAD_DEADLINE_MINUTES=SOON)


@pytest.fixture
def direct(s3: Bucket) -> Iterator[S3Storage]:
    """The same bucket, past the proxy."""
    store = store_of(s3.endpoint, s3)
    yield store
    store.close()


def store_of(endpoint: str, bucket: Bucket, **options: float) -> S3Storage:
    return S3Storage(
        endpoint,
        bucket.name,
        access_key=bucket.access_key,
        secret_key=bucket.secret_key,
        secure=False,
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture
def impatient(behind: Practice, proxy: FaultProxy, s3: Bucket) -> Iterator[Context]:
    """The same installation, with short timeouts towards the bucket."""
    store = store_of(proxy.endpoint, s3, connect_timeout=READ_TIMEOUT, read_timeout=READ_TIMEOUT)
    context = behind.context
    yield replace(context, stores=Stores(context.stores.disk, lambda: store))
    store.close()


def refuse(proxy: FaultProxy) -> None:
    proxy.refuse()


def hang(proxy: FaultProxy) -> None:
    proxy.hang()


def hang_from_the_first_put_on(proxy: FaultProxy) -> None:
    proxy.set(HangsWhen(lambda: any(method in ("PUT", "POST") for method, _path in proxy.requests)))


def hang_from_the_payload_on(proxy: FaultProxy) -> None:
    proxy.set(HangsWhen(lambda: any(path.endswith(".sql.gz.gpg") for _method, path in proxy.requests)))


def cut(proxy: FaultProxy) -> None:
    proxy.cut(up=100_000)


def be_busy(proxy: FaultProxy) -> None:
    proxy.answer(503, of=lambda method, path: method == "PUT")


def be_busy_for_manifests(proxy: FaultProxy) -> None:
    proxy.answer(503, of=lambda method, path: method == "PUT" and MANIFEST in path)


FAULTS = [
    refuse,
    hang,
    hang_from_the_first_put_on,
    hang_from_the_payload_on,
    cut,
    be_busy,
    be_busy_for_manifests,
]


@pytest.mark.sample("hang_from_the_payload_on", "be_busy_for_manifests")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_backup_is_kept_on_disk_only_and_in_time(
    behind: Practice,
    proxy: FaultProxy,
    impatient: Context,
    direct: S3Storage,
    fault: Callable[[FaultProxy], None],
) -> None:
    fault(proxy)
    began = time.monotonic()
    done = behind.back_up(impatient)
    assert time.monotonic() - began < PATIENCE
    assert not done.in_bucket
    assert done.rung is Rung.COMPLETE
    assert behind.job is not None
    assert behind.job.exit_code == 1
    assert any("kept on disk only" in text for text in behind.job.warnings)
    proxy.heal()
    (backup,) = behind.inventory.backups
    assert [(copy.store.name, copy.standing) for copy in backup.copies] == [("disk", CopyStatus.WHOLE)]
    hung = fault in (hang_from_the_first_put_on, hang_from_the_payload_on)
    assert not any(".sql.gz.gpg" in key for key in objects(direct)) or hung
    behind.back_up()
    assert_nothing_half_made(behind)


@pytest.mark.sample("no bucket")
@pytest.mark.parametrize(
    ("wrong", "reason", "remedy"),
    [
        ({"MINIO_SECRET_KEY": "wrong-from-the-start"}, "SignatureDoesNotMatch", "MINIO_SECRET_KEY"),
        ({"MINIO_BUCKET": "nobody-made-this-one"}, "There is no bucket nobody-made-this-one", "MINIO_BUCKET"),
    ],
    ids=["wrong keys", "no bucket"],
)
def test_a_bucket_that_says_no_is_not_tried_again_and_the_fix_is_named(
    behind: Practice, wrong: dict[str, str], reason: str, remedy: str
) -> None:
    behind.configure(**wrong, UPLOAD_DEADLINE_MINUTES="30")
    told = behind.mtn("backup", "full", check=1).stderr
    assert "kept on disk only" in told
    assert reason in told
    assert remedy in told
    assert behind.jobs[0].state is JobState.SUCCEEDED
    assert "upload-failed" not in (behind.root / "state" / "jobs" / f"{behind.jobs[0].id}.jsonl").read_text()
    behind.configure(MINIO_ENDPOINT="")
    assert [backup.rung for backup in behind.inventory.backups] == [Rung.COMPLETE]


def test_a_bucket_that_forbids_to_list_unfinished_uploads_still_gets_the_backup(
    behind: Practice, proxy: FaultProxy
) -> None:
    behind.configure(UPLOAD_DEADLINE_MINUTES="10")
    proxy.answer(403, "AccessDenied", of=lambda method, path: method == "GET" and "uploads" in path)
    done = behind.back_up()
    assert done.in_bucket
    assert behind.job is not None
    assert behind.job.exit_code == 0


def test_a_refusing_bucket_is_told_on_stderr_with_exit_code_1(behind: Practice, proxy: FaultProxy) -> None:
    proxy.refuse()
    told = behind.mtn("backup", "full", check=1).stderr
    assert "kept on disk only" in told
    assert proxy.endpoint in told


def test_a_dump_waits_only_a_little_for_a_bucket_that_hangs(
    behind: Practice, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bucket's own patience is 30 s; what is asked of it before the dump could do without an answer."""
    monkeypatch.setattr(make, "_BEFORE_DUMP", 0.5)
    behind.configure(UPLOAD_DEADLINE_MINUTES="10")
    proxy.hang()

    def dump_begins() -> bool:
        return any(job.phase == "dump" or job.state.over for job in behind.jobs)

    began = time.monotonic()
    with background(behind.back_up, "backup") as running:
        wait_for(dump_begins, "the dump")
        waited = time.monotonic() - began
        proxy.heal()
        assert running.result().in_bucket
    assert waited < of_s3.READ_TIMEOUT
    assert_nothing_half_made(behind)


def test_a_bucket_that_hangs_while_the_dump_goes_on_holds_no_transaction_open(
    behind: Practice, proxy: FaultProxy, source: Database, direct: S3Storage
) -> None:
    ballast(source, 40)  # more than one part of an upload
    behind.configure(UPLOAD_DEADLINE_MINUTES="10")
    proxy.set(HangsWhen(lambda: any(method == "POST" for method, _path in proxy.requests)))
    running = begin(behind, "backup", "full")
    running.reaches("upload")
    assert any(method == "POST" and "uploads" in path for method, path in proxy.requests)
    here = sessions(source)
    assert here, "the lock against a second host is held"
    assert not any(in_transaction for _name, in_transaction in here)
    running.ask(signal.SIGTERM)
    running.says("cancelling")
    proxy.heal()
    running.ends(130)
    assert objects(direct) == {}
    assert direct.unfinished() == ()
    assert [copy.rung for one in behind.inventory.backups for copy in one.copies] == [Rung.COMPLETE]


@pytest.mark.sample("be_busy_for_manifests")
@pytest.mark.parametrize("fault", [refuse, cut, be_busy_for_manifests], ids=lambda one: one.__name__)
def test_a_bucket_that_answers_again_in_time_gets_the_backup_from_disk(
    behind: Practice, proxy: FaultProxy, fault: Callable[[FaultProxy], None]
) -> None:
    behind.configure(UPLOAD_DEADLINE_MINUTES="10")
    fault(proxy)
    running = begin(behind, "backup", "full")
    running.says("upload-failed")
    proxy.heal()
    assert "warning" not in running.ends(0)
    (backup,) = behind.inventory.backups
    assert [copy.rung for copy in backup.copies] == [Rung.COMPLETE, Rung.COMPLETE]
    assert_nothing_half_made(behind)


def test_a_bucket_that_is_too_slow_is_given_up_in_time(behind: Practice, proxy: FaultProxy) -> None:
    behind.configure(UPLOAD_DEADLINE_MINUTES="0.001")
    proxy.delay(0.3)
    told = behind.mtn("backup", "full", check=1).stderr
    assert "kept on disk only" in told
    assert "did not take the backup in time" in told
    proxy.heal()
    assert_nothing_half_made(behind)


def test_a_copy_that_cannot_be_read_back_is_in_the_bucket_and_not_called_proven(
    behind: Practice, proxy: FaultProxy
) -> None:
    behind.configure(UPLOAD_DEADLINE_MINUTES="10")

    def reads_back(method: str, path: str) -> bool:
        finished = any(MANIFEST in one for _method, one in proxy.requests)
        return method == "GET" and path.endswith(".sql.gz.gpg") and finished

    proxy.answer(503, of=reads_back)
    told = behind.mtn("backup", "full", check=1).stderr
    proxy.heal()
    assert "is in the bucket, but could not be read back" in told
    assert "mtn verify" in told
    (backup,) = behind.inventory.backups
    assert [(copy.standing, copy.rung) for copy in backup.copies] == [
        (CopyStatus.WHOLE, Rung.COMPLETE),
        (CopyStatus.WHOLE, Rung.PRESENT),
    ]
    behind.mtn("verify", "--all")
    assert behind.inventory.backups[0].rung is Rung.COMPLETE


def test_a_backup_cancelled_while_it_waits_for_the_bucket_stays_on_disk_and_leaves_nothing_there(
    behind: Practice, proxy: FaultProxy, direct: S3Storage
) -> None:
    behind.configure(UPLOAD_DEADLINE_MINUTES="10")
    be_busy_for_manifests(proxy)
    running = begin(behind, "backup", "full")
    running.says("upload-failed")
    running.ask(signal.SIGTERM)
    running.ends(130)
    assert objects(direct) == {}
    assert direct.unfinished() == ()
    assert_nothing_half_made(behind)
    assert [copy.rung for copy in behind.inventory.backups[0].copies] == [Rung.COMPLETE]


def test_a_name_that_is_taken_in_a_bucket_that_did_not_answer_is_not_overwritten(
    behind: Practice, proxy: FaultProxy, direct: S3Storage
) -> None:
    behind.configure(UPLOAD_DEADLINE_MINUTES="10")
    proxy.refuse()
    running = begin(behind, "backup", "full")
    wait_for(lambda: running.view.files, "the name")
    (name,) = running.view.files
    with behind.config.open("rb") as another:
        direct.put("full/" + name, another)
    running.says("upload-failed")
    before = objects(direct)
    proxy.heal()
    assert "exists already" in running.ends(1)
    assert objects(direct).items() >= before.items()
    assert files(behind)
