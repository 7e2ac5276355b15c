"""Tells whether a connection is PostgreSQL's own, or a pooler's that shares sessions between clients.

A pooler (pgbouncer, PgCat, Odyssey, Supavisor, RDS Proxy) reports a made-up
backend pid, which differs from the server's. A pooler of *sessions* is
harmless. A pooler of *transactions* gives the session to the next client:
settings leak into the application, and an advisory lock is never released.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

import psycopg

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _

Connection = psycopg.Connection[tuple[object, ...]]

_LOOKS = 3
"""Sessions held at once; several, since other clients may take sessions in between."""


def is_pooled(connection: Connection) -> bool:
    """Return whether a pooler is between us and the server."""
    return connection.info.backend_pid != _backend(connection)


def shares_sessions(
    connection: Connection, another: Callable[[], AbstractContextManager[Connection]]
) -> bool:
    """Return whether a pooled session is given to other clients after each transaction.

    ``another`` opens one more connection of the same kind. Raises psycopg.Error.
    """
    own = _backend(connection)
    with ExitStack() as held:
        for _look in range(_LOOKS):
            other = held.enter_context(another())
            try:
                other.execute("BEGIN")  # it now keeps its session
            except psycopg.Error:
                return True  # statement poolers allow no transactions
            if _backend(other) == own or _backend(connection) != own:
                return True
    return False


def refusal(connection: Connection, where: str) -> PostgresError:
    """Return the error for dumping or loading through it, with the address of PostgreSQL itself."""
    row = connection.execute(
        "SELECT coalesce(host(inet_server_addr()), ''), current_setting('port')"
    ).fetchone()
    host, port = (str(row[0]), str(row[1])) if row else ("", "")
    return PostgresError(
        _(
            "At {where} a pooler shares each session among its clients (transaction pooling): neither "
            "a dump nor a restore is safe through it."
        ).format(where=where),
        _("Connect to PostgreSQL itself, which listens on port {port}: DB_PORT={port}").format(port=port)
        + (" " + _("(DB_HOST={host}, if it is another machine).").format(host=host) if host else "."),
    )


def _backend(connection: Connection) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return int(str(row[0])) if row else 0
