"""The screens at 80x24: how soon they are there, how soon a key is answered, at how many bytes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from statistics import median, quantiles

from tests.bench.stage import Stage
from tests.bench.table import Budget
from tests.pty.terminal import Terminal

_STARTS = 5
_KEYS = 500
_THINKING = 0.07
"""Seconds between two keys: a held-down key repeats at about this rate."""

_IDLE = 130
"""Seconds: in them the clock shows a new minute twice."""

_DOWN, _UP, _PAGE_DOWN, _HELP, _ESCAPE = "\x1b[B", "\x1b[A", "\x1b[6~", "?", "\x1b"
_ROWS = range(5, 15)
"""Lines of the list, looked at to see where the cursor is."""


def screens(ready: Stage) -> list[Budget]:
    """With what the stage holds listed, and a full backup running under the keys."""
    paints = [_first_paint(ready) for _ in range(_STARTS)]
    with _opened(ready) as terminal:
        row, screen = _bytes(terminal)
        idle = _idle(terminal)
    with _opened(ready) as terminal:
        _go_among_the_old(terminal)
        with _backing_up(ready):
            answers = sorted(_answers(terminal))
    return [
        Budget("first paint", median(paints), "<=", 0.7, "s", f"of {_STARTS}: {_shown(paints)}"),
        Budget("a key answered while a backup runs, median", median(answers) * 1000, "<=", 50, "ms"),
        Budget(
            "the same, 99 of 100",
            quantiles(answers, n=100)[98] * 1000,
            "<=",
            150,
            "ms",
            f"{_KEYS} keys, the slowest {answers[-1] * 1000:.0f} ms",
        ),
        Budget("bytes to move by a row", row, "<=", 1536, "bytes"),
        Budget("bytes of another screen", screen, "<=", 12288, "bytes"),
        Budget("bytes in a minute in which nothing happens", idle * 60 / _IDLE, "<=", 400, "bytes"),
    ]


def _shown(seconds: list[float]) -> str:
    return " ".join(f"{one:.2f}" for one in sorted(seconds))


def _start(ready: Stage) -> Terminal:
    return Terminal([sys.executable, "-m", "mtn_tui"], ready.environment(COLORTERM="truecolor"))


@contextmanager
def _opened(ready: Stage) -> Iterator[Terminal]:
    with closing(_start(ready)) as terminal:
        terminal.wait_for("[q] quit")
        terminal.type("2")
        terminal.wait_for("Rows:")
        _quiet(terminal)
        yield terminal


def _first_paint(ready: Stage) -> float:
    """Seconds from the start of the process to a whole first screen, its footer the last of it."""
    begun = time.perf_counter()
    with closing(_start(ready)) as terminal:
        terminal.wait_for("[q] quit")
        return time.perf_counter() - begun


def _quiet(terminal: Terminal) -> int:
    """Read until nothing more comes; the bytes that came."""
    before = len(terminal.shown)
    while True:
        seen = len(terminal.shown)
        terminal._read(0.6)
        if len(terminal.shown) == seen:
            return len(terminal.shown[before:].encode())


def _go_among_the_old(terminal: Terminal) -> None:
    """To rows that each say something else: those that the bench adds are of the same minute."""
    terminal.type(_PAGE_DOWN * 3)
    _quiet(terminal)


def _bytes(terminal: Terminal) -> tuple[int, int]:
    """The most that a row move costs, and another screen."""
    rows = [_sent(terminal, key) for key in (_DOWN, _DOWN, _UP)]
    others = [_sent(terminal, key) for key in (_HELP, _ESCAPE)]
    return max(rows), max(others)


def _sent(terminal: Terminal, key: str) -> int:
    terminal.type(key)
    return _quiet(terminal)


def _idle(terminal: Terminal) -> int:
    before = len(terminal.shown)
    end = time.monotonic() + _IDLE
    while (left := end - time.monotonic()) > 0:
        terminal._read(left)
    return len(terminal.shown[before:].encode())


@contextmanager
def _backing_up(ready: Stage) -> Iterator[None]:
    """One full backup after the other for as long as the block lasts."""
    over = threading.Event()
    begun = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            with subprocess.Popen(
                ready.mtn("backup", "full"),
                env=ready.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as backup:
                begun.set()
                if backup.wait() not in (0, 1):
                    raise AssertionError("the backup failed")

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        begun.wait()
        yield
    finally:
        over.set()
        thread.join()


def _answers(terminal: Terminal) -> list[float]:
    """Seconds from a key to the cursor on another row, for each of them."""
    terminal.wait_for("full backup")
    taken = []
    for number in range(_KEYS):
        before = _cursor(terminal)
        terminal.type(_DOWN if number // 6 % 2 == 0 else _UP)
        begun = time.perf_counter()
        while _cursor(terminal) in (before, ""):
            terminal._read(1)
            if time.perf_counter() - begun > 30:
                raise AssertionError("a key was never answered")
        taken.append(time.perf_counter() - begun)
        end = time.monotonic() + _THINKING
        while (left := end - time.monotonic()) > 0:
            terminal._read(left)
    return taken


def _cursor(terminal: Terminal) -> str:
    """The row whose ground is not that of the others; empty while a frame is but half here."""
    grounds = {y: terminal.ground(y) for y in _ROWS}
    usual = max(grounds.values(), key=list(grounds.values()).count)
    return next((terminal.line(y) for y, ground in grounds.items() if ground != usual), "")
