"""Tells from the text of a post-data statement of pg_dump what it needs and locks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from mtn_tui.postgres import statistics


class Closing(StrEnum):
    """What a post-data statement does, as far as its order matters."""

    KEY = "key"
    """Makes an index: needs the table's rows."""
    FOREIGN_KEY = "foreign key"
    """Needs all rows and keys; two on one table can't be made at the same time."""
    STATISTICS = "statistics"
    """Tells the planner what ANALYZE would: needs the rows, and comes before queries."""
    REFRESH = "refresh"
    """Runs a query, so ANALYZE comes before it; no query needs foreign keys, which are made beside it."""
    COMMENT = "comment"
    """Nothing depends on it, so it may be delayed until the next statement."""
    OTHER = "other"
    """Keeps its place."""


@dataclass(frozen=True, slots=True)
class Closer:
    """A post-data statement."""

    what: Closing
    sql: bytes
    tables: tuple[str, ...]
    """Tables that it uses or makes, named as pg_dump writes them."""


_TABLE = rb'((?:"(?:[^"]|"")*"|[^\s".(;]+)(?:\.(?:"(?:[^"]|"")*"|[^\s".(;]+))?)'
_NAME = rb'(?:"(?:[^"]|"")*"|[^\s"]+)'
_COLUMNS = rb'\((?:"(?:[^"]|"")*"|[^")])*\)'
_INDEX = re.compile(rb"CREATE (?:UNIQUE )?INDEX %b ON (?:ONLY )?%b" % (_NAME, _TABLE))
_KEY = re.compile(
    rb"ALTER TABLE (?:ONLY )?%b\s+ADD CONSTRAINT %b (?:PRIMARY KEY|UNIQUE|EXCLUDE)\b" % (_TABLE, _NAME)
)
_FOREIGN = re.compile(
    rb"ALTER TABLE (?:ONLY )?%b\s+ADD CONSTRAINT %b FOREIGN KEY %b REFERENCES %b"
    % (_TABLE, _NAME, _COLUMNS, _TABLE)
)
_VIEW = re.compile(rb"CREATE MATERIALIZED VIEW %b" % _TABLE)
_REFRESH = re.compile(rb"REFRESH MATERIALIZED VIEW %b" % _TABLE)
_COMMENT = re.compile(rb"COMMENT ON\b")


def closer(statement: bytes) -> Closer:
    """Classify a post-data statement."""
    for what, pattern in (
        (Closing.KEY, _INDEX),
        (Closing.KEY, _KEY),
        (Closing.FOREIGN_KEY, _FOREIGN),
        (Closing.OTHER, _VIEW),
    ):
        if found := pattern.match(statement):
            return Closer(
                what, statement, tuple(name.decode(errors="surrogateescape") for name in found.groups())
            )
    if statistics.are_set(statement):
        return Closer(Closing.STATISTICS, statement, ())
    if found := _REFRESH.match(statement):
        return Closer(Closing.REFRESH, statement, (found[1].decode(errors="surrogateescape"),))
    return Closer(Closing.COMMENT if _COMMENT.match(statement) else Closing.OTHER, statement, ())


def refreshes(statement: bytes) -> bool:
    """Return whether a statement fills a materialized view, or empties it."""
    return _REFRESH.match(statement) is not None
