"""A disk that fills up while something is written to it."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtn_tui.core.errors import NoSpace
from mtn_tui.storage.local import LocalStorage
from mtn_tui.storage.part import PartFile

KEY = "admision_mtn_full_db1_20260302_020000.sql.gz.gpg"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 1 MiB, where the machine lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)],
            check=False,
            capture_output=True,
            text=True,
        )
    except OSError as error:
        pytest.skip(str(error))
    if mounted.returncode:
        pytest.skip(f"no disk of our own can be mounted: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            assert "space" in str(error)  # noqa: PT017  # what fills it up is no claim of this test


def test_a_part_that_does_not_fit_is_told_and_nothing_is_left_of_it(small_disk: Path) -> None:
    path = small_disk / KEY
    with PartFile(path) as part:
        with pytest.raises(NoSpace) as raised:
            part.write(bytes(4 << 20))
        assert 0 < part.tell() <= 1 << 20
    assert str(path) in raised.value.title
    assert raised.value.runbook == "8.2"
    assert names(small_disk) == []


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_put_that_does_not_fit_is_told_and_keeps_what_was_there(small_disk: Path, exclusive: bool) -> None:
    store = LocalStorage(small_disk)
    store.put("another", io.BytesIO(b"the last good one"))
    with pytest.raises(NoSpace):
        store.put(KEY, io.BytesIO(bytes(4 << 20)), exclusive=exclusive)
    with pytest.raises(NoSpace):
        store.put("another", io.BytesIO(bytes(4 << 20)))
    assert names(small_disk) == ["another"]
    with store.open("another") as stream:
        assert stream.read() == b"the last good one"


def test_a_follower_of_a_part_that_does_not_fit_is_told_the_same(small_disk: Path) -> None:
    part = PartFile(small_disk / KEY)
    with part.follow() as reader:
        with pytest.raises(NoSpace) as raised:
            part.write(bytes(4 << 20))
        part.abort(raised.value)
        with pytest.raises(NoSpace):
            reader.read(1)


def test_a_full_disk_fails_the_check(small_disk: Path) -> None:
    store = LocalStorage(small_disk)
    store.check()
    fill(small_disk / "ballast")
    with pytest.raises(NoSpace):
        store.check()
    assert names(small_disk) == ["ballast"]
