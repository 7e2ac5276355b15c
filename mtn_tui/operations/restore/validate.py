"""Step 5: is what is in staging what should go into production? Appendix B, as far as SQL can tell."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
from psycopg import sql

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import MtnError, PostgresError, ServerLost
from mtn_tui.core.i18n import Figure, _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.restore.count_rows import Loaded, check_loaded
from mtn_tui.operations.restore.main_tables import MAIN_TABLES, NEWEST_APPLICATION
from mtn_tui.operations.restore.preflight.extensions import absent_from
from mtn_tui.postgres import databases, identity
from mtn_tui.postgres.connection import Connection, connect, translated
from mtn_tui.postgres.load import LoadConnection

_APPLICATION = "mtn validate"

_IS_TABLE = """
    SELECT relkind IN ('r', 'p', 'm') FROM pg_catalog.pg_class
    WHERE oid = pg_catalog.to_regclass(pg_catalog.quote_ident(%s))
"""
_IS_MOMENT = """
    SELECT FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_class AS c ON c.oid = attrelid
    WHERE attrelid = pg_catalog.to_regclass('applications') AND attname = 'created_at'
        AND relkind IN ('r', 'p', 'm') AND atttypid IN (
            'pg_catalog.timestamptz'::pg_catalog.regtype, 'pg_catalog.timestamp'::pg_catalog.regtype,
            'pg_catalog.date'::pg_catalog.regtype)
"""
"""What was restored may be of a script that nothing signs: a view, or a function for a type of its own, would
run with all our rights."""


@dataclass(frozen=True)
class Validated:
    """What step 5 has found."""

    checks: tuple[Check, ...]
    oid: int | None
    """Of the database that was looked at; None if it could not be. Another may get its name."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """How many rows each main table has."""


def validate(context: Context, database: str, backup: Backup) -> Validated:
    """Check a restored database. What fails keeps it from production; on warnings people decide.

    Raises ServerLost if the server goes away meanwhile.
    """
    try:
        with connect(context.server, database, _APPLICATION) as connection:
            reached = _("{database} can be reached.").format(database=database)
            found, oid = [Check("database", Status.OK, reached)], databases.oid(connection, database)
            has = [one.name for one in identity.extensions(connection)]
            rows = {name: _rows(connection, name) for name in MAIN_TABLES}
            found += [_main_table(name, counted) for name, counted in rows.items()]
            found.append(_newest(connection, backup))
    except ServerLost:
        raise
    except PostgresError as error:
        return Validated((Check("database", Status.FAIL, error.title, error.hint),), None)
    counted = {name: one for name, one in rows.items() if isinstance(one, int)}
    return Validated((*found, *_counted(context, database, backup, has)), oid, counted)


def contents(connection: Connection, backup: Backup) -> list[Check]:
    """Check the main tables that the backup has, as far as a database of any kind has them."""
    about = backup.manifest
    has = {table.rpartition(".")[2] for table in about.rows()} if about else set(MAIN_TABLES)
    if not has.intersection(MAIN_TABLES):
        return []
    main = [_main_table(name, _rows(connection, name)) for name in MAIN_TABLES]
    return [*main, _newest(connection, backup)]


def _rows(connection: Connection, name: str) -> int | Check:
    """How many rows a main table has, or why it was not counted."""
    try:
        if connection.execute(_IS_TABLE, [name]).fetchone() == (False,):
            text = _("{table} is no table: what it shows was not counted.")
            return Check("tables", Status.WARN, text.format(table=name))
        query = sql.SQL("SELECT pg_catalog.count(*) FROM {}").format(sql.Identifier(name))
        row = connection.execute(query).fetchone()
    except psycopg.errors.UndefinedTable:
        return Check("tables", Status.FAIL, _("The main table {table} is not there.").format(table=name))
    except psycopg.errors.InsufficientPrivilege:
        return Check("tables", Status.WARN, labels.not_counted([name]))
    except psycopg.Error:
        with translated():
            raise
    return int(str(row[0])) if row else 0


def _main_table(name: str, rows: int | Check) -> Check:
    if isinstance(rows, Check):
        return rows
    text = _("{table} has {now:,} rows.").format(table=name, now=Figure(rows))
    return Check("tables", Status.OK if rows else Status.WARN, text)


def _newest(connection: Connection, backup: Backup) -> Check:
    """Warn if the newest application is later than the backup; how much earlier is right, people judge."""
    unknown = Check("newest", Status.UNKNOWN, _("The newest application has no date to be seen."))
    try:
        if connection.execute(_IS_MOMENT).fetchone() is None:
            return unknown
        row = connection.execute(NEWEST_APPLICATION).fetchone()
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn,
        psycopg.errors.InsufficientPrivilege,  # row security, too
        psycopg.DataError,
    ):
        return unknown
    except psycopg.Error:
        with translated():
            raise
    newest = row[0] if row else None
    if not isinstance(newest, datetime):
        return Check("newest", Status.WARN, _("There is no application in it."))
    there, made = labels.told_apart(newest, backup.moment)
    text = _("The newest application is of {moment} ({column}).").format(
        moment=there, column="applications.created_at"
    )
    if newest > backup.moment:
        after = _("That is after the backup was made: {moment}.").format(moment=made)
        return Check("newest", Status.WARN, f"{text} {after}")
    return Check("newest", Status.OK, text)


def _counted(context: Context, database: str, backup: Backup, has: Collection[str]) -> list[Check]:
    """Every table against the manifest; indexes; sequences."""
    if backup.manifest is None:
        text = _("A backup of the scripts has no row counts: nothing can be compared.")
        return [Check("counts", Status.UNKNOWN, text)]
    lacks, without = absent_from(context, backup, has)
    skipped: list[str] = []

    def opened() -> LoadConnection:
        return LoadConnection(context.server, database, _APPLICATION, skipped.append)

    try:
        loaded = check_loaded(backup.manifest, opened, CancelToken(), lambda _count: None, without=without)
    except ServerLost:
        raise
    except MtnError as error:
        return [Check("counts", Status.FAIL, error.title, _("Restore to staging again, or choose another."))]
    found = of_rows(loaded)
    if lacks:
        text = _("It is without the extensions {names}, and without their own rows.")
        found.insert(1, Check("extensions", Status.WARN, text.format(names=", ".join(lacks))))
    return found


def of_rows(loaded: Loaded) -> list[Check]:
    """What counting has shown of tables, indexes and sequences."""
    text = _("rows: {rows:,}, tables: {tables}, as the backup says; every index is whole.")
    found = [Check("counts", Status.OK, text.format(rows=Figure(loaded.rows), tables=loaded.tables))]
    if loaded.not_counted and not loaded.tables:
        found = [Check("counts", Status.UNKNOWN, _("No table could be counted."))]
    if loaded.not_counted:
        found.append(Check("not-counted", Status.WARN, labels.not_counted(loaded.not_counted)))
    if loaded.behind:
        text = _("Sequences are behind their columns, as they were: {columns}")
        found.append(Check("sequences", Status.WARN, text.format(columns=", ".join(loaded.behind))))
    else:
        found.append(Check("sequences", Status.OK, _("Every sequence is ahead of its column.")))
    return found
