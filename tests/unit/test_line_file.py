"""A file of lines that several processes append to has whole lines, and no others."""

from __future__ import annotations

import os
import threading
from contextlib import closing

from mtn_tui.engine.statefiles import LineFile


def test_a_line_that_another_is_still_writing_is_waited_for_and_not_taken_for_a_torn_one(tmp_path):
    path = tmp_path / "lines"
    ended = threading.Event()

    def another() -> None:
        with closing(LineFile(path)) as file:
            file.lock()
            file.begin_afresh()
            file.append(b"two")
        ended.set()

    with closing(LineFile(path)) as file:
        file.lock()
        os.write(file._fd, b"on")
        thread = threading.Thread(target=another)
        thread.start()
        assert not ended.wait(0.1)
        os.write(file._fd, b"e\n")
    thread.join()
    assert path.read_bytes() == b"one\ntwo\n"


def test_a_line_whose_writer_died_is_ended_first(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"torn")
    with closing(LineFile(path)) as file:
        file.lock()
        file.begin_afresh()
        file.append(b"two")
    assert path.read_bytes() == b"torn\ntwo\n"
