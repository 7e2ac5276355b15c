"""Decides which statements an unsigned script may hold: those that pg_dump writes for one database.

Each statement is brought into a short form: words in small letters, names in
quotes as ``"``, strings as ``'``, numbers as ``0``, all that stands in
parentheses as ``()``, comments and odd spaces left out. That form must fit one
of the patterns of ``allowed_patterns``, whole; what fits none is refused. The patterns hold what
pg_dump of PostgreSQL 9.0 to 18 writes with any of its options. What only fills
in values (INSERT, setval, large objects) is compared byte by byte.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from mtn_tui.archive import mark
from mtn_tui.archive.allowed_patterns import NAME, Way, fitting

_SETTINGS = frozenset(
    [
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "transaction_timeout",
        "client_encoding",
        "standard_conforming_strings",
        "check_function_bodies",
        "xmloption",
        "client_min_messages",
        "row_security",
        "escape_string_warning",
        "default_tablespace",
        "default_with_oids",
        "search_path",
        "default_table_access_method",
        "default_toast_compression",
    ]
)
_ENCODINGS = re.compile(
    rb"'?(?:UTF-?8|UNICODE|SQL_ASCII|LATIN\d+|WIN\d+|ISO_8859_\d|KOI8[RU]?|EUC_\w+|MULE_INTERNAL)'?", re.I
)
"""Encodings whose longer characters hold no ASCII bytes, so that the end of a quote is found by bytes."""

_ID = rb'(?:"(?:[^"]|"")+"|[a-z_\x80-\xff][\w$\x80-\xff]*)'
_LITERAL = rb"(?:E'(?:[^'\\]++|\\.|'')*+'|[BX]?'(?:[^']++|'')*+')"
_VALUE = rb"(?:NULL|DEFAULT|true|false|-?[0-9][0-9.]*+(?:[eE][-+]?[0-9]+)?|%b)" % _LITERAL
_ROW = rb"\((?:%b(?:, %b)*+)?\)" % (_VALUE, _VALUE)
_CASTED = rb"%b(?:::[a-z\" ]+(?:\[\])?)?|%b" % (_LITERAL, _VALUE)
_VALUES = re.compile(
    rb"INSERT INTO %(id)b(?:\.%(id)b)?(?: \(%(id)b(?:, %(id)b)*+\))?(?: OVERRIDING (?:SYSTEM|USER) VALUE)?"
    rb" (?:DEFAULT VALUES|VALUES\s*+%(row)b(?:,\s*+%(row)b)*+)(?: ON CONFLICT DO NOTHING)?\s*"
    rb"|SELECT pg_catalog\.(?:set_config\('search_path', '[^']*', false\)"
    rb"|setval\(%(literal)b, -?[0-9]+(?:, (?:true|false))?\)|lo_create\('[0-9]+'\)|lo_unlink\('[0-9]+'\)"
    rb"|lo_unlink\(oid\) FROM pg_catalog\.pg_largeobject_metadata WHERE oid = '[0-9]+'"
    rb"|lo_open\('[0-9]+', [0-9]+\)|lowrite\(0, %(literal)b\)|lo_close\(0\))"
    rb"|SELECT \* FROM pg_catalog\.pg_restore_(?:relation|attribute|extended)_stats\("
    rb"\s*(?:%(cast)b)(?:,\s*(?:%(cast)b))*+\s*\)"
    % {b"id": _ID, b"row": _ROW, b"literal": _LITERAL, b"cast": _CASTED},
    re.DOTALL,
)
_COPY = re.compile(rf"copy {NAME}(?: \(\))?(?: with oids)? from stdin")
_COMMAND = re.compile(rb"\\(?:[A-Za-z_]+|[\x20-\x7e])")
_RESTRICT = re.compile(rb"\\(?:un)?restrict [A-Za-z0-9]+\s*")

_TOKEN = re.compile(
    rb"""(?P<space>(?:\s++|--[^\n\r]*+)++)
    |(?P<comment>/\*)
    |(?P<escaped>[eE]'(?:[^'\\]++|\\.|'')*+')
    |(?P<string>(?:[bBxXnN]|[uU]&)?'(?:[^']++|'')*+')
    |(?P<dollar>\$(?P<tag>(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*+)?)\$.*?\$(?P=tag)\$)
    |(?P<quoted>(?:[uU]&)?"(?:[^"]++|"")++")
    |(?P<word>[A-Za-z_\x80-\xff][\w$\x80-\xff]*+)
    |(?P<number>[0-9][0-9.]*+(?:[eE][-+]?[0-9]+)?)
    |(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_COMMENT = re.compile(rb"/\*|\*/")
_SHORT = {"escaped": "'", "string": "'", "dollar": "'", "quoted": '"', "number": "0"}

_MAKES_TABLES = re.compile(rb"CREATE (?:UNLOGGED |FOREIGN )?(?:TABLE|VIEW|EXTENSION)\b", re.IGNORECASE)
_NO_PLAIN_ROUTINE = re.compile(r" (?:leakproof|support) ")
_ROUTINE_MADE = re.compile("create (?:or replace )?(?:function|procedure) ")
_HARMLESS = ("set ", "begin", "commit", "create schema ", "create collation ", "comment on ")
"""Beginnings of statements that make nothing which an extension's script could call by mistake."""

_SHOWN = 512
_SHOWN_WORDS = 4


class Allowed:
    """Says how each statement of one script is dealt with. They must come in the script's order."""

    def __init__(self) -> None:
        self._made_something = False
        self._cleaning = False
        self._standard_strings = True
        self._as_another = False
        """Between SET and RESET SESSION AUTHORIZATION, where pg_dump writes rights that another gave."""
        self._makes, self._fills = False, False
        self.encoding = "utf-8"
        """Python's name for the encoding of the next statement; UTF-8 where it has none."""

    @property
    def of_rows_only(self) -> bool:
        """Whether the script has filled tables and made nothing that could be a table."""
        return self._fills and not self._makes

    def statement(self, sql: bytes) -> Way:
        """Say how a statement other than COPY is dealt with. Call it for each, in the script's order."""
        way = self._way(sql)
        self._makes |= _MAKES_TABLES.match(sql) is not None
        self._fills |= sql.startswith(b"INSERT ")
        if self._as_another and way is not Way.ROLES:
            return Way.NOT
        if way is Way.EXTENSION and self._made_something:
            return Way.NOT
        return way

    def copy(self, sql: bytes) -> Way:
        """Say how ``COPY … FROM stdin`` is dealt with."""
        self._made_something = self._fills = True
        return Way.LOAD if _COPY.fullmatch(shortened(sql)) and not self._as_another else Way.NOT

    def psql(self, line: bytes) -> Way:
        """Say how a psql command is dealt with: only ``\\restrict`` and ``\\unrestrict`` are harmless."""
        return Way.CLEAN if _RESTRICT.fullmatch(line) else Way.NOT

    def _way(self, sql: bytes) -> Way:
        if not self._standard_strings and _ambiguous(sql):
            return Way.NOT
        if _VALUES.fullmatch(sql):
            return Way.CLEAN if sql.startswith(b"SELECT pg_catalog.lo_unlink") else Way.LOAD
        if mark.is_one(sql):
            return Way.LOAD
        short = shortened(sql)
        way = fitting(short)
        if short.startswith("set "):
            return self._setting(sql, short, way)
        if short == "reset session authorization":
            self._as_another = False
        return self._of_place(short, _of_routine(sql, short, way))

    @property
    def as_another(self) -> bool:
        """Whether the next statement would run as another role."""
        return self._as_another

    def _of_place(self, short: str, way: Way) -> Way:
        """The way of a statement, where that depends on the statements before it."""
        if way is Way.CLEAN and short.startswith(("drop ", "alter ")):
            self._cleaning = True
        elif self._cleaning and short.startswith("create or replace view "):
            return Way.CLEAN  # a dummy, for what is dropped next
        elif way is Way.LOAD and not short.startswith(_HARMLESS):
            self._cleaning, self._made_something = False, True
        elif way is not Way.CLEAN:
            self._cleaning = False
        return way

    def _setting(self, sql: bytes, short: str, way: Way) -> Way:
        if short.startswith("set session authorization "):
            self._as_another = not short.endswith(" default")
            return way
        name, _blank, _rest = short.removeprefix("set ").partition(" ")
        if way is not Way.LOAD or name not in _SETTINGS:
            return Way.NOT
        value = re.split(rb"=|\bto\b", sql, maxsplit=1, flags=re.IGNORECASE)[1].strip()
        if name == "client_encoding":
            if not _ENCODINGS.fullmatch(value):
                return Way.NOT
            self.encoding = _codec(value.strip(b"'").decode())
        if name == "standard_conforming_strings":
            if value not in (b"on", b"off"):
                return Way.NOT
            self._standard_strings = value == b"on"
        return way


def _codec(encoding: str) -> str:
    """Python's name for an encoding of PostgreSQL's."""
    name = re.sub("^WIN", "cp", re.sub("^KOI8", "koi8_", encoding.upper()))
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "utf-8"


def _of_routine(sql: bytes, short: str, way: Way) -> Way:
    """Refuse routines in C or internal code; those that are leakproof or have support need a superuser."""
    if way is not Way.LOAD or not _ROUTINE_MADE.match(short):
        return way
    languages = {_bare(one) for one in _languages(sql)}
    if not languages or languages & {b"c", b"internal"}:
        return Way.NOT
    return Way.SUPERUSER if _NO_PLAIN_ROUTINE.search(short + " ") else way


def _ambiguous(sql: bytes) -> bool:
    """Whether a string would end elsewhere if backslashes escape. pg_dump doubles each of them then."""
    return b"\\" in sql and any(
        kind == "unreadable" or (kind == "string" and b"\\" in text.replace(b"\\\\", b""))
        for kind, text in _tokens(sql)
    )


def shortened(sql: bytes) -> str:
    """The short form that the patterns match; ``?`` if the statement can't be read."""
    made: list[str] = []
    depth = 0
    for kind, text in _tokens(sql):
        if text == b"(":
            if not depth:
                made.append("()")
            depth += 1
        elif text == b")":
            depth -= 1
            if depth < 0:
                return "?"
        elif kind == "unreadable":
            return "?"
        elif not depth:
            made.append(_SHORT.get(kind) or text.decode("latin-1").lower())
    return "?" if depth else " ".join(made).replace(" . ", ".")


def _tokens(sql: bytes) -> Iterator[tuple[str, bytes]]:
    at, before = 0, ""
    while found := _TOKEN.match(sql, at):
        kind, at = found.lastgroup or "", found.end()
        if kind == "tag":
            kind = "dollar"
        if kind == "space":
            continue
        if kind == "comment":
            at = _comment_end(sql, found.start())
            if at < 0:
                yield "unreadable", b""
                return
            continue
        # Strings in a row are one string in SQL. pg_dump writes none of these.
        goes_on = kind in ("string", "escaped") and before in ("string", "escaped")
        if goes_on or (kind == "other" and found[0] in (b"'", b'"', b"\\", b"\0")):
            yield "unreadable", b""
            return
        before = kind
        yield kind, found[0]


def _comment_end(sql: bytes, at: int) -> int:
    depth = 0
    for found in _COMMENT.finditer(sql, at):
        depth += 1 if found[0] == b"/*" else -1
        if not depth:
            return found.end()
    return -1


def _languages(sql: bytes) -> Iterator[bytes]:
    depth, before = 0, b""
    for kind, text in _tokens(sql):
        depth += {b"(": 1, b")": -1}.get(text, 0)
        if not depth and kind in ("word", "quoted", "string", "escaped") and before == b"language":
            yield text
        before = text.lower() if kind == "word" else b""


def _bare(name: bytes) -> bytes:
    """A language's name in small letters, without quotes; ``c`` if escapes could hide which it is."""
    if name[:1] in b"eEuU" and name[1:2] in (b"'", b"&"):
        return b"c"
    return name.strip(b"'\"").lower()


def event_trigger(sql: bytes) -> bytes | None:
    """The name that CREATE EVENT TRIGGER gives, as it is written; None for any other statement."""
    words = [text for kind, text in _tokens(sql[:_SHOWN])][:4]
    return words[3] if [word.lower() for word in words[:3]] == [b"create", b"event", b"trigger"] else None


def shown(sql: bytes) -> str:
    """A statement's first words, without what is in quotes or parentheses, which could be secret."""
    made: list[str] = []
    for kind, text in _tokens(sql[:_SHOWN]):
        if text == b"(" or kind == "unreadable" or len(made) == _SHOWN_WORDS:
            break
        made.append({"'": "'…'", '"': '"…"'}.get(_SHORT.get(kind, ""), text.decode("latin-1")))
    return " ".join(made)


def shown_command(line: bytes) -> str:
    """A psql command by its name alone, since what follows, or stands before it, could be secret."""
    name = _COMMAND.match(line)
    return name[0].decode() if name else f"{shown(line)} … \\"
