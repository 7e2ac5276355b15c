"""Reads an SQL script as psql would, and obeys none of its commands.

The script is cut into statements by psql's own rules (its psqlscan.l): quotes,
E'' strings, dollar quotes, nested comments, parentheses, and the BEGIN … END of
SQL-standard function bodies, within all of which a semicolon ends nothing. The
rows after ``COPY … FROM stdin;`` come apart from the statements. Lines that
psql would take as commands (``\\restrict``, ``\\connect``, ``\\!``) are told as
such and never executed by anyone here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mtn_tui.archive.borders import held_back, rows_end
from mtn_tui.core.errors import Truncated
from mtn_tui.core.i18n import _


@dataclass(frozen=True)
class Statement:
    """One statement, without its semicolon and the comments before it."""

    sql: bytes


@dataclass(frozen=True)
class CopyIn:
    """``COPY … FROM stdin``: CopyRows follow, then CopyDone."""

    sql: bytes


@dataclass(frozen=True)
class CopyRows:
    data: bytes


@dataclass(frozen=True)
class CopyDone:
    pass


@dataclass(frozen=True)
class PsqlCommand:
    """A line that begins with a backslash: shown, not obeyed."""

    line: bytes


Event = Statement | CopyIn | CopyRows | CopyDone | PsqlCommand

_SPACE = re.compile(rb"(?:\s+|--[^\n]*(?:\n|\Z))*")
_COPY_IN = re.compile(rb"COPY\s.*\sFROM\s+stdin\s*", re.IGNORECASE | re.DOTALL)
_ROUTINE = re.compile(rb"CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\s", re.IGNORECASE)
_OPENING = 64
"""Bytes of a statement that tell what it is."""

_PLAIN = re.compile(rb"""[^'"$\\;/\-()]+""")
_PLAIN_WORD = re.compile(rb"""[A-Za-z_\x80-\xff][\w$\x80-\xff]*|[^'"$\\;/\-()A-Za-z_\x80-\xff]+""")
_QUOTED = re.compile(rb"""'[^']*'""")
_ESCAPED = re.compile(rb"""'(?:[^'\\]|\\.|'')*'(?!')""", re.DOTALL)
_NAME = re.compile(rb'"[^"]*"')
_TAG = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?\$")
_ESCAPE_PREFIX = re.compile(rb"(?:\A|[^\w$\x80-\xff])[eE]\Z")
_WORD_END = re.compile(rb"[\w$\x80-\xff]\Z")


def read(chunks: Iterable[bytes], *, within_rows: bool = False) -> Iterator[Event]:
    """Cut a script, given in pieces of any size, into events.

    ``within_rows`` says that it begins among a table's rows, whose COPY
    statement the caller has; then the end of the pieces ends the rows too.
    Raises Truncated where the script ends within a statement, a quote or rows.
    """
    scanner = _Scanner()
    open_end = in_rows = within_rows
    at_line = True
    rest = b""
    for chunk in chunks:
        buffer = rest + chunk if rest else chunk
        while True:
            if in_rows:
                end = rows_end(buffer, at_line)
                if end is None:
                    keep = held_back(buffer, at_line)
                    passed, rest = buffer[: len(buffer) - keep], buffer[len(buffer) - keep :]
                    if passed:
                        yield CopyRows(passed)
                        at_line = passed.endswith(b"\n")
                    break
                if end:
                    yield CopyRows(buffer[:end])
                yield CopyDone()
                buffer = buffer[end + 3 :]
                in_rows = open_end = False
            event, buffer = scanner.next(buffer)
            if event is None:
                rest = buffer
                break
            yield event
            in_rows = at_line = isinstance(event, CopyIn)
    if in_rows and open_end:
        if rest:
            yield CopyRows(rest)
        yield CopyDone()
    elif in_rows:
        raise Truncated(_("The script ends within a table's rows."))
    elif _SPACE.fullmatch(rest) is None:
        raise Truncated(_("The script ends within a statement."))


class _Scanner:
    """Finds the end of the present statement; remembers how far it has looked."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._looked = 0
        self._opens: int | None = None
        self._routine = False
        self._parentheses = 0
        self._begins = 0

    def next(self, buffer: bytes) -> tuple[Event | None, bytes]:
        """The first whole event of ``buffer`` (None: more is needed) and what is left."""
        while self._looked < len(buffer):
            if self._opens is None and not self._find_opening(buffer):
                return None, buffer
            char = buffer[self._looked : self._looked + 1]
            if char == b"\\":
                newline = buffer.find(b"\n", self._looked)
                if newline < 0:
                    return None, buffer
                line = buffer[self._opens : newline]
                self._reset()
                return PsqlCommand(line), buffer[newline + 1 :]
            if char == b";" and not self._parentheses and not self._begins:
                return self._statement(buffer)
            end = self._token(buffer, char)
            if end is None:
                return None, buffer
            self._looked = end
        return None, buffer

    def _find_opening(self, buffer: bytes) -> bool:
        space = _SPACE.match(buffer, self._looked)
        start = space.end() if space else self._looked
        # A comment is whole only with its newline, and what follows must be seen to be no comment.
        if start >= len(buffer) - 1:
            return False
        if buffer.startswith(b"/*", start):
            end = _comment_end(buffer, start)
            if end is None:
                return False
            self._looked = end
            return self._find_opening(buffer)
        opening = buffer[start : start + _OPENING]
        if len(opening) < _OPENING and b";" not in opening and not opening.startswith(b"\\"):
            return False
        self._looked = self._opens = start
        self._routine = _ROUTINE.match(opening) is not None
        return True

    def _statement(self, buffer: bytes) -> tuple[Event | None, bytes]:
        semicolon = self._looked
        sql = buffer[self._opens : semicolon].rstrip()
        if _COPY_IN.fullmatch(sql) is None:
            self._reset()
            return Statement(sql), buffer[semicolon + 1 :]
        newline = buffer.find(b"\n", semicolon)
        if newline < 0:
            return None, buffer
        self._reset()
        return CopyIn(sql), buffer[newline + 1 :]

    def _token(self, buffer: bytes, char: bytes) -> int | None:  # noqa: PLR0911 - one per kind of token
        """Where the token at ``_looked`` ends; None where it is not whole yet."""
        at = self._looked
        match char:
            case b"'":
                escaped = _ESCAPE_PREFIX.search(buffer, max(at - 2, self._opens or 0), at)
                found = (_ESCAPED if escaped else _QUOTED).match(buffer, at)
                return None if found is None or found.end() == len(buffer) else found.end()
            case b'"':
                found = _NAME.match(buffer, at)
                return found and found.end()
            case b"$":
                return self._dollar(buffer, at)
            case b"-" | b"/":
                if at + 1 == len(buffer):
                    return None
                if buffer.startswith(b"--", at):
                    newline = buffer.find(b"\n", at)
                    return newline + 1 if newline >= 0 else None
                return _comment_end(buffer, at) if buffer.startswith(b"/*", at) else at + 1
            case b"(" | b")":
                self._parentheses = max(self._parentheses + (1 if char == b"(" else -1), 0)
                return at + 1
            case b";":
                return at + 1
        if not self._routine:
            plain = _PLAIN.match(buffer, at)
            return plain.end() if plain else at + 1
        return self._word(buffer, at)

    def _dollar(self, buffer: bytes, at: int) -> int | None:
        if _WORD_END.search(buffer, max(at - 1, 0), at):
            return at + 1
        tag = _TAG.match(buffer, at)
        if tag is None:
            # "$1", or a tag whose end is still to come.
            partial = re.fullmatch(rb"\$[\w\x80-\xff]*", buffer[at : at + 80])
            return None if partial and at + len(partial[0]) == len(buffer) else at + 1
        end = buffer.find(tag[0], tag.end())
        return end + len(tag[0]) if end >= 0 else None

    def _word(self, buffer: bytes, at: int) -> int | None:
        found = _PLAIN_WORD.match(buffer, at)
        if found is None:
            return at + 1
        if found.end() == len(buffer):
            return None
        if not self._parentheses:
            match found[0].lower():
                case b"begin":
                    self._begins += 1
                case b"case" if self._begins:
                    self._begins += 1
                case b"end" if self._begins:
                    self._begins -= 1
        return found.end()


def _comment_end(buffer: bytes, at: int) -> int | None:
    """Where the block comment at ``at``, which may hold others, ends."""
    depth = 0
    for found in re.finditer(rb"/\*|\*/", buffer[at:]):
        depth += 1 if found[0] == b"/*" else -1
        if depth == 0:
            return at + found.end()
    return None
