"""One log, read from any place in it, forwards or backwards, never whole.

Where a line begins, and what it takes from the lines before it, follows from
its position alone, so that both directions and any starting point agree:

- A line begins after a newline. A stretch of over 1 MiB without one is also cut
  at multiples of 1 MiB, so that no line, however long, is looked at whole.
- A line without a time (a traceback, a tool's own words) has that of the
  nearest line before it that has one, looked for through 64 KiB; likewise the
  level. With none there, the time is the file's: the stamp in its name, else
  its first time, else that of its last writing.
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
"""Bytes of the first read: of many files only the last line is wanted."""

_HEAD = 256
"""Bytes that tell a file from another that was given its inode, or from itself written anew."""


class Line(NamedTuple):
    """One line of a log, fit to be shown as it is."""

    moment: datetime
    """In UTC."""
    source: str
    level: Level
    text: str
    follows: bool
    """Whether it goes on with the line before it: it has neither a time nor a level of its own."""
    file: int
    """The number of its file among those that are open here; numbers are not used again."""
    start: int
    end: int
    """Bytes from the file's beginning."""


class Passed(NamedTuple):
    """A stretch that was seen to hold nothing of what was asked for."""

    start: int
    end: int


class Gone(Exception):
    """The file is not the one it was: removed, or another under its name."""


class _Last(NamedTuple):
    """The nearest earlier lines that told their time and their level, and where they began."""

    moment: datetime | None
    moment_at: int
    level: Level
    level_at: int


_NOTHING = _Last(None, 0, Level.INFO, -LOOK_BACK - 1)


class LogFile:
    """A file as it was last looked at; ``refresh`` looks again. Keeps no descriptor, so there may be many.

    Reading raises Gone, and OSError where the system refuses.
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
        """``skips``: whether ``may_hold`` can speak for its bytes."""
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
        """Take note of its present path and size. False where it is no longer the same file's growth."""
        self.path = path
        if found.st_size < self.size:
            return False
        changed = found.st_size != self.size or found.st_mtime != self.written
        if changed and self._head and self.read(0, len(self._head)) != self._head:
            return False
        self.size, self.written = found.st_size, found.st_mtime
        return True

    def read(self, start: int, size: int) -> bytes:
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
        """Where its last whole line ends; or a torn one, once nobody has written for ``patience`` seconds."""
        if self.size == 0 or not now - patience <= self.written <= now + patience:
            return self.size
        if self.read(self.size - 1, 1) == b"\n":
            return self.size
        return self.line_start(self.size)

    # Backwards and forwards

    def back(self, end: int, level: Level = Level.INFO) -> Iterator[Line | Passed]:
        """The lines before ``end``, a line's start, the last first; those under ``level`` may be missing."""
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
        """The lines from ``start``, a line's, up to ``limit``; those under ``level`` may be missing."""
        size = _FIRST
        last: _Last | None = None
        while start < limit:
            data, length = self._chunk_after(start, limit, size)
            if length == 0:
                raise Gone  # cut off since it was looked at
            if self._holds_none(level, data, length):
                last = None
                yield Passed(start, start + length)
            else:
                lines, last = self._lines(start, data, length, last)
                yield from lines
            start, size = start + length, min(size * 4, BLOCK)

    def seek(self, moment: datetime) -> int:
        """Where the first line at or after ``moment`` begins, given that times only grow in the file."""
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
        """Where the last line begins that begins before ``end``, which is above 0."""
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
        """Whole lines that end at ``end``: where they begin, their bytes, their length.

        Of a single line longer than a block, not all the bytes.
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
        """A long line's bytes, or its first and its last one."""
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

    # What lines say

    def _holds_none(self, level: Level, data: bytes, length: int) -> bool:
        """Whether no line of ``data`` is of ``level`` or graver; the first must not lean on those before."""
        if level is Level.INFO or not self._skips or length > len(data) or may_hold(level, data):
            return False
        first = data[: data.find(b"\n") + 1] or data
        head = self._understood(first, len(first))
        return head is not None and head.moment is not None

    def _lines(
        self, start: int, data: bytes, length: int, last: _Last | None
    ) -> tuple[list[Line], _Last | None]:
        """The lines of ``data``, which begins at ``start``; ``last`` is what is known of those before."""
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
        """What lines before ``start`` say for those after it, as far back as counts."""
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
        """The time of lines that no line gives one to."""
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
    """Its lines, each with its end."""
    pieces = [piece + b"\n" for piece in data.split(b"\n")]
    last = pieces.pop()[:-1]
    return [*pieces, last] if last else pieces
