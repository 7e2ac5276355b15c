"""The part of the logs that a screen holds: some thousand lines around the position in view.

It moves through the stream in both directions, dropping lines at one end as it
loads them at the other, and it can stay at the end while the logs grow.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtn_tui.engine.logs.stream import EVERYTHING, Cursor, Line, Logs, Page, Wanted

HELD = 2000
"""Maximum lines held."""

STEP = 500
"""Lines loaded at once."""

SEARCH_STEP = 16 << 20
"""Bytes read before a search yields to other work: about a tenth of a second."""


@dataclass(frozen=True)
class View:
    """An immutable snapshot of a window, which may be given to another thread."""

    lines: tuple[Line, ...] = ()
    wanted: Wanted = EVERYTHING
    at_start: bool = False
    at_end: bool = True


class LogWindow:
    """A window into the logs; to be used on the thread of its Logs."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._lines: list[Line] = []
        self._top: Cursor = {}
        self._bottom: Cursor = {}
        self._at_start = False
        self._at_end = True
        self.wanted = EVERYTHING

    def view(self) -> View:
        """Return a snapshot of the lines held."""
        return View(tuple(self._lines), self.wanted, self._at_start, self._at_end)

    def to_end(self) -> None:
        """Empty the window and move it to the end; ``older`` loads the last lines."""
        self._logs.look()
        self._place(self._logs.end())
        self._at_end = True

    def to_line(self, line: Line) -> None:
        """Empty the window and move it right after a line."""
        self._place(self._logs.behind(line))

    def older(self) -> bool:
        """Load earlier lines. Returns False if a search step found too few: call it again."""
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
        """Load later lines, including those just written. Returns False as ``older`` does."""
        self._logs.look()
        page = self._logs.after(self._bottom, STEP, self.wanted, SEARCH_STEP)
        self._take_in(page)
        return page.ended or len(page.lines) >= STEP

    def grow(self) -> bool:
        """At the end: load all lines written since, and return whether there were any.

        If they are more than the window holds, only the last ones are kept.
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
    """Searches the next or previous error, one step at a time."""

    def __init__(self, logs: Logs, wanted: Wanted, line: Line | None, *, forwards: bool) -> None:
        """Start after ``line``, exclusive; if None, at the nearer end of the logs."""
        self._logs = logs
        self._wanted = wanted
        self._forwards = forwards
        if line is None:
            self._cursor = {} if forwards else logs.end()
        else:
            behind = logs.behind(line)
            self._cursor = behind if forwards else {**behind, line.file: line.start}

    def step(self) -> tuple[Line | None, bool]:
        """Search on; return the line found, if any, and whether the search is over."""
        look = self._logs.next_error if self._forwards else self._logs.previous_error
        page = look(self._cursor, self._wanted, SEARCH_STEP)
        self._cursor = page.cursor
        return (page.lines[0], True) if page.lines else (None, page.ended)
