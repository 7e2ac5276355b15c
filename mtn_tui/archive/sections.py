"""Cuts a dump into sections, while its bytes pass.

The script of a backup is made of one ``pg_dump`` run, the planner's statistics
where another run gave them, and a tail of our own.
``archive.borders`` tells schema from data in that run. (In
archives of manifest format 1 each of pre-data, data and post-data is a run of
its own, with its own settings and end marker.)

Sections are cut every 32 MiB, inside a table after a newline. Where a row is
longer than that, and in text that is not rows, the next section is *joined*: it
goes on in the middle of something and cannot be loaded without the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from mtn_tui.archive.blocks import MEMBER
from mtn_tui.archive.borders import Copy, PostData, PreData, Sql, borders
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
    """Data that is not a table's: sequences, large objects."""
    TABLE = "table"
    POST_DATA = "post-data"
    CHANGES = "changes"
    """Some of a differential, which is one script of statements and rows."""
    TAIL = "tail"


@dataclass(frozen=True)
class Start:
    """The beginning of a section: what it holds."""

    part: Part
    table: str = ""
    """``schema.table`` as pg_dump writes it, quoted where need be."""
    copy: str = ""
    """The COPY statement, with which any section of the table can be loaded."""
    joined: bool = False
    cut: bool = False
    """Whether it continues a section that was cut. Otherwise it holds its COPY statement itself."""


@dataclass(frozen=True)
class Block:
    """One member's worth of SQL, all of one section; the first of a section carries its start."""

    data: bytes
    rows: int = 0
    start: Start | None = None


class _Cutter:
    """Collects bytes into blocks, and cuts a section once it is long enough."""

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


def _ended(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass the run on, and raise Truncated unless pg_dump's end marker closes it."""
    last = b""
    for chunk in chunks:
        last = (last + chunk)[-END_WITHIN:] if len(chunk) < END_WITHIN else chunk[-END_WITHIN:]
        yield chunk
    if END not in last:
        raise Truncated(
            _("pg_dump stopped before the end of its script."),
            _("The log holds what pg_dump said."),
        )


def split(
    dump: Iterable[bytes],
    tail: bytes,
    on_schema: Callable[[bytes], object] = len,
    statistics: Iterable[bytes] = (),
    *,
    member: int = MEMBER,
    section: int = SECTION,
) -> Iterator[Block]:
    """Cut a ``pg_dump`` run, statements that set statistics, and the tail into blocks.

    The blocks' data, put together, is HEAD, the run, the statements with an end
    marker of their own, and the tail, byte for byte. ``on_schema`` gets, in order,
    the part of the run that ``pg_dump --schema-only`` writes as well. ``member`` and
    ``section`` are bytes. Raises Truncated if the run lacks its end marker or ends
    within something.
    """
    cutter = _Cutter(member, section)
    part = Part.PRE_DATA
    yield from cutter.begin(Start(part))
    yield from cutter.add(HEAD)
    for piece in borders(_ended(dump)):
        match piece:
            case CopyRows():
                yield from cutter.add(piece.data, rows=True)
                continue
            case CopyDone():
                yield from cutter.add(CLOSE)
                continue
            case Copy():
                part = Part.TABLE
                yield from cutter.begin(Start(part, piece.table, piece.statement))
            case PreData() | Sql() | PostData():
                if (now := _PART_OF[type(piece)]) is not part:
                    part = now
                    yield from cutter.begin(Start(part))
                if not isinstance(piece, Sql) and piece.schema:
                    on_schema(piece.data)
        yield from cutter.add(piece.data)
    told = False
    for statement in statistics:
        if not told and part is not Part.POST_DATA:
            yield from cutter.begin(Start(Part.POST_DATA))
        told = True
        yield from cutter.add(statement)
    if told:
        yield from cutter.add(b"\n\n--\n%b\n--\n" % END)
    yield from cutter.begin(Start(Part.TAIL))
    yield from cutter.add(tail)
    yield from cutter.flush()


def changes(
    script: Iterable[bytes | CopyRows], *, member: int = MEMBER, section: int = SECTION
) -> Iterator[Block]:
    """Cut the script of a differential into blocks, whose data, put together, is HEAD and the script."""
    cutter = _Cutter(member, section)
    yield from cutter.begin(Start(Part.CHANGES))
    yield from cutter.add(HEAD)
    for piece in script:
        rows = isinstance(piece, CopyRows)
        yield from cutter.add(piece.data if isinstance(piece, CopyRows) else piece, rows=rows)
    yield from cutter.flush()


def keys(tables: Iterable[tuple[str, Iterable[bytes]]], *, member: int = MEMBER) -> Iterator[Block]:
    """Cut the keys of tables (name, and lines of COPY's text) into blocks, with sections of their own."""
    cutter = _Cutter(member, SECTION)
    for table, lines in tables:
        yield from cutter.begin(Start(Part.TABLE, table))
        for piece in lines:
            yield from cutter.add(piece, rows=True)
    yield from cutter.flush()


_PART_OF = {PreData: Part.PRE_DATA, Sql: Part.SQL, PostData: Part.POST_DATA}
