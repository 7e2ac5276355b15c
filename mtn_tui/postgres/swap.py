"""Puts a database in the place of another, which stays under another name.

One transaction renames both, so that the name leads to the old one or to the
new one, whole, whenever anything dies. Sessions are ended from a second
connection every 50 ms: RENAME waits some seconds for those that were in before
its lock, which makes all later ones wait.
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
"""Seconds, in which clients have the old database again."""

# pg_terminate_backend's own rule. What has no user is the server's, and RENAME sends it away by itself.
_ENDABLE: LiteralString = """
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
    OR NOT r.rolsuper AND (pg_has_role(r.oid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE'))
"""


@dataclass(frozen=True)
class Obstacles:
    """What would keep a database from getting another name."""

    owner: str
    """Who owns it, where we may not rename it for that; else empty."""
    prepared: tuple[str, ...]
    """Prepared transactions, by the name that COMMIT PREPARED takes."""
    slots: tuple[str, ...]
    """Logical replication slots: they stay with the old database, and whoever reads them finds another."""
    stubborn: tuple[str, ...]
    """Users whose sessions we may not end."""
    sessions: int
    subscriptions: tuple[Subscription, ...] = ()
    """Live ones, which take what a publisher sends."""


def obstacles(connection: Connection, database: str) -> Obstacles:
    """Look for them; the database may be missing, and then there are none."""
    with translated(_("looking at {database}").format(database=database)):
        owner = _one(
            connection,
            "SELECT pg_get_userbyid(datdba) FROM pg_database"
            " WHERE datname = %s AND NOT pg_has_role(datdba, 'USAGE')",
            database,
        )
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
    return Obstacles(owner[0] if owner else "", prepared, slots, stubborn, len(sessions), live)


def _one(connection: Connection, query: LiteralString, database: str) -> tuple[str, ...]:
    return tuple(str(value) for (value,) in connection.execute(query, [database]).fetchall())


def swap(
    connection: Connection, other: Connection, renames: Sequence[tuple[str, str]], clock: Clock
) -> float:
    """Rename databases, (from, to), all or none; return the seconds in which none could be used.

    Three tries. Raises PostgresError, and nothing has changed then.
    """
    oids = _oids(connection, [old for old, _new in renames])
    for left in reversed(range(_TRIES)):
        began = clock.monotonic()
        try:
            # Nobody is sent away any more once COMMIT lets them in, for that would be into the new one.
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
            " WHERE datid = ANY(%s::oid[])",
            [oids],
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
    """End all sessions in the databases that we may end, now and every 50 ms until the block ends."""
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
                return  # RENAME tells that somebody is still in there

    end_all()
    thread = threading.Thread(target=go_on, name="mtn-emptier", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
