"""What a script that nothing signs may hold: what pg_dump writes for one database, and nothing else.

Each statement is brought into a short form: words in small letters, names in
quotes as ``"``, strings as ``'``, numbers as ``0``, all that stands in
parentheses as ``()``, comments and odd spaces left out. That form must fit one
of the patterns below, whole; what fits none is refused. The patterns hold what
pg_dump of PostgreSQL 9.0 to 18 writes with any of its options. What only fills
in values (INSERT, setval, large objects) is compared byte by byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache

from mtn_tui.archive import mark


class Way(StrEnum):
    """How a statement is dealt with."""

    LOAD = "load"
    """Executed in its place. It may run functions of the script."""
    EXTENSION = "extension"
    """CREATE EXTENSION: comes before everything that could lie in wait for it."""
    ROLES = "roles"
    """About owners, rights and the like. Runs nothing of the script, and can wait until all is loaded."""
    EVENTS = "events"
    """Makes an event trigger, which would fire at whatever comes after it."""
    TRIGGERS = "triggers"
    """Switches a table's triggers off or on, the server's own too. Runs nothing of the script."""
    ENABLING = "enabling"
    """Says whether an event trigger fires."""
    SUPERUSER = "superuser"
    """Makes what a plain owner of a database can't."""
    LEFT_OUT = "left out"
    """Is about another database than the one that is loaded."""
    CLEAN = "clean"
    """Drops or makes what an empty database has not got, or has."""
    NOT = "not"
    """Is none that pg_dump writes for one database."""


_WORD = r'(?:"|[a-z_\x80-\xff][\w$\x80-\xff]*)'
_NAME = rf"{_WORD}(?:\.{_WORD})*"
_OPERATOR = rf"(?:{_WORD}\.)*[-+*/<>=~!@#%^&|`? ]+"
_ROLES = rf"{_WORD}(?: , {_WORD})*"
_WITH = r"(?: with \(\))?"
_ROUTINE = r"(?:function|procedure|routine|aggregate)"
_TRIGGERED = rf"execute (?:function|procedure) {_NAME} \(\)"

_PLAIN_KINDS = (
    rf"table {_NAME}|view {_NAME}|materialized view {_NAME}|sequence {_NAME}|index {_NAME}|type {_NAME}"
    rf"|schema {_NAME}|foreign table {_NAME}|column {_NAME}|domain {_NAME}|collation {_NAME}"
    rf"|conversion {_NAME}|statistics {_NAME}"
    rf"|text search (?:dictionary|configuration|parser|template) {_NAME}"
    rf"|{_ROUTINE} {_NAME} \(\)|operator {_OPERATOR} \(\)|operator (?:class|family) {_NAME} using {_WORD}"
    rf"|large object 0|cast \(\)|trigger {_WORD} on {_NAME}|rule {_WORD} on {_NAME}|policy {_WORD} on {_NAME}"
    rf"|constraint {_WORD} on (?:domain )?{_NAME}|transform for {_NAME} language {_WORD}"
)
_OWNED_KINDS = (
    rf"(?:table|view|materialized view|foreign table) (?:if exists )?(?:only )?{_NAME}|sequence {_NAME}"
    rf"|schema {_WORD}|type {_NAME}|domain {_NAME}|collation {_NAME}|conversion {_NAME}|statistics {_NAME}"
    rf"|text search (?:dictionary|configuration) {_NAME}|{_ROUTINE} {_NAME} \(\)|operator {_OPERATOR} \(\)"
    rf"|operator (?:class|family) {_NAME} using {_WORD}|large object 0|publication {_WORD}|server {_WORD}"
    rf"|foreign data wrapper {_WORD}|(?:procedural )?language {_WORD}"
)
_GRANTED_KINDS = (
    rf"(?:table )?{_NAME}|sequence {_NAME}|schema {_WORD}|(?:type|domain) {_NAME}|{_ROUTINE} {_NAME} \(\)"
    rf"|language {_WORD}|large object 0|foreign server {_WORD}|foreign data wrapper {_WORD}"
)
_RIGHT = r"(?:select|insert|update|delete|truncate|references|trigger|maintain|usage|create|execute|rule|all)"
_RIGHTS = rf"{_RIGHT}(?: privileges)?(?: \(\))?(?: , {_RIGHT}(?: \(\))?)*"
_GRANT = (
    rf"(?:grant {_RIGHTS} on (?:{{0}}) to (?:group )?{_WORD}(?: with grant option)?"
    rf"|revoke (?:grant option for )?{_RIGHTS} on (?:{{0}}) from (?:group )?{_WORD}(?: cascade| restrict)?)"
)
_DROPPED = (
    r"table|view|materialized view|sequence|index|type|schema|foreign table|domain|collation|conversion"
    r"|statistics|text search|function|procedure|aggregate|operator|cast|trigger|rule|policy|transform"
    r"|extension|publication|subscription|event trigger|server|foreign data wrapper|user mapping"
    r"|access method|language|procedural language"
)

