"""All logs and journals as one stream of lines, merged by time.

There is no index: a position in the stream is a Cursor, how far each file has
been read, from which the stream is read in either direction. So the lines
between two cursors are the same from both sides, even while files grow, are
renamed, truncated, or appear; and memory does not depend on their size. A file
that was truncated or rewritten counts as a new file.

Each file keeps its own order: after its clock was set back, lines are out of
order, but not lost. So that the last page does not open hundreds of old files,
a file is assumed to have nothing later than its modification time, or earlier
than the stamp in its name, plus or minus a day.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from mtn_tui.core.clock import Clock, SystemClock
from mtn_tui.engine.logs.file import Gone, Line, LogFile, Passed
from mtn_tui.engine.logs.folder import PATIENCE, LogFolder, Trouble
from mtn_tui.engine.logs.lines import Level
from mtn_tui.engine.logs.pattern import Pattern

__all__ = [
    "EVERYTHING",
    "Cursor",
    "Level",
    "Line",
    "Logs",
    "Page",
    "Pattern",
    "Trouble",
    "Wanted",
    "as_text",
]

POLL_EVERY = 0.25
"""Seconds between looks while following."""

_AT_ONCE = 2000
_A_DAY = 86400.0

Cursor = Mapping[int, int]
"""How far each file, by its number, has been read: the offset of a line start; 0 if missing."""


@dataclass(frozen=True)
class Wanted:
    """Which lines to return."""

    level: Level = Level.INFO
    """Minimum level."""
    sources: frozenset[str] = frozenset()
    """Empty for all."""
    pattern: Pattern | None = None
    """Searched in the line as formatted by ``as_text``."""
    heads: bool = False
    """Only lines that do not continue another: the first line of a traceback."""

    def __call__(self, line: Line) -> bool:
        return (
            line.level >= self.level
            and not (self.heads and line.follows)
            and (not self.sources or line.source in self.sources)
            and (self.pattern is None or self.pattern.is_in(as_text(line)))
        )


EVERYTHING = Wanted()


@dataclass(frozen=True)
class Page:
    """Some lines, earliest first, and the cursor at their far end."""

    lines: list[Line]
    cursor: Cursor
    ended: bool
    """Whether there are no more lines in that direction for now."""


def as_text(line: Line, zone: tzinfo | None = None) -> str:
    """Format a line for printing: local time, source, level, text."""
    moment = line.moment.astimezone(zone)
    return f"{moment:%Y-%m-%d %H:%M:%S} {line.source}  {line.level.name:<5} {line.text}"


class Logs:
    """The logs in one folder and the journals in another, as of the last ``look``. Not thread-safe."""

    def __init__(
        self, folder: Path, jobs: Path, clock: Clock | None = None, zone: tzinfo | None = None
    ) -> None:
        """``zone`` applies to times without an offset; it defaults to the machine's."""
        self._clock = clock or SystemClock()
        self._found = LogFolder(folder, jobs, self._clock, zone)
        self.look()

    def look(self) -> None:
        """Update the list of files and their sizes."""
        self._found.look()

    @property
    def troubles(self) -> list[Trouble]:
        """The files and folders that could not be read so far."""
        return self._found.troubles

    @property
    def sources(self) -> list[str]:
        """The names of all sources, sorted."""
        return sorted({file.source for file in self._found.files if self._found.speaks(file)})

    @property
    def bytes_read(self) -> int:
        """Total bytes read of the present files."""
        return sum(file.bytes_read for file in self._found.files)

    def path_of(self, line: Line) -> Path | None:
        """Return the present path of the line's file; None if it is gone."""
        file = self._found.get(line.file)
        return file.path if file else None

    # Places

    def end(self) -> Cursor:
        """Return the cursor after the last complete line of each file, or an abandoned incomplete one."""
        return {file.number: self._settled(file) for file in self._found.files}

    def seek(self, moment: datetime) -> Cursor:
        """Return the cursor before the first line at or after ``moment``."""
        return {file.number: self._sought(file, moment) for file in self._found.files}

    def behind(self, line: Line) -> Cursor:
        """Return the cursor right after a line; at equal times the file with the lower number comes first."""
        place = {}
        for file in self._found.files:
            later = timedelta(microseconds=1 if file.number < line.file else 0)
            place[file.number] = self._sought(file, line.moment + later)
        return {**place, line.file: line.end}

    # Lines

    def last(self, count: int, wanted: Wanted = EVERYTHING) -> Page:
        """Return the last ``count`` lines."""
        return self.before(self.end(), count, wanted)

    def before(
        self, cursor: Cursor, count: int, wanted: Wanted = EVERYTHING, limit: int | None = None
    ) -> Page:
        """Return the nearest ``count`` lines before a cursor; fewer once ``limit`` bytes were read."""

        def stream(file: LogFile) -> Iterator[Line | Passed]:
            return file.back(min(cursor.get(file.number, 0), file.size), wanted.level)

        bounds = {
            file.number: -(file.written + _A_DAY)
            for file in self._wanted(wanted)
            if cursor.get(file.number, 0) > 0
        }
        page = self._page(_Merge(self._found, bounds, stream, -1), cursor, count, wanted, limit)
        page.lines.reverse()
        return page

    def after(
        self,
        cursor: Cursor,
        count: int,
        wanted: Wanted = EVERYTHING,
        limit: int | None = None,
        until: Cursor | None = None,
    ) -> Page:
        """Return the nearest ``count`` lines after a cursor, up to ``until``; likewise."""
        ends = self.end() if until is None else until

        def stream(file: LogFile) -> Iterator[Line | Passed]:
            return file.on(cursor.get(file.number, 0), min(ends.get(file.number, 0), file.size), wanted.level)

        bounds = {}
        for file in self._wanted(wanted):
            start = cursor.get(file.number, 0)
            if start < ends.get(file.number, 0):
                fresh = start == 0 and file.stamp is not None
                bounds[file.number] = file.stamp.timestamp() - _A_DAY if fresh and file.stamp else -_A_DAY
        return self._page(_Merge(self._found, bounds, stream, 1), cursor, count, wanted, limit)

    def next_error(self, cursor: Cursor, wanted: Wanted = EVERYTHING, limit: int | None = None) -> Page:
        """Return the first ``wanted`` error after a cursor, if any, as a page of one line."""
        return self.after(cursor, 1, replace(wanted, level=Level.ERROR, heads=True), limit)

    def previous_error(self, cursor: Cursor, wanted: Wanted = EVERYTHING, limit: int | None = None) -> Page:
        """Return the last ``wanted`` error before a cursor, if any, as a page of one line."""
        return self.before(cursor, 1, replace(wanted, level=Level.ERROR, heads=True), limit)

    def follow(self, cursor: Cursor, wanted: Wanted, wait: Callable[[float], bool]) -> Iterator[list[Line]]:
        """Yield new lines after a cursor as they come, until ``wait`` (called with seconds) returns True."""
        while True:
            self.look()
            page = self.after(cursor, _AT_ONCE, wanted)
            cursor = page.cursor
            if page.lines:
                yield page.lines
            if page.ended and wait(POLL_EVERY):
                return

    def _wanted(self, wanted: Wanted) -> Iterator[LogFile]:
        for file in self._found.files:
            if not wanted.sources or (self._found.speaks(file) and file.source in wanted.sources):
                yield file

    def _page(self, merge: _Merge, cursor: Cursor, count: int, wanted: Wanted, limit: int | None) -> Page:
        place = dict(cursor)
        lines: list[Line] = []
        gone_through = 0
        for number, item in merge:
            place[number] = item.end if merge.sign > 0 else item.start
            gone_through += item.end - item.start
            if isinstance(item, Line) and wanted(item):
                lines.append(item)
            if len(lines) >= count or (limit is not None and gone_through >= limit):
                return Page(lines, place, ended=False)
        return Page(lines, place, ended=True)

    def _settled(self, file: LogFile) -> int:
        now = self._clock.now().timestamp()
        try:
            if now - file.written < PATIENCE and not self._found.speaks(file):
                return 0  # it will be read from its start, if at all
            return file.settled(now, PATIENCE)
        except Gone:
            return 0
        except OSError as error:
            self._found.trouble(file.path, error)
            return file.size

    def _sought(self, file: LogFile, moment: datetime) -> int:
        seconds = moment.timestamp()
        if file.written + _A_DAY < seconds:
            return file.size
        if file.stamp is not None and file.stamp.timestamp() - _A_DAY >= seconds:
            return 0
        try:
            return file.seek(moment) if self._found.speaks(file) else 0
        except Gone:
            return 0
        except OSError as error:
            self._found.trouble(file.path, error)
            return file.size


