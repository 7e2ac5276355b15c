"""The main tables of the school: whether they are there, and how many rows they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import psycopg
from psycopg import sql

from mtn_tui.core.i18n import Figure, _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.inventory.model import Backup, Inventory
from mtn_tui.operations.restore.gone import gone_and_new
from mtn_tui.operations.restore.point_in_time import points
from mtn_tui.postgres import server_errors
from mtn_tui.postgres.connection import Connection, translated

MAIN_TABLES = ("users", "applications", "interviews")
"""Of runbook 5.1, step 5, and Appendix B."""

NEWEST_APPLICATION = "SELECT pg_catalog.max(created_at)::pg_catalog.timestamptz FROM applications"

_SHRUNK = 0.9
"""Part of an earlier backup's rows. A school deletes an application now and then, not one in ten."""

_RECENT = timedelta(days=7)
"""Before the newest backup: what was lost on a Friday is missed on Monday."""

_TIMEOUT = 5000
"""Milliseconds for each table."""

_BARRED = ("42501", "53")
"""SQLSTATE: the right is missing; the server is short of something."""


def has_shrunk(now: int, before: int) -> bool:
    """Whether a table has less than 90 % of the rows that it had."""
    return now < before * _SHRUNK


@dataclass(frozen=True)
class Table:
    """A main table, now and in the last backup that was not short of its rows."""

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
    whole: Backup | None = None
    """That backup."""
    new: int | None = None
    """Rows created since that backup; None where the table does not tell."""

    @property
    def lost(self) -> str:
        """How many of that backup's rows are gone, and how many are new since, in words."""
        return gone_and_new((self.before or 0) - (self.rows or 0) + (self.new or 0), self.new)

    @property
    def shrunk(self) -> bool:
        """Whether it has less than 90 % of the rows that the backup has."""
        return self.rows is not None and self.before is not None and has_shrunk(self.rows, self.before)


def last_whole(inventory: Inventory | None, database: str) -> dict[str, Backup]:
    """By main table the newest trusted backup that is not short of its rows.

    Compared with the most that any of the last week has: the newest may have been made after a loss.
    """
    recent: list[Backup] = []
    for one in reversed(points(inventory, database) if inventory else ()):
        if recent and one.moment <= recent[-1].moment - _RECENT:
            break
        if one.trusted and one.manifest:
            recent.insert(0, one)
    found = {}
    for table in MAIN_TABLES:
        having = [(rows, one) for one in recent if (rows := rows_of(one, table)) is not None]
        most = max((rows for rows, _one in having), default=0)
        for rows, one in having:  # oldest first
            if not has_shrunk(rows, most):
                found[table] = one
    return found


def rows_of(backup: Backup, table: str) -> int | None:
    """How many rows a backup has of a main table; None if it has no such table, or does not tell."""
    rows = backup.manifest.rows() if backup.manifest else {}
    return next((count for name, count in rows.items() if name.rpartition(".")[2] == table), None)


def of_backups(inventory: Inventory | None, database: str) -> frozenset[str] | None:
    """Those that any backup of ``database`` has: the newest may have been made after a loss.

    None where no manifest is known.
    """
    manifests = (one.manifest for one in inventory.backups) if inventory else ()
    named: set[str] | None = None
    for one in manifests:
        if one is not None and one.database == database:
            named = (named or set()).union(table.rpartition(".")[2] for table in one.rows())
            if named.issuperset(MAIN_TABLES):
                break  # there may be thousands
    return None if named is None else frozenset(named.intersection(MAIN_TABLES))


def count(
    connection: Connection, whole: Mapping[str, Backup], had: frozenset[str] | None
) -> tuple[Table, ...]:
    """Count the main tables; ``whole`` is of ``last_whole``.

    Those that are not there are left out unless ``had`` names them; where that is None, if none is there.
    """
    with translated():
        connection.execute(f"SET statement_timeout = {_TIMEOUT}".encode())
    tables = []
    for name in MAIN_TABLES:
        backup = whole.get(name)
        before = rows_of(backup, name) if backup else None
        one = replace(_count_one(connection, name, before), whole=backup)
        new = _new_since(connection, name, backup.moment) if backup and one.shrunk else None
        tables.append(replace(one, new=new))
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


def _new_since(connection: Connection, table: str, moment: datetime) -> int | None:
    """Rows created after the moment; None where the table does not tell within seconds."""
    query = sql.SQL("SELECT count(*) FROM {} WHERE created_at > %s")
    try:
        row = connection.execute(query.format(sql.Identifier(table)), [moment]).fetchone()
    except psycopg.Error:
        if connection.broken:
            with translated():
                raise
        return None
    return int(str(row[0])) if row else None


def moments(tables: Iterable[Table], *others: datetime | None) -> dict[datetime, str]:
    """How the moments of their backups are written beside each other and beside ``others``."""
    shown = [*(one.whole.moment for one in tables if one.whole), *(one for one in others if one)]
    return dict(zip(shown, labels.told_apart(*shown), strict=True))


def finding(table: Table, moments: Mapping[datetime, str] | None = None) -> Check:
    """What its rows say, in words; ``moments`` are those that are written in another way than usual."""
    if table.trouble:
        text = _("The table {table} can't be read: {reason}")
        status = Status.UNKNOWN if table.barred else Status.FAIL
        return Check("tables", status, text.format(table=table.name, reason=table.trouble))
    if table.rows is None:
        text = _("The table {table} could not be counted in time.")
        return Check("tables", Status.UNKNOWN, text.format(table=table.name))
    if table.shrunk and table.whole is not None:
        at = table.whole.moment
        text = _("{table}: {what} (backup of {moment}). It has {now:,} rows now.").format(
            table=table.name,
            what=table.lost,
            now=Figure(table.rows),
            moment=(moments or {}).get(at) or labels.moment(at),
        )
        return Check("tables", Status.WARN, text)
    text = _("{table} has {now:,} rows.").format(table=table.name, now=Figure(table.rows))
    return Check("tables", Status.OK, text)


def last_written(connection: Connection) -> datetime | None:
    """When the last application was created; None where the database does not tell."""
    try:
        row = connection.execute(NEWEST_APPLICATION).fetchone()
    except psycopg.Error:
        if connection.broken:
            with translated():
                raise
        return None
    return row[0] if row and isinstance(row[0], datetime) else None