_PATTERNS: tuple[tuple[Way, str], ...] = (
    # Sessions. Values are looked at apart.
    (Way.LOAD, rf"set {_NAME} (?:=|to) (?:'|0|{_NAME})(?: , (?:'|{_NAME}))*"),
    (Way.LOAD, "begin|commit"),
    (Way.ROLES, rf"set session authorization (?:'|{_WORD})|reset session authorization"),
    # What is there already, or was never there, where the database is new.
    (Way.CLEAN, rf"drop (?:{_DROPPED}) [^;]*"),
    (Way.CLEAN, rf"alter table (?:if exists )?(?:only )?{_NAME} drop constraint (?:if exists )?{_WORD}"),
    (
        Way.CLEAN,
        rf"alter table (?:if exists )?(?:only )?{_NAME} alter (?:column )?{_WORD} drop (?:default|identity)"
        r"(?: if exists)?",
    ),
    (Way.CLEAN, rf"alter domain (?:if exists )?{_NAME} drop constraint [^;]*"),
    (Way.CLEAN, "create schema public"),
    (Way.CLEAN, "create (?:or replace )?(?:trusted )?(?:procedural )?language plpgsql"),
    (Way.CLEAN, "(?:comment on|alter) (?:procedural )?language plpgsql (?:is '|is null|owner to .*)"),
    # Made and filled by whoever loads.
    (Way.LOAD, rf"create schema {_WORD}"),
    (
        Way.LOAD,
        rf"create (?:unlogged )?table (?:if not exists )?{_NAME}(?: of {_NAME})?"
        rf"(?: partition of {_NAME})?(?: \(\))?(?: (?:default|for values [^;]*?))?(?: inherits \(\))?"
        rf"(?: partition by {_WORD} \(\))?(?: using {_WORD})?{_WITH}",
    ),
    (Way.LOAD, rf"create (?:or replace )?(?:recursive )?view {_NAME}(?: \(\))?{_WITH} as [^;]*"),
    (
        Way.LOAD,
        rf"create materialized view {_NAME}(?: \(\))?(?: using {_WORD})?{_WITH} as [^;]* with no data",
    ),
    (Way.LOAD, rf"create (?:unlogged )?sequence {_NAME}(?: as {_NAME}| [-a-z0-9]+)*"),
    (
        Way.LOAD,
        rf"create (?:unique )?index {_NAME} on (?:only )?{_NAME} using {_WORD} \(\)(?: include \(\))?"
        rf"(?: nulls not distinct)?{_WITH}(?: where [^;]*)?",
    ),
    (Way.LOAD, rf"create statistics {_NAME}(?: \(\))? on [^;]* from (?:only )?{_NAME}"),
    (Way.LOAD, rf"create (?:or replace )?(?:function|procedure) {_NAME} \(\) [^;]*"),
    (Way.LOAD, rf"create (?:or replace )?(?:function|procedure) {_NAME} \(\) [^;]* begin atomic .* end"),
    (Way.LOAD, rf"create (?:or replace )?aggregate {_NAME} \(\) \(\)"),
    (Way.LOAD, rf"create operator {_OPERATOR} \(\)"),
    (Way.LOAD, rf"create cast \(\) with (?:function {_NAME} \(\)|inout)(?: as (?:implicit|assignment))?"),
    (Way.LOAD, rf"create collation {_NAME} (?:\(\)|from {_NAME})"),
    (Way.LOAD, rf"create (?:default )?conversion {_NAME} for ' to ' from {_NAME}"),
    (Way.LOAD, rf"create domain {_NAME} as [^;]*"),
    (Way.LOAD, rf"create type {_NAME} as (?:enum |range )?\(\)"),
    (
        Way.LOAD,
        rf"create (?:or replace )?(?:constraint )?trigger {_WORD} (?:before|after|instead of) [^;]*"
        rf" {_TRIGGERED}",
    ),
    (Way.LOAD, rf"create (?:or replace )?rule {_WORD} as on {_WORD} to {_NAME}(?: where [^;]*)? do [^;]*"),
    (
        Way.LOAD,
        rf"create policy {_WORD} on {_NAME}(?: as (?:permissive|restrictive))?(?: for {_WORD})?"
        rf"(?: to {_ROLES})?(?: using \(\))?(?: with check \(\))?",
    ),
    (Way.LOAD, rf"create text search (?:dictionary|configuration) {_NAME} \(\)"),
    (
        Way.LOAD,
        rf"alter text search configuration {_NAME} add mapping for {_ROLES} with {_NAME}(?: , {_NAME})*",
    ),
    (
        Way.LOAD,
        rf"alter table (?:if exists )?(?:only )?{_NAME} (?:add constraint {_WORD} [^;]*"
        rf"|attach partition {_NAME} (?:default|for values [^;]*)"
        rf"|alter (?:column )?{_WORD} (?:set|add|type|reset) [^;]*|cluster on {_NAME}|set without cluster"
        rf"|replica identity (?:full|nothing|default|using index {_NAME})|inherit {_NAME}"
        rf"|(?:enable|disable)(?: always| replica)? (?:rule|trigger(?! all$)) {_WORD}"
        r"|(?:no force|force|enable|disable) row level security)",
    ),
    (Way.LOAD, rf"alter (?:materialized )?view {_NAME} alter (?:column )?{_WORD} set [^;]*"),
    (Way.LOAD, rf"alter materialized view (?:only )?{_NAME} cluster on {_NAME}"),
    (
        Way.LOAD,
        rf"alter index {_NAME} (?:attach partition {_NAME}|alter (?:column )?0 set statistics 0)",
    ),
    (Way.LOAD, rf"alter sequence {_NAME} owned by {_NAME}"),
    (Way.LOAD, rf"alter domain {_NAME} add constraint {_WORD} [^;]*"),
    (Way.LOAD, rf"alter statistics {_NAME} set statistics 0"),
    (
        Way.LOAD,
        rf"alter (?:{_ROUTINE} {_NAME} \(\)|index {_NAME}|materialized view {_NAME}"
        rf"|trigger {_WORD} on {_NAME}) depends on extension {_WORD}",
    ),
    (Way.LOAD, rf"refresh materialized view {_NAME}"),
    (Way.LOAD, rf"create publication {_WORD}{_WITH}"),
    (Way.LOAD, rf"alter publication {_WORD} add table (?:only )?{_NAME}(?: \(\))?(?: where \(\))?"),
    (Way.LOAD, rf"security label (?:for (?:'|{_WORD}) )?on (?:{_PLAIN_KINDS}) is (?:'|null)"),
    # Before all that could lie in wait.
    (Way.EXTENSION, rf"create extension (?:if not exists )?{_WORD}(?: with schema {_WORD})?"),
    # Once all is loaded.
    (Way.ROLES, rf"comment on (?:extension {_WORD}|schema public|publication {_WORD}) is (?:'|null)"),
    (Way.LOAD, rf"comment on (?:{_PLAIN_KINDS}) is (?:'|null)"),
    (Way.ROLES, rf"alter (?:{_OWNED_KINDS}) owner to {_WORD}"),
    (Way.ROLES, _GRANT.format(_GRANTED_KINDS)),
    (
        Way.ROLES,
        rf"alter default privileges(?: for role {_WORD})?(?: in schema {_WORD})? "
        + _GRANT.format("tables|sequences|functions|routines|types|schemas|large objects"),
    ),
    (Way.ROLES, rf"create publication {_WORD} for all (?:tables|sequences){_WITH}"),
    (Way.ROLES, rf"alter publication {_WORD} add (?:all )?tables in schema {_WORD}"),
    (
        Way.EVENTS,
        rf"create event trigger {_WORD} on {_WORD}(?: when tag in \(\))? {_TRIGGERED}",
    ),
    (Way.EVENTS, rf"alter event trigger {_WORD} owner to {_WORD}|comment on event trigger {_WORD} is '"),
    (Way.ENABLING, rf"alter event trigger {_WORD} (?:disable|enable(?: replica| always)?)"),
    # What runs code of the server's own, reaches other servers, or must be believed blindly.
    (Way.SUPERUSER, rf"create operator (?:class|family) {_NAME}[^;]*|alter operator family {_NAME} [^;]*"),
    (Way.SUPERUSER, rf"create type {_NAME}(?: \(\))?"),
    (Way.SUPERUSER, r"create cast \(\) without function(?: as (?:implicit|assignment))?"),
    (Way.SUPERUSER, rf"create transform for {_NAME} language {_WORD} \(\)"),
    (Way.SUPERUSER, rf"create text search (?:parser|template) {_NAME} \(\)"),
    (Way.SUPERUSER, rf"create access method {_WORD} type {_WORD} handler {_NAME}"),
    (
        Way.SUPERUSER,
        rf"create foreign data wrapper {_WORD}(?: no)?(?: handler)?(?: {_NAME})?(?: no)?(?: validator)?"
        rf"(?: {_NAME})?(?: options \(\))?",
    ),
    (
        Way.SUPERUSER,
        rf"create server {_WORD}(?: type ')?(?: version ')? foreign data wrapper {_WORD}(?: options \(\))?",
    ),
    (Way.SUPERUSER, rf"create user mapping for {_WORD} server {_WORD}(?: options \(\))?"),
    (
        Way.SUPERUSER,
        rf"create foreign table {_NAME} \(\)(?: inherits \(\))? server {_WORD}(?: options \(\))?",
    ),
    (Way.SUPERUSER, rf"alter foreign table (?:only )?{_NAME} alter (?:column )?{_WORD} [^;]*"),
    (Way.SUPERUSER, rf"create (?:or replace )?(?:trusted )?(?:procedural )?language {_WORD}"),
    (
        Way.SUPERUSER,
        rf"comment on (?:server {_WORD}|foreign data wrapper {_WORD}|access method {_WORD}"
        rf"|(?:procedural )?language {_WORD}) is (?:'|null)",
    ),
    (Way.TRIGGERS, rf"alter table (?:only )?{_NAME} (?:enable|disable) trigger all"),
    # pg_dump 9 and 10 name the database that they read, whatever it is loaded into.
    (Way.LEFT_OUT, rf"(?:comment|security label(?: for (?:'|{_WORD}))?) on database {_WORD} is (?:'|null)"),
    (Way.LEFT_OUT, rf"(?:create|alter|comment on) subscription {_WORD} [^;]*"),
)


