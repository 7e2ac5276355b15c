"""The main tables of the school: whether they are there, and how many rows they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from mtn_tui.core.i18n import _
from mtn_tui.operations.inventory.model import Inventory
from mtn_tui.postgres import server_errors
from mtn_tui.postgres.connection import Connection, translated

MAIN_TABLES = ("users", "applications", "interviews")
"""Of runbook 5.1, step 5, and Appendix B."""

_SHRUNK = 0.9
"""Part of an earlier backup's rows. A school deletes an application now and then, not one in ten."""

_BARRED = ("42501", "53")
"""SQLSTATE: the right is missing; the server is short of something."""


def has_shrunk(now: int, before: int) -> bool:
    """Whether a table has less than 90 % of the rows that it had."""
    return now < before * _SHRUNK


@dataclass(frozen=True)
class Table:
    """A main table, now and in the newest proven backup."""

    name: str
    rows: int | None
    """None if it is not there, or could not be counted within seconds."""
    before: int | None
    trouble: str = ""
    """What the server said, where it could not read it."""
    barred: bool = False
    """Whether a right or memory was missing, which says nothing about the data."""
    absent: bool = False
    """Whether there is no table of that name."""

    @property
    def shrunk(self) -> bool:
        """Whether it has less than 90 % of the rows that the backup has."""
        return self.rows is not None and self.before is not None and has_shrunk(self.rows, self.before)


def of_backups(inventory: Inventory | None, database: str) -> frozenset[str] | None:
    """Those that any backup of ``database`` has: the newest may have been made after a loss.

    None where no manifest is known.
    """
    manifests = [one.manifest for one in inventory.backups if one.manifest] if inventory else []
    ours = [one for one in manifests if one.database == database]
    named = {table.rpartition(".")[2] for one in ours for table in one.rows()}
    return frozenset(named.intersection(MAIN_TABLES)) if ours else None


def count(connection: Connection, before: Mapping[str, int], had: frozenset[str] | None) -> tuple[Table, ...]:
    """Count the main tables beside the rows ``before``, by names with their schema.

    Those that are not there are left out unless ``had`` names them; where that is None, if none is there.
    """
    tables = []
    for name in MAIN_TABLES:
        known = next((rows for table, rows in before.items() if table.rpartition(".")[2] == name), None)
        tables.append(_count_one(connection, name, known))
    if had is None:
        return () if all(one.absent for one in tables) else tuple(tables)
    return tuple(one for one in tables if not one.absent or one.name in had)


def _count_one(connection: Connection, table: str, before: int | None) -> Table:
    try:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        row = connection.execute(query).fetchone()
    except psycopg.errors.QueryCanceled:
        return Table(table, None, before)
    except psycopg.errors.UndefinedTable:
        return Table(table, None, before, _("it is not there"), absent=True)
    except psycopg.Error as error:
        if connection.broken:
            with translated():
                raise
        barred = (error.sqlstate or "").startswith(_BARRED)
        return Table(table, None, before, server_errors.read(error).says, barred)
    return Table(table, int(str(row[0])) if row else None, before)


def last_written(connection: Connection) -> datetime | None:
    """When the last application was created; None where the database does not tell."""
    try:
        row = connection.execute("SELECT max(created_at)::timestamptz FROM applications").fetchone()
    except psycopg.Error:
        if connection.broken:
            with translated():
                raise
        return None
    return row[0] if row and isinstance(row[0], datetime) else None
