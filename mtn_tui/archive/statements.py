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
from dataclasses import dataclass, field

from mtn_tui.archive.rows import CopyDone, CopyRows, Script, take
from mtn_tui.core.errors import Truncated
from mtn_tui.core.i18n import _


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, without its semicolon and the comments before it."""

    sql: bytes
    line: int = field(default=0, compare=False)
    """The line it begins in, from 1; 0 where lines are not counted."""


@dataclass(frozen=True)
class CopyIn:
    """``COPY … FROM stdin``: CopyRows follow, then CopyDone."""

    sql: bytes
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class PsqlCommand:
    """A line that begins with a backslash: shown, not obeyed."""

    line: bytes
    number: int = field(default=0, compare=False)


_Sql = Statement | CopyIn | PsqlCommand
Event = _Sql | CopyRows | CopyDone


@dataclass(frozen=True)
class Text:
    """An event as it stands in the script, byte for byte, with the spaces and comments before it."""

    data: bytes
    event: _Sql | None
    """None for the text after the last event."""


_SPACE = re.compile(rb"(?:\s+|--[^\n\r]*[\n\r])*")
_COPY_IN = re.compile(rb"COPY\s.*\sFROM\s+stdin\s*", re.IGNORECASE | re.DOTALL)
_ROUTINE = re.compile(
    rb"CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)(?![\w$\x80-\xff])", re.IGNORECASE
)
_OPENING = 64
"""Bytes of a statement that tell what it is."""

_WORD = rb"[A-Za-z_\x80-\xff][\w$\x80-\xff]*"
_OTHER = rb"""[^'"$\\;/\-()A-Za-z_\x80-\xff]+"""
_WHOLE_WORD = rb"(?![eE]')[A-Za-z_\x80-\xff][\w$\x80-\xff]*+(?=[^\w$\x80-\xff])"
_PLAIN = re.compile(rb"""(?:%b|%b|'[^']*'|"[^"]*"|-(?=[^-])|/(?=[^*])){1,1000}""" % (_WHOLE_WORD, _OTHER))
"""Many tokens at once, for speed: whole words, whole strings that are not E'', what needs no closer look."""
_PLAIN_WORD = re.compile(rb"%b|%b" % (_WORD, _OTHER))
_WORD_BEGUN = re.compile(_WORD + rb"\Z")
_LINE_COMMENT = re.compile(rb"--[^\n\r]*[\n\r]")
_BLOCK_COMMENT = re.compile(rb"/\*|\*/")
_TAG = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?\$")
_TAG_BEGUN = re.compile(rb"\$[\w\x80-\xff]*\Z")


def numbered(chunks: Iterable[bytes]) -> Iterator[Event]:
    """As ``read``, for a whole script, with the line numbers of statements and commands."""
    scanner = _Scanner()
    for event in _read(scanner, chunks):
        if isinstance(event, CopyRows):
            scanner.line += event.data.count(b"\n")
        elif isinstance(event, CopyDone):
            scanner.line += 1
        yield event


def read(
    chunks: Iterable[bytes], *, within_rows: bool = False, open_end: bool = False, to_the_end: bool = False
) -> Iterator[Event]:
    """Cut a script, given in pieces of any size, into events.

    ``within_rows`` says that it begins among a table's rows, whose COPY
    statement the caller has; ``open_end`` that its end may end the rows too, as
    where a table is cut into several pieces; ``to_the_end`` that rows, once they
    begin, are all that follows, as in a section of a table. Raises Truncated if the
    script ends within a statement, a quote or rows.
    """
    return _read(_Scanner(), chunks, within_rows=within_rows, open_end=open_end, to_the_end=to_the_end)


def _read(
    scanner: _Scanner,
    chunks: Iterable[bytes],
    *,
    within_rows: bool = False,
    open_end: bool = False,
    to_the_end: bool = False,
) -> Iterator[Event]:
    buffer = bytearray()
    script = Script[_Sql](scanner.next, _opens_rows)
    in_rows = yield from script.read(chunks, buffer, in_rows=within_rows, to_the_end=to_the_end)
    if in_rows and open_end:
        if buffer:
            yield CopyRows(bytes(buffer))
        yield CopyDone()
    elif in_rows:
        raise Truncated(_("The script ends within a table's rows."))
    else:
        yield from _last(scanner, buffer)


def texts(chunks: Iterable[bytes]) -> Iterator[Text | CopyRows | CopyDone]:
    """Cut a script as ``read`` does, keeping every byte; CopyDone stands for ``rows.CLOSE``.

    What stands in a COPY statement's line after its semicolon, which pg_dump
    leaves empty, counts as the statement's text. Raises Truncated as ``read`` does.
    """
    scanner = _Scanner()
    buffer = bytearray()

    def take_text(buffer: bytearray) -> Text | None:
        event = scanner.next(buffer)
        return None if event is None else Text(scanner.last_text(), event)

    script = Script[Text](take_text, lambda text: isinstance(text.event, CopyIn))
    if (yield from script.read(chunks, buffer)):
        raise Truncated(_("The script ends within a table's rows."))
    rest = bytes(buffer)
    if not scanner.is_over(buffer):
        raise Truncated(_("The script ends within a statement."))
    if rest:
        yield Text(rest, None)


def _opens_rows(event: _Sql) -> bool:
    return isinstance(event, CopyIn)


def _last(scanner: _Scanner, buffer: bytearray) -> Iterator[Event]:
    """What ends a script without a newline: a command, a statement or a comment."""
    buffer += b"\n\n"
    while event := scanner.next(buffer):
        yield event
        if isinstance(event, CopyIn):
            raise Truncated(_("The script ends within a table's rows."))
    if not scanner.between_statements(buffer):
        raise Truncated(_("The script ends within a statement."))


class Pushed:
    """Cuts a script without rows into events as its pieces, of any size, are given."""

    def __init__(self) -> None:
        self._scanner = _Scanner()
        self._buffer = bytearray()

    def add(self, text: bytes) -> Iterator[Statement | CopyIn | PsqlCommand]:
        """The events that are whole with the next piece."""
        self._buffer += text
        while event := self._scanner.next(self._buffer):
            yield event

    def end(self) -> bytes:
        """The beginning of a statement that never ended; empty if there is none."""
        rest = bytes(self._buffer)
        return b"" if self._scanner.is_over(self._buffer) else rest


class _Scanner:
    """Finds the end of the present statement; remembers how far it has looked."""

    def __init__(self) -> None:
        self.line = 1
        """The line in which the rest of the buffer begins."""
        self._after_rows = b""
        """What stood in the line of the last COPY after its semicolon: psql reads it after the rows."""
        self._text = b""
        self._reset()

    def _reset(self) -> None:
        self._looked = 0
        self._searched = 0
        """How far the end of the quoted text or comment at ``_looked`` was searched for in vain."""
        self._depth = 0
        """How deep comments are nested there."""
        self._opens: int | None = None
        self._routine = False
        self._parentheses = 0
        self._begins = 0

    def next(self, buffer: bytearray) -> _Sql | None:
        """Take the first whole event off ``buffer``; None if more is needed."""
        if self._after_rows:
            buffer[:0] = self._after_rows
            self._after_rows = b""
        while self._looked < len(buffer):
            if self._opens is None and not self._find_opening(buffer):
                return None
            char = bytes(buffer[self._looked : self._looked + 1])
            if char == b"\\":
                newline = buffer.find(b"\n", self._looked)
                if newline < 0:
                    return None
                line, number = bytes(buffer[self._opens : newline]), self._taken(buffer, newline + 1)
                return PsqlCommand(line, number)
            if char == b";" and not self._parentheses and not self._begins:
                return self._statement(buffer)
            end = self._token(buffer, char)
            if end is None:
                return None
            self._looked, self._searched = end, 0
        return None

    def last_text(self) -> bytes:
        """All bytes that ``next`` took for the last event. None of them is read again."""
        self._after_rows = b""
        return self._text

    def is_over(self, buffer: bytearray) -> bool:
        """Whether what is left of a script, which has no more to come, is spaces and whole comments."""
        buffer += b"\n\n"
        return self.next(buffer) is None and self.between_statements(buffer)

    def between_statements(self, buffer: bytearray) -> bool:
        """Whether what is left of a script, two newlines added, is spaces and whole comments."""
        return self._opens is None and self._looked >= len(buffer) - 1

    def _find_opening(self, buffer: bytearray) -> bool:
        while True:
            space = _SPACE.match(buffer, self._looked)
            start = self._looked = space.end() if space else self._looked
            # What follows must be seen to be no comment.
            if start >= len(buffer) - 1:
                return False
            if not buffer.startswith((b"/*", b"--"), start):
                break
            end = self._comment_end(buffer, start) if buffer.startswith(b"/*", start) else None
            if end is None:
                return False
            self._looked, self._searched = end, 0
        opening = buffer[start : start + _OPENING]
        if len(opening) < _OPENING and b";" not in opening and not opening.startswith(b"\\"):
            return False
        self._opens = start
        self._routine = _ROUTINE.match(opening) is not None
        return True

    def _statement(self, buffer: bytearray) -> _Sql | None:
        semicolon = self._looked
        sql = bytes(buffer[self._opens : semicolon]).rstrip()
        copies = _COPY_IN.fullmatch(sql) is not None
        end = buffer.find(b"\n", semicolon) if copies else semicolon
        if end < 0:
            return None
        after = bytes(buffer[semicolon + 1 : end + 1]).lstrip()
        number = self._taken(buffer, end + 1)
        self._after_rows = after
        self.line -= bool(after)  # it is read again
        return CopyIn(sql, number) if copies else Statement(sql, number)

    def _taken(self, buffer: bytearray, end: int) -> int:
        """Take ``end`` bytes off the buffer; return the line in which the statement in them opens."""
        number = self.line + buffer.count(b"\n", 0, self._opens)
        self.line = number + buffer.count(b"\n", self._opens, end)
        self._text = take(buffer, end)
        self._reset()
        return number

    def _token(self, buffer: bytearray, char: bytes) -> int | None:
        """Where the token at ``_looked`` ends; None if it is not whole yet."""
        at = self._looked
        match char:
            case b"'" | b'"':
                return self._quoted_end(buffer, at, char)
            case b"e" | b"E" if buffer.startswith(b"'", at + 1):
                return self._escaped_end(buffer, at + 1)
            case b"$":
                return self._dollar(buffer, at)
            case b"-" | b"/":
                if at + 1 == len(buffer):
                    return None
                if buffer.startswith(b"--", at):
                    found = _LINE_COMMENT.match(buffer, at)
                    return found and found.end()
                return self._comment_end(buffer, at) if buffer.startswith(b"/*", at) else at + 1
            case b"(" | b")":
                self._parentheses = max(self._parentheses + (1 if char == b"(" else -1), 0)
                return at + 1
            case b";":
                return at + 1
        if self._routine:
            return self._word(buffer, at)
        if plain := _PLAIN.match(buffer, at):
            return plain.end()
        return None if _WORD_BEGUN.match(buffer, at) else at + 1

    def _find(self, buffer: bytearray, what: bytes, start: int) -> int | None:
        """Where the first ``what`` after ``start`` ends."""
        found = buffer.find(what, max(start, self._searched))
        if found < 0:
            self._searched = len(buffer) - len(what) + 1
            return None
        return found + len(what)

    def _quoted_end(self, buffer: bytearray, at: int, quote: bytes) -> int | None:
        whole = None if self._searched or self._routine else _PLAIN.match(buffer, at)
        return whole.end() if whole else self._find(buffer, quote, at + 1)

    def _comment_end(self, buffer: bytearray, at: int) -> int | None:
        """Where the block comment at ``at``, which may hold others, ends."""
        for found in _BLOCK_COMMENT.finditer(buffer, max(at, self._searched)):
            self._searched = found.end()
            self._depth += 1 if found[0] == b"/*" else -1
            if self._depth == 0:
                return found.end()
        self._searched = max(self._searched, len(buffer) - 1)
        return None

    def _escaped_end(self, buffer: bytearray, at: int) -> int | None:
        """Where the E'' string at ``at`` ends, in which a backslash may stand before a quote."""
        quote = at
        while end := self._find(buffer, b"'", quote + 1):
            quote = end - 1
            backslashes = 0
            while buffer[quote - backslashes - 1] == ord("\\"):
                backslashes += 1
            if backslashes % 2:
                continue
            if end == len(buffer):
                self._searched = quote
                return None
            if buffer[end] != ord("'"):
                return end
            quote = end
        return None

    def _dollar(self, buffer: bytearray, at: int) -> int | None:
        tag = _TAG.match(buffer, at)
        if tag is None:
            # "$1", or a tag whose end is still to come.
            return None if _TAG_BEGUN.match(buffer, at) else at + 1
        return self._find(buffer, tag[0], tag.end())

    def _word(self, buffer: bytearray, at: int) -> int | None:
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
