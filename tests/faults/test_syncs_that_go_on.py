"""A large copy that broke off goes on: what has reached the bucket is not sent again, and is checked."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import pytest

from mtn_tui.core.models import MANIFEST, ROLES, Kind
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.engine.locks import slug
from mtn_tui.operations.backup.sweep import sweep_parts_and_uploads, sweep_unfinished
from mtn_tui.operations.common.installation import Mark, installation_id
from mtn_tui.operations.sync.copy_backup import _Checked
from mtn_tui.storage.base import Readable
from mtn_tui.storage.s3 import SMALLEST_PART, S3Storage
from mtn_tui.storage.s3_client import Request
from tests.aged import aged, context_of, names, objects
from tests.faults.aftermath import HangsWhen, ballast, begin, wait_for
from tests.faults.behind_a_proxy import practice, proxy
from tests.faults.proxy import FaultProxy
from tests.operation_fixtures import Bucket, Practice
from tests.pg_fixtures import NewDatabase

__all__ = ["practice", "proxy"]

SIZE = 3 * SMALLEST_PART + 5
"""Three parts and a few bytes of a fourth."""


def large(practice: Practice):
    aged(practice, 0)
    return aged(practice, 1, stores=["disk"], size=SIZE)


def bucket_of(practice: Practice) -> S3Storage:
    bucket = practice.context.stores.bucket
    assert bucket is not None
    return bucket


def sent(proxy: FaultProxy) -> set[int]:
    """The numbers of the parts that were sent since the proxy's requests were last cleared."""
    return {
        int(path.partition("partNumber=")[2].partition("&")[0])
        for method, path in proxy.requests
        if method == "PUT" and "partNumber=" in path
    }


def is_part(number: int) -> Callable[[str, str], bool]:
    return lambda method, path: method == "PUT" and f"partNumber={number}&" in path + "&"


def break_off(practice: Practice, proxy: FaultProxy, at: int) -> None:
    """A sync whose parts from that number on the bucket does not take."""
    proxy.answer(503, of=lambda method, path: any(is_part(n)(method, path) for n in range(at, 9)))
    assert "was not copied into the bucket" in practice.here("sync", check=1).stderr
    proxy.heal()
    proxy.requests.clear()


def sweep(practice: Practice) -> None:
    """As a backup does before it begins, and after it."""
    context = context_of(practice)

    def work(job):
        sweep_parts_and_uploads(job, context)
        sweep_unfinished(job, context, bucket_answers=True)

    practice.run("backup-diff", work, context)


def assert_there(practice: Practice, one) -> None:
    bucket = bucket_of(practice)
    assert ("bucket", one.id) in names(practice)
    with bucket.open(one.name.key) as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == one.sha256
    assert not bucket.unfinished()


def test_what_has_reached_the_bucket_is_not_sent_again(practice, proxy):
    one = large(practice)
    break_off(practice, proxy, at=3)
    assert ("bucket", one.id) not in names(practice)
    practice.here("sync")
    assert sent(proxy) == {3, 4}
    assert_there(practice, one)


@pytest.mark.slow
def test_nor_after_a_kill(practice, proxy):
    one = large(practice)
    proxy.delay(0.2)
    running = begin(practice, "sync")
    wait_for(lambda: 3 in sent(proxy), "the third part to be on its way")
    running.kill()
    proxy.heal()
    wait_for(lambda: bucket_of(practice).begun(one.name.key, lambda _one: True), "the upload to be listed")
    begun = bucket_of(practice).begun(one.name.key, lambda _one: True)
    assert begun is not None
    assert begun.parts
    proxy.requests.clear()
    practice.here("sync")
    assert not sent(proxy) & begun.parts.keys(), "there may be more by then: what was on its way"
    assert_there(practice, one)


def test_a_backup_in_between_leaves_it_there_as_long_as_the_disk_has_what_is_sent(practice, proxy):
    one = large(practice)
    break_off(practice, proxy, at=3)
    sweep(practice)
    assert ("bucket", one.name.key + ROLES) in objects(practice)
    proxy.requests.clear()
    practice.here("sync")
    assert sent(proxy) == {3, 4}
    assert_there(practice, one)

    other = aged(practice, 2, stores=["disk"], size=SIZE)
    break_off(practice, proxy, at=3)
    practice.payload(other).with_name(other.payload + MANIFEST).unlink()
    sweep(practice)
    assert not bucket_of(practice).unfinished()
    assert not [key for store, key in objects(practice) if store == "bucket" and other.payload in key]


