"""The part of the logs that a screen holds: some thousand lines around where it looks.

It moves through the stream in both directions, letting go at one end what it
takes in at the other, and it can stay at the end while the logs grow.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtn_tui.engine.logs.stream import EVERYTHING, Cursor, Line, Logs, Page, Wanted

HELD = 2000
"""Lines held at most."""

STEP = 500
"""Lines taken in at once."""

SEARCH_STEP = 16 << 20
"""Bytes gone through before a search lets others have a word: a tenth of a second or so."""


@dataclass(frozen=True)
class View:
    """What a window holds, never changed: to be given to another thread."""

    lines: tuple[Line, ...] = ()
    wanted: Wanted = EVERYTHING
    at_start: bool = False
    at_end: bool = True


class LogWindow:
    """For one thread, which is that of its Logs."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._lines: list[Line] = []
        self._top: Cursor = {}
        self._bottom: Cursor = {}
        self._at_start = False
        self._at_end = True
        self.wanted = EVERYTHING

    def view(self) -> View:
        return View(tuple(self._lines), self.wanted, self._at_start, self._at_end)

    def to_end(self) -> None:
        """Empty, at the end; ``older`` takes in the last lines."""
        self._logs.look()
        self._place(self._logs.end())
        self._at_end = True

    def to_line(self, line: Line) -> None:
        """Empty, right behind a line."""
        self._place(self._logs.behind(line))

    def older(self) -> bool:
        """Take in some of what is before. False where a step of a search found too little: go on."""
        page = self._logs.before(self._top, STEP, self.wanted, SEARCH_STEP)
        self._top = page.cursor
        self._at_start = page.ended
        self._lines[:0] = page.lines
        surplus = self._lines[HELD:]
        if surplus:
            del self._lines[HELD:]
            self._bottom = {**self._bottom, **{line.file: line.start for line in reversed(surplus)}}
            self._at_end = False
        return page.ended or len(page.lines) >= STEP

    def newer(self) -> bool:
        """Take in some of what is after, with what was written meanwhile; likewise."""
        self._logs.look()
        page = self._logs.after(self._bottom, STEP, self.wanted, SEARCH_STEP)
        self._take_in(page)
        return page.ended or len(page.lines) >= STEP

    def grow(self) -> bool:
        """While at the end: take in all that was written since. Whether anything was.

        Where that is more than is held, only the last of it is.
        """
        self._logs.look()
        grown = False
        for _turn in range(HELD // STEP):
            page = self._logs.after(self._bottom, STEP, self.wanted, SEARCH_STEP)
            self._take_in(page)
            grown = grown or bool(page.lines)
            if page.ended:
                return grown
        self.to_end()
        self.older()
        return True

    def _take_in(self, page: Page) -> None:
        self._bottom = page.cursor
        self._at_end = page.ended
        self._lines += page.lines
        surplus = self._lines[:-HELD]
        if surplus:
            del self._lines[:-HELD]
            self._top = {**self._top, **{line.file: line.end for line in surplus}}
            self._at_start = False

    def _place(self, cursor: Cursor) -> None:
        self._lines = []
        self._top = self._bottom = cursor
        self._at_start = False
        self._at_end = False


class Search:
    """Looks for the next error, or the one before, a step at a time."""

    def __init__(self, logs: Logs, wanted: Wanted, line: Line | None, *, forwards: bool) -> None:
        """From ``line`` on, itself not counted; from the nearer end of all where it is None."""
        self._logs = logs
        self._wanted = wanted
        self._forwards = forwards
        if line is None:
            self._cursor = {} if forwards else logs.end()
        else:
            behind = logs.behind(line)
            self._cursor = behind if forwards else {**behind, line.file: line.start}

    def step(self) -> tuple[Line | None, bool]:
        """What was found, and whether the search is over."""
        look = self._logs.next_error if self._forwards else self._logs.previous_error
        page = look(self._cursor, self._wanted, SEARCH_STEP)
        self._cursor = page.cursor
        return (page.lines[0], True) if page.lines else (None, page.ended)
