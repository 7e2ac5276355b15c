"""Statements of a dump that the owner of a database may not execute, told by their text.

PostgreSQL keeps them to superusers: they reach past the database, or run code
that nobody checks.
"""

from __future__ import annotations

import re

_BUILT_IN = rb"[\w ()\[\],]+|\"char\"(?:\[\])?"
"""A type as pg_dump names it: those of PostgreSQL itself stand without a schema."""

_ALWAYS = re.compile(
    rb"CREATE (?:"
    rb"EVENT TRIGGER |ACCESS METHOD |FOREIGN DATA WRAPPER |SERVER |TRANSFORM |"
    rb"(?:OR REPLACE )?(?:TRUSTED )?(?:PROCEDURAL )?LANGUAGE |"
    rb"OPERATOR (?:CLASS|FAMILY) |"
    rb"TEXT SEARCH (?:PARSER|TEMPLATE) |"
    rb"PUBLICATION .* FOR (?:ALL TABLES|TABLES IN SCHEMA|ALL SEQUENCES)\b|"
    rb"CAST \(.*\) WITHOUT FUNCTION|"
    rb"CAST \((?:%(type)b) AS (?:%(type)b)\) |"
    # A base type, or the shell of one; others are made AS something.
    rb"TYPE (?:\"(?:[^\"]|\"\")+\"|[^\s\"(;])+(?:\Z|\s*\()"
    rb")|ALTER (?:PUBLICATION .* ADD TABLES IN SCHEMA |OPERATOR FAMILY .* ADD )" % {b"type": _BUILT_IN},
    re.DOTALL,
)
_ROUTINE = re.compile(rb"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) ")
_OPTIONS = re.compile(rb"\n    LANGUAGE (\S+)([^\n]*)")
_SETS = re.compile(rb"\n    SET ([\w.]+) TO ")
_BODY = re.compile(rb"\n    (?:AS |BEGIN ATOMIC|RETURN )")
_AGGREGATE = re.compile(rb"CREATE AGGREGATE .*\bM?STYPE = internal\b", re.DOTALL)


def is_for_superusers(statement: bytes) -> bool:
    """Whether the owner of a database may not execute it, as pg_dump writes it, on any server."""
    if _ALWAYS.match(statement) or _AGGREGATE.match(statement):
        return True
    options = _OPTIONS.search(_head(statement)) if _ROUTINE.match(statement) else None
    return options is not None and (
        options[1] in (b"c", b"internal") or re.search(rb" (?:LEAKPROOF|SUPPORT )", options[2]) is not None
    )


def set_by_a_routine(statement: bytes) -> list[str]:
    """Parameters that a function or procedure sets while it runs; making it takes the right to set them."""
    if not _ROUTINE.match(statement):
        return []
    return [name.decode(errors="replace").lower() for name in _SETS.findall(_head(statement))]


def _head(routine: bytes) -> bytes:
    body = _BODY.search(routine)
    return routine[: body.start()] if body else routine