def begin_by_hand(practice: Practice, one, mark: Mark, part: bytes) -> None:
    """As another run would: the claim, and the first part of an upload."""
    bucket = bucket_of(practice)
    bucket.put(one.name.key + ROLES, io.BytesIO(b""), 0, mark=str(mark))
    upload = bucket._upload(one.name.key, io.BytesIO(), SMALLEST_PART, None)
    name = upload._begin()
    where = {"partNumber": "1", "uploadId": name}
    bucket._client.ask(Request("PUT", one.name.key, query=where, body=part))


def mark_of_a_job_that_is_over(practice: Practice) -> Mark:
    practice.here("sync")
    return Mark(installation_id(context_of(practice)), slug(practice.source.name), practice.jobs[0].id)


@pytest.mark.sample("other")
@pytest.mark.parametrize("part", [b"x" * SMALLEST_PART, b"x" * (SMALLEST_PART - 1)], ids=["other", "shorter"])
def test_parts_of_other_bytes_are_sent_again(practice, proxy, part):
    aged(practice, 0)
    mark = mark_of_a_job_that_is_over(practice)
    one = aged(practice, 1, stores=["disk"], size=SIZE)
    begin_by_hand(practice, one, mark, part)
    proxy.requests.clear()
    practice.here("sync")
    assert sent(proxy) == {1, 2, 3, 4}
    assert_there(practice, one)


def test_another_installations_upload_is_not_gone_on_with(practice, proxy):
    one = large(practice)
    begin_by_hand(practice, one, Mark("0" * 32, "other", "aaaaaaaa"), b"x" * SMALLEST_PART)
    proxy.requests.clear()
    assert "is there already, and unfinished" in practice.here("sync", check=1).stderr
    assert sent(proxy) == set()
    assert len(bucket_of(practice).unfinished()) == 1


def test_a_damaged_source_leaves_no_parts_to_go_on_with(practice, proxy):
    one = large(practice)
    path = practice.payload(one)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert "is not what was written" in practice.here("sync", check=1).stderr
    assert not bucket_of(practice).unfinished()
    assert not [key for store, key in objects(practice) if store == "bucket" and one.payload in key]


def test_a_source_that_was_damaged_after_it_broke_off_never_becomes_a_copy(practice, proxy):
    one = large(practice)
    break_off(practice, proxy, at=3)
    path = practice.payload(one)
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(data)
    assert "is not what was written" in practice.here("sync", check=1).stderr
    assert ("bucket", one.id) not in names(practice)


def test_a_server_that_lists_no_uploads_is_sent_all_of_it(practice, proxy):
    one = large(practice)
    break_off(practice, proxy, at=3)
    proxy.answer(403, "AccessDenied", of=lambda method, path: method == "GET" and "uploads" in path)
    practice.here("sync")
    assert sent(proxy) == {1, 2, 3, 4}
    proxy.heal()
    assert len(bucket_of(practice).unfinished()) == 1
    sweep(practice)
    assert_there(practice, one)


def test_what_is_there_is_not_held_back_by_the_limit(practice):
    manifest = large(practice)
    taken = []

    class Counted:
        def take(self, count: int) -> None:
            taken.append(count)

    with practice.payload(manifest).open("rb") as stream:
        source: Readable = stream
        checked = _Checked(source, manifest, Counted(), lambda _count: None, 2 * SMALLEST_PART)
        assert len(checked.read()) == SIZE
    assert sum(taken) == SIZE - 2 * SMALLEST_PART


@pytest.mark.slow
def test_a_backup_that_was_killed_while_its_upload_was_under_way_is_gone_on_with_by_the_next(
    pg18: PostgresServer, new_database: NewDatabase, practise, s3: Bucket, proxy: FaultProxy
):
    source = new_database(pg18, script="CREATE TABLE t (id int)")
    practice = practise(source, Bucket(proxy.endpoint, s3.name, s3.access_key, s3.secret_key))
    ballast(source, 60)  # MB: four parts
    proxy.set(HangsWhen(lambda: 3 in sent(proxy)))
    running = begin(practice, "backup", "full")
    wait_for(lambda: list(practice.backups.glob("*" + MANIFEST)), "the backup to be whole on disk")
    wait_for(lambda: 3 in sent(proxy), "the third part to be on its way")
    running.kill()
    proxy.heal()
    (upload,) = bucket_of(practice).unfinished()
    begun = bucket_of(practice).begun(upload.key, lambda _one: True)
    assert begun is not None
    assert begun.parts
    proxy.requests.clear()
    practice.here("backup", "diff")
    assert begun.parts.keys() & sent(proxy) == set()
    (full,) = [one for one in practice.inventory.backups if one.kind is Kind.FULL]
    assert [copy.store.name for copy in full.copies] == ["disk", "bucket"]
    practice.here("verify", full.id)
    assert not bucket_of(practice).unfinished()
