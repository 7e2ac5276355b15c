"""Applies a differential to its full, as psql would, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, count

from mtn_tui.archive import mark, statements
from mtn_tui.archive.reader import Archive
from mtn_tui.archive.rows import CopyRows
from mtn_tui.archive.statements import CopyIn, Event, PsqlCommand, Statement
from mtn_tui.core.cancel import CancelToken
from mtn_tui.operations.restore.load import counted, play
from mtn_tui.postgres.load import LoadConnection
from mtn_tui.postgres.load_chunks import EMPTY_PATH

_STOPS_AT_ERRORS = b"\\set ON_ERROR_STOP on"
"""The command for psql in a differential: what we do anyway."""


def apply_changes(
    archive: Archive,
    full: str,
    connection: LoadConnection,
    token: CancelToken,
    advance: Callable[[int], None],
) -> None:
    """Apply a differential on the full with the id ``full``, which ``connection``'s database was loaded from.

    ``advance`` gets bytes of SQL. Raises PostgresError, and then nothing has changed.
    """
    # A load leaves out the mark, which the differential demands.
    connection.execute(mark.statement(full.encode()))
    sections = archive.manifest.sections
    changed: dict[bytes, int] = {}
    tries = count()

    def apply() -> None:
        again = next(tries) > 0
        changed.clear()
        pieces = chain.from_iterable(archive.sql(section) for section in sections)
        sized = counted(pieces, token, (lambda _bytes: None) if again else advance)
        play(events(sized, again), connection)

    def events(pieces: Iterator[bytes], again: bool) -> Iterator[Event]:
        table = b""
        for event in statements.read(pieces):
            if isinstance(event, PsqlCommand) and event.line == _STOPS_AT_ERRORS:
                continue
            if isinstance(event, CopyIn):
                table = _table(event.sql)
            elif isinstance(event, CopyRows):
                changed[table] = changed.get(table, 0) + event.data.count(b"\n")
            if again and isinstance(event, Statement) and EMPTY_PATH.match(event.sql):
                continue  # a function needs the search path that is set for this second try
            yield event

    with token.calling(connection.cancel):
        connection.on_the_path(apply)
        connection.analyze_changed(
            {table: rows for table, rows in changed.items() if not table.startswith(b"pg_temp.")}
        )


def _table(copy: bytes) -> bytes:
    """The table of a COPY statement, as it stands there."""
    name = copy.removeprefix(b"COPY ").removesuffix(b" FROM stdin")
    return name.rsplit(b" (", 1)[0] if name.endswith(b")") else name
