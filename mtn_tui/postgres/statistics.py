"""The planner's statistics that a dump carries, from PostgreSQL 18 on.

A restore that has them need not gather them by ANALYZE, which takes a good part of its time.
Of a table with extended statistics, which pg_dump 18 leaves out, all are gathered.
"""

from __future__ import annotations

import re

from mtn_tui.postgres.statement_kind import parts

SINCE = 18
"""The first major version whose pg_dump writes them and whose server takes them."""

_LITERAL = rb"(E?'(?:[^'\\]|''|\\.)*')"
_STATISTICS = re.compile(rb"SELECT \* FROM pg_catalog\.pg_restore_(?:relation|attribute|extended)_stats\(")
_UNCOUNTED = re.compile(rb"_relation_stats\([^)]*'reltuples', '-1'::")
_OF_A_COLUMN = re.compile(rb"SELECT \* FROM pg_catalog\.pg_restore_attribute_stats\(")
_WHOSE = re.compile(rb"'schemaname', %b,\s+'relname', %b[,\s]" % (_LITERAL, _LITERAL))
_EXTENDED = re.compile(rb'CREATE STATISTICS .* FROM (?:ONLY )?((?:"(?:[^"]|"")*"|[^\s"])+)\Z', re.DOTALL)


def are_set(statement: bytes) -> bool:
    """Whether a statement sets statistics of a table, an index or one of its columns."""
    return _STATISTICS.match(statement) is not None


def say_nothing(statement: bytes) -> bool:
    """Whether they only say that nobody has counted the rows yet."""
    return _UNCOUNTED.search(statement) is not None


def of_a_column(statement: bytes) -> bool:
    """Whether a statement sets those of a column, or of an index's expression."""
    return _OF_A_COLUMN.match(statement) is not None


def whose(statement: bytes) -> tuple[str, ...]:
    """The schema and name of the table, view or index whose statistics are set; empty if none is named."""
    found = _WHOSE.search(statement)
    return (_value(found[1]), _value(found[2])) if found else ()


def extended(statement: bytes) -> tuple[str, ...]:
    """The schema and name of the table about which extended statistics are made; empty if it makes none."""
    found = _EXTENDED.match(statement)
    return tuple(parts(found[1].decode(errors="surrogateescape"))) if found else ()


def _value(literal: bytes) -> str:
    """What an SQL string stands for, as pg_dump writes it."""
    text = literal.removeprefix(b"E")[1:-1].replace(b"''", b"'")
    return (text.replace(b"\\\\", b"\\") if literal[:1] == b"E" else text).decode(errors="surrogateescape")
