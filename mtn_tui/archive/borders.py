"""Finds, in the bytes of a ``pg_dump --section=data`` run, which are rows and which are SQL.

Between one table's rows and the next pg_dump writes only comments, ``SET``,
``setval`` and large objects, with standard_conforming_strings on. Quotes are
followed there, so that no name, whatever newlines it holds, can play a border;
among rows, which escape their newlines, the line ``\\.`` is the border and
cannot be anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mtn_tui.archive.rows import CopyDone, CopyRows, Script, take
from mtn_tui.core.errors import Truncated
from mtn_tui.core.i18n import _


@dataclass(frozen=True)
class Sql:
    data: bytes


@dataclass(frozen=True)
class Copy:
    """What opens a table: comments before it, and the COPY statement with its newline."""

    data: bytes
    table: str
    statement: str


_IDENTIFIER = rb'(?:"(?:[^"]|"")*"|[^\s".(]+)'
_COPY = re.compile(rb"COPY (%b(?:\.%b)?) (?:\(.*\))? ?FROM stdin" % (_IDENTIFIER, _IDENTIFIER), re.DOTALL)
_TOKEN = re.compile(rb"""'[^']*'|"[^"]*"|--[^\n\r]*[\n\r]|;|\s+|[^'";\-\s][^'";\-]*|-(?=[^-])""")


def borders(chunks: Iterable[bytes]) -> Iterator[Sql | Copy | CopyRows | CopyDone]:
    """Yield the bytes of ``chunks``, all and in order, told apart; CopyDone stands for ``rows.CLOSE``.

    Raises Truncated where they end within rows or within a quoted string.
    """
    sql = _SqlScanner()
    buffer = bytearray()
    in_rows = yield from Script[Sql | Copy](sql.next, _opens_rows).read(chunks, buffer)
    if in_rows:
        raise Truncated(_("The dump ends within a table's rows."))
    if sql.within_quotes(buffer):
        raise Truncated(_("The dump ends within a quoted string."))
    if buffer:
        yield Sql(bytes(buffer))


def _opens_rows(piece: Sql | Copy) -> bool:
    return isinstance(piece, Copy)


class _SqlScanner:
    """Cuts SQL after each statement; remembers how far it has looked in what is incomplete."""

    def __init__(self) -> None:
        self._looked = 0
        self._opens: int | None = None
        """Where the present statement's first word stands."""

    def next(self, buffer: bytearray) -> Sql | Copy | None:
        """Take the first complete statement off ``buffer``; None if there is none."""
        while token := _TOKEN.match(buffer, self._looked):
            first = buffer[token.start()]
            if first == ord(";"):
                if token.end() == len(buffer):
                    break
                return self._statement(buffer, token.start())
            self._looked = token.end()
            if self._opens is None and not token[0].isspace() and not token[0].startswith(b"--"):
                self._opens = token.start()
        return None

    def _statement(self, buffer: bytearray, semicolon: int) -> Sql | Copy:
        opens = semicolon if self._opens is None else self._opens
        copy = _COPY.fullmatch(buffer, opens, semicolon)
        self._looked, self._opens = 0, None
        if copy is None or buffer[semicolon + 1] != ord("\n"):
            return Sql(take(buffer, semicolon + 1))
        table, statement = (text.decode(errors="surrogateescape") for text in (copy[1], copy[0] + b";"))
        return Copy(take(buffer, semicolon + 2), table, statement)

    def within_quotes(self, rest: bytearray) -> bool:
        return rest.startswith((b"'", b'"'), self._looked)
