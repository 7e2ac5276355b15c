"""Who wants an inventory at the same time shares one; after a job everybody gets a new one."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mtn_tui.core.errors import KeyFileError
from mtn_tui.core.settings import Settings
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import Stores
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.inventory.taking import PATIENCE, SHARED_FOR, Inventories, Taking
from mtn_tui.storage.local import LocalStorage

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


class Hand:
    """A clock that somebody moves."""

    at = 1000.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.at)

    def monotonic(self) -> float:
        return self.at


class Held(LocalStorage):
    """A folder that lists once it is let."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.go_on = threading.Event()
        self.go_on.set()

    def list(self, prefix: str = ""):
        self.go_on.wait(60)
        return super().list(prefix)


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def disk(tmp_path):
    (tmp_path / "backups").mkdir()
    store = Held(tmp_path / "backups")
    yield store
    store.go_on.set()


@pytest.fixture
def context(tmp_path, clock, disk) -> Context:
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    key.chmod(0o600)
    settings = Settings(
        db_name="colegio", db_user="admin", backup_dir=tmp_path / "backups", encryption_key_file=key
    )
    return Context(settings, Stores(disk, lambda: None), tmp_path / "state", "ana", "db1", clock)


def done(taking: Taking) -> Taking:
    assert taking.join(60)
    return taking


def test_for_some_seconds_it_is_shared(context, clock):
    inventories = Inventories(context)
    first = done(inventories.current())
    clock.at += SHARED_FOR
    assert inventories.current() is first
    clock.at += 1
    assert inventories.current() is not first


def test_after_a_job_it_is_not_and_what_is_begun_then_is_shared_again(context):
    inventories = Inventories(context)
    first = done(inventories.current())
    inventories.outdate()
    second = inventories.current()
    assert second is not first
    assert inventories.current() is second


def test_one_that_was_begun_before_a_job_ended_does_not_tell_what_it_made(context, disk):
    disk.go_on.clear()
    inventories = Inventories(context)
    first = inventories.current()
    assert inventories.current() is first, "it is being taken"
    inventories.outdate()
    second = inventories.current()
    assert second is not first
    disk.go_on.set()
    assert done(second).result() == done(first).result()


def test_a_store_that_hangs_is_not_asked_again(context, clock, disk):
    disk.go_on.clear()
    inventories = Inventories(context)
    first = inventories.current()
    clock.at += PATIENCE + 1
    inventories.outdate()
    assert inventories.current() is first
    disk.go_on.set()
    done(first)
    assert inventories.current() is not first


def test_without_the_key_what_is_there_is_listed_and_nothing_believed(context):
    lost = context.settings.model_copy(update={"encryption_key_file": Path("/nowhere/key")})
    inspection = Inspection(replace(context, settings=lost))
    (context.stores.disk.root / "admision_mtn_full_db1_20261128_020000.sql.gz.gpg").write_bytes(b"x" * 100)
    assert inspection.listed.files_in("disk") == {"admision_mtn_full_db1_20261128_020000.sql.gz.gpg"}
    with pytest.raises(KeyFileError):
        _ = inspection.inventory
