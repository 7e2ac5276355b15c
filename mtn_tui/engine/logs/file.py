"""Reads one log from any position, forwards or backwards, never the whole file.

Where a line begins, and what it inherits from the lines before it, depends only
on its position, so both directions and any starting point agree:

- A line begins after a newline. A stretch of over 1 MiB without one is also cut
  at multiples of 1 MiB, so that no line, however long, is read whole.
- A line without a time (a traceback, a tool's output) gets the time of the
  nearest line before it that has one, within 64 KiB; likewise the level. Without
  one, the time is the file's: the stamp in its name, else its first time, else
  its modification time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from mtn_tui.engine.logs.lines import Head, Level, may_hold
from mtn_tui.engine.statefiles import open_found

BLOCK = 1 << 16
LOOK_BACK = BLOCK
LONGEST = 1 << 20

_FIRST = 1 << 12
"""Bytes of the first read: often only the last line is needed."""

_HEAD = 256
"""Bytes compared to detect that the inode was reused or the file was rewritten."""


class Line(NamedTuple):
    """One line of a log, safe to display."""

    moment: datetime
    """In UTC."""
    source: str
    level: Level
    text: str
    follows: bool
    """Whether it continues the line before it: it has neither a time nor a level of its own."""
    file: int
    """The number of its file; numbers are not reused."""
    start: int
    end: int
    """Bytes from the file's beginning."""


class Passed(NamedTuple):
    """A range of bytes in which no line can match."""

    start: int
    end: int


class Gone(Exception):
    """The file was removed, or is another one under its name."""


class _Last(NamedTuple):
    """The nearest earlier lines with a time and with a level of their own, and where they begin."""

    moment: datetime | None
    moment_at: int
    level: Level
    level_at: int


_NOTHING = _Last(None, 0, Level.INFO, -LOOK_BACK - 1)


