"""What is told of the stores while one of them takes its time."""

from __future__ import annotations

import gc
import io
import threading
from dataclasses import replace

import pytest

from mtn_tui.archive.keys import Key
from mtn_tui.core.errors import StorageUnavailable, Truncated
from mtn_tui.operations.inventory import scan
from mtn_tui.operations.inventory.model import Inventory
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.storage.local import LocalStorage
from tests.bench.many import files_of, made_up

KEY = Key(b"correct horse battery staple")


class Held(LocalStorage):
    """A store that answers once it may, or fails."""

    def __init__(self, root, name):
        root.mkdir()
        super().__init__(root)
        self.name = name
        self.may = threading.Event()
        self.error = None

    @property
    def identity(self):
        return self.name

    def list(self, prefix=""):
        assert self.may.wait(60)
        if self.error is not None:
            raise self.error
        return super().list(prefix)


@pytest.fixture
def disk(tmp_path):
    return Held(tmp_path / "disk", "disk")


@pytest.fixture
def bucket(tmp_path):
    return Held(tmp_path / "bucket", "bucket")


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(scan, "_SOON", 0)


def fill(store, *numbers, rows=0):
    for number in numbers:
        manifest = made_up(number)
        sections = [replace(one, rows=one.rows + rows) if one.table else one for one in manifest.sections]
        for suffix, data in files_of(replace(manifest, sections=tuple(sections)), KEY).items():
            store.put(manifest.payload + suffix, io.BytesIO(data), len(data))


def asked(disk, bucket, told):
    """What it comes to, with ``told`` told meanwhile: of each step, what may answer next."""
    return take_inventory([disk, bucket], KEY, meanwhile=told)


def the_disk_first(disk, bucket, told):
    """The whole, with ``told`` of each step on the way: the disk may answer, and once it has the bucket."""

    def meanwhile(found):
        told.append(found)
        disk.may.set()
        if "disk" not in found.pending:
            bucket.may.set()

    return asked(disk, bucket, meanwhile)


def names(found: Inventory):
    return [(one.id, "".join(copy.store.name[0] for copy in one.copies)) for one in found.backups]


def test_each_answer_is_told_as_it_comes(disk, bucket):
    fill(disk, 1)
    fill(bucket, 1, 2)
    told = []

    def meanwhile(found):
        told.append(found)
        (bucket if len(told) == 1 else disk).may.set()

    whole = asked(disk, bucket, meanwhile)
    first, second = told
    assert (first.backups, set(first.unreachable), first.pending) == (
        (),
        {"disk", "bucket"},
        {"disk", "bucket"},
    )
    assert names(second) == [("00000002", "b"), ("00000001", "b")]
    assert (set(second.unreachable), second.pending, second.is_partial) == ({"disk"}, {"disk"}, True)
    assert names(whole) == [("00000002", "b"), ("00000001", "db")]
    assert (whole.unreachable, whole.pending, whole.is_partial) == ({}, frozenset(), False)
    assert second.over(None) is second
    assert whole.over(second) is whole


def test_what_a_store_answered_before_stays_until_it_answers_again(disk, bucket):
    fill(disk, 1)
    fill(bucket, 1, 2)
    disk.may.set(), bucket.may.set()
    before = take_inventory([disk, bucket], KEY)
    bucket.may.clear()
    fill(disk, 3)
    disk.delete(made_up(1).payload)
    told = []
    the_disk_first(disk, bucket, told)
    merged = told[-1].over(before)
    assert names(merged) == [("00000003", "d"), ("00000002", "b"), ("00000001", "b")]
    assert (merged.unreachable, merged.pending, merged.is_partial) == ({}, {"bucket"}, False)
    away = StorageUnavailable("away")
    after_a_failure = told[-1].over(replace(before, backups=(), unreachable={"bucket": away}))
    assert names(after_a_failure) == [("00000003", "d")]
    assert (after_a_failure.unreachable, after_a_failure.is_partial) == ({"bucket": away}, False)


def test_a_failure_of_now_is_not_that_of_before(disk, bucket):
    disk.may.set(), bucket.may.set()
    before = Inventory((), {"disk": StorageUnavailable("before"), "bucket": StorageUnavailable("before")})
    disk.error = now = StorageUnavailable("now")
    bucket.may.clear()
    told = []
    the_disk_first(disk, bucket, told)
    assert told[-1].over(before).unreachable == {"disk": now, "bucket": before.unreachable["bucket"]}


def test_who_is_answered_at_once_is_told_nothing_before(disk, bucket, monkeypatch):
    monkeypatch.setattr(scan, "_SOON", 60)
    fill(disk, 1)
    disk.may.set(), bucket.may.set()
    told = []
    assert names(asked(disk, bucket, told.append)) == [("00000001", "d")]
    assert told == []


def test_of_half_of_what_there_is_nothing_is_called_suspect(disk, bucket):
    """A full that only the bucket holds explains what else would look like lost rows."""
    first, second, third = (24 * number for number in (1, 2, 3))  # those of these numbers are fulls
    fill(disk, first, rows=100_000)
    fill(disk, third, rows=100)
    fill(bucket, second, rows=100)
    told = []
    whole = the_disk_first(disk, bucket, told)
    assert [one.suspect for one in told[-1].backups] == ["", ""]
    assert [bool(one.suspect) for one in whole.backups] == [False, True, False]


@pytest.mark.parametrize("error", [StorageUnavailable("away"), Truncated("cut")])
def test_a_store_that_fails_in_the_end_is_told_as_such(disk, bucket, error):
    fill(disk, 1)
    bucket.error = error
    told = []
    whole = the_disk_first(disk, bucket, told)
    assert names(whole) == [("00000001", "d")]
    assert (whole.unreachable, whole.pending) == ({"bucket": error}, frozenset())


def test_garbage_is_collected_while_people_look_at_half_of_it(disk, bucket):
    enabled = []

    def meanwhile(_found):
        enabled.append(gc.isenabled())
        disk.may.set(), bucket.may.set()

    asked(disk, bucket, meanwhile)
    assert enabled[0]
    assert gc.isenabled()
