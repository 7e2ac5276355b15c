"""What only a folder has: symlinks, modes, other people's files, a disk that fills up or goes away."""

from __future__ import annotations

import errno
import io
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from mtn_tui.core.errors import NoSpace, NotFound, StorageError, StorageUnavailable, Truncated
from mtn_tui.storage.disk_errors import disk_error
from mtn_tui.storage.local import LocalStorage

KEY = "admision_mtn_full_db1_20260302_020000.sql.gz.gpg"

as_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")


@pytest.fixture
def store(tmp_path: Path) -> LocalStorage:
    root = tmp_path / "backups"
    root.mkdir()
    return LocalStorage(root)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_bytes(b"not a backup")
    return folder


def keys(store: LocalStorage) -> list[str]:
    return [entry.key for entry in store.list()]


def put(store: LocalStorage, key: str, data: bytes = b"abc") -> None:
    store.put(key, io.BytesIO(data), len(data))


def read(store: LocalStorage, key: str) -> bytes:
    with store.open(key) as stream:
        return stream.read()


def test_its_place_is_its_folder(store: LocalStorage) -> None:
    assert store.place == str(store.root)
    assert store.path(KEY) == store.root / KEY


def test_a_symlink_that_leaves_the_store_is_not_there(store: LocalStorage, outside: Path) -> None:
    (store.root / "link").symlink_to(outside / "secret")
    assert keys(store) == []
    with pytest.raises(NotFound):
        store.stat("link")
    with pytest.raises(NotFound):
        read(store, "link")


def test_a_symlink_that_stays_within_the_store_is_an_object(store: LocalStorage) -> None:
    put(store, KEY)
    (store.root / "latest").symlink_to(KEY)
    assert keys(store) == [KEY, "latest"]
    assert read(store, "latest") == b"abc"


def test_a_symlink_is_replaced_or_deleted_itself_not_what_it_points_to(
    store: LocalStorage, outside: Path
) -> None:
    for name in ("one", "two"):
        (store.root / name).symlink_to(outside / "secret")
    put(store, "one")
    store.delete("two")
    assert (outside / "secret").read_bytes() == b"not a backup"
    assert keys(store) == ["one"]
    assert read(store, "one") == b"abc"


def test_a_folder_that_is_a_symlink_is_not_entered(store: LocalStorage, outside: Path) -> None:
    (store.root / "full").symlink_to(outside)
    assert keys(store) == []
    attempts: list[Callable[[], object]] = [
        lambda: put(store, "full/x"),
        lambda: store.stat("full/secret"),
        lambda: read(store, "full/secret"),
        lambda: store.delete("full/secret"),
    ]
    for attempt in attempts:
        with pytest.raises(StorageError, match="symlink"):
            attempt()
    assert (outside / "secret").exists()
    assert sorted(item.name for item in outside.iterdir()) == ["secret"]


def test_links_that_lead_nowhere_or_in_circles_are_not_there(store: LocalStorage) -> None:
    (store.root / "nowhere").symlink_to("gone")
    (store.root / "circle").symlink_to("circle")
    assert keys(store) == []
    for key in ("nowhere", "circle"):
        with pytest.raises(NotFound):
            store.stat(key)


def test_the_store_itself_may_be_reached_through_a_symlink(store: LocalStorage, tmp_path: Path) -> None:
    (tmp_path / "by link").symlink_to(store.root)
    linked = LocalStorage(tmp_path / "by link")
    put(linked, KEY)
    (store.root / "latest").symlink_to(KEY)
    assert keys(linked) == [KEY, "latest"]


def test_pipes_sockets_and_deeper_folders_are_passed_over(store: LocalStorage) -> None:
    os.mkfifo(store.root / "pipe")
    with socket.socket(socket.AF_UNIX) as unix:
        here = Path.cwd()
        os.chdir(store.root)  # a socket's path may have 107 bytes
        try:
            unix.bind("socket")
        finally:
            os.chdir(here)
    (store.root / "a" / "b").mkdir(parents=True)
    (store.root / "a" / "b" / "deep").write_bytes(b"x")
    (store.root / "a" / "seen").write_bytes(b"x")
    assert keys(store) == ["a/seen"]
    with pytest.raises(NotFound):
        read(store, "pipe")  # and does not wait for a writer


