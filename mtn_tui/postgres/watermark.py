"""Transactions that a full leaves in the server's own history, by which a differential knows it again.

Where a server was put back to an earlier state, by a snapshot of its disk perhaps,
it has the same identifier and uses the same transaction ids once more. So
some transactions are committed and some rolled back, by chance, right after the snapshot; on
a server with another history since they have another outcome, or are still to come.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import psycopg

from mtn_tui.postgres.connection import Connection, translated

_TRANSACTIONS = 16
_FLUSH_SECONDS = 30
"""How long to wait until the log is on the server's disk. Its own writer needs a fifth of a second."""


@dataclass(frozen=True)
class Watermark:
    """What was left."""

    transactions: tuple[tuple[int, bool], ...]
    """Each one's id, of 64 bits, and whether it was committed. Empty on a standby."""
    lsn: str
    """Where the log was afterwards."""


def leave(connection: Connection) -> Watermark:
    """Leave a watermark. Raises PostgresError."""
    with translated():
        if _in_recovery(connection):
            return Watermark((), _value(connection, "SELECT pg_last_wal_replay_lsn()::text"))
        found = []
        for _number in range(_TRANSACTIONS):
            committed = random.random() < 0.5  # noqa: S311 - it only has to differ from time to time
            connection.execute("BEGIN")
            xid = _value(connection, "SELECT pg_current_xact_id()::text")
            connection.execute("COMMIT" if committed else "ROLLBACK")
            found.append((int(xid), committed))
        return Watermark(tuple(found), _value(connection, "SELECT pg_current_wal_insert_lsn()::text"))


def until_flushed(connection: Connection, mark: Watermark) -> Watermark | None:
    """Wait until the server's disk has the log up to the mark; None if it has not after half a minute.

    Before, a crash of the server could take back what the backup holds and use its transaction ids again.
    """
    if not mark.transactions:
        return mark
    with translated():
        until = time.monotonic() + _FLUSH_SECONDS
        while not _value(connection, "SELECT pg_current_wal_flush_lsn() >= %s::pg_lsn", mark.lsn):
            if time.monotonic() > until:
                return None
            time.sleep(0.05)
    return mark


def holds(connection: Connection, transactions: tuple[tuple[int, bool], ...]) -> bool | None:
    """Whether the server has had exactly these transactions; None if it does not remember them any more."""
    remembered = True
    for xid, committed in transactions:
        try:
            with translated():
                row = connection.execute("SELECT pg_xact_status(%s::text::xid8)", [str(xid)]).fetchone()
        except Exception as error:
            if isinstance(error.__cause__, psycopg.errors.InvalidParameterValue):
                return False  # it is still to come
            raise
        status = row[0] if row else None
        if status is None:
            remembered = False
        elif status != ("committed" if committed else "aborted"):
            return False
    return True if remembered else None


def _in_recovery(connection: Connection) -> bool:
    return bool(_value(connection, "SELECT pg_is_in_recovery()"))


def _value(connection: Connection, query: str, *values: object) -> str:
    row = connection.execute(query.encode(), values or None).fetchone()
    return str(row[0]) if row and row[0] is not False else ""
