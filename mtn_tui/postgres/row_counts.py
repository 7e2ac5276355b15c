"""How many rows the tables of a database have now: small tables are counted, large ones estimated."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import psycopg
from psycopg import sql

from mtn_tui.core.clock import Clock
from mtn_tui.postgres.connection import Connection, connect, translated
from mtn_tui.postgres.server import Server

_COUNTED = 16 << 20
"""Bytes of the largest table that is counted."""
_SECONDS_A_TABLE = 2
_SECONDS_IN_ALL = 5
"""Limits, so that a plan is not kept waiting. What they leave uncounted is estimated."""

# A table of an extension holds rows that no dump has, so it tells nothing. Of a partitioned one only what
# pg_dump writes for the whole table is meant. pg_class has the tuples of the last ANALYZE, and of how many
# pages that was.
_TABLES = """
    SELECT label, nspname, relname, relkind = 'p', c.oid::bigint, coalesce(pg_relation_size(c.oid), 0),
        CASE WHEN reltuples >= 0 AND relpages > 0 AND NOT of_extension
             THEN (reltuples / relpages * pg_relation_size(c.oid)
                   / current_setting('block_size')::integer)::bigint END,
        of_extension OR row_security_active(c.oid) OR NOT has_table_privilege(c.oid, 'SELECT')
            OR NOT has_schema_privilege(n.oid, 'USAGE')
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
    CROSS JOIN LATERAL (
        SELECT format('%%I.%%I', nspname, relname) AS label,
            EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid
                    AND deptype = 'e') AS of_extension
    ) AS more
    WHERE relkind IN ('r', 'p') AND relpersistence <> 't'
      AND nspname NOT IN ('pg_catalog', 'information_schema')
      AND (label = ANY (%s) OR relkind = 'r' AND NOT relispartition AND NOT of_extension)
    ORDER BY pg_relation_size(c.oid), 1
"""


@dataclass(frozen=True)
class RowCount:
    """The rows of a table."""

    rows: int
    exact: bool
    """Whether they were counted; else the server estimates them."""


def row_counts(
    server: Server, database: str, tables: Collection[str], application: str, clock: Clock
) -> dict[str, RowCount | None]:
    """Count the rows of ``tables`` and of those that are new, within 5 s. Raises PostgresError.

    Names are quoted as in a dump. None where not all rows may be seen, or nothing
    is known of them. A table that does not exist is left out.
    """
    with connect(server, database, application) as connection:
        with translated():
            found = connection.execute(_TABLES, [list(tables)]).fetchall()
            connection.execute(f"SET statement_timeout = '{_SECONDS_A_TABLE}s'".encode())
        named = [int(str(row[4])) for row in found if row[0] in tables]
        counted: dict[str, RowCount | None] = {}
        began = clock.monotonic()
        for label, schema, name, partitioned, _oid, size, estimate, hidden in found:
            rows = None
            in_time = clock.monotonic() - began < _SECONDS_IN_ALL
            if not hidden and in_time and int(str(size)) <= _COUNTED:
                rows = _count(connection, sql.Identifier(str(schema), str(name)), bool(partitioned), named)
            if rows is not None:
                counted[str(label)] = RowCount(rows, exact=True)
            elif estimate is not None:
                counted[str(label)] = RowCount(int(str(estimate)), exact=False)
            else:
                counted[str(label)] = None
        return counted


def _count(connection: Connection, table: sql.Identifier, partitioned: bool, named: list[int]) -> int | None:
    query, given = sql.SQL("SELECT count(*) FROM ONLY {}"), []
    if partitioned:
        query, given = sql.SQL("SELECT count(*) FROM {} WHERE tableoid::bigint <> ALL (%s)"), [named]
    try:
        row = connection.execute(query.format(table), given).fetchone()
    except (
        psycopg.errors.QueryCanceled,
        psycopg.errors.UndefinedTable,
        psycopg.errors.InsufficientPrivilege,
    ):
        return None
    except psycopg.Error:
        with translated():
            raise
    assert row is not None  # noqa: S101 - an aggregate has one row
    return int(str(row[0]))