class _Merge:
    """Merges the lines of several files by time: forwards with ``sign`` 1, backwards with -1.

    ``bounds``, times ``sign``: a time before which the file has no lines, so that it is opened late.
    """

    def __init__(
        self,
        found: LogFolder,
        bounds: Mapping[int, float],
        stream: Callable[[LogFile], Iterator[Line | Passed]],
        sign: int,
    ) -> None:
        self.sign = sign
        self._found = found
        self._stream = stream
        self._waiting = sorted(((bound, number) for number, bound in bounds.items()), reverse=True)
        self._open: list[tuple[float, int, Line, Iterator[Line | Passed]]] = []

    def __iter__(self) -> Iterator[tuple[int, Line | Passed]]:
        while True:
            while self._waiting and (not self._open or self._waiting[-1][0] <= self._open[0][0]):
                file = self._found.get(self._waiting.pop()[1])
                if file is not None and self._found.speaks(file):
                    yield from self._advance(file, self._stream(file))
            if not self._open:
                return
            _key, number, line, stream = heapq.heappop(self._open)
            yield line.file, line
            file = self._found.get(number * self.sign)
            if file is not None:
                yield from self._advance(file, stream)

    def _advance(self, file: LogFile, stream: Iterator[Line | Passed]) -> Iterator[tuple[int, Passed]]:
        """Take the file's next line; yield the ranges skipped on the way."""
        try:
            for item in stream:
                self._found.well(file)
                if isinstance(item, Line):
                    key = item.moment.timestamp() * self.sign
                    heapq.heappush(self._open, (key, file.number * self.sign, item, stream))
                    return
                yield file.number, item
        except Gone:
            return  # its lines no longer exist
        except OSError as error:
            self._found.trouble(file.path, error)
