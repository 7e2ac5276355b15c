"""The screens in a real terminal: what is sent to it, and how it is left."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.operation_fixtures import Practice
from tests.pty.terminal import PATIENCE, Terminal

ROW_MOVE, SCREEN = 1536, 12288
"""Bytes, at most."""


@pytest.fixture
def practice(pg18, new_school, practise) -> Practice:
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.ready_made()
    return practice


def opened(practice: Practice, *options: str, **more: str) -> closing[Terminal]:
    terminal = Terminal(
        [sys.executable, "-m", "mtn_tui", *options],
        {**practice.environment, "COLORTERM": "truecolor", "MTN_LANG": "en", **more},
    )
    terminal.wait_for("of 5 ok")
    terminal.type("2")
    terminal.wait_for("Rows:")
    quiet(terminal)
    return closing(terminal)


def quiet(terminal: Terminal) -> str:
    """Read until nothing more comes, and return what came."""
    before = len(terminal.shown)
    while True:
        seen = len(terminal.shown)
        terminal._read(0.6)
        if len(terminal.shown) == seen:
            return terminal.shown[before:]


def sent(terminal: Terminal, keys: str) -> int:
    before, end = len(terminal.shown), time.monotonic() + PATIENCE
    terminal.type(keys)
    while len(terminal.shown) == before:
        assert time.monotonic() < end, keys
        terminal._read(0.1)
    quiet(terminal)
    return len(terminal.shown[before:].encode())


def until_sent(terminal: Terminal, text: str) -> None:
    end = time.monotonic() + PATIENCE
    while text not in terminal.shown:
        assert time.monotonic() < end, text
        terminal._read(0.1)


def until_stopped(pid: int) -> None:
    end = time.monotonic() + PATIENCE
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < end, "it is not stopped"
        time.sleep(0.01)


def test_a_row_move_and_a_screen_are_few_bytes_and_idleness_none(practice):
    with opened(practice) as terminal:
        assert 0 < sent(terminal, "\x1b[B") <= ROW_MOVE
        assert 0 < sent(terminal, "?") <= SCREEN
        assert 0 < sent(terminal, "\x1b") <= SCREEN
        time.sleep(2)
        assert len(quiet(terminal)) <= 400  # the clock, if its minute came just now


def test_quitting_leaves_the_terminal_as_it_was(practice):
    with opened(practice) as terminal:
        assert not terminal.sane
        terminal.type("q")
        assert terminal.ended() == 0
        assert terminal.sane
        assert "\x1b[?1049l" in terminal.shown[-200:]


def test_being_told_to_end_leaves_it_as_it_was(practice):
    with opened(practice) as terminal:
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.ended() == 0
        assert terminal.sane


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(practice):
    with opened(practice) as terminal:
        terminal.type("\x1a")
        until_sent(terminal, "\x1b[?1049l")
        until_stopped(terminal.process.pid)
        assert terminal.sane
        terminal.shown = ""
        terminal.process.send_signal(signal.SIGCONT)
        until_sent(terminal, "Rows:")
        assert not terminal.sane
        terminal.type("q")
        assert terminal.ended() == 0
        assert terminal.sane


def test_a_hangup_ends_it(practice):
    with opened(practice) as terminal:
        terminal.hang_up()
        terminal.process.wait(PATIENCE)


def test_no_colour_means_none_and_ascii_means_nothing_else(practice):
    with opened(practice, "--ascii", NO_COLOR="1") as terminal:
        text = terminal.shown
        assert "\x1b[38;" not in text
        assert "\x1b[3" not in text.replace("\x1b[39", "").replace("\x1b[3;", "")
        assert text.isascii()
