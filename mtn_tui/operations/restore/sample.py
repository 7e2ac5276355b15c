"""Loads a backup's schema and a few rows of each table, to find what is wrong with loading it.

It executes what a restore would, in the script's order and on one connection, except foreign keys, which
need all rows, statistics, large objects, and subscriptions, which are for one database only. Rows are
needed for the most frequent failure, in functions, which run only if there is a row for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from mtn_tui.archive import statements
from mtn_tui.archive.manifest import Section
from mtn_tui.archive.reader import Archive
from mtn_tui.archive.rows import CopyRows
from mtn_tui.archive.sections import Part
from mtn_tui.archive.statements import CopyIn, Event, Statement
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import PostgresError
from mtn_tui.postgres.load import LoadConnection
from mtn_tui.postgres.statistics import are_set

ROWS = 100
"""Rows to load of each table, its first ones."""

_OF_A_CHECK = "23514"

_LEFT_OUT = re.compile(
    rb"ALTER TABLE .*\sADD CONSTRAINT .* FOREIGN KEY \(|COMMENT ON CONSTRAINT |"
    rb"(?:CREATE|ALTER|COMMENT ON) SUBSCRIPTION |"
    rb"(?:GRANT|REVOKE) [A-Z, ]+ ON LARGE OBJECT ",  # they count as rows, and are not loaded
    re.DOTALL,
)
_OF_EXTENSIONS = b"""
    SELECT pg_catalog.format('%I.%I', nspname, relname) FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_class AS c ON c.oid = d.objid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'e'
"""


def load_sample(
    archive: Archive, connection: LoadConnection, token: CancelToken, advance: Callable[[int], None]
) -> None:
    """Load the sample into the database of ``connection``, which is empty. ``advance`` counts sections."""
    sections = archive.manifest.sections
    _schema(archive, _of(sections, Part.PRE_DATA), connection, token, advance)
    extensions = {str(name) for (name,) in connection.rows(_OF_EXTENSIONS)}
    for section in _of(sections, Part.TABLE):
        token.check()
        if not section.cut and section.table not in extensions:
            _try_rows(archive, section, connection)
        advance(1)
    _schema(archive, _of(sections, Part.POST_DATA), connection, token, advance)


def _of(sections: Iterable[Section], part: Part) -> list[Section]:
    return [section for section in sections if section.part is part]


def _schema(
    archive: Archive,
    sections: Iterable[Section],
    connection: LoadConnection,
    token: CancelToken,
    advance: Callable[[int], None],
) -> None:
    def script() -> Iterator[bytes]:
        for section in sections:
            yield from archive.sql(section)
            advance(1)

    for event in statements.read(script()):
        token.check()
        if isinstance(event, Statement) and not (_LEFT_OUT.match(event.sql) or are_set(event.sql)):
            connection.execute(event.sql)


def _try_rows(archive: Archive, section: Section, connection: LoadConnection) -> None:
    try:
        connection.on_the_path(lambda: _rows(archive, section, connection))
    except PostgresError as error:
        # Its function may look for a row of another table that is not among the first ones.
        if error.sqlstate != _OF_A_CHECK or not connection.checks_call_functions():
            raise


def _rows(archive: Archive, section: Section, connection: LoadConnection) -> None:
    events = statements.read(archive.sql(section), open_end=True)
    for event in events:
        if isinstance(event, CopyIn):
            with connection.copy(event.sql) as write:
                for piece in _first(events):
                    write(piece)
            return


def _first(events: Iterator[Event]) -> Iterator[bytes]:
    """The first lines of the rows that come next."""
    left = ROWS
    for event in events:
        if not isinstance(event, CopyRows) or not left:
            return
        lines = event.data.split(b"\n", left)
        if len(lines) <= left:
            yield event.data
            left -= len(lines) - 1
        else:
            yield event.data[: len(event.data) - len(lines[-1])]
            return
