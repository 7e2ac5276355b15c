"""Counts the rows of a database newer than a given time, by the column ``created_at``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from mtn_tui.core.clock import Clock
from mtn_tui.postgres.connection import Connection, connect, translated
from mtn_tui.postgres.server import Server

_SECONDS_A_TABLE = 5
_SECONDS_IN_ALL = 15
"""Limits, so that estimating the loss does not delay a restore."""

_TABLES = """
    SELECT nspname, relname, format('%I.%I', nspname, relname)
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = attrelid
    JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE attname = 'created_at' AND atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype)
      AND relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema') AND NOT attisdropped
      AND has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
    ORDER BY reltuples
"""


@dataclass(frozen=True)
class Newer:
    """The rows of a database that are newer than a moment."""

    rows: int | None
    """Rows created after the moment; None if not all tables could be counted, or none has a date."""
    newest: datetime | None
    """The newest ``created_at`` of all, in UTC."""
    table: str
    """The table of the newest row."""
    zone: str
    """The database's TimeZone."""
    moment: str
    """The moment in that zone, with its offset."""
    created: tuple[tuple[str, int], ...] = ()
    """Tables that have rows created after the moment, and how many, those with most first; as a dump
    names them."""
    dated: frozenset[str] = frozenset()
    """All tables whose rows could be counted so."""

    def without(self, grown: Mapping[str, int]) -> Newer:
        """The same, less the tables that have got more rows than their dates say (``grown``, by table).

        They have none, or the application writes them by another clock than the database's TimeZone.
        """
        found = dict(self.created)
        wrong = {table for table, more in grown.items() if more > found.get(table, 0)}
        if not wrong:
            return self
        created = tuple((table, rows) for table, rows in self.created if table not in wrong)
        return replace(self, rows=None, created=created, dated=self.dated - wrong)


def newer_than(server: Server, database: str, moment: datetime, application: str, clock: Clock) -> Newer:
    """Count the rows created after ``moment`` (timezone-aware), within 15 s. Raises PostgresError."""
    with connect(server, database, application) as connection:
        zone, text = in_zone(connection, moment)
        with translated():
            tables = connection.execute(_TABLES).fetchall()
            connection.execute(f"SET statement_timeout = '{_SECONDS_A_TABLE}s'".encode())
        rows: int | None = 0 if tables else None
        newest: tuple[datetime, str] | None = None
        created: dict[str, int] = {}
        dated: set[str] = set()
        began = clock.monotonic()
        for schema, name, label in tables:
            found = None
            if clock.monotonic() - began < _SECONDS_IN_ALL:
                found = _of_table(connection, str(schema), str(name), moment)
            if found is None:
                rows = None
                continue
            at, count = found
            dated.add(str(label))
            rows = None if rows is None else rows + count
            if count:
                created[str(label)] = count
            if at is not None and (newest is None or at > newest[0]):
                newest = at, str(label)
        most = tuple(sorted(created.items(), key=lambda one: -one[1]))
        last, table = newest or (None, "")
        return Newer(rows, last, table, zone, text, most, frozenset(dated))


def _of_table(
    connection: Connection, schema: str, name: str, moment: datetime
) -> tuple[datetime | None, int] | None:
    table = sql.Identifier(schema, name)
    query = sql.SQL(
        "SELECT max(created_at)::timestamptz, count(*) FILTER (WHERE created_at > %s::timestamptz)"
        " FROM ONLY {}"
    )
    try:
        row = connection.execute(query.format(table), [moment]).fetchone()
    except (
        psycopg.errors.QueryCanceled,
        psycopg.errors.UndefinedTable,
        psycopg.errors.InsufficientPrivilege,
        psycopg.DataError,  # infinity, which Python cannot represent
    ):
        return None
    except psycopg.Error:
        with translated():
            raise
    assert row is not None  # noqa: S101 - an aggregate has one row
    at, count = row
    return at.astimezone(UTC) if isinstance(at, datetime) else None, int(str(count))


def in_zone(connection: Connection, moment: datetime, zone: str = "") -> tuple[str, str]:
    """Return the session's TimeZone, or ``zone`` if the server knows it, and the moment in it."""
    if zone:
        try:
            connection.execute("SELECT set_config('TimeZone', %s, false)", [zone])
        except psycopg.errors.InvalidParameterValue:
            zone = ""
        except psycopg.Error:
            with translated():
                raise
    with translated():
        row = connection.execute(
            "SELECT current_setting('TimeZone'), to_char(%s::timestamptz, 'YYYY-MM-DD HH24:MI:SS TZH:TZM')",
            [moment],
        ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return str(row[0]), str(row[1])
