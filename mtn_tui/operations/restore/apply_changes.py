"""Applies a differential to its full, as psql would, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, count

from mtn_tui.archive import mark, statements
from mtn_tui.archive.reader import Archive
from mtn_tui.archive.rows import CopyRows
from mtn_tui.archive.statements import CopyIn, Event, PsqlCommand, Statement
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import PostgresError
from mtn_tui.operations.restore.changes_without import LeftOut, table_of
from mtn_tui.operations.restore.load import counted, play
from mtn_tui.postgres.closers import refreshes
from mtn_tui.postgres.load import LoadConnection
from mtn_tui.postgres.load_chunks import EMPTY_PATH
from mtn_tui.postgres.load_without import Without
from mtn_tui.postgres.statement_kind import parts

_STOPS_AT_ERRORS = b"\\set ON_ERROR_STOP on"
"""The command for psql in a differential: what we do anyway."""

_NOT_FILLED = "55000"
"""SQLSTATE of a query that reads a materialized view which is not filled yet."""


def apply_changes(
    archive: Archive,
    full: str,
    connection: LoadConnection,
    without: Without,
    token: CancelToken,
    advance: Callable[[int], None],
) -> frozenset[tuple[str, ...]]:
    """Apply a differential on the full with the id ``full``, which ``connection``'s database was loaded from.

    Returns the tables that were changed, by schema and name: the script has counted their rows.
    ``without``: what the full was loaded without, and what more is left out. ``advance`` gets
    bytes of SQL. Raises PostgresError, and then nothing has changed.
    """
    # A load leaves out the mark, which the differential demands.
    connection.execute(mark.statement(full.encode()))
    kept = LeftOut(archive.manifest.rows(), connection, without).kept if without.extensions else None
    sections = archive.manifest.sections
    changed: dict[bytes, int] = {}
    views: list[bytes] = []
    tries = count()

    def apply() -> None:
        again = next(tries) > 0
        changed.clear()
        views.clear()
        pieces = chain.from_iterable(archive.sql(section) for section in sections)
        sized = counted(pieces, token, (lambda _bytes: None) if again else advance)
        told = statements.read(sized)
        play(events(kept(told) if kept else told, again), connection)

    def events(told: Iterator[Event], again: bool) -> Iterator[Event]:
        table = b""
        for event in told:
            if isinstance(event, PsqlCommand) and event.line == _STOPS_AT_ERRORS:
                continue
            if isinstance(event, Statement) and refreshes(event.sql):
                views.append(event.sql)
                continue
            if isinstance(event, CopyIn):
                table = table_of(event.sql)
                if not table.startswith(b"pg_temp."):
                    changed[table] = 0
            elif isinstance(event, CopyRows) and table in changed:
                changed[table] += event.data.count(b"\n")
            if again and isinstance(event, Statement) and EMPTY_PATH.match(event.sql):
                continue  # a function needs the search path that is set for this second try
            yield event

    with token.calling(connection.cancel):
        connection.on_the_path(apply)
        connection.analyze_changed(changed)
        _refresh(views, connection)
    return frozenset(parts(table.decode(errors="surrogateescape")) for table in changed)


def _refresh(views: Sequence[bytes], connection: LoadConnection) -> None:
    """Fill materialized views: one that reads another within a function after that, as only trying tells."""
    left = views
    while left:
        unfilled: dict[bytes, PostgresError] = {}
        for view in left:
            try:
                connection.execute(view)
            except PostgresError as error:
                if error.sqlstate != _NOT_FILLED:
                    raise
                unfilled[view] = error
        if len(unfilled) == len(left):
            raise unfilled[left[0]]
        left = list(unfilled)
