"""A mount that is gone, a bucket that was made anew: each backup says so until it is back or meant."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mtn_tui.core.errors import NoSpace
from mtn_tui.core.models import MANIFEST
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.operations.backup.room import require_room
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory import known_stores
from tests.faults.aftermath import wait_for
from tests.operation_fixtures import Bucket, Practice
from tests.pg_fixtures import NewDatabase

NAMES = [f"admision_mtn_full_db-host-1_2026030{day}_020000.sql.gz.gpg" for day in range(1, 5)]


def fill(context: Context, *names: str) -> None:
    """Finished backups, as far as a listing tells."""
    bucket = context.stores.bucket
    for name in names:
        for suffix in ("", MANIFEST):
            (context.settings.backup_dir / (name + suffix)).write_bytes(b"x")
            if bucket is not None:
                bucket.put(f"full/{name}{suffix}", io.BytesIO(b"x"))


def empty(context: Context, *names: str) -> None:
    for name in names or NAMES:
        for suffix in ("", MANIFEST):
            (context.settings.backup_dir / (name + suffix)).unlink(missing_ok=True)


def remembered(practice: Practice) -> Context:
    """An installation whose stores hold NAMES, which it knows."""
    context = practice.context
    fill(context, *NAMES)
    practice.run("test", lambda job: known_stores.remember(job, context, list(context.stores)), context)
    return practice.context


def changes(context: Context) -> list[str]:
    return [store.name for store in context.stores if known_stores.changed(context, store)]


@pytest.fixture
def practice(pg18: PostgresServer, new_database: NewDatabase, practise: Callable[..., Practice]) -> Practice:
    made: Practice = practise(new_database(pg18))
    return made


@pytest.fixture
def mounted() -> Iterator[Callable[[Path], None]]:
    """Puts another filesystem over a folder; the test may take it off with ``umount``."""
    made: list[Path] = []

    def mount(folder: Path) -> None:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=128m,mode=0777", "tmpfs", folder],
            check=False,
            capture_output=True,
        )
        if done.returncode:
            pytest.skip("no filesystem can be mounted here")
        made.append(folder)

    yield mount
    for folder in made:
        if folder.is_mount():
            subprocess.run(["umount", "-l", folder], check=True)


def test_a_store_that_was_never_seen_is_as_it_is(practice: Practice) -> None:
    assert changes(practice.context) == []
    fill(practice.context, *NAMES)
    assert changes(practice.context) == []


def test_all_backups_gone_is_told_and_none_of_what_happens_on_its_own_is(practice: Practice) -> None:
    context = remembered(practice)
    assert changes(context) == []
    empty(context, *NAMES[:2])  # what retention does
    assert changes(context) == []
    empty(context, NAMES[3])  # what a person does
    assert changes(context) == []
    empty(context)
    assert changes(context) == ["disk"]
    fill(context, "admision_mtn_full_db-host-1_20260401_020000.sql.gz.gpg")  # made since, on the wrong disk
    assert changes(context) == ["disk"]
    fill(context, NAMES[0])
    assert changes(context) == []


def test_another_folder_is_another_store(practice: Practice, tmp_path: Path) -> None:
    remembered(practice)
    (tmp_path / "elsewhere").mkdir()
    practice.configure(BACKUP_DIR=str(tmp_path / "elsewhere"))
    assert changes(practice.context) == []


def test_a_bucket_that_was_emptied_is_told(
    pg18: PostgresServer, new_database: NewDatabase, practise: Callable[..., Practice], s3: Bucket
) -> None:
    practice: Practice = practise(new_database(pg18), s3)
    context = remembered(practice)
    assert changes(context) == []
    assert context.stores.bucket is not None
    for entry in context.stores.bucket.list():
        context.stores.bucket.delete(entry.key)
    assert changes(context) == ["bucket"]


def test_another_filesystem_is_told_where_the_newest_is_gone_and_not_where_all_came_along(
    practice: Practice, mounted: Callable[[Path], None], tmp_path: Path
) -> None:
    context = remembered(practice)
    copy = tmp_path / "copy"
    shutil.copytree(practice.backups, copy)
    mounted(practice.backups)
    assert changes(context) == ["disk"]
    shutil.copytree(copy, practice.backups, dirs_exist_ok=True)
    assert changes(context) == []
    empty(context, NAMES[3])
    assert changes(context) == ["disk"]


def test_a_disk_that_is_another_keeps_a_tenth_free(practice: Practice) -> None:
    context = remembered(practice)
    disk = context.stores.disk
    empty(context)
    found = known_stores.changed(context, disk)
    assert found is not None
    found = replace(found, filesystem="/\nanother")
    fits = replace(found, before=replace(found.before, size=1 << 20))
    free, total = disk.free(), disk.total()
    if free < total // 5:
        pytest.skip("this machine's disk is nearly full")
    require_room(context, [], 1, [fits])
    large = replace(found, before=replace(found.before, size=int((free - total // 20) / 1.2)))
    require_room(context, [], 1)
    with pytest.raises(NoSpace):
        require_room(context, [], 1, [large])


def test_a_mount_that_vanished_is_told_by_each_backup_and_the_doctor_until_it_is_back_or_meant(
    practice: Practice, mounted: Callable[[Path], None]
) -> None:
    mounted(practice.backups)
    first = practice.back_up()
    assert practice.job is not None
    assert practice.job.warnings == ()
    kept = practice.root / "kept"
    shutil.copytree(practice.backups, kept)
    subprocess.run(["umount", practice.backups], check=True)
    # A name is of a second, and the next backup must not get that of the first.
    wait_for(lambda: datetime.now() > first.manifest.name.stamp + timedelta(seconds=1), "the next second")
    for _turn in range(2):
        practice.back_up()
        (said,) = practice.job.warnings
        assert practice.job.exit_code == 1
        assert f"{practice.backups} held a backup ({first.manifest.name}), which is gone" in said
        assert f"filesystem of {practice.backups}, and now is on that of" in said
        assert "mtn accept --store disk" in said
    told = practice.here("doctor", check=None).stdout
    assert "which is gone" in told
    assert "mtn accept --store disk" in told
    shutil.copytree(kept, practice.backups, dirs_exist_ok=True)
    practice.back_up()
    assert practice.job.warnings == ()
    last = practice.inventory.backups[0].name.stamp
    for path in practice.backups.iterdir():
        path.unlink()
    wait_for(lambda: datetime.now() > last + timedelta(seconds=1), "the next second")
    practice.back_up()
    assert "are gone" in practice.job.warnings[0]
    practice.here("accept", "--store", "disk")
    practice.back_up()
    assert practice.job.warnings == ()
    practice.here("accept", check=64)
    practice.here("accept", "--store", "bucket", check=64)


def test_without_a_memory_nothing_is_told(practice: Practice) -> None:
    context = remembered(practice)
    empty(context)
    memory = context.state / "stores.json"
    for content in (b"", b"[]", b"{", b'{"x": {}}', b"\xff"):
        memory.write_bytes(content)
        assert changes(context) == []
    memory.unlink()
    assert changes(context) == []
