"""mtn sync: each store gets what it lacks and would keep, checked on the way. See unit/test_retention.py."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from mtn_tui.core.models import KEYS, MANIFEST, PROOF, ROLES, JobState
from mtn_tui.core.operator import host_name
from mtn_tui.demo.ports import free_port
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.engine.locks import slug
from mtn_tui.operations.common.installation import Mark, installation_id
from mtn_tui.operations.common.stores import Stores
from mtn_tui.operations.inventory import known_stores, marks
from mtn_tui.operations.sync.sync import Synced, send_missing
from mtn_tui.operations.sync.sync import sync as run_sync
from mtn_tui.storage.local import LocalStorage
from tests.aged import aged, context_of, names, objects
from tests.faults.proxy import FaultProxy
from tests.operation_fixtures import Bucket, Practice
from tests.pg_fixtures import Database, NewDatabase

NewPractice = Callable[..., Practice]


@pytest.fixture
def practice(pg18: PostgresServer, practise: NewPractice, s3: Bucket) -> Practice:
    return practise(Database(pg18, f"mtn_synced_{os.getpid()}"), s3)


@pytest.fixture
def proxy(seaweed: SeaweedServer) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", seaweed.port) as one:
        yield one


def synced(practice: Practice) -> Synced:
    context = context_of(practice)
    return practice.run("sync", lambda job: run_sync(job, context), context)


def content(practice: Practice, store: str, key: str) -> bytes:
    (of,) = [one for one in practice.context.stores if one.name == store]
    with of.open(key) as stream:
        return stream.read()


def test_each_store_gets_what_it_lacks_and_would_keep(practice):
    newest = aged(practice, 0)
    on_disk = aged(practice, 5, stores=["disk"])
    in_bucket = aged(practice, 6, stores=["bucket"], size=3 << 20)
    too_old = aged(practice, 50, stores=["bucket"])
    differential = aged(practice, 49, too_old, stores=["bucket"])
    context = context_of(practice)
    marks.pin(context, practice.inventory.find(on_disk.id), note="mine")

    said = practice.here("sync", "--dry-run").stdout
    assert "3 copies are missing, 3.1 MB" in said
    assert len(json.loads(practice.here("sync", "--dry-run", "--json").stdout)) == 3
    done = practice.here("sync")
    assert "3 copies made, 3.1 MB" in done.stdout

    both = (newest, on_disk, in_bucket, differential)
    assert names(practice) == {(store, one.id) for one in both for store in ("disk", "bucket")} | {
        ("bucket", too_old.id)
    }
    for one in (on_disk, in_bucket):
        for suffix in ("", ROLES, KEYS, PROOF, MANIFEST):
            assert content(practice, "disk", one.payload + suffix) == content(
                practice, "bucket", one.name.key + suffix
            )
    assert all(copy.proof.pinned for copy in practice.inventory.find(on_disk.id).copies)
    assert practice.inventory.find(differential.id).unusable == ""
    bucket = practice.context.stores.bucket
    assert bucket is not None
    mark = Mark.parse(bucket.mark(on_disk.name.key))
    assert mark is not None
    assert mark.installation == installation_id(context)
    assert practice.here("sync").stdout == "Nothing is missing.\n"
    assert practice.here("prune", "--json").stdout.count('"why"') == 0


def test_what_others_keep_is_not_copied(practice):
    aged(practice, 0)
    aged(practice, 1)
    bucket = practice.context.stores.bucket
    assert bucket is not None
    legacy = "admision_mtn_full_MacBook-Pro-de-Jorge-4_20261001_020000.sql.gz.gpg"
    (practice.backups / legacy).write_bytes(b"Salted__")
    for one in list(practice.backups.iterdir()):
        if f"_{host_name()}_" in one.name:
            copied = one.name.replace(f"_{host_name()}_", "_db-host-9_")
            (practice.backups / copied).write_bytes(one.read_bytes())
    before = {key for store, key in objects(practice) if store == "bucket"}
    practice.here("sync")
    assert {key for store, key in objects(practice) if store == "bucket"} == before


def test_a_bucket_that_lost_what_it_had_is_told_before_anything_is_copied_too(practice):
    """Nothing is copied into it until somebody has looked: that is not the same as that it lacks nothing."""
    one, context = aged(practice, 0), context_of(practice)
    practice.run("test", lambda job: known_stores.remember(job, context, list(context.stores)), context)
    bucket = practice.context.stores.bucket
    assert bucket is not None
    for suffix in ("", ROLES, KEYS, PROOF, MANIFEST):
        bucket.delete(one.name.key + suffix)
    for options in (["--dry-run"], ["--dry-run", "--json"], []):
        said = practice.here("sync", *options, check=1).stderr
        assert "Nothing is copied into the bucket" in said
        assert "mtn accept --store bucket" in said


def test_a_damaged_copy_is_not_spread_and_what_is_wrong_with_it_is_recorded(practice):
    aged(practice, 0)
    bad, good = aged(practice, 2, stores=["disk"]), aged(practice, 3, stores=["disk"])
    path = practice.payload(bad)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    said = practice.here("sync", check=1).stderr
    assert f"{bad.payload} was not copied into the bucket: {bad.payload} is not what was written" in said
    assert ("bucket", good.id) in names(practice)
    assert not [key for store, key in objects(practice) if store == "bucket" and bad.payload in key]
    assert practice.inventory.find(bad.id).broken


def test_a_payload_that_somebody_removed_by_hand_comes_back_with_its_pin(practice):
    aged(practice, 0)
    gone = aged(practice, 1)
    context = context_of(practice)
    marks.pin(context, practice.inventory.find(gone.id))
    practice.payload(gone).unlink()
    practice.here("sync")
    backup = practice.inventory.find(gone.id)
    assert [copy.store.name for copy in backup.copies] == ["disk", "bucket"]
    assert all(copy.proof.pinned for copy in backup.copies)


@pytest.mark.parametrize("left", [[ROLES], [ROLES, ""], [ROLES, "", KEYS, PROOF]])
def test_what_a_killed_run_left_in_the_bucket_is_replaced_once_its_job_is_over(practice, left):
    aged(practice, 0)
    one = aged(practice, 1, stores=["disk"])
    synced(practice)  # a job that is over
    assert practice.job is not None
    context = context_of(practice)
    mark = str(Mark(installation_id(context), slug(practice.source.name), practice.job.id))
    bucket = practice.context.stores.bucket
    assert bucket is not None
    for suffix in ("", ROLES, KEYS, PROOF, MANIFEST):
        bucket.delete(one.name.key + suffix)
    for suffix in left:
        with practice.payload(one).open("rb") as stream:
            bucket.put(one.name.key + suffix, stream, mark=mark)
    assert len(synced(practice).copied) == 1
    assert ("bucket", one.id) in names(practice)
    assert content(practice, "bucket", one.name.key + ROLES) == b"roles"


def test_what_another_installation_is_putting_there_is_left_alone(practice):
    aged(practice, 0)
    one = aged(practice, 1, stores=["disk"])
    bucket = practice.context.stores.bucket
    assert bucket is not None
    with practice.payload(one).open("rb") as stream:
        bucket.put(one.name.key + ROLES, stream, mark=str(Mark("0" * 32, "other", "aaaaaaaa")))
    said = practice.here("sync", check=1).stderr
    assert "is there already, and unfinished" in said
    assert [key for store, key in objects(practice) if store == "bucket" and one.payload in key] == [
        one.name.key + ROLES
    ]


class Nearly(LocalStorage):
    """A disk that is nearly full."""

    def free(self) -> int:
        return 70 << 20


def test_the_disk_keeps_room_for_the_next_backup(practice):
    aged(practice, 0)
    small, large = aged(practice, 1, stores=["bucket"]), aged(practice, 2, stores=["bucket"], size=8 << 20)
    context = context_of(practice)
    stores = context.stores
    full = replace(context, stores=Stores(Nearly(stores.disk.root), stores.open_bucket))
    done = practice.run("sync", lambda job: run_sync(job, full), full)
    assert [one.backup.id for one in done.copied] == [small.id]
    assert [(one.backup.id, "stay free for the next" in why) for one, why in done.failed] == [
        (large.id, True)
    ]


def test_a_bucket_that_does_not_answer_is_an_error_and_none_at_all_a_wrong_use(practice):
    aged(practice, 0)
    practice.configure(MINIO_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    assert "5.4" in practice.here("sync", check=2).stderr
    practice.configure(MINIO_ENDPOINT="")
    practice.here("sync", check=64)
    practice.here("sync", "--limit", "fast", check=64)


def test_a_backup_that_is_stopped_while_it_sends_what_was_missing_is_done_all_the_same(practice):
    aged(practice, 0)
    alone = aged(practice, 1, stores=["disk"])
    context = context_of(practice)

    def work(job):
        job.cancel()
        send_missing(job, context)

    practice.run("backup-full", work, context)
    assert practice.job is not None
    assert practice.job.state is JobState.SUCCEEDED
    assert ["The backup is done" in one for one in practice.job.warnings] == [True]
    assert not [key for store, key in objects(practice) if store == "bucket" and alone.payload in key]


def test_after_an_outage_the_next_backup_sends_what_the_bucket_lacks(
    pg18: PostgresServer, new_database: NewDatabase, practise: NewPractice, s3: Bucket, proxy: FaultProxy
):
    source = new_database(pg18, script="CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 50) g")
    behind = Bucket(proxy.endpoint, s3.name, s3.access_key, s3.secret_key)
    practice = practise(source, behind, UPLOAD_DEADLINE_MINUTES="0.001")
    proxy.refuse()
    practice.here("backup", "full", check=1)
    practice.here("backup", "diff", check=1)
    proxy.heal()
    practice.configure(UPLOAD_DEADLINE_MINUTES="10")
    found = json.loads(practice.here("backup", "diff", "--json").stdout)
    assert len(found["sent"]) == 2
    inventory = practice.inventory
    assert len(inventory.backups) == 3
    for one in inventory.backups:
        assert [copy.store.name for copy in one.copies] == ["disk", "bucket"]
        assert one.proven