def test_names_that_are_no_utf_8_are_passed_over(store: LocalStorage) -> None:
    try:
        (store.root / os.fsdecode(b"admisi\xf3n")).write_bytes(b"x")
    except OSError:
        pytest.skip("this filesystem takes UTF-8 only")
    put(store, KEY)
    assert keys(store) == [KEY]


@pytest.mark.parametrize("how", ["missing", "a file"])
def test_a_store_whose_folder_is_gone_is_told_and_not_taken_for_empty(store: LocalStorage, how: str) -> None:
    store.root.rmdir()
    if how == "a file":
        store.root.write_bytes(b"")
    attempts: list[Callable[[], object]] = [
        store.check,
        lambda: keys(store),
        lambda: store.stat(KEY),
        lambda: read(store, KEY),
        lambda: put(store, KEY),
        lambda: put(store, f"full/{KEY}"),
        lambda: store.delete(KEY),
    ]
    for attempt in attempts:
        with pytest.raises(StorageError) as raised:
            attempt()
        assert type(raised.value) is StorageError
        assert str(store.root) in raised.value.title
        assert "BACKUP_DIR" in raised.value.hint


@as_user
@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_a_folder_that_may_not_be_written_is_told_with_its_runbook_section(
    store: LocalStorage, mode: int
) -> None:
    store.root.chmod(mode)
    try:
        for attempt in (store.check, lambda: put(store, KEY)):
            with pytest.raises(StorageError) as raised:
                attempt()
            assert raised.value.runbook == "7.1"
    finally:
        store.root.chmod(0o700)


@as_user
def test_a_file_that_may_not_be_read_is_told_with_its_runbook_section(store: LocalStorage) -> None:
    put(store, KEY)
    store.path(KEY).chmod(0)
    with pytest.raises(StorageError) as raised:
        read(store, KEY)
    assert raised.value.runbook == "7.1"


def test_a_check_leaves_nothing(store: LocalStorage) -> None:
    store.check()
    assert list(store.root.iterdir()) == []


def test_what_cannot_fit_is_refused_before_anything_is_read(store: LocalStorage) -> None:
    source = io.BytesIO(b"abc")
    with pytest.raises(NoSpace):
        store.put(KEY, source, store.free() + (1 << 40))
    assert source.tell() == 0


def test_a_file_that_is_cut_while_it_is_read_is_told(store: LocalStorage) -> None:
    put(store, KEY, bytes(1 << 20))
    with store.open(KEY) as stream:
        assert len(stream.read(10)) == 10
        os.truncate(store.path(KEY), 1000)
        with pytest.raises(Truncated):
            stream.read()


def test_a_name_too_long_for_the_disk_is_told(store: LocalStorage) -> None:
    with pytest.raises(StorageError, match="name"):
        put(store, "x" * 300)
    assert keys(store) == []


def test_a_replaced_file_is_read_to_the_end_by_who_had_it_open(store: LocalStorage) -> None:
    put(store, KEY, b"a" * 300_000)
    with store.open(KEY) as stream:
        stream.read(1)
        put(store, KEY, b"b" * 10)
        assert stream.read() == b"a" * 299_999
    assert read(store, KEY) == b"b" * 10


def test_a_folder_full_of_backups_is_listed_without_opening_them(store: LocalStorage) -> None:
    for number in range(300):
        (store.root / f"{number:04}").touch()
    assert len(keys(store)) == 300


@pytest.mark.parametrize(
    ("code", "kind", "runbook"),
    [
        ("ENOSPC", NoSpace, "8.2"),
        ("EDQUOT", NoSpace, "8.2"),
        ("EROFS", StorageError, "7.1"),
        ("EACCES", StorageError, "7.1"),
        ("EIO", StorageError, ""),
        ("ESTALE", StorageUnavailable, ""),
        ("ETIMEDOUT", StorageUnavailable, ""),
        ("EFBIG", StorageError, ""),
    ],
)
def test_each_refusal_of_a_disk_has_its_class_and_its_section(
    code: str, kind: type[StorageError], runbook: str
) -> None:
    error = disk_error(OSError(getattr(errno, code), "as the system says it"), Path("/backups/x"))
    assert type(error) is kind
    assert error.runbook == runbook
    assert "/backups" in error.title


def test_a_store_on_a_disk_that_goes_away_is_told(store: LocalStorage) -> None:
    put(store, KEY)
    shutil.rmtree(store.root)
    with pytest.raises(StorageError, match="missing"):
        list(store.list())
