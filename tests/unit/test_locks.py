import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.core.errors import Locked, StorageError
from mtn_tui.engine.locks import (
    FileLock,
    Holder,
    advisory_key,
    claim,
    holder_of,
    is_leased,
    lease,
    lock_path,
    slug,
)

DB = "Admisión_MTN_DB"
ANA = Holder("backup", DB, "abcdefgh", "ana", "db1", 4242, datetime(2026, 11, 24, 6, 0, 4, tzinfo=UTC))
ARCHIVE = "admision_mtn_full_db1_20261124_030004.sql.gz.gpg"

HOLDS = """
import subprocess, sys
from datetime import UTC, datetime
from pathlib import Path
from mtn_tui.engine.locks import FileLock, Holder, lease
path = Path(sys.argv[1])
holder = Holder("backup", "db", "abcdefgh", "ana", "db1", 1, datetime.now(UTC))
with FileLock(path, holder), lease(path.parent / "leases", "an archive"):
    child = subprocess.Popen(["sleep", "300"], stdout=subprocess.DEVNULL, close_fds=False)
    print(child.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return lock_path(tmp_path / "locks", DB, "backup")


def test_a_lock_is_held_in_the_block_and_free_after_it(path):
    assert holder_of(path) is None
    with FileLock(path, ANA):
        assert holder_of(path) == ANA
    assert holder_of(path) is None
    assert path.read_bytes() == b""
    with FileLock(path, ANA):
        pass


def test_whoever_comes_second_hears_who_where_since_when_and_what_to_do(path):
    ben = Holder("backup", DB, "bbbbbbbb", "ben", "db1", 4343, datetime.now(UTC))
    with FileLock(path, ANA), pytest.raises(Locked) as caught, FileLock(path, ben):
        pass
    error = caught.value
    assert error.exit_code == 75
    for word in ("ana", "db1", DB, "abcdefgh", "2026-11-2"):
        assert word in error.title
    assert "mtn job list" in error.hint
    assert "mtn job cancel abcdefgh" in error.hint


def test_other_operations_and_other_databases_do_not_wait(tmp_path):
    with FileLock(lock_path(tmp_path, DB, "backup"), ANA):
        with FileLock(lock_path(tmp_path, DB, "restore"), ANA):
            with FileLock(lock_path(tmp_path, DB.lower(), "backup"), ANA):
                pass


def test_a_lock_is_let_go_after_an_error(path):
    with pytest.raises(RuntimeError), FileLock(path, ANA):
        raise RuntimeError
    assert holder_of(path) is None


def test_a_lock_is_not_taken_twice_by_one_object(path):
    lock = FileLock(path, ANA)
    with lock, pytest.raises(ValueError, match="held already"):
        lock.acquire()
    lock.release()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"since": 3}', b"[" * 10_000, b"\xff\xfe"])
def test_a_holder_that_has_not_said_who_it_is_still_locks(path, content):
    with FileLock(path, ANA):
        path.write_bytes(content)
        with pytest.raises(Locked) as caught, FileLock(path, ANA):
            pass
    assert "mtn job list" in caught.value.hint


def test_kill_9_lets_go_even_while_a_child_of_the_holder_lives_on(path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        child = int(holder.stdout.readline())
        leases = path.parent / "leases"
        try:
            assert holder_of(path).operator == "ana"
            assert is_leased(leases, "an archive")
            holder.send_signal(signal.SIGKILL)
            holder.wait()
            os.kill(child, 0)
            assert holder_of(path) is None
            assert not is_leased(leases, "an archive")
            with FileLock(path, ANA):
                assert holder_of(path) == ANA
        finally:
            os.kill(child, signal.SIGKILL)


def test_of_many_who_come_at_once_one_holds_it(path):
    inside = most = taken = 0
    counting = threading.Lock()

    def contend(number):
        nonlocal inside, most, taken
        holder = Holder("backup", DB, f"job{number}", "ana", "db1", number, datetime.now(UTC))
        for _round in range(6):
            try:
                with FileLock(path, holder):
                    with counting:
                        inside += 1
                        taken += 1
                        most = max(most, inside)
                    time.sleep(0.002)
                    with counting:
                        inside -= 1
            except Locked:
                pass

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert taken >= 1


def test_looking_who_holds_it_never_makes_a_free_lock_seem_taken(path):
    path.parent.mkdir()
    path.touch()
    stop = threading.Event()

    def look():
        while not stop.is_set():
            assert holder_of(path) in (None, ANA)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _round in range(200):
            with FileLock(path, ANA):
                pass
    finally:
        stop.set()
        looker.join()


def test_a_lock_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "locks").write_text("a file")
    with pytest.raises(StorageError) as caught, FileLock(tmp_path / "locks" / "x.lock", ANA):
        pass
    assert "x.lock" in caught.value.title


def test_a_symlink_in_the_place_of_a_lock_is_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "x.lock").symlink_to(precious)
    with pytest.raises(StorageError), FileLock(tmp_path / "x.lock", ANA):
        pass
    assert precious.read_text() == "precious"


def test_in_a_groups_folder_a_lock_is_open_to_the_group_whatever_the_umask(tmp_path):
    tmp_path.chmod(0o2770)
    before = os.umask(0o077)
    try:
        with FileLock(tmp_path / "locks" / "x.lock", ANA), lease(tmp_path / "leases", "a"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "locks" / "x.lock").stat().st_mode & 0o777 == 0o660
    assert all(file.stat().st_mode & 0o777 == 0o660 for file in (tmp_path / "leases").iterdir())


NAMES = st.text(max_size=80) | st.sampled_from(
    ["../x", ".", "..", "", "a/b", "a\nb", '"; DROP', "\x1b[2J", "A", "a"]
)


@given(NAMES, NAMES)
def test_every_name_has_its_own_file_also_where_case_does_not_count(one, other):
    assert (slug(one).lower() == slug(other).lower()) == (one == other)


@given(NAMES)
def test_any_name_makes_a_plain_file_name(name):
    file = lock_path(Path("/locks"), name, "restore")
    assert file.parent.as_posix() == "/locks"
    assert len(file.name.encode()) <= 200
    assert file.name.isascii()
    assert file.name.isprintable()
    assert not file.name.startswith((".", "-"))


def test_a_name_with_bytes_that_are_no_text_has_a_file_too():
    assert slug("\udcff") != slug("\udcfe")


@pytest.mark.parametrize("operation", ["", "../x", "Back up", "a/b"])
def test_an_operation_is_a_word_of_ours(tmp_path, operation):
    with pytest.raises(ValueError, match="not an operation"):
        lock_path(tmp_path, DB, operation)


def test_the_advisory_key_is_the_same_everywhere_and_for_ever():
    text = b'["mtn lock 1", 7400000000000000001, "Admisi\\u00f3n_MTN_DB", "backup"]'
    first = int.from_bytes(hashlib.sha256(text).digest()[:8], "big", signed=True)
    assert advisory_key(7400000000000000001, DB, "backup") == first == -1838358646125296422


@given(st.integers(0, 2**64 - 1), NAMES, st.sampled_from(["backup", "restore"]))
def test_an_advisory_key_is_a_bigint_and_differs_by_operation(system, database, operation):
    key = advisory_key(system, database, operation)
    assert -(2**63) <= key < 2**63
    assert key != advisory_key(system, database, operation + "x")
    assert key != advisory_key(system ^ 1, database, operation)


def test_an_archive_is_leased_while_anyone_reads_it(tmp_path):
    assert not is_leased(tmp_path, ARCHIVE)
    with lease(tmp_path, ARCHIVE):
        assert is_leased(tmp_path, ARCHIVE)
        with lease(tmp_path, ARCHIVE):
            assert is_leased(tmp_path, ARCHIVE)
        assert is_leased(tmp_path, ARCHIVE)
        assert not is_leased(tmp_path, "another")
    assert not is_leased(tmp_path, ARCHIVE)


def test_what_is_leased_cannot_be_claimed_and_the_claim_leaves_the_lease_alone(tmp_path):
    with lease(tmp_path, ARCHIVE):
        with claim(tmp_path, ARCHIVE) as ours:
            assert not ours
        assert is_leased(tmp_path, ARCHIVE)
    with claim(tmp_path, ARCHIVE) as ours:
        assert ours
    assert list(tmp_path.iterdir()) == []


def test_a_lease_waits_for_a_claim_to_end(tmp_path):
    got = threading.Event()
    go = threading.Event()

    def read():
        with lease(tmp_path, ARCHIVE):
            got.set()
            go.wait(30)

    reader = threading.Thread(target=read)
    with claim(tmp_path, ARCHIVE):
        reader.start()
        assert not got.wait(0.1)
    assert got.wait(30)
    assert is_leased(tmp_path, ARCHIVE)
    go.set()
    reader.join()


def test_no_archive_is_ever_read_and_claimed_at_once(tmp_path):
    reading = claims = clashes = 0
    counting = threading.Lock()
    stop = threading.Event()

    def read():
        nonlocal reading
        while not stop.is_set():
            with lease(tmp_path, ARCHIVE):
                with counting:
                    reading += 1
                with counting:
                    reading -= 1

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    deadline = time.monotonic() + 60
    while claims < 20 and time.monotonic() < deadline:
        with claim(tmp_path, ARCHIVE) as ours:
            if ours:
                claims += 1
                clashes += reading
    stop.set()
    for reader in readers:
        reader.join()
    assert claims == 20
    assert clashes == 0
