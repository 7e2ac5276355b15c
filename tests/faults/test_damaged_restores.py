"""A damaged backup is refused for the right reason, before anything is loaded; the target stays as it was."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mtn_tui.core.errors import (
    ArchiveError,
    Changed,
    ForeignManifest,
    NotABackup,
    Truncated,
    WrongKey,
)
from mtn_tui.core.models import MANIFEST, Rung
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.operations.inventory.model import Backup, CopyStatus
from tests.faults.aftermath import begin, contents, template_busy, wait_for
from tests.operation_fixtures import Bucket, Practice
from tests.pg_fixtures import Database, NewDatabase

flips = pytest.mark.parametrize("flips", [12, pytest.param(100, marks=pytest.mark.soak)])


@pytest.fixture
def chance() -> random.Random:
    seed = time.time_ns()
    print(f"random.Random({seed})")  # shown with a failure
    return random.Random(seed)


@pytest.fixture
def source(pg18: PostgresServer, new_school: NewDatabase) -> Database:
    return new_school(pg18)


@pytest.fixture
def practice(source: Database, practise: Callable[..., Practice]) -> Practice:
    made: Practice = practise(source)
    return made


@pytest.fixture
def target(new_database: NewDatabase, pg18: PostgresServer) -> Database:
    database = new_database(pg18)
    database.psql("CREATE TABLE precious AS SELECT 42 AS answer")
    return database


def flip(path: Path, chance: random.Random) -> str:
    """Change one byte; returns what was done."""
    at, by = chance.randrange(path.stat().st_size), chance.randrange(1, 256)
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ by]))
    return f"{path.name} at {at}: {byte:#04x} to {byte ^ by:#04x}"


def cut(path: Path, size: int) -> None:
    os.truncate(path, size)


def extend(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\0")


def backup_of(practice: Practice, payload: Path) -> Backup:
    (found,) = [one for one in practice.inventory.backups if str(one.name) == payload.name]
    return found


def refused(practice: Practice, payload: Path, target: Database, **options: bool) -> ArchiveError:
    """The error of a restore whose database cannot be made meanwhile: whoever makes one waits for ever."""
    with template_busy(target), pytest.raises(ArchiveError) as raised:
        practice.restore(target.name, backup_of(practice, payload), drop=True, **options)
    assert raised.value.title
    assert practice.job is not None
    assert practice.job.phase in ("prepare", "check-disk", "check-bucket")
    assert target.psql("SELECT answer FROM precious") == b"42\n"
    assert [name for name in practice.databases() if name.startswith(target.name)] == [target.name]
    return raised.value


@flips
def test_any_changed_byte_is_refused_before_anything_is_loaded(
    practice: Practice, target: Database, chance: random.Random, flips: int
) -> None:
    payload = practice.payload(practice.ready_made())
    manifest = payload.with_name(payload.name + MANIFEST)
    whole = {path: path.read_bytes() for path in (payload, manifest)}
    before = contents(target)
    for turn in range(flips):
        what = flip(manifest if turn % 4 == 3 else payload, chance)
        assert type(refused(practice, payload, target)) is Changed, what
        for path, data in whole.items():
            path.write_bytes(data)
    assert contents(target) == before


def test_whatever_is_cut_off_is_refused_as_truncated(practice: Practice, target: Database) -> None:
    payload = practice.payload(practice.ready_made())
    size = payload.stat().st_size
    for left in (size - 1, size - 16, size // 2, 15, 0):
        cut(payload, left)
        assert type(refused(practice, payload, target)) is Truncated, left


def test_a_backup_that_has_grown_is_refused_as_changed(practice: Practice, target: Database) -> None:
    payload = practice.payload(practice.ready_made())
    extend(payload)
    assert type(refused(practice, payload, target)) is Changed


def test_the_manifest_of_another_backup_is_refused_as_foreign(practice: Practice, target: Database) -> None:
    first, second = (practice.payload(practice.ready_made()) for _turn in range(2))
    one, other = (path.with_name(path.name + MANIFEST) for path in (first, second))
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
    for payload in (first, second):
        assert type(refused(practice, payload, target)) is ForeignManifest


def test_another_payload_under_its_name_is_refused(practice: Practice, target: Database) -> None:
    first, second = (practice.payload(practice.ready_made()) for _turn in range(2))
    first.write_bytes(second.read_bytes())
    assert type(refused(practice, first, target)) in (ForeignManifest, Changed, Truncated)


def test_another_key_is_refused_as_the_wrong_key(practice: Practice, target: Database) -> None:
    payload = practice.payload(practice.ready_made())
    practice.key_file.write_text("another key altogether\n")
    assert type(refused(practice, payload, target)) is WrongKey


@flips
def test_any_changed_byte_of_a_legacy_backup_is_refused_before_anything_is_loaded(
    practice: Practice, target: Database, chance: random.Random, flips: int
) -> None:
    payload = practice.legacy_backup()
    whole = payload.read_bytes()
    for _turn in range(flips // 4):
        what = flip(payload, chance)
        error = refused(practice, payload, target, legacy=True)
        assert type(error) in (Changed, WrongKey, NotABackup, Truncated), what
        payload.write_bytes(whole)


def test_a_damaged_legacy_backup_is_refused_for_the_right_reason(
    practice: Practice, target: Database
) -> None:
    payload = practice.legacy_backup()
    whole = payload.read_bytes()
    middle = bytearray(whole)
    middle[len(middle) // 2] ^= 1
    for data, reason in [
        (bytes(middle), Changed),
        (whole[: len(whole) // 2 // 16 * 16], Truncated),
        (whole[:100], Truncated),
        (b"PK\x03\x04" + bytes(1000), NotABackup),
    ]:
        payload.write_bytes(data)
        assert type(refused(practice, payload, target, legacy=True)) is reason
    payload.write_bytes(whole)
    practice.key_file.write_text("another key altogether\n")
    assert type(refused(practice, payload, target, legacy=True)) is WrongKey


def test_bytes_that_change_after_the_check_are_never_executed(practice: Practice, target: Database) -> None:
    payload = practice.payload(practice.ready_made())
    before = contents(target)
    making = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE DATABASE %'"
    with template_busy(target):
        running = begin(practice, "restore", "--latest", "--drop", "--target", target.name)
        wait_for(lambda: Database(target.server, "postgres").psql(making) == b"1\n", "CREATE DATABASE")
        data = bytearray(payload.read_bytes())
        data[len(data) // 2] ^= 1
        payload.write_bytes(data)
    assert "changed after it was written" in running.ends(2)
    assert running.view.error == Changed.__name__
    assert contents(target) == before
    assert [name for name in practice.databases() if name.startswith(target.name)] == [target.name]


def damage_payload(payload: Path) -> None:
    data = bytearray(payload.read_bytes())
    data[len(data) // 2] ^= 1
    payload.write_bytes(data)


def damage_manifest(payload: Path) -> None:
    damage_payload(payload.with_name(payload.name + MANIFEST))


def cut_payload(payload: Path) -> None:
    cut(payload, payload.stat().st_size // 2)


@pytest.mark.sample("cut_payload")
@pytest.mark.parametrize(
    "damage", [damage_payload, damage_manifest, cut_payload], ids=lambda damage: damage.__name__
)
def test_a_good_copy_in_the_bucket_stands_in_for_a_damaged_one_on_disk_and_that_is_said(
    source: Database,
    practise: Callable[..., Practice],
    s3: Bucket,
    target: Database,
    damage: Callable[[Path], None],
) -> None:
    practice: Practice = practise(source, s3)
    made = practice.back_up()
    damage(practice.payload(made.manifest))
    practice.restore(target.name, drop=True)
    assert practice.job is not None
    assert practice.job.exit_code == 1
    assert any(f"The copy in {practice.backups} can't be used" in text for text in practice.job.warnings)
    assert contents(target) == contents(source)
    disk, bucket = practice.inventory.backups[0].copies
    assert disk.rung is Rung.PRESENT
    assert disk.trouble or disk.proof.failed
    assert (bucket.standing, bucket.rung) == (CopyStatus.WHOLE, Rung.RESTORED)


def test_two_damaged_copies_are_refused(
    source: Database, practise: Callable[..., Practice], s3: Bucket, target: Database
) -> None:
    practice: Practice = practise(source, s3)
    made = practice.back_up()
    payload = practice.payload(made.manifest)
    damage_payload(payload)
    bucket = practice.context.stores.bucket
    assert bucket is not None
    with payload.open("rb") as damaged:
        bucket.put(made.manifest.name.key, damaged)
    assert type(refused(practice, payload, target)) is Changed
