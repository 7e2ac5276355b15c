"""Keeps other hosts out with an advisory lock in the maintenance database.

Advisory locks belong to one database, so they are always taken in the same one;
the key identifies the database that is meant. The server releases the lock when
the connection ends, for whatever reason; but a busy one may see only later that
a program has ended.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import Locked
from mtn_tui.core.i18n import _
from mtn_tui.postgres.connection import MAINTENANCE, Connection, connect, translated
from mtn_tui.postgres.server import Server

_PATIENCE = 5.0
"""Seconds for which a lock that is taken may be that of a program which has ended."""

_AGAIN = 0.1


@contextmanager
def advisory_lock(
    server: Server, key: int, application: str, token: CancelToken | None = None
) -> Iterator[None]:
    """Hold the lock for the block; raises Locked, naming the holder, if it is taken and stays so for seconds.

    ``application`` (under 64 bytes) is what other hosts are told. Waiting for the
    server ends once ``token`` is cancelled.
    """
    with connect(server, MAINTENANCE, application, own_session=True, token=token) as connection:
        token = token or CancelToken()
        until = time.monotonic() + _PATIENCE
        while not _try(connection, key):
            if time.monotonic() > until:
                raise _refusal(connection, key)
            token.wait(_AGAIN)
            token.check()
        yield


def _try(connection: Connection, key: int) -> bool:
    with translated():
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone()
    return row == (True,)


def who_has(connection: Connection, key: int) -> str:
    """Describe the holder of a lock; empty if it is free."""
    found = _holder(connection, key)
    return " ".join(found) if found else ""


def _holder(connection: Connection, key: int) -> tuple[str, str, str] | None:
    with translated():
        row = connection.execute(
            """
            SELECT application_name, coalesce(host(client_addr), 'localhost'),
                   to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS TZ')
            FROM pg_locks JOIN pg_stat_activity USING (pid)
            WHERE locktype = 'advisory' AND granted AND objsubid = 1
              AND (classid::bigint << 32) | objid::bigint = %s
            """,
            [key],
        ).fetchone()
    return (str(row[0]), str(row[1]), str(row[2])) if row else None


def _refusal(connection: Connection, key: int) -> Locked:
    who, where, since = _holder(connection, key) or ("?", "?", "?")
    return Locked(
        _("Already running on another host: {who}, connected from {where} since {since}.").format(
            who=who, where=where, since=since
        ),
        _("Wait until it is done, or run there: mtn job list"),
    )
