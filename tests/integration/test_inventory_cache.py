"""What was fetched once is not fetched again, and what a cache says is never believed more than the store."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from mtn_tui.archive import proof as proofs
from mtn_tui.archive import summary as summaries
from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import mac
from mtn_tui.archive.proof import Mark, Proof
from mtn_tui.core.clock import SystemClock
from mtn_tui.core.models import MANIFEST, PROOF, Rung
from mtn_tui.operations.common.manifest_cache import NAME, Cache
from mtn_tui.operations.inventory import joined, model
from mtn_tui.operations.inventory.model import CopyStatus
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.storage.local import LocalStorage
from tests.bench.many import files_of, made_up
from tests.s3_fixtures import store_on

KEY = Key(b"correct horse battery staple")
FILE = f"{NAME}{KEY.fingerprint}.json"


@dataclass
class Asked:
    """A store, and what was opened in it."""

    store: object
    opened: list[str] = field(default_factory=list)

    def __getattr__(self, name):
        return getattr(self.store, name)

    def open(self, key, *rest):
        self.opened.append(key)
        return self.store.open(key, *rest)

    def take(self):
        said, self.opened = self.opened, []
        return said


def put(store, key, data):
    store.put(key, io.BytesIO(data), len(data))


def fill(store, *numbers, key=KEY):
    for number in numbers:
        manifest = made_up(number)
        where = manifest.name.key if store.name == "bucket" else manifest.payload
        for suffix, data in files_of(manifest, key).items():
            put(store, where + suffix, data)


@pytest.fixture(params=["disk", "bucket"])
def store(request, tmp_path):
    if request.param == "disk":
        (tmp_path / "backups").mkdir()
        yield Asked(LocalStorage(tmp_path / "backups"))
    else:
        s3 = store_on(request.getfixturevalue("seaweed"), request.getfixturevalue("bucket"))
        yield Asked(s3)
        s3.close()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def look(store, folder, key=KEY):
    """As another process would."""
    return take_inventory([store], key, Cache(folder))


def proof_key(store, number):
    manifest = made_up(number)
    return (manifest.name.key if store.name == "bucket" else manifest.payload) + PROOF


def test_a_manifest_and_a_proof_are_fetched_once(store, folder):
    fill(store, 0, 1, 2)
    first = look(store, folder)
    assert len(store.take()) == 6
    again = look(store, folder)
    assert store.take() == []
    assert again == first
    assert [one.rung for one in again.backups] == [Rung.COMPLETE] * 3
    assert [one.manifest.rows() for one in again.backups] == [made_up(at).rows() for at in (2, 1, 0)]


def test_within_one_process_too_and_without_a_file(store):
    fill(store, 0)
    cache = Cache()
    assert take_inventory([store], KEY, cache) == take_inventory([store], KEY, cache)
    assert len(store.take()) == 2


def test_only_what_is_new_is_fetched(store, folder):
    fill(store, 0, 1)
    look(store, folder)
    store.take()
    fill(store, 2)
    store.delete(proof_key(store, 0))
    found = look(store, folder)
    assert sorted(key.rpartition("/")[2] for key in store.take()) == sorted(
        made_up(2).payload + suffix for suffix in (MANIFEST, PROOF)
    )
    assert [one.rung for one in found.backups] == [Rung.COMPLETE, Rung.COMPLETE, Rung.PRESENT]


def test_a_little_that_is_new_does_not_make_all_be_written_again(disk, folder):
    fill(disk, *range(2, 140))
    look(disk, folder)
    (file,) = folder.iterdir()
    before = file.read_bytes()
    fill(disk, 140)
    look(disk, folder)
    assert file.read_bytes() != before, "two of 280 are more than a little"
    before = file.read_bytes()
    disk.delete(proof_key(disk, 0))
    disk.take()
    for _again in range(2):
        found = look(disk, folder)
        assert found.backups[-1].rung is Rung.PRESENT, "what is read does not depend on it"
    assert file.read_bytes() == before
    assert disk.take() == []


def test_a_proof_that_changed_at_the_same_size_is_fetched_again(store, folder):
    fill(store, 0)
    look(store, folder)
    manifest = made_up(0)
    proof = Proof(manifest.sha256).climbed(Rung.COMPLETE, manifest.ended_at)
    other = replace(proof, rungs={rung: at.replace(year=2027) for rung, at in proof.rungs.items()})
    assert len(proofs.encode(other)) == len(proofs.encode(proof))
    put(store, proof_key(store, 0), proofs.encode(other))
    store.take()
    (found,) = look(store, folder).backups
    assert found.copies[0].proof == other
    assert store.take() == [proof_key(store, 0)]


def test_a_pin_is_seen_at_once(store, folder):
    fill(store, 0)
    look(store, folder)
    manifest = made_up(0)
    pinned = Proof(manifest.sha256, pinned=Mark(manifest.ended_at, "ana"))
    put(store, proof_key(store, 0), proofs.encode(pinned))
    assert look(store, folder).backups[0].pinned


def test_another_key_believes_nothing_that_was_kept(store, folder):
    fill(store, 0)
    cache = Cache(folder)
    take_inventory([store], KEY, cache)
    for used in (cache, Cache(folder)):
        (found,) = take_inventory([store], Key(b"another"), used).backups
        assert found.copies[0].standing is CopyStatus.ANOTHER_KEY
        assert "another key" in found.copies[0].trouble.title
    assert look(store, folder).backups[0].copies[0].standing is CopyStatus.WHOLE


def test_a_changed_manifest_is_told_whatever_was_kept_before(store, folder):
    fill(store, 0)
    look(store, folder)
    manifest = made_up(0)
    where = manifest.name.key if store.name == "bucket" else manifest.payload
    data = files_of(manifest, KEY)[MANIFEST].replace(b'"rows":1500', b'"rows":1501')
    put(store, where + MANIFEST, data)
    (found,) = look(store, folder).backups
    assert found.copies[0].standing is CopyStatus.BROKEN


@pytest.fixture
def disk(tmp_path):
    (tmp_path / "backups").mkdir()
    store = Asked(LocalStorage(tmp_path / "backups"))
    fill(store, 0, 1)
    return store


def signed(path, key, *changes):
    """Change what stands in the file, and sign it as ``key`` would."""
    body = path.read_bytes().partition(b"\n")[2]
    for known, other in changes:
        assert known in body
        body = body.replace(known, other)
    path.write_bytes(mac(b"inventory 1\n" + body, key).encode() + b"\n" + body)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"rubbish" * 1000),
        lambda path: path.write_bytes(b"\xff\n{}"),
        lambda path: path.write_bytes(path.read_bytes()[:2000]),
        lambda path: path.write_bytes(path.read_bytes().replace(b"complete", b"restored")),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: signed(path, Key(b"another"), (b"complete", b"restored")),
        lambda path: signed(path, KEY, (b'"summaries":', b'"manifests":')),
        lambda path: signed(path, KEY, (b'"lsn":', b'"LSN":')),
        lambda path: signed(path, KEY, (b'"proofs":[', b'"proofs":[7,')),
        lambda path: signed(path, KEY, (b'"stores":{"disk', b'"stores":{"dusk')),
    ],
)
def test_a_damaged_or_foreign_cache_is_as_none(disk, folder, spoil):
    first = look(disk, folder)
    spoil(folder / FILE)
    disk.take()
    assert look(disk, folder) == first
    assert len(disk.take()) == 4
    if (folder / FILE).is_file():
        assert look(disk, folder) == first
        assert disk.take() == []


def test_no_byte_of_it_can_be_changed_unseen(disk, folder):
    first = look(disk, folder)
    whole = (folder / FILE).read_bytes()
    for at in range(0, len(whole), 97):
        (folder / FILE).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        disk.take()
        assert look(disk, folder) == first
        assert len(disk.take()) == 4


def test_what_can_not_be_believed_is_fetched_once_too(store, folder):
    fill(store, 0, key=Key(b"another"))
    fill(store, 1)
    put(store, proof_key(store, 1), b"\xff no proof")
    first = look(store, folder)
    assert [one.copies[0].standing for one in first.backups] == [CopyStatus.WHOLE, CopyStatus.ANOTHER_KEY]
    store.take()
    again = look(store, folder)
    assert store.take() == []
    assert [one.copies[0].standing for one in again.backups] == [CopyStatus.WHOLE, CopyStatus.ANOTHER_KEY]
    assert again.backups[1].copies[0].trouble.title == first.backups[1].copies[0].trouble.title
    assert again.backups[0].copies[0].proof == Proof(made_up(1).sha256)


def test_an_operator_whose_name_is_no_text_is_kept(disk, folder):
    pinned = Proof(made_up(0).sha256, pinned=Mark(made_up(0).ended_at, "ana\udc80"))
    put(disk, proof_key(disk, 0), proofs.encode(pinned))
    for _again in range(2):
        assert look(disk, folder).backups[1].pinned == pinned.pinned
    disk.take()
    look(disk, folder)
    assert disk.take() == []


def test_without_the_key_it_is_neither_believed_nor_replaced(disk, folder):
    look(disk, folder)
    before = (folder / FILE).read_bytes()
    disk.take()
    cache = Cache(folder)
    for _again in range(2):
        found = take_inventory([disk], None, cache)
        assert [one.copies[0].standing for one in found.backups] == [CopyStatus.UNCHECKED] * 2
    assert len(disk.take()) == 4
    assert (folder / FILE).read_bytes() == before
    assert take_inventory([disk], KEY, cache) == look(disk, folder)
    assert disk.take() == []


def test_installations_that_share_the_folder_leave_each_other_theirs(disk, folder, tmp_path):
    (tmp_path / "others").mkdir()
    other = Asked(LocalStorage(tmp_path / "others"))
    screens, another_key = Cache(folder), Key(b"another")
    fill(other, 5)
    for _again in range(2):
        take_inventory([disk], KEY, screens)
        look(other, folder)
        look(other, folder, another_key)
    disk.take(), other.take()
    fill(disk, 2)
    take_inventory([disk], KEY, screens)
    assert len(disk.take()) == 2
    look(disk, folder), look(other, folder), look(other, folder, another_key)
    assert (disk.take(), other.take()) == ([], [])


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:00+14:00", "8999-12-31T23:59:59-12:00"])
def test_a_proof_of_a_moment_that_can_not_be_is_fetched_once_too(disk, folder, moment):
    proof = proofs.encode(Proof(made_up(0).sha256).climbed(Rung.COMPLETE, made_up(0).ended_at))
    put(disk, proof_key(disk, 0), proof.replace(made_up(0).ended_at.isoformat().encode(), moment.encode()))
    assert look(disk, folder).backups[1].rung is Rung.PRESENT
    disk.take()
    look(disk, folder)
    assert disk.take() == []


def test_a_cache_that_can_not_be_read_to_its_end_is_as_none(disk, folder):
    first = look(disk, folder)
    (folder / FILE).unlink()
    os.mkfifo(folder / FILE)
    disk.take()
    assert look(disk, folder) == first
    assert len(disk.take()) == 4


def test_what_killed_writers_and_other_keys_have_left_goes_in_the_end(disk, folder):
    look(disk, folder)
    left = [folder / f".{FILE}.x7", folder / f"{NAME}{Key(b'another').fingerprint}.json"]
    other = folder / "not-ours"
    for path in (*left, other):
        path.write_bytes(b"")
    fill(disk, 2)
    look(disk, folder)
    assert all(path.exists() for path in left)
    for path in (*left, other):
        os.utime(path, (0, 0))
    fill(disk, 3)
    look(disk, folder)
    assert sorted(path.name for path in folder.iterdir()) == [FILE, other.name]


class Later(SystemClock):
    def now(self):
        return super().now() + timedelta(days=61)


def test_a_store_that_nobody_lists_any_more_is_forgotten(disk, folder, tmp_path):
    look(disk, folder)
    (tmp_path / "others").mkdir()
    other = Asked(LocalStorage(tmp_path / "others"))
    fill(other, 5)
    take_inventory([other], KEY, Cache(folder))
    disk.take()
    look(disk, folder)
    assert disk.take() == []
    fill(other, 6)
    take_inventory([other], KEY, Cache(folder, Later()))
    look(disk, folder)
    assert len(disk.take()) == 4


def test_a_cache_that_can_not_be_made_is_as_none(disk, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert len(look(disk, tmp_path / "file" / "cache").backups) == 2


def test_the_cache_is_its_users_alone(disk, folder):
    look(disk, folder)
    assert [one.name for one in folder.iterdir()] == [FILE]
    assert (folder.stat().st_mode & 0o777, (folder / FILE).stat().st_mode & 0o077) == (0o700, 0)


def kept(folder):
    """How many manifests, and how many proofs."""
    told = json.loads((folder / FILE).read_bytes().partition(b"\n")[2])
    return len(told["summaries"]["own"]), len(told["proofs"])


def test_what_is_in_no_store_any_more_is_forgotten(disk, folder):
    look(disk, folder)
    for entry in list(disk.list()):
        disk.delete(entry.key)
    look(disk, folder)
    assert kept(folder) == (0, 0)


def test_both_stores_are_kept_apart_and_equal_bytes_once(disk, folder, seaweed, bucket):
    s3 = Asked(store_on(seaweed, bucket))
    fill(s3, 0, 1)
    first = take_inventory([disk, s3], KEY, Cache(folder))
    disk.take(), s3.take()
    assert take_inventory([disk, s3], KEY, Cache(folder)) == first
    assert (disk.take(), s3.take()) == ([], [])
    assert kept(folder) == (2, 2)


def test_marks_of_thousands_look_at_the_last_few_alone(monkeypatch):
    looked = []
    monkeypatch.setattr(joined, "why_suspect", lambda one, earlier: looked.append(len(earlier)) or "")
    nowhere = LocalStorage(Path("/nowhere"))
    backups = []
    for manifest in map(made_up, range(200)):
        told = summaries.summary(manifest)
        copy = model.Copy(nowhere, "", 64, CopyStatus.WHOLE, told, Proof(""))
        backups.append(model.Backup(manifest.name, (copy,)))
    joined.marked(backups[::-1])
    assert max(looked) == 7