@cache
def _by_first_word() -> dict[str, list[tuple[Way, re.Pattern[str]]]]:
    """The patterns, compiled. Not on import: few commands read scripts."""
    found: dict[str, list[tuple[Way, re.Pattern[str]]]] = {}
    for way, pattern in _PATTERNS:
        for first in set(re.findall(r"(?:^|\||\(\?:)([a-z]+)", pattern)):
            found.setdefault(first, []).append((way, re.compile(pattern, re.DOTALL)))
    return found


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
"""Whose characters hold no ASCII byte but ASCII's own: in others a quote's end is not to be seen by bytes."""

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
_COPY = re.compile(rf"copy {_NAME}(?: \(\))?(?: with oids)? from stdin")
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
"""How statements begin that leave nothing that could lie in wait for an extension's own."""

_SHOWN = 512
_SHOWN_WORDS = 4


class Allowed:
    """Tells of each statement of one script, in order, how it is dealt with."""

    def __init__(self) -> None:
        self._made_something = False
        self._cleaning = False
        self._standard_strings = True
        self._as_another = False
        """Between SET and RESET SESSION AUTHORIZATION, where pg_dump writes rights that another gave."""
        self._makes, self._fills = False, False

    @property
    def of_rows_only(self) -> bool:
        """Whether it has filled tables and made nothing that could be one."""
        return self._fills and not self._makes

    def statement(self, sql: bytes) -> Way:
        way = self._way(sql)
        self._makes |= _MAKES_TABLES.match(sql) is not None
        self._fills |= sql.startswith(b"INSERT ")
        if self._as_another and way is not Way.ROLES:
            return Way.NOT
        if way is Way.EXTENSION and self._made_something:
            return Way.NOT
        return way

    def copy(self, sql: bytes) -> Way:
        """Of ``COPY … FROM stdin``."""
        self._made_something = self._fills = True
        return Way.LOAD if _COPY.fullmatch(shortened(sql)) and not self._as_another else Way.NOT

    def psql(self, line: bytes) -> Way:
        """Of a command of psql's: two that protect psql alone are harmless."""
        return Way.CLEAN if _RESTRICT.fullmatch(line) else Way.NOT

    def _way(self, sql: bytes) -> Way:
        if not self._standard_strings and _ambiguous(sql):
            return Way.NOT
        if _VALUES.fullmatch(sql):
            return Way.CLEAN if sql.startswith(b"SELECT pg_catalog.lo_unlink") else Way.LOAD
        if mark.is_one(sql):
            return Way.LOAD
        short = shortened(sql)
        way = _fitting(short)
        if short.startswith("set "):
            return self._setting(sql, short, way)
        if short == "reset session authorization":
            self._as_another = False
        return self._of_place(short, _of_routine(sql, short, way))

    @property
    def as_another(self) -> bool:
        """Whether what comes next would be another role's."""
        return self._as_another

    def _of_place(self, short: str, way: Way) -> Way:
        """What depends on where it stands."""
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
        if name == "client_encoding" and not _ENCODINGS.fullmatch(value):
            return Way.NOT
        if name == "standard_conforming_strings":
            if value not in (b"on", b"off"):
                return Way.NOT
            self._standard_strings = value == b"on"
        return way


