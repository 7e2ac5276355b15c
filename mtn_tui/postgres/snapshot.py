"""A consistent snapshot of a database, and what has happened to its tables since.

The session that exports the snapshot holds no locks, not even on the system
catalogues: the reader of the tables locks them, so that another session never
waits for one of ours while it blocks the other. A table may thus be truncated or
rewritten between the snapshot and its lock; read in the older snapshot it looks
empty. Its file number reveals that. And of functions, types, views and their like,
which nobody locks, pg_dump reads a part in the snapshot and a part as it is now: where
they differ, its script may not load.
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

# Views, sequences, materialized views and foreign tables only need to exist under their names. Of the tables
# of extensions, only those whose rows are dumped count.
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

# What pg_dump has the server put into words, which knows no snapshot; rights and the like it reads in it.
_DEFINED = (
    """
    SELECT 'pg_proc'::regclass, p.oid, pronamespace, proname, (to_jsonb(p) - 'proacl')::text
    FROM pg_proc AS p WHERE p.oid >= 16384
    """,
    """
    SELECT 'pg_type'::regclass, t.oid, typnamespace, typname, (to_jsonb(t) - 'typacl')::text
    FROM pg_type AS t WHERE t.oid >= 16384 AND typtype NOT IN ('c', 'p') AND typelem = 0
    """,
    """
    SELECT 'pg_type'::regclass, reltype, relnamespace, relname, relname || ' ' || relnamespace || (
        SELECT string_agg(concat_ws(' ', attnum, attname, atttypid, atttypmod), E'\n' ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0)
    FROM pg_class AS c WHERE relkind = 'c'
    """,
    """
    SELECT 'pg_statistic_ext'::regclass, s.oid, stxnamespace, stxname, to_jsonb(s)::text
    FROM pg_statistic_ext AS s
    """,
    """
    SELECT 'pg_rewrite'::regclass, r.oid, relnamespace, relname, (to_jsonb(r) - 'ev_enabled')::text
    FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = ev_class WHERE r.oid >= 16384
    """,
    """
    SELECT 'pg_trigger'::regclass, t.oid, relnamespace, tgname, (to_jsonb(t) - 'tgenabled')::text
    FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = tgrelid WHERE NOT tgisinternal
    """,
)
"""One after the other: all at once would need more locks than a session has for itself, while pg_dump may
have taken the last that all share."""

_DEFINITIONS = """
    WITH found (catalogue, id, schema, name, content) AS ({defined})
    SELECT catalogue::oid::bigint, id::bigint, nspname, name, hashtextextended(content, 0)
    FROM found JOIN pg_namespace AS n ON n.oid = schema
    WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast_)?temp_'
      AND NOT EXISTS (
          SELECT FROM pg_depend AS d WHERE d.classid = catalogue AND d.objid = id AND d.deptype = 'e')
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
    """An exported snapshot, which other sessions can use."""

    name: str
    """For ``pg_dump --snapshot``; importable until the exporting session ends."""
    at: datetime
    """Time of the server's clock, in UTC."""
    lsn: str
    horizon: int
    """``pg_snapshot_xmin``: every earlier transaction has ended and is fully visible."""
    xmax: int = 0
    """``pg_snapshot_xmax``: no transaction from here on had begun."""


@dataclass(frozen=True)
class Relation:
    """A table or similar relation, as of some moment."""

    schema: str
    name: str
    table: bool
    file: int
    """Its file number, which changes when it is truncated or rewritten; 0 if it has no file."""
    columns: int | None
    """Hash of the columns' numbers, names and types; None if it is not a table."""

    @property
    def quoted(self) -> str:
        """The qualified name, quoted for SQL."""
        return sql.Identifier(self.schema, self.name).as_string()


Relations = dict[int, Relation]
"""By oid."""


@dataclass(frozen=True)
class Definition:
    """A function, type, view or similar object, as of some moment."""

    schema: str
    name: str
    hash: int
    """Of all that its definition consists of."""

    @property
    def quoted(self) -> str:
        """The qualified name, quoted for SQL."""
        return sql.Identifier(self.schema, self.name).as_string()


