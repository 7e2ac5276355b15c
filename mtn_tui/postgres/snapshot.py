"""One consistent moment of a database, and what has become of its tables since.

The session that exports a snapshot holds no lock, not on PostgreSQL's own
catalogues either: whoever reads the tables locks them, and nobody has to wait
for two of us, one of whom waits for him. So a table may be emptied or rewritten
after the snapshot and before it is locked; read under the older snapshot it
then looks empty. Its file's number tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.postgres.connection import Connection, connect, translated
from mtn_tui.postgres.server import Server

# A view, a sequence, a materialized or a foreign table counts as long as it is there under its name. Of an
# extension's own tables those count whose rows are dumped.
_RELATIONS = """
    SELECT c.oid::bigint, nspname, relname, relkind IN ('r', 'p'),
        CASE WHEN relkind IN ('r', 'p') THEN relfilenode::bigint ELSE 0 END,
        CASE WHEN relkind IN ('r', 'p') THEN (
            SELECT hashtextextended(string_agg(attnum || ' ' || attname || ' ' || atttypid, E'\\n'
                ORDER BY attnum), 0) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0) END
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND relpersistence <> 't'
      AND nspname NOT IN ('pg_catalog', 'information_schema')
      AND NOT EXISTS (
          SELECT FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = refobjid
          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
            AND NOT c.oid = ANY(coalesce(extconfig, '{}')))
"""

_COLUMNS = """
    SELECT attname FROM pg_attribute WHERE attrelid = %s::oid AND attnum > 0 AND NOT attisdropped
"""

_HELD = """
    SELECT DISTINCT relation::bigint FROM pg_locks JOIN pg_stat_activity AS a USING (pid)
    WHERE granted AND relation IS NOT NULL AND application_name = %s AND pid <> pg_backend_pid()
      AND datname = current_database()
"""


@dataclass(frozen=True)
class Snapshot:
    """A consistent moment that other sessions can be in."""

    name: str
    """For ``pg_dump --snapshot``; good until the session that exported it ends, or for whoever is in it."""
    at: datetime
    """By the server's clock, UTC."""
    lsn: str
    horizon: int
    """``pg_snapshot_xmin``: every transaction before it is seen whole."""


@dataclass(frozen=True)
class Relation:
    """A table, or what is listed beside tables, as it was at some moment."""

    schema: str
    name: str
    table: bool
    file: int
    """The number of its file: another one once it was emptied or rewritten. 0 where there is none."""
    columns: int | None
    """A hash of its columns' numbers, names and types."""

    @property
    def quoted(self) -> str:
        return sql.Identifier(self.schema, self.name).as_string()


Relations = dict[int, Relation]
"""By oid."""


@contextmanager
def exported(server: Server, database: str, application: str) -> Iterator[Snapshot]:
    """Open a consistent moment and keep it for others until the block ends.

    Where the block raises a PostgresError and the session that keeps the moment
    is gone, that is raised instead, as ServerLost: the other is its consequence.
    """
    with closing(connect(server, database, application)) as connection:
        with translated(_("opening a consistent moment")):
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            row = connection.execute(
                """
                SELECT pg_export_snapshot(), clock_timestamp() AT TIME ZONE 'UTC',
                       pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
                       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                            ELSE pg_current_wal_insert_lsn() END::text
                """
            ).fetchone()
        assert row is not None  # noqa: S101 - a SELECT without FROM has one row
        name, at, horizon, lsn = row
        assert isinstance(at, datetime)  # noqa: S101 - for the type checker
        try:
            yield Snapshot(str(name), at.replace(tzinfo=UTC), str(lsn), int(str(horizon)))
        except PostgresError:
            with translated(_("keeping the consistent moment")):
                connection.execute("SELECT 1")
            raise


def relations(connection: Connection, moment: Snapshot | None = None) -> Relations:
    """What there is at ``moment``, or now. The catalogues are locked no longer than this takes."""
    with _in(connection, moment):
        rows = connection.execute(_RELATIONS).fetchall()
    return {int(str(row[0])): Relation(*row[1:]) for row in rows}  # type: ignore[arg-type]


def altered(before: Relations, now: Relations) -> Relations:
    """Of ``before``, the tables that were emptied, rewritten, altered, renamed or dropped since."""
    return {oid: one for oid, one in before.items() if one.table and now.get(oid) != one}


def can_be_read(connection: Connection, moment: Snapshot, tables: Relations, application: str) -> bool:
    """Whether each of ``tables`` is there now under its name with all the columns it has at ``moment``.

    Now, and until the session called ``application`` ends: it must hold a lock on each.
    """
    with _in(connection, moment):
        then = {oid: connection.execute(_COLUMNS, [oid]).fetchall() for oid in tables}
    found = set()
    for oid, table in tables.items():
        row = connection.execute("SELECT to_regclass(%s)::oid::bigint", [table.quoted]).fetchone()
        now = row[0] if row else None
        if now is None or not set(then[oid]) <= set(connection.execute(_COLUMNS, [now]).fetchall()):
            return False
        found.add(int(str(now)))
    # Looked at last: who has failed meanwhile has let go, and what was seen may be new.
    held = connection.execute(_HELD, [application]).fetchall()
    return found <= {int(str(oid)) for (oid,) in held}


@contextmanager
def _in(connection: Connection, moment: Snapshot | None) -> Iterator[None]:
    with translated(_("listing the tables")):
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        try:
            if moment is not None:
                connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(moment.name)))
            yield
        finally:
            if connection.info.transaction_status is not psycopg.pq.TransactionStatus.UNKNOWN:
                connection.execute("ROLLBACK")
