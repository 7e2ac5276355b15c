"""Asks a server what holds its horizon back: the oldest transaction whose rows nothing may clean up yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString

from psycopg import sql
from psycopg.rows import namedtuple_row

from mtn_tui.postgres.connection import Connection, translated


@dataclass(frozen=True)
class Transaction:
    """An open transaction of a session: whose, for how many seconds, and the session's state."""

    pid: int
    user: str
    application: str
    state: str
    seconds: float


@dataclass(frozen=True)
class Prepared:
    """A transaction of two-phase commit: its name (and as a literal), its database, its age in seconds."""

    name: str
    literal: str
    database: str
    seconds: float


@dataclass(frozen=True)
class Slot:
    """A replication slot that nobody reads: its name (and as a literal), and bytes of WAL it keeps."""

    name: str
    literal: str
    kept: int | None


@dataclass(frozen=True)
class Held:
    """What holds the horizon back."""

    user: str
    """As whom we asked."""
    transactions: tuple[Transaction, ...] = ()
    prepared: tuple[Prepared, ...] = ()
    slots: tuple[Slot, ...] = ()
    hidden: int = 0
    """Sessions of others whose transactions are not shown to us."""
    oldest_row: int = 0
    """Transactions since the oldest row that is not frozen, in any database."""


_TRANSACTIONS = """
    SELECT pid, usename::text AS user, application_name AS application, coalesce(state, '') AS state,
           extract(epoch FROM clock_timestamp() - xact_start)::float AS seconds
    FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND clock_timestamp() - xact_start > %s
      AND application_name NOT LIKE 'mtn%%' AND application_name <> 'pg_dump'
    ORDER BY xact_start
"""

_PREPARED = """
    SELECT gid AS name, database::text, extract(epoch FROM clock_timestamp() - prepared)::float AS seconds
    FROM pg_prepared_xacts WHERE clock_timestamp() - prepared > %s ORDER BY prepared
"""

_SLOTS = """
    SELECT slot_name::text AS name, CASE WHEN NOT pg_is_in_recovery()
        THEN pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint END AS kept
    FROM pg_replication_slots WHERE NOT active AND restart_lsn IS NOT NULL ORDER BY 1
"""

_REST = """
    SELECT current_user::text AS user,
        (SELECT max(age(datfrozenxid))::bigint FROM pg_database) AS oldest_row,
        CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE') THEN 0 ELSE (
            SELECT count(*) FROM pg_stat_activity AS a
            WHERE datid IS NOT NULL AND usesysid IS NOT NULL AND NOT pg_has_role(usesysid, 'USAGE')
        ) END AS hidden
"""


def look(connection: Connection, limit: timedelta) -> Held:
    """What is older than ``limit``, and the slots. Our own backups are left out. Raises PostgresError."""

    def ask(query: LiteralString, *values: timedelta) -> list[Any]:  # named tuples of the query's columns
        with translated(), connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(query, values or None).fetchall()

    def literal(text: str) -> str:
        return sql.Literal(text).as_string(connection).strip()

    (rest,) = ask(_REST)
    return Held(
        rest.user,
        tuple(Transaction(*row) for row in ask(_TRANSACTIONS, limit)),
        tuple(Prepared(row.name, literal(row.name), *row[1:]) for row in ask(_PREPARED, limit)),
        tuple(Slot(row.name, literal(row.name), row.kept) for row in ask(_SLOTS)),
        rest.hidden,
        rest.oldest_row,
    )