Definitions = dict[tuple[int, int], Definition]
"""By the oids of their catalogue and their own."""


@contextmanager
def exported(server: Server, database: str, application: str) -> Iterator[Snapshot]:
    """Export a snapshot and keep it available until the block ends.

    If the block raises a PostgresError and the exporting session is gone,
    ServerLost is raised instead, which is the cause.
    """
    with closing(connect(server, database, application)) as connection:
        with translated(_("opening a consistent moment")):
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            row = connection.execute(
                """
                SELECT pg_export_snapshot(), clock_timestamp() AT TIME ZONE 'UTC',
                       pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
                       pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
                       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                            ELSE pg_current_wal_insert_lsn() END::text
                """
            ).fetchone()
        assert row is not None  # noqa: S101 - a SELECT without FROM has one row
        name, at, horizon, xmax, lsn = row
        assert isinstance(at, datetime)  # noqa: S101 - for the type checker
        try:
            yield Snapshot(str(name), at.replace(tzinfo=UTC), str(lsn), int(str(horizon)), int(str(xmax)))
        except PostgresError:
            with translated(_("keeping the consistent moment")):
                connection.execute("SELECT 1")
            raise


def relations(connection: Connection, moment: Snapshot | None = None) -> Relations:
    """Return the relations at ``moment``, or now. The catalogues are locked only during the query."""
    with in_snapshot(connection, moment):
        rows = connection.execute(_RELATIONS).fetchall()
    return {int(str(row[0])): Relation(*row[1:]) for row in rows}  # type: ignore[arg-type]


def definitions(connection: Connection, moment: Snapshot | None = None) -> Definitions:
    """Return what pg_dump reads as it is now, at ``moment``, or now."""
    rows: list[tuple[object, ...]] = []
    for defined in _DEFINED:
        with in_snapshot(connection, moment):
            rows += connection.execute(_DEFINITIONS.format(defined=defined)).fetchall()
    return {(int(str(row[0])), int(str(row[1]))): Definition(*row[2:]) for row in rows}  # type: ignore[arg-type]


def redefined(before: Definitions, now: Definitions) -> tuple[str, ...]:
    """Return the names of those that were altered, renamed or dropped since; new ones are in no dump."""
    return tuple(sorted({one.quoted for key, one in before.items() if now.get(key) != one}))


def altered(before: Relations, now: Relations) -> Relations:
    """Return the tables of ``before`` that were truncated, rewritten, altered, renamed or dropped since."""
    return {oid: one for oid, one in before.items() if one.table and now.get(oid) != one}


def can_be_read(connection: Connection, moment: Snapshot, tables: Relations, application: str) -> bool:
    """Return whether each of ``tables`` still has its name and all the columns it has at ``moment``.

    The session called ``application`` must hold a lock on each, so that it remains so until that ends.
    """
    with in_snapshot(connection, moment):
        then = {oid: connection.execute(_COLUMNS, [oid]).fetchall() for oid in tables}
    found = set()
    for oid, table in tables.items():
        row = connection.execute("SELECT to_regclass(%s)::oid::bigint", [table.quoted]).fetchone()
        now = row[0] if row else None
        if now is None or not set(then[oid]) <= set(connection.execute(_COLUMNS, [now]).fetchall()):
            return False
        found.add(int(str(now)))
    # Checked last: a session that failed has released its locks, and the tables seen may be new ones.
    held = connection.execute(_HELD, [application]).fetchall()
    return found <= {int(str(oid)) for (oid,) in held}


@contextmanager
def in_snapshot(connection: Connection, moment: Snapshot | None) -> Iterator[None]:
    """One read-only transaction in a snapshot, or in one of its own."""
    with translated(_("listing the tables")), reading(connection, moment.name if moment else ""):
        yield


@contextmanager
def reading(connection: Connection, snapshot: str) -> Iterator[None]:
    """The same by the snapshot's name, empty for one of its own; psycopg's errors are not translated."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    try:
        if snapshot:
            connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
        yield
    finally:
        if connection.info.transaction_status is not psycopg.pq.TransactionStatus.UNKNOWN:
            connection.execute("ROLLBACK")
