"""What pg_dump writes for one database, as patterns for the short form of a statement (see ``allowed``)."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache


class Way(StrEnum):
    """How a statement is dealt with."""

    LOAD = "load"
    """Executed where it stands. May run functions of the script."""
    EXTENSION = "extension"
    """CREATE EXTENSION. Allowed only before anything that its script could call by mistake."""
    ROLES = "roles"
    """Sets owners, rights and the like. Runs nothing of the script; can wait until all is loaded."""
    EVENTS = "events"
    """Makes an event trigger, which would fire on later statements."""
    TRIGGERS = "triggers"
    """Switches a table's triggers off or on, the server's own too. Runs nothing of the script."""
    ENABLING = "enabling"
    """Enables or disables an event trigger."""
    SUPERUSER = "superuser"
    """Needs more rights than the owner of a database has."""
    LEFT_OUT = "left out"
    """Concerns another database than the one that is loaded."""
    CLEAN = "clean"
    """Drops what a new database lacks, or makes what it has: not needed."""
    NOT = "not"
    """Not among those that pg_dump writes for one database: refused."""


_WORD = r'(?:"|[a-z_\x80-\xff][\w$\x80-\xff]*)'
NAME = rf"{_WORD}(?:\.{_WORD})*"
_OPERATOR = rf"(?:{_WORD}\.)*[-+*/<>=~!@#%^&|`? ]+"
_ROLES = rf"{_WORD}(?: , {_WORD})*"
_WITH = r"(?: with \(\))?"
_ROUTINE = r"(?:function|procedure|routine|aggregate)"
_TRIGGERED = rf"execute (?:function|procedure) {NAME} \(\)"

_PLAIN_KINDS = (
    rf"table {NAME}|view {NAME}|materialized view {NAME}|sequence {NAME}|index {NAME}|type {NAME}"
    rf"|schema {NAME}|foreign table {NAME}|column {NAME}|domain {NAME}|collation {NAME}"
    rf"|conversion {NAME}|statistics {NAME}"
    rf"|text search (?:dictionary|configuration|parser|template) {NAME}"
    rf"|{_ROUTINE} {NAME} \(\)|operator {_OPERATOR} \(\)|operator (?:class|family) {NAME} using {_WORD}"
    rf"|large object 0|cast \(\)|trigger {_WORD} on {NAME}|rule {_WORD} on {NAME}|policy {_WORD} on {NAME}"
    rf"|constraint {_WORD} on (?:domain )?{NAME}|transform for {NAME} language {_WORD}"
)
_OWNED_KINDS = (
    rf"(?:table|view|materialized view|foreign table) (?:if exists )?(?:only )?{NAME}|sequence {NAME}"
    rf"|schema {_WORD}|type {NAME}|domain {NAME}|collation {NAME}|conversion {NAME}|statistics {NAME}"
    rf"|text search (?:dictionary|configuration) {NAME}|{_ROUTINE} {NAME} \(\)|operator {_OPERATOR} \(\)"
    rf"|operator (?:class|family) {NAME} using {_WORD}|large object 0|publication {_WORD}|server {_WORD}"
    rf"|foreign data wrapper {_WORD}|(?:procedural )?language {_WORD}"
)
_GRANTED_KINDS = (
    rf"(?:table )?{NAME}|sequence {NAME}|schema {_WORD}|(?:type|domain) {NAME}|{_ROUTINE} {NAME} \(\)"
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
    # Session settings. Their values are checked in ``allowed``.
    (Way.LOAD, rf"set {NAME} (?:=|to) (?:'|0|{NAME})(?: , (?:'|{NAME}))*"),
    (Way.LOAD, "begin|commit"),
    (Way.ROLES, rf"set session authorization (?:'|{_WORD})|reset session authorization"),
    # Drops what a new database lacks, or makes what it has.
    (Way.CLEAN, rf"drop (?:{_DROPPED}) [^;]*"),
    (Way.CLEAN, rf"alter table (?:if exists )?(?:only )?{NAME} drop constraint (?:if exists )?{_WORD}"),
    (
        Way.CLEAN,
        rf"alter table (?:if exists )?(?:only )?{NAME} alter (?:column )?{_WORD} drop (?:default|identity)"
        r"(?: if exists)?",
    ),
    (Way.CLEAN, rf"alter domain (?:if exists )?{NAME} drop constraint [^;]*"),
    (Way.CLEAN, "create schema public"),
    (Way.CLEAN, "create (?:or replace )?(?:trusted )?(?:procedural )?language plpgsql"),
    (Way.CLEAN, "(?:comment on|alter) (?:procedural )?language plpgsql (?:is '|is null|owner to .*)"),
    # Makes and fills the database.
    (Way.LOAD, rf"create schema {_WORD}"),
    (
        Way.LOAD,
        rf"create (?:unlogged )?table (?:if not exists )?{NAME}(?: of {NAME})?"
        rf"(?: partition of {NAME})?(?: \(\))?(?: (?:default|for values [^;]*?))?(?: inherits \(\))?"
        rf"(?: partition by {_WORD} \(\))?(?: using {_WORD})?{_WITH}",
    ),
    (Way.LOAD, rf"create (?:or replace )?(?:recursive )?view {NAME}(?: \(\))?{_WITH} as [^;]*"),
    (
        Way.LOAD,
        rf"create materialized view {NAME}(?: \(\))?(?: using {_WORD})?{_WITH} as [^;]* with no data",
    ),
    (Way.LOAD, rf"create (?:unlogged )?sequence {NAME}(?: as {NAME}| [-a-z0-9]+)*+"),
    (
        Way.LOAD,
        rf"create (?:unique )?index {NAME} on (?:only )?{NAME} using {_WORD} \(\)(?: include \(\))?"
        rf"(?: nulls not distinct)?{_WITH}(?: where [^;]*)?",
    ),
    (Way.LOAD, rf"create statistics {NAME}(?: \(\))? on [^;]* from (?:only )?{NAME}"),
    (Way.LOAD, rf"create (?:or replace )?(?:function|procedure) {NAME} \(\) [^;]*"),
    (Way.LOAD, rf"create (?:or replace )?(?:function|procedure) {NAME} \(\) [^;]* begin atomic .* end"),
    (Way.LOAD, rf"create (?:or replace )?aggregate {NAME} \(\) \(\)"),
    (Way.LOAD, rf"create operator {_OPERATOR} \(\)"),
    (Way.LOAD, rf"create cast \(\) with (?:function {NAME} \(\)|inout)(?: as (?:implicit|assignment))?"),
    (Way.LOAD, rf"create collation {NAME} (?:\(\)|from {NAME})"),
    (Way.LOAD, rf"create (?:default )?conversion {NAME} for ' to ' from {NAME}"),
    (Way.LOAD, rf"create domain {NAME} as [^;]*"),
    (Way.LOAD, rf"create type {NAME} as (?:enum |range )?\(\)"),
    (
        Way.LOAD,
        rf"create (?:or replace )?(?:constraint )?trigger {_WORD} (?:before|after|instead of) [^;]*"
        rf" {_TRIGGERED}",
    ),
    (Way.LOAD, rf"create (?:or replace )?rule {_WORD} as on {_WORD} to {NAME}(?: where [^;]*)? do [^;]*"),
    (
        Way.LOAD,
        rf"create policy {_WORD} on {NAME}(?: as (?:permissive|restrictive))?(?: for {_WORD})?"
        rf"(?: to {_ROLES})?(?: using \(\))?(?: with check \(\))?",
    ),
    (Way.LOAD, rf"create text search (?:dictionary|configuration) {NAME} \(\)"),
    (
        Way.LOAD,
        rf"alter text search configuration {NAME} add mapping for {_ROLES} with {NAME}(?: , {NAME})*",
    ),
    (
        Way.LOAD,
        rf"alter table (?:if exists )?(?:only )?{NAME} (?:add constraint {_WORD} [^;]*"
        rf"|attach partition {NAME} (?:default|for values [^;]*)"
        rf"|alter (?:column )?{_WORD} (?:set|add|type|reset) [^;]*|cluster on {NAME}|set without cluster"
        rf"|replica identity (?:full|nothing|default|using index {NAME})|inherit {NAME}"
        rf"|(?:enable|disable)(?: always| replica)? (?:rule|trigger(?! all$)) {_WORD}"
        r"|(?:no force|force|enable|disable) row level security)",
    ),
    (Way.LOAD, rf"alter (?:materialized )?view {NAME} alter (?:column )?{_WORD} set [^;]*"),
    (Way.LOAD, rf"alter materialized view (?:only )?{NAME} cluster on {NAME}"),
    (
        Way.LOAD,
        rf"alter index {NAME} (?:attach partition {NAME}|alter (?:column )?0 set statistics 0)",
    ),
    (Way.LOAD, rf"alter sequence {NAME} owned by {NAME}"),
    (Way.LOAD, rf"alter domain {NAME} add constraint {_WORD} [^;]*"),
    (Way.LOAD, rf"alter statistics {NAME} set statistics 0"),
    (
        Way.LOAD,
        rf"alter (?:{_ROUTINE} {NAME} \(\)|index {NAME}|materialized view {NAME}"
        rf"|trigger {_WORD} on {NAME}) depends on extension {_WORD}",
    ),
    (Way.LOAD, rf"refresh materialized view {NAME}"),
    (Way.LOAD, rf"create publication {_WORD}{_WITH}"),
    (Way.LOAD, rf"alter publication {_WORD} add table (?:only )?{NAME}(?: \(\))?(?: where \(\))?"),
    (Way.LOAD, rf"security label (?:for (?:'|{_WORD}) )?on (?:{_PLAIN_KINDS}) is (?:'|null)"),
    # Extensions, before all that their scripts could call by mistake.
    (Way.EXTENSION, rf"create extension (?:if not exists )?{_WORD}(?: with schema {_WORD})?"),
    # Comments, owners and rights.
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
    # Runs C code, reaches other servers, or can't be checked by the server.
    (Way.SUPERUSER, rf"create operator (?:class|family) {NAME}[^;]*|alter operator family {NAME} [^;]*"),
    (Way.SUPERUSER, rf"create type {NAME}(?: \(\))?"),
    (Way.SUPERUSER, r"create cast \(\) without function(?: as (?:implicit|assignment))?"),
    (Way.SUPERUSER, rf"create transform for {NAME} language {_WORD} \(\)"),
    (Way.SUPERUSER, rf"create text search (?:parser|template) {NAME} \(\)"),
    (Way.SUPERUSER, rf"create access method {_WORD} type {_WORD} handler {NAME}"),
    (
        Way.SUPERUSER,
        rf"create foreign data wrapper {_WORD}(?: no)?(?: handler)?(?: {NAME})?(?: no)?(?: validator)?"
        rf"(?: {NAME})?(?: options \(\))?",
    ),
    (
        Way.SUPERUSER,
        rf"create server {_WORD}(?: type ')?(?: version ')? foreign data wrapper {_WORD}(?: options \(\))?",
    ),
    (Way.SUPERUSER, rf"create user mapping for {_WORD} server {_WORD}(?: options \(\))?"),
    (
        Way.SUPERUSER,
        rf"create foreign table {NAME} \(\)(?: inherits \(\))? server {_WORD}(?: options \(\))?",
    ),
    (Way.SUPERUSER, rf"alter foreign table (?:only )?{NAME} alter (?:column )?{_WORD} [^;]*"),
    (Way.SUPERUSER, rf"create (?:or replace )?(?:trusted )?(?:procedural )?language {_WORD}"),
    (
        Way.SUPERUSER,
        rf"comment on (?:server {_WORD}|foreign data wrapper {_WORD}|access method {_WORD}"
        rf"|(?:procedural )?language {_WORD}) is (?:'|null)",
    ),
    (Way.TRIGGERS, rf"alter table (?:only )?{NAME} (?:enable|disable) trigger all"),
    # pg_dump 9 and 10 name the database that they read, whatever it is loaded into.
    (Way.LEFT_OUT, rf"(?:comment|security label(?: for (?:'|{_WORD}))?) on database {_WORD} is (?:'|null)"),
    (Way.LEFT_OUT, rf"(?:create|alter|comment on) subscription {_WORD} [^;]*"),
)


@cache
def _by_first_word() -> dict[str, list[tuple[Way, re.Pattern[str]]]]:
    """The patterns by their first words, compiled on first use, since few commands read scripts."""
    found: dict[str, list[tuple[Way, re.Pattern[str]]]] = {}
    for way, pattern in _PATTERNS:
        for first in set(re.findall(r"(?:^|\||\(\?:)([a-z]+)", pattern)):
            found.setdefault(first, []).append((way, re.compile(pattern, re.DOTALL)))
    return found


def fitting(short: str) -> Way:
    """How a statement of this short form is dealt with."""
    for way, pattern in _by_first_word().get(short.partition(" ")[0], ()):
        if pattern.fullmatch(short):
            return way
    return Way.NOT
