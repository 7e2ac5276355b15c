"""The practice school's database: its schema, and rows that resemble a Chilean school's admission."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from importlib.resources import files
from itertools import islice

import psycopg
from psycopg import sql
from psycopg.copy import QueuedLibpqWriter

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.demo.school_families import Families
from mtn_tui.demo.school_rows import TABLES

NAME = "Admisión_MTN_DB"
NEWEST = datetime(2026, 9, 15, 21, 30, tzinfo=UTC)
_AFTER_THE_DATA = "-- After the data\n"
_MOST_ROWS = 100_000_000
_BATCH = 2000


def build(
    conninfo: str,
    *,
    rows: int = 5000,
    seed: int = 1,
    newest: datetime = NEWEST,
    progress: Callable[[int], None] = lambda done: None,
) -> int:
    """Create the whole school in an empty database; return its number of rows.

    ``rows`` is the approximate total; ``newest`` is the latest time of any row. The
    same arguments always give the same rows. ``progress`` is called with the rows
    written so far. Keys and indexes are created after the rows, as in a load.
    """
    _check(rows)
    before, after = _script()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(before)
        done = fill(connection, rows, seed, progress, newest=newest)
        connection.execute(after)
        connection.execute("ANALYZE")
    return done


def fill(
    connection: psycopg.Connection[tuple[object, ...]],
    rows: int,
    seed: int,
    progress: Callable[[int], None] = lambda done: None,
    *,
    newest: datetime = NEWEST,
) -> int:
    """Write the rows by COPY into the empty tables of the school, with or without their keys.

    Returns how many. All in one transaction, unless the caller opened one. Raises
    UsageError if ``rows`` is out of range.
    """
    _check(rows)
    families = Families(rows, seed, newest)
    done = 0
    with connection.transaction(), connection.cursor() as cursor:
        for table in TABLES:
            columns = table.columns.split()
            copy_in = sql.SQL("COPY {} ({}) FROM STDIN").format(
                sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, columns))
            )
            with cursor.copy(copy_in, writer=QueuedLibpqWriter(cursor)) as copy:
                for batch in _batches(table.rows(families)):
                    copy.write("".join(batch))
                    done += len(batch)
                    progress(done)
            if "id" in columns:
                _continue_numbering(cursor, table.name)
        cursor.execute(
            "SELECT setval('application_folio_seq',"
            " greatest(100001, (SELECT max(substr(folio, 5)::bigint) FROM applications)))"
        )
    return done


def _check(rows: int) -> None:
    if not 0 < rows <= _MOST_ROWS:
        raise UsageError(
            _("A practice school of {rows} rows cannot be made.").format(rows=rows),
            _("Ask for 1 to {most} rows.").format(most=_MOST_ROWS),
        )


def _continue_numbering(cursor: psycopg.Cursor[tuple[object, ...]], table: str) -> None:
    """Set the identity column to continue after the rows just written."""
    found = cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table]).fetchone()
    if found and found[0]:
        statement = sql.SQL("SELECT setval(%s, (SELECT max(id) FROM {}))").format(sql.Identifier(table))
        cursor.execute(statement, [found[0]])


def _batches(rows: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, _BATCH)):
        yield batch


def _script() -> tuple[bytes, bytes]:
    text = files("mtn_tui.demo").joinpath("school.sql").read_text("utf-8")
    before, after = text.split(_AFTER_THE_DATA)
    return before.encode(), after.encode()
