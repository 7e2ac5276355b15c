"""Files written whole: what a killed writer has left goes with the next; no writer disturbs another."""

from __future__ import annotations

import fcntl

from mtn_tui.engine.pipeline import background
from mtn_tui.engine.statefiles import write_whole


def test_what_a_killed_writer_has_left_is_removed_by_the_next(tmp_path):
    path = tmp_path / "audit.head"
    left = tmp_path / "audit.head-deadbeef.part"
    others = tmp_path / "audit.jsonl-deadbeef.part"
    for one in (left, others):
        one.write_bytes(b"half")
    write_whole(path, b"whole")
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {
        path.name: b"whole",
        others.name: b"half",
    }


def test_what_somebody_else_writes_just_now_is_left_alone(tmp_path):
    path = tmp_path / "audit.head"
    at_work = tmp_path / "audit.head-deadbeef.part"
    at_work.write_bytes(b"half")
    with at_work.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        write_whole(path, b"whole")
        assert at_work.exists()
    write_whole(path, b"whole")
    assert not at_work.exists()


def test_writers_of_one_file_do_not_sweep_each_other_away(tmp_path):
    path = tmp_path / "audit.head"

    def write() -> None:
        for _time in range(100):
            write_whole(path, b"whole")

    for writer in [background(write, f"writer {number}") for number in range(4)]:
        writer.result()
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {path.name: b"whole"}
