"""Applies a differential to its full, as psql would, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from mtn_tui.archive import mark, statements
from mtn_tui.archive.reader import Archive
from mtn_tui.archive.statements import CopyIn, Event, PsqlCommand
from mtn_tui.core.cancel import CancelToken
from mtn_tui.operations.restore.load import counted, play
from mtn_tui.postgres.load import LoadConnection

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
    pieces = chain.from_iterable(archive.sql(section) for section in sections)
    filled: list[bytes] = []

    def events() -> Iterator[Event]:
        for event in statements.read(counted(pieces, token, advance)):
            if isinstance(event, PsqlCommand) and event.line == _STOPS_AT_ERRORS:
                continue
            if isinstance(event, CopyIn):
                filled.append(event.sql)
            yield event

    with token.calling(connection.cancel):
        play(events(), connection)
        if tables := _tables(filled):
            connection.analyze(tables)


def _tables(copies: list[bytes]) -> list[bytes]:
    """The tables of COPY statements, without those that the differential makes for itself."""
    names = (sql.removeprefix(b"COPY ").removesuffix(b" FROM stdin") for sql in copies)
    bare = (name.rsplit(b" (", 1)[0] if name.endswith(b")") else name for name in names)
    return [name for name in bare if not name.startswith(b"pg_temp.")]
