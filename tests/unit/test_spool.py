"""Records that outlive whoever put them there: whole or not there, held by one at a time."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time

import pytest

from mtn_tui.core.errors import StorageError
from mtn_tui.engine.spool import Spool

HOLDS = """
import sys
from pathlib import Path
from mtn_tui.engine.spool import Spool
with Spool(Path(sys.argv[1])).held("a") as entry:
    print(entry is not None, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path / "spool")


def test_a_record_is_there_with_all_that_was_added_until_it_is_finished(spool):
    spool.put("b", {"number": 2})
    spool.put("a", {"number": 1, "text": "ñ\n\x00\ud800"})
    assert spool.names() == ["a", "b"]
    with spool.held("a") as entry:
        assert entry.record == {"number": 1, "text": "ñ\n\x00\ud800"}
        entry.add({"tried": 1})
        entry.add({"tried": 2})
    with spool.held("a") as entry:
        assert entry.since == [{"tried": 1}, {"tried": 2}]
        entry.finish()
    assert spool.names() == ["b"]
    assert spool.look("a") == []
    with spool.held("a") as entry:
        assert entry is None


def test_only_one_holds_a_record_whatever_the_thread_or_process(spool):
    spool.put("a", {})
    with spool.held("a") as mine, spool.held("a") as another:
        assert mine is not None
        assert another is None
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(spool.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout.readline() == b"True\n"
    with spool.held("a") as entry:
        assert entry is None
    other.kill()
    other.communicate()
    with spool.held("a") as entry:
        assert entry is not None


def test_a_torn_line_counts_as_not_written_and_takes_none_with_it(spool):
    spool.put("a", {"number": 1})
    path = spool.folder / "a.jsonl"
    whole = json.dumps({"sent": True}).encode()
    for cut in range(len(whole)):
        with path.open("ab") as file:
            file.write(whole[:cut])
        with spool.held("a") as entry:
            entry.add({"cut": cut})
    with spool.held("a") as entry:
        assert [line["cut"] for line in entry.since if "cut" in line] == list(range(len(whole)))
        assert not any("sent" in line for line in entry.since)


def test_what_was_set_aside_is_kept_and_does_not_wait(spool):
    spool.put("a", {"number": 1})
    with spool.held("a") as entry:
        entry.set_aside()
    assert (spool.names(), spool.given_up()) == ([], ["a"])
    assert json.loads((spool.set_aside / "a.jsonl").read_bytes()) == {"number": 1}


def test_a_folder_of_a_group_has_files_of_the_group(tmp_path):
    tmp_path.chmod(0o2770)
    spool = Spool(tmp_path / "spool")
    spool.put("a", {})
    assert stat.S_IMODE((spool.folder / "a.jsonl").stat().st_mode) == 0o660
    private = Spool(tmp_path.joinpath("spool", "private"))
    private.folder.mkdir(mode=0o700)
    private.put("a", {})
    assert stat.S_IMODE((private.folder / "a.jsonl").stat().st_mode) == 0o600


def test_what_a_crash_left_half_written_is_swept_and_never_read(spool):
    spool.put("a", {})
    left, fresh = spool.folder / "b.jsonl-0a.part", spool.folder / "c.jsonl-0b.part"
    for path in (left, fresh):
        path.write_bytes(b'{"half')
    os.utime(left, (0, 0))
    assert spool.names() == ["a"]
    spool.sweep(time.time())
    assert (left.exists(), fresh.exists()) == (False, True)


def test_a_spool_that_cannot_be_is_told_as_such(tmp_path):
    (tmp_path / "spool").write_bytes(b"")
    spool = Spool(tmp_path / "spool")
    for attempt in (lambda: spool.put("a", {}), spool.names):
        with pytest.raises(StorageError):
            attempt()
    assert Spool(tmp_path / "none").names() == []


def test_links_and_foreign_files_are_not_followed(spool, tmp_path):
    spool.put("a", {})
    (tmp_path / "elsewhere.jsonl").write_text("{}\n")
    (spool.folder / "link.jsonl").symlink_to(tmp_path / "elsewhere.jsonl")
    os.mkfifo(spool.folder / "pipe.jsonl")
    for name in ("link", "pipe"):
        with pytest.raises(StorageError):
            with spool.held(name):
                pass
