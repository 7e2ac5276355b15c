"""Is a connection PostgreSQL's own, or one of a pooler that gives its session to others in between?

A pooler (pgbouncer, PgCat, Odyssey, Supavisor, RDS Proxy) answers with a
backend's number of its own making; the server's own tells it apart. One that
pools *sessions* is as good as none. One that pools *transactions* gives the
session to whoever asks next: what is set in it reaches the application, and an
advisory lock stays in it for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

import psycopg

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _

Connection = psycopg.Connection[tuple[object, ...]]

_LOOKS = 3
"""Sessions held at once; what others take of the pool in between needs a second look."""


def is_pooled(connection: Connection) -> bool:
    """Whether something between us and the server answers for it."""
    return connection.info.backend_pid != _backend(connection)


def shares_sessions(
    connection: Connection, another: Callable[[], AbstractContextManager[Connection]]
) -> bool:
    """Whether a pooled session is another's as soon as a statement is done.

    ``another`` opens one more connection of the same kind. Raises psycopg.Error.
    """
    own = _backend(connection)
    with ExitStack() as held:
        for _look in range(_LOOKS):
            other = held.enter_context(another())
            try:
                other.execute("BEGIN")  # it keeps its session from here on
            except psycopg.Error:
                return True  # poolers of single statements allow no transaction
            if _backend(other) == own or _backend(connection) != own:
                return True
    return False


def refusal(connection: Connection, where: str) -> PostgresError:
    """Why nothing is dumped or loaded through it, and where PostgreSQL itself listens."""
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
