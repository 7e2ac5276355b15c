"""Swaps a database for another, keeping the old one under another name.

One transaction renames both, so that the name always leads to either the old or
the new one, complete, whatever dies meanwhile. Sessions are ended from a second
connection every 50 ms: RENAME waits some seconds for sessions that connected
before its lock, which blocks later ones.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from mtn_tui.core.clock import Clock
from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.postgres.connection import Connection, translated
from mtn_tui.postgres.subscriptions import Subscription, with_tables

_END_EVERY = 0.05
_TRIES = 3
_TRY_AGAIN_AFTER = 1.0
"""Seconds between tries, in which clients can use the old database."""

# The rule of pg_terminate_backend. Processes without a user are the server's; RENAME ends them itself.
_ENDABLE: LiteralString = """
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
    OR NOT r.rolsuper AND (pg_has_role(r.oid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE'))
"""


@dataclass(frozen=True)
class Obstacles:
    """What would prevent renaming a database."""

    owner: str
    """Its owner, if we may not rename it therefore; else empty."""
    owner_is_superuser: bool
    prepared: tuple[str, ...]
    """Prepared transactions, by their names for COMMIT PREPARED."""
    slots: tuple[str, ...]
    """Logical replication slots, which stay with the old database."""
    stubborn: tuple[str, ...]
    """Users whose sessions we may not end."""
    sessions: int
    subscriptions: tuple[Subscription, ...] = ()
    """Enabled subscriptions."""


def obstacles(connection: Connection, database: str) -> Obstacles:
    """Return the obstacles to renaming ``database``; none if it does not exist."""
    with translated(_("looking at {database}").format(database=database)):
        owner = _one(
            connection,
            "SELECT pg_get_userbyid(datdba) FROM pg_database"
            " WHERE datname = %s AND NOT pg_has_role(datdba, 'USAGE')",
            database,
        )
        superuser = connection.execute(
            "SELECT rolsuper FROM pg_database JOIN pg_roles ON pg_roles.oid = datdba WHERE datname = %s",
            [database],
        ).fetchone()
        prepared = _one(
            connection, "SELECT gid FROM pg_prepared_xacts WHERE database = %s ORDER BY 1", database
        )
        slots = _one(
            connection, "SELECT slot_name FROM pg_replication_slots WHERE database = %s ORDER BY 1", database
        )
        stubborn = _one(
            connection,
            "SELECT DISTINCT r.rolname FROM pg_stat_activity AS a JOIN pg_roles AS r ON r.oid = a.usesysid"  # noqa: S608 - our own text
            f" WHERE a.datname = %s AND a.pid <> pg_backend_pid() AND NOT ({_ENDABLE}) ORDER BY 1",
            database,
        )
        sessions = _one(
            connection,
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND usesysid IS NOT NULL",
            database,
        )
    live = tuple(one for one in with_tables(connection, database) if one.enabled)
    of_superuser = superuser is not None and bool(superuser[0])
    return Obstacles(owner[0] if owner else "", of_superuser, prepared, slots, stubborn, len(sessions), live)


def _one(connection: Connection, query: LiteralString, database: str) -> tuple[str, ...]:
    return tuple(str(value) for (value,) in connection.execute(query, [database]).fetchall())


def swap(
    connection: Connection, other: Connection, renames: Sequence[tuple[str, str]], clock: Clock
) -> float:
    """Rename databases (from, to), all or none; return the seconds for which none could be used.

    Tries three times. Raises PostgresError, in which case nothing has changed.
    """
    oids = _oids(connection, [old for old, _new in renames])
    for left in reversed(range(_TRIES)):
        began = clock.monotonic()
        try:
            # Ending sessions stops before COMMIT, after which clients connect to the new database.
            emptied = _emptied(other, oids)
            with translated(_("renaming databases")), connection.transaction(), emptied:
                for old, new in renames:
                    connection.execute(
                        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                            sql.Identifier(old), sql.Identifier(new)
                        )
                    )
            return clock.monotonic() - began
        except PostgresError as error:
            if not isinstance(error.__cause__, psycopg.errors.ObjectInUse):
                raise
            if not left:
                raise _in_use(other, oids, renames[0][0]) from error
            threading.Event().wait(_TRY_AGAIN_AFTER)
    raise AssertionError("unreachable")


def _oids(connection: Connection, names: list[str]) -> list[int]:
    with translated():
        rows = connection.execute(
            "SELECT oid::bigint FROM pg_database WHERE datname = ANY(%s)", [names]
        ).fetchall()
    return [int(str(oid)) for (oid,) in rows]


def _in_use(connection: Connection, oids: list[int], database: str) -> PostgresError:
    with translated():
        rows = connection.execute(
            "SELECT DISTINCT coalesce(usename, backend_type) || ' ' || application_name FROM pg_stat_activity"
            " WHERE datid = ANY(%s::oid[])"
            " UNION ALL SELECT 'PREPARED TRANSACTION ' || quote_literal(gid) FROM pg_prepared_xacts"
            " WHERE database IN (SELECT datname FROM pg_database WHERE oid = ANY(%s::oid[]))"
            " ORDER BY 1",
            [oids, oids],
        ).fetchall()
    return PostgresError(
        _("{database} could not be swapped: it stayed in use in {tries} tries, by {who}.").format(
            database=database,
            tries=_TRIES,
            who=", ".join(str(one).strip() for (one,) in rows) or "?",
        ),
        _("Nothing has changed. Stop the services that use it (SERVICES_STOP_COMMAND), then run it again."),
        "5.1",
    )


@contextmanager
def _emptied(connection: Connection, oids: list[int]) -> Iterator[None]:
    """End all sessions in the databases that we may end, every 50 ms until the block ends."""
    over = threading.Event()

    def end_all() -> None:
        connection.execute(
            "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a"  # noqa: S608 - our own text
            " JOIN pg_roles AS r ON r.oid = a.usesysid"
            f" WHERE a.datid = ANY(%s::oid[]) AND a.pid <> pg_backend_pid() AND ({_ENDABLE})",
            [oids],
        )

    def go_on() -> None:
        while not over.wait(_END_EVERY):
            try:
                end_all()
            except psycopg.Error:
                return  # RENAME reports if the database is still in use

    end_all()
    thread = threading.Thread(target=go_on, name="mtn-emptier", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
