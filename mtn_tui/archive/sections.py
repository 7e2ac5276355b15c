"""Where one section of a dump ends and the next begins, found while the bytes pass.

The script of a backup is made of three ``pg_dump --section=`` runs and a tail
of our own. Pre-data and post-data are sections because they are runs of their
own: nothing in their text is looked at, for a function body can hold any text.
In the data run the borders are found by ``archive.borders``.

Sections are cut every 32 MiB, inside a table after a newline. Where a row is
longer than that, and in text that is not rows, the next section is *joined*: it
goes on in the middle of something and cannot be loaded without the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from mtn_tui.archive.blocks import MEMBER
from mtn_tui.archive.borders import Copy, Sql, borders
from mtn_tui.archive.rows import CLOSE, CopyDone, CopyRows
from mtn_tui.core.errors import Truncated
from mtn_tui.core.i18n import _

SECTION = 32 << 20
"""Bytes of SQL after which a section is cut."""

HEAD = b"-- PostgreSQL database dump\n"
"""The script's first line: the scripts' restore.sh looks for it."""

END = b"-- PostgreSQL database dump complete"
"""What pg_dump writes last, when nothing went wrong."""

END_WITHIN = 512
"""Bytes from the end of a run within which END stands (``\\unrestrict`` follows it)."""


class Part(StrEnum):
    """What a section holds."""

    PRE_DATA = "pre-data"
    SQL = "sql"
    """Of the data run, what is not a table: settings, sequences, large objects."""
    TABLE = "table"
    POST_DATA = "post-data"
    TAIL = "tail"


@dataclass(frozen=True)
class Start:
    """The beginning of a section: what it is of."""

    part: Part
    table: str = ""
    """``schema.table`` as pg_dump writes it, quoted where need be."""
    copy: str = ""
    """The COPY statement, with which any section of the table can be loaded."""
    joined: bool = False
    cut: bool = False
    """It goes on where the section before was cut. One that does not holds its COPY statement itself."""


@dataclass(frozen=True)
class Block:
    """One member's worth of SQL, all of one section; the first of a section carries its start."""

    data: bytes
    rows: int = 0
    start: Start | None = None


class _Cutter:
    """Collects bytes into blocks, and knows how much of a section it has."""

    def __init__(self, member: int, section: int) -> None:
        self._member = member
        self._limit = section
        self._of = Start(Part.PRE_DATA)
        self._fresh: Start | None = None
        self._size = 0
        self._pending: list[bytes | memoryview] = []
        self._held = 0
        """Bytes in ``_pending``, which are put together only once there is a member of them."""
        self._rows = 0
        self._lead = 0
        """Bytes at the beginning of ``_pending`` within which no cut is clean."""

    def begin(self, start: Start) -> Iterator[Block]:
        yield from self.flush()
        self._of = self._fresh = start
        self._size = 0

    def add(self, data: bytes, *, rows: bool = False) -> Iterator[Block]:
        """Take bytes of the present section; ``rows`` says that they are lines of a table."""
        view = memoryview(data)
        at = 0
        while at < len(data):
            size = min(self._member - self._held, self._limit - self._size, len(data) - at)
            self._pending.append(view[at : at + size])
            self._held += size
            self._size += size
            if rows:
                self._rows += data.count(b"\n", at, at + size)
            else:
                self._lead = self._held
            at += size
            if self._size == self._limit:
                yield from self._cut(rows)
            elif self._held == self._member:
                yield from self.flush()

    def _cut(self, rows: bool) -> Iterator[Block]:
        pending = b"".join(self._pending)
        newline = pending.rfind(b"\n", max(self._lead - 1, 0)) if rows else -1
        clean = newline >= 0
        end = newline + 1 if clean else len(pending)
        self._pending = [pending[:end]]
        yield from self.begin(replace(self._of, joined=not clean, cut=True))
        rest = pending[end:]
        self._pending = [rest]
        self._held = self._size = len(rest)

    def flush(self) -> Iterator[Block]:
        if data := b"".join(self._pending):
            yield Block(data, self._rows, self._fresh)
            self._fresh = None
            self._rows = 0
            self._lead = 0
        self._pending = []
        self._held = 0


def _ended(chunks: Iterable[bytes], part: str) -> Iterator[bytes]:
    """Pass the run on, and raise Truncated unless pg_dump's end marker closes it."""
    last = b""
    for chunk in chunks:
        last = (last + chunk)[-END_WITHIN:] if len(chunk) < END_WITHIN else chunk[-END_WITHIN:]
        yield chunk
    if END not in last:
        raise Truncated(
            _("pg_dump stopped before the end of its {part} run.").format(part=part),
            _("The log holds what pg_dump said."),
        )


def split(
    pre_data: Iterable[bytes],
    data: Iterable[bytes],
    post_data: Iterable[bytes],
    tail: bytes,
    *,
    member: int = MEMBER,
    section: int = SECTION,
) -> Iterator[Block]:
    """Cut the three runs, each read to its end before the next is begun, and the tail into blocks.

    The blocks' data, put together, is HEAD, the runs and the tail, byte for
    byte. ``member`` and ``section`` are bytes. Raises Truncated where a run
    lacks its end marker.
    """
    cutter = _Cutter(member, section)
    yield from cutter.begin(Start(Part.PRE_DATA))
    yield from cutter.add(HEAD)
    for chunk in _ended(pre_data, "pre-data"):
        yield from cutter.add(chunk)
    yield from _split_data(cutter, _ended(data, "data"))
    yield from cutter.begin(Start(Part.POST_DATA))
    for chunk in _ended(post_data, "post-data"):
        yield from cutter.add(chunk)
    yield from cutter.begin(Start(Part.TAIL))
    yield from cutter.add(tail)
    yield from cutter.flush()


def _split_data(cutter: _Cutter, chunks: Iterable[bytes]) -> Iterator[Block]:
    in_sql = False
    for piece in borders(chunks):
        match piece:
            case CopyRows():
                yield from cutter.add(piece.data, rows=True)
            case CopyDone():
                yield from cutter.add(CLOSE)
            case Copy():
                in_sql = False
                yield from cutter.begin(Start(Part.TABLE, piece.table, piece.statement))
                yield from cutter.add(piece.data)
            case Sql():
                if not in_sql:
                    in_sql = True
                    yield from cutter.begin(Start(Part.SQL))
                yield from cutter.add(piece.data)