class LogFile:
    """A file as of the last look; ``refresh`` updates it. Keeps no descriptor, so there may be many.

    Reading raises Gone, or OSError.
    """

    def __init__(
        self,
        number: int,
        path: Path,
        found: os.stat_result,
        *,
        source: str,
        stamp: datetime | None,
        understand: Callable[[bytes, int], Head | None],
        skips: bool,
    ) -> None:
        """``skips``: whether ``may_hold`` applies to its format."""
        self.number = number
        self.path = path
        self.source = source
        self.stamp = stamp
        self.size = found.st_size
        self.written = found.st_mtime
        """Seconds since 1970."""
        self.bytes_read = 0
        self.identity = (found.st_dev, found.st_ino)
        self._understand = understand
        self._skips = skips
        self._head = b""
        self._origin: datetime | None = None

    def refresh(self, path: Path, found: os.stat_result) -> bool:
        """Update the path and size. Returns False if the file was truncated or rewritten."""
        self.path = path
        if found.st_size < self.size:
            return False
        changed = found.st_size != self.size or found.st_mtime != self.written
        if changed and self._head and self.read(0, len(self._head)) != self._head:
            return False
        self.size, self.written = found.st_size, found.st_mtime
        return True

    def read(self, start: int, size: int) -> bytes:
        """Read up to ``size`` bytes at ``start``. Raises Gone or OSError."""
        try:
            fd = open_found(self.path)
        except FileNotFoundError as error:
            raise Gone from error
        try:
            found = os.fstat(fd)
            if (found.st_dev, found.st_ino) != self.identity:
                raise Gone
            if not self._head:
                self._head = os.pread(fd, _HEAD, 0)
            data = os.pread(fd, size, start)
        finally:
            os.close(fd)
        self.bytes_read += len(data)
        return data

    def settled(self, now: float, patience: float) -> int:
        """Return the end of the last complete line.

        An incomplete one counts once nobody has written for ``patience`` seconds.
        """
        if self.size == 0 or not now - patience <= self.written <= now + patience:
            return self.size
        if self.read(self.size - 1, 1) == b"\n":
            return self.size
        return self.line_start(self.size)

    # Reading backwards and forwards

    def back(self, end: int, level: Level = Level.INFO) -> Iterator[Line | Passed]:
        """Yield the lines before ``end``, a line start, last first; those below ``level`` may be skipped."""
        size = _FIRST
        while end > 0:
            start, data, length = self._chunk_before(end, size)
            if self._holds_none(level, data, length):
                yield Passed(start, end)
            else:
                lines, _last = self._lines(start, data, length, None)
                yield from reversed(lines)
            end, size = start, min(size * 4, BLOCK)

    def on(self, start: int, limit: int, level: Level = Level.INFO) -> Iterator[Line | Passed]:
        """Yield the lines from ``start``, a line start, to ``limit``; lower than ``level`` may be skipped."""
        size = _FIRST
        last: _Last | None = None
        while start < limit:
            data, length = self._chunk_after(start, limit, size)
            if length == 0:
                raise Gone  # truncated since the last look
            if self._holds_none(level, data, length):
                last = None
                yield Passed(start, start + length)
            else:
                lines, last = self._lines(start, data, length, last)
                yield from lines
            start, size = start + length, min(size * 4, BLOCK)

    def seek(self, moment: datetime) -> int:
        """Return the start of the first line at or after ``moment``, assuming that times only increase."""
        low, high = 0, self.size
        while high - low > BLOCK:
            middle = self.line_start((low + high) // 2 + 1)
            line = self._first_line(middle)
            if line is None or line.end >= high:
                break
            if line.moment < moment:
                low = line.end
            else:
                high = max(middle, low)
        for item in self.on(low, self.size):
            if isinstance(item, Line) and item.moment >= moment:
                return item.start
        return self.size

    def line_start(self, end: int) -> int:
        """Return the start of the last line that begins before ``end``, which must be above 0."""
        border = (end - 1) // LONGEST * LONGEST
        low = max(border - LONGEST, 0)
        at = end - 1
        while at > low:
            start = max(at - BLOCK, low)
            found = self.read(start, at - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            at = start
        return border

    def _first_line(self, start: int) -> Line | None:
        return next((line for line in self.on(start, self.size) if isinstance(line, Line)), None)

    def _chunk_before(self, end: int, size: int) -> tuple[int, bytes, int]:
        """Return whole lines that end at ``end``: where they begin, their bytes, their length.

        A single line longer than a block is returned incomplete.
        """
        low = max(end - size, 0)
        data = self.read(low, end - low)
        if len(data) < end - low:
            raise Gone
        if low == 0:
            return 0, data, len(data)
        found = data.find(b"\n", 0, len(data) - 1)
        if found >= 0:
            data = data[found + 1 :]
            return end - len(data), data, len(data)
        start = self.line_start(end)
        return start, self._long(start, end), end - start

    def _chunk_after(self, start: int, limit: int, size: int) -> tuple[bytes, int]:
        data = self.read(start, min(size, limit - start))
        found = data.rfind(b"\n")
        if found >= 0:
            return data[: found + 1], found + 1
        if start + len(data) >= limit:
            return data, len(data)
        end = self._line_end(start, limit)
        return self._long(start, end), end - start

    def _long(self, start: int, end: int) -> bytes:
        """Return a long line's bytes, or its first block and its last byte."""
        if end - start <= BLOCK:
            return self.read(start, end - start)
        return self.read(start, BLOCK - 1) + self.read(end - 1, 1)

    def _line_end(self, start: int, limit: int) -> int:
        border = min((start + LONGEST - 1) // LONGEST * LONGEST + LONGEST, limit)
        at = start
        while at < border:
            data = self.read(at, min(BLOCK, border - at))
            if not data:
                raise Gone
            found = data.find(b"\n")
            if found >= 0:
                return at + found + 1
            at += len(data)
        return border

    # Parsing

    def _holds_none(self, level: Level, data: bytes, length: int) -> bool:
        """Return whether ``data``, whose first line has a time, has no line of ``level`` or above."""
        if level is Level.INFO or not self._skips or length > len(data) or may_hold(level, data):
            return False
        first = data[: data.find(b"\n") + 1] or data
        head = self._understood(first, len(first))
        return head is not None and head.moment is not None

    def _lines(
        self, start: int, data: bytes, length: int, last: _Last | None
    ) -> tuple[list[Line], _Last | None]:
        """Parse the lines of ``data``, which begins at ``start``; ``last`` is known of those before it."""
        lines = []
        pieces = _pieces(data)
        whole = len(data) == length
        for piece in pieces:
            width = len(piece) if whole else length
            end = start + width
            head = self._understood(piece, width)
            if head is not None:
                moment, level, text = head
                if (moment is None or level is None) and last is None:
                    last = self._before(start)
                kept = last or _NOTHING
                follows = moment is None and level is None
                if moment is not None:
                    level = level or Level.INFO
                    last = _Last(moment, start, level, start)
                elif level is not None:
                    last = _Last(kept.moment, kept.moment_at, level, start)
                known = last or kept
                near = known.moment is not None and start - known.moment_at <= LOOK_BACK
                told = known.moment if near and known.moment is not None else self.origin
                gravity = known.level if start - known.level_at <= LOOK_BACK else Level.INFO
                lines.append(Line(told, self.source, gravity, text, follows, self.number, start, end))
            start = end
        return lines, last

    def _before(self, start: int) -> _Last:
        """Return the time and level that lines before ``start`` pass on, within LOOK_BACK bytes."""
        level, level_at = Level.INFO, _NOTHING.level_at
        end, size = start, _FIRST
        while end > 0 and start - end <= LOOK_BACK:
            begin, data, length = self._chunk_before(end, size)
            at = end
            whole = len(data) == length
            for piece in reversed(_pieces(data)):
                width = len(piece) if whole else length
                at -= width
                head = self._understood(piece, width)
                if head is None:
                    continue
                if level_at < 0 and (head.level is not None or head.moment is not None):
                    level, level_at = head.level or Level.INFO, at
                if head.moment is not None:
                    return _Last(head.moment, at, level, level_at)
            end, size = begin, BLOCK
        return _Last(None, 0, level, level_at)

    def _understood(self, line: bytes, width: int) -> Head | None:
        bare = line.removesuffix(b"\n")
        return self._understand(bare, width - len(line) + len(bare))

    @property
    def origin(self) -> datetime:
        """The time of lines that inherit none."""
        if self.stamp is not None:
            return self.stamp
        if self._origin is None:
            for piece in _pieces(self.read(0, BLOCK)):
                head = self._understood(piece, len(piece))
                if head is not None and head.moment is not None:
                    self._origin = head.moment
                    break
        return self._origin or datetime.fromtimestamp(self.written, UTC)


def _pieces(data: bytes) -> list[bytes]:
    """Split into lines that keep their newline."""
    pieces = [piece + b"\n" for piece in data.split(b"\n")]
    last = pieces.pop()[:-1]
    return [*pieces, last] if last else pieces