def _fitting(short: str) -> Way:
    for way, pattern in _by_first_word().get(short.partition(" ")[0], ()):
        if pattern.fullmatch(short):
            return way
    return Way.NOT


def _of_routine(sql: bytes, short: str, way: Way) -> Way:
    """A routine of the server's own language, or a program's, is none of an owner's."""
    if way is not Way.LOAD or not _ROUTINE_MADE.match(short):
        return way
    languages = {_bare(one) for one in _languages(sql)}
    if not languages or languages & {b"c", b"internal"}:
        return Way.NOT
    return Way.SUPERUSER if _NO_PLAIN_ROUTINE.search(short + " ") else way


def _ambiguous(sql: bytes) -> bool:
    """Whether a string ends elsewhere where a backslash escapes: pg_dump doubles each of them there."""
    return b"\\" in sql and any(
        kind == "unreadable" or (kind == "string" and b"\\" in text.replace(b"\\\\", b""))
        for kind, text in _tokens(sql)
    )


def shortened(sql: bytes) -> str:
    """The form that the patterns are for; what can't be read is ``?`` in it."""
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
        # A string that goes on in the next line: pg_dump writes none, and it is read in another way.
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
    """A language's name: in quotes, or whatever letters. Escapes that could hide one come out as ``c``."""
    if name[:1] in b"eEuU" and name[1:2] in (b"'", b"&"):
        return b"c"
    return name.strip(b"'\"").lower()


def event_trigger(sql: bytes) -> bytes | None:
    """The name that CREATE EVENT TRIGGER gives, as it is written; None of another statement."""
    words = [text for kind, text in _tokens(sql[:_SHOWN])][:4]
    return words[3] if [word.lower() for word in words[:3]] == [b"create", b"event", b"trigger"] else None


def shown(sql: bytes) -> str:
    """How a statement begins, without what is in quotes or parentheses: nothing in it is a secret."""
    made: list[str] = []
    for kind, text in _tokens(sql[:_SHOWN]):
        if text == b"(" or kind == "unreadable" or len(made) == _SHOWN_WORDS:
            break
        made.append({"'": "'…'", '"': '"…"'}.get(_SHORT.get(kind, ""), text.decode("latin-1")))
    return " ".join(made)
