"""Where a table's rows end, in a script: at the line ``\\.``, and nowhere else.

COPY's text escapes every newline within a value, so no row can be that line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Generic, TypeVar

T = TypeVar("T")

CLOSE = b"\\.\n"
_AFTER_A_ROW = re.compile(re.escape(b"\n" + CLOSE))  # twice as fast as bytes.find


@dataclass(frozen=True)
class CopyRows:
    """Some of a table's rows, cut anywhere."""

    data: bytes


@dataclass(frozen=True)
class CopyDone:
    """The line ``\\.``."""


@dataclass(frozen=True)
class Script(Generic[T]):
    """Reads a script of SQL, cut by ``take_sql``, and of rows, which follow what ``opens_rows``.

    ``take_sql`` takes its next piece off the buffer, or returns None if it
    needs more bytes.
    """

    take_sql: Callable[[bytearray], T | None]
    opens_rows: Callable[[T], bool]

    def read(
        self, chunks: Iterable[bytes], buffer: bytearray, *, in_rows: bool = False, to_the_end: bool = False
    ) -> Generator[T | CopyRows | CopyDone, None, bool]:
        """Yield the script's pieces in order; return whether it ends within rows.

        What is left in ``buffer`` is an incomplete piece. ``to_the_end``: where rows
        begin they end with the script, so that their end is looked for there alone.
        """
        at_line = True
        for chunk, sure in _all_but_the_last(chunks) if to_the_end else zip(chunks, repeat(False)):
            if in_rows and not buffer and _only_rows(chunk, at_line, sure=sure):
                yield CopyRows(chunk)
                at_line = chunk.endswith(b"\n")
                continue
            buffer += chunk
            while True:
                if in_rows:
                    end = _rows_end(buffer, at_line)
                    if end is None:
                        if passed := take(buffer, len(buffer) - _held_back(buffer, at_line)):
                            yield CopyRows(passed)
                            at_line = passed.endswith(b"\n")
                        break
                    if end:
                        yield CopyRows(take(buffer, end))
                    take(buffer, len(CLOSE))
                    yield CopyDone()
                    in_rows = False
                piece = self.take_sql(buffer)
                if piece is None:
                    break
                yield piece
                in_rows = at_line = self.opens_rows(piece)
        return in_rows


def take(buffer: bytearray, size: int) -> bytes:
    """Take the first ``size`` bytes off ``buffer``, which costs no copy of the rest."""
    with memoryview(buffer) as whole, whole[:size] as first:
        taken = bytes(first)
    del buffer[:size]
    return taken


def _all_but_the_last(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each chunk, and whether it is not the last."""
    before: bytes | None = None
    for chunk in chunks:
        if before is not None:
            yield before, True
        before = chunk
    if before is not None:
        yield before, False


def _only_rows(chunk: bytes, at_line: bool, *, sure: bool) -> bool:
    """Whether a chunk is rows alone: no closing line is in it (``sure``: known), or begins at its end."""
    if not chunk or _held_back(chunk, at_line):
        return False
    return sure or _rows_end(chunk, at_line) is None


def _rows_end(buffer: bytes | bytearray, at_line: bool) -> int | None:
    if at_line and buffer.startswith(CLOSE):
        return 0
    found = _AFTER_A_ROW.search(buffer)
    return found.start() + 1 if found else None


def _held_back(buffer: bytes | bytearray, at_line: bool) -> int:
    """How many bytes at the end may begin a closing line whose rest is still to come."""
    tail = (b"\n" if at_line else b"") + buffer if len(buffer) < 4 else buffer[-4:]
    for size in (3, 2, 1):
        if tail.endswith((b"\n" + CLOSE)[:size]):
            return min(size, len(buffer))
    return 0
