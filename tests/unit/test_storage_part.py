"""A file that is invisible until it is whole, and reading it while it grows."""

from __future__ import annotations

import fcntl
import math
import multiprocessing
import os
import stat
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import AlreadyThere, Cancelled, StorageError, StorageUnavailable
from mtn_tui.storage.part import PartFile, sweep_parts

NAME = "admision_mtn_full_db1_20260302_020000.sql.gz.gpg"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / NAME


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def test_until_the_commit_only_the_part_is_there_and_after_it_only_the_name(path: Path) -> None:
    with PartFile(path) as part:
        part.write(b"abc")
        assert names(path.parent) == [NAME + ".part"]
        assert part.tell() == 3
        part.commit()
        assert names(path.parent) == [NAME]
    assert path.read_bytes() == b"abc"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_its_mode_is_the_same_whatever_the_umask(path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        with PartFile(path) as part:
            assert stat.S_IMODE(part.part.stat().st_mode) == 0o640
            part.commit()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_leaving_without_a_commit_removes_it(path: Path) -> None:
    with PartFile(path) as part:
        part.write(b"abc")
    assert names(path.parent) == []


def test_an_abort_removes_it_and_doing_so_again_or_after_a_commit_does_nothing(path: Path) -> None:
    part = PartFile(path)
    part.abort()
    part.abort()
    assert names(path.parent) == []
    with PartFile(path) as part:
        part.commit()
        part.abort()
    assert names(path.parent) == [NAME]


def test_a_commit_never_takes_a_name_that_is_taken(path: Path) -> None:
    with PartFile(path) as part:
        path.write_bytes(b"the other's")
        with pytest.raises(AlreadyThere):
            part.commit()
    assert path.read_bytes() == b"the other's"
    assert names(path.parent) == [NAME]


def test_a_symlink_to_nothing_is_a_name_that_is_taken(path: Path) -> None:
    path.symlink_to("nowhere")
    with pytest.raises(AlreadyThere), PartFile(path) as part:
        part.commit()
    assert path.is_symlink()


def test_a_commit_that_may_replace_does(path: Path) -> None:
    path.write_bytes(b"the old one")
    with PartFile(path) as part:
        part.write(b"new")
        part.commit(exclusive=False)
    assert path.read_bytes() == b"new"


def test_where_there_are_no_hard_links_the_name_is_still_taken_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Stands in for a filesystem that has none: none can be mounted by an ordinary user.
    monkeypatch.setattr(os, "link", without_links)
    with PartFile(path) as part:
        part.write(b"first")
        part.commit()
    with PartFile(path) as part:
        part.write(b"second")
        with pytest.raises(AlreadyThere):
            part.commit()
    assert path.read_bytes() == b"first"
    assert names(path.parent) == [NAME]


def without_links(*_arguments: object, **_options: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_two_writers_of_one_name_without_tokens_do_not_mix(path: Path) -> None:
    with PartFile(path) as part:
        part.write(b"first")
        with pytest.raises(AlreadyThere):
            PartFile(path)
        part.commit()
    assert path.read_bytes() == b"first"


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="missing"):
        PartFile(tmp_path / "gone" / NAME)


def test_a_closed_part_takes_no_more(path: Path) -> None:
    part = PartFile(path)
    part.commit()
    with pytest.raises(ValueError, match="closed"):
        part.write(b"x")


@given(pieces=st.lists(st.binary(max_size=200)), sizes=st.lists(st.integers(1, 300), min_size=1))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_follower_reads_what_is_written_in_any_steps(
    path: Path, pieces: list[bytes], sizes: list[int]
) -> None:
    with PartFile(path) as part, part.follow() as reader:
        for piece in pieces:
            part.write(piece)
        part.commit()
        read: list[bytes] = []
        while piece := reader.read(sizes[len(read) % len(sizes)]):
            read.append(piece)
    path.unlink()
    assert b"".join(read) == b"".join(pieces)
    assert all(len(piece) == sizes[number % len(sizes)] for number, piece in enumerate(read[:-1]))


class Follower(threading.Thread):
    """Reads to the end, and keeps what came of it."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        super().__init__()
        self._read = read
        self.data = b""
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            while piece := self._read():
                self.data += piece
        except (StorageError, Cancelled, RuntimeError) as error:
            self.error = error

    def ended(self) -> Follower:
        self.join(60)
        assert not self.is_alive()
        return self


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_follower_waits_for_its_writer_and_survives_the_renaming(path: Path) -> None:
    with PartFile(path) as part, part.follow() as reader:
        follower = Follower(lambda: reader.read(10))
        part.write(b"0123456789abc")
        until(lambda: follower.data == b"0123456789")
        assert follower.is_alive()
        part.write(b"defg")
        part.commit()
        assert follower.ended().data == b"0123456789abcdefg"
        assert reader.read(1) == b""


def test_reading_all_waits_for_the_end(path: Path) -> None:
    with PartFile(path) as part, part.follow() as reader:
        follower = Follower(reader.read)
        part.write(b"abc")
        part.write(b"def")
        assert follower.data == b""
        part.commit()
        assert follower.ended().data == b"abcdef"


def test_several_followers_read_the_same(path: Path) -> None:
    with PartFile(path) as part, part.follow() as one, part.follow() as two:
        followers = [Follower(lambda: one.read(3)), Follower(lambda: two.read(1000))]
        for _ in range(100):
            part.write(b"0123456789")
        part.commit()
        assert [follower.ended().data for follower in followers] == [b"0123456789" * 100] * 2


def test_a_follower_may_come_after_the_commit(path: Path) -> None:
    with PartFile(path) as part:
        part.write(b"abc")
        part.commit()
    with part.follow() as reader:
        assert reader.read() == b"abc"


def test_a_follower_that_comes_after_the_abort_is_told(path: Path) -> None:
    part = PartFile(path)
    part.abort(RuntimeError("pg_dump died"))
    with pytest.raises(RuntimeError, match="pg_dump died"):
        part.follow()


def test_a_follower_is_told_what_its_writer_gave_up_with(path: Path) -> None:
    error = RuntimeError("pg_dump died")
    with PartFile(path) as part, part.follow() as reader:
        part.write(b"abc")
        follower = Follower(lambda: reader.read(10))
        part.abort(error)
        assert follower.ended().error is error
        with pytest.raises(RuntimeError):
            reader.read(1)


def test_a_follower_of_a_writer_that_just_leaves_is_cancelled(path: Path) -> None:
    with PartFile(path) as part:
        reader = part.follow()
        follower = Follower(lambda: reader.read(10))
    assert isinstance(follower.ended().error, Cancelled)
    reader.close()


def test_a_follower_wakes_when_it_is_cancelled_itself(path: Path) -> None:
    token = CancelToken()
    with PartFile(path) as part, part.follow(cancel=token) as reader:
        follower = Follower(lambda: reader.read(10))
        token.cancel()
        assert isinstance(follower.ended().error, Cancelled)


def test_past_its_deadline_a_follower_gives_up_waiting(path: Path) -> None:
    with PartFile(path) as part, part.follow(deadline=10.0, monotonic=lambda: 11.0) as reader:
        part.write(b"abc")
        assert reader.read(3) == b"abc"  # what is there is still read
        with pytest.raises(StorageUnavailable, match="not finished in time"):
            reader.read(1)


def test_a_deadline_may_be_set_while_a_follower_waits(path: Path) -> None:
    deadline = math.inf
    with PartFile(path) as part, part.follow(deadline=lambda: deadline) as reader:
        follower = Follower(lambda: reader.read(10))
        deadline = 0.0
        assert isinstance(follower.ended().error, StorageUnavailable)


def test_a_file_that_shrinks_under_its_follower_is_told(path: Path) -> None:
    with PartFile(path) as part, part.follow() as reader:
        part.write(b"abcdef")
        os.truncate(part.part, 3)
        with pytest.raises(StorageError, match="shorter"):
            reader.read(6)


def everything(_name: str, _modified: datetime) -> bool:
    return True


def test_a_sweep_leaves_what_is_being_written(path: Path) -> None:
    with PartFile(path) as part, PartFile(path, "0123abcd") as other:
        part.write(b"abc")
        assert sweep_parts(path.parent, everything) == []
        other.commit()
        part.commit(exclusive=False)
    assert names(path.parent) == [NAME]


def _leave_a_part(path: Path) -> None:
    part = PartFile(path)
    part.write(b"half a backup")
    os._exit(1)


def test_a_sweep_removes_what_a_killed_process_left(path: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_leave_a_part, args=(path,))
    child.start()
    child.join(120)
    assert names(path.parent) == [NAME + ".part"]
    assert sweep_parts(path.parent, everything) == [NAME + ".part"]
    assert names(path.parent) == []


def test_a_sweep_asks_by_the_name_the_file_would_have_got(tmp_path: Path) -> None:
    asked = []

    def matches(name: str, _modified: datetime) -> bool:
        asked.append(name)
        return name.startswith("ours")

    (tmp_path / "full").mkdir()
    (tmp_path / "folder.part").mkdir()
    for name in ("ours.gpg.part", "ours.json.~0123abcd.part", "theirs.part", "full/ours.part", "ours.gpg"):
        (tmp_path / name).write_bytes(b"x")
    assert sweep_parts(tmp_path, matches) == ["full/ours.part", "ours.gpg.part", "ours.json.~0123abcd.part"]
    assert sorted(asked) == ["ours", "ours.gpg", "ours.json", "theirs"]
    assert names(tmp_path) == ["folder.part", "full", "ours.gpg", "theirs.part"]


def test_a_sweep_never_follows_a_symlink(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.part").write_bytes(b"x")
    root = tmp_path / "backups"
    root.mkdir()
    (root / "link.part").symlink_to(outside / "precious.part")
    (root / "folder").symlink_to(outside)
    assert sweep_parts(root, everything) == []
    assert (outside / "precious.part").exists()


def test_a_writer_that_begins_while_a_sweep_has_its_file_begins_again(path: Path) -> None:
    """The moment between creating and locking, held open: the lock is on the file that has the name."""
    part_path = Path(str(path) + ".part")
    for _ in range(50):
        sweeping = threading.Thread(target=sweep_parts, args=(path.parent, everything))
        sweeping.start()
        with PartFile(path) as part:
            sweeping.join()
            assert part_path.exists()
            with part_path.open("rb") as other, pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.write(b"abc")
            part.commit(exclusive=False)
        assert path.read_bytes() == b"abc"
