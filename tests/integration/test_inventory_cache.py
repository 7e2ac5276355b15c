"""What was fetched once is not fetched again, and what a cache says is never believed more than the store."""

from __future__ import annotations

import hashlib
import io
import sqlite3
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from mtn_tui.archive import proof as proofs
from mtn_tui.archive import summary as summaries
from mtn_tui.archive.keys import Key
from mtn_tui.archive.proof import Mark, Proof
from mtn_tui.core.models import MANIFEST, PROOF, Rung
from mtn_tui.operations import inventory
from mtn_tui.operations.cache import FILE, Cache
from mtn_tui.operations.inventory import Standing, take_inventory
from mtn_tui.storage.local import LocalStorage
from tests.bench.many import files_of, made_up
from tests.s3_fixtures import store_on

KEY = Key(b"correct horse battery staple")


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
        assert found.copies[0].standing is Standing.BROKEN
        assert "another key" in found.copies[0].trouble.title
    assert look(store, folder).backups[0].copies[0].standing is Standing.WHOLE


def test_a_changed_manifest_is_told_whatever_was_kept_before(store, folder):
    fill(store, 0)
    look(store, folder)
    manifest = made_up(0)
    where = manifest.name.key if store.name == "bucket" else manifest.payload
    data = files_of(manifest, KEY)[MANIFEST].replace(b'"rows":1500', b'"rows":1501')
    put(store, where + MANIFEST, data)
    (found,) = look(store, folder).backups
    assert found.copies[0].standing is Standing.BROKEN


@pytest.fixture
def disk(tmp_path):
    (tmp_path / "backups").mkdir()
    store = Asked(LocalStorage(tmp_path / "backups"))
    fill(store, 0, 1)
    return store


def damage(path, statement, *values):
    with sqlite3.connect(path) as database:
        database.execute(statement, values)
    database.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"rubbish" * 1000),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.unlink(),
        lambda path: damage(path, "PRAGMA application_id = 7"),
        lambda path: damage(path, "DROP TABLE files"),
        lambda path: damage(path, "UPDATE contents SET data = zeroblob(length(data))"),
        lambda path: damage(path, "UPDATE contents SET data = 'text'"),
        lambda path: damage(path, "UPDATE files SET tag = 'x'"),
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
def test_a_damaged_or_foreign_cache_is_as_none(disk, folder, spoil):
    first = look(disk, folder)
    spoil(folder / FILE)
    disk.take()
    assert look(disk, folder) == first
    assert len(disk.take()) == 4
    if (folder / FILE).is_file():
        look(disk, folder)
        look(disk, folder)
        assert look(disk, folder) == first


def test_a_forged_summary_in_the_cache_breaks_nothing(disk, folder):
    """Its digest is right, its MAC is not: the store is asked."""
    first = look(disk, folder)
    told = summaries.summary(replace(made_up(0), key=KEY.fingerprint))
    real, forged = (summaries.encode(told, key) for key in (KEY, Key(b"another")))
    damage(
        folder / FILE,
        "UPDATE contents SET data = ?, digest = ? WHERE data = ?",
        forged,
        hashlib.sha256(forged).digest(),
        real,
    )
    disk.take()
    assert look(disk, folder) == first
    assert disk.take() == [made_up(0).payload + MANIFEST]
    look(disk, folder)
    assert disk.take() == []


def test_a_cache_that_can_not_be_made_is_as_none(disk, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert len(look(disk, tmp_path / "file" / "cache").backups) == 2


def test_the_cache_is_its_users_alone(disk, folder):
    look(disk, folder)
    assert (folder.stat().st_mode & 0o777, (folder / FILE).stat().st_mode & 0o077) == (0o700, 0)


def test_what_is_in_no_store_any_more_is_forgotten(disk, folder):
    look(disk, folder)
    for entry in list(disk.list()):
        disk.delete(entry.key)
    look(disk, folder)
    database = sqlite3.connect(folder / FILE)
    for table in ("files", "contents"):
        assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    database.close()


def test_both_stores_are_kept_apart_and_equal_bytes_once(disk, folder, seaweed, bucket):
    s3 = Asked(store_on(seaweed, bucket))
    fill(s3, 0, 1)
    first = take_inventory([disk, s3], KEY, Cache(folder))
    disk.take(), s3.take()
    assert take_inventory([disk, s3], KEY, Cache(folder)) == first
    assert (disk.take(), s3.take()) == ([], [])
    database = sqlite3.connect(folder / FILE)
    assert database.execute("SELECT count(*) FROM contents").fetchone() == (4,)
    database.close()


def test_marks_of_thousands_look_at_the_last_few_alone(monkeypatch):
    looked = []
    monkeypatch.setattr(inventory, "why_suspect", lambda one, earlier: looked.append(len(earlier)) or "")
    nowhere = LocalStorage(Path("/nowhere"))
    backups = []
    for manifest in map(made_up, range(200)):
        told = summaries.summary(manifest)
        copy = inventory.Copy(nowhere, "", 64, Standing.WHOLE, told, Proof(""))
        backups.append(inventory.Backup(manifest.name, (copy,)))
    inventory._marked(backups[::-1])
    assert max(looked) == 7
