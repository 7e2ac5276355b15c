"""Have the main tables about as many rows as their backups of the last week have?"""

from __future__ import annotations

from collections.abc import Iterator

from mtn_tui.core.i18n import Figure, _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health.accepted import ROWS, accept, all_accepted
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.inventory.model import Inventory
from mtn_tui.operations.inventory.one_server import of_one_server
from mtn_tui.operations.restore import main_tables
from mtn_tui.operations.restore.main_tables import Table, has_shrunk
from mtn_tui.postgres.connection import connect

_NAME = "rows"


def rows(inspection: Inspection) -> Iterator[Check]:
    """Each main table that lacks a tenth of its rows, by the same comparison as an incident's step 1.

    Fewer rows are right where somebody has said so, as long as there are not still
    fewer. Raises PostgresError; KeyFileError.
    """
    context = inspection.context
    tables = count(context, inspection.of_our_server)
    if not tables:
        text = _("The database has none of the main tables: {names}.")
        yield Check(_NAME, Status.OK, text.format(names=", ".join(main_tables.MAIN_TABLES)))
        return
    told, moments = [], main_tables.moments(tables)
    for table in tables:
        found = main_tables.finding(table, moments)
        if found.status is Status.OK:
            told.append(f"{table.name} {Figure(table.rows or 0):,}")
        elif table.shrunk and (said := _on_purpose(context, table)):
            yield Check(_NAME, Status.OK, f"{found.says} {said}", runbook="5.1")
        else:
            status = Status.FAIL if table.shrunk else found.status
            yield Check(_NAME, status, found.says, _hint(table), "5.1")
    if told:
        text = _("As many rows as in the backups of the last week: {tables}.")
        if not any(one.whole for one in tables):
            text = _("Rows: {tables}. There is no proven backup yet to compare them with.")
        yield Check(_NAME, Status.OK, text.format(tables=", ".join(told)), runbook="5.1")


def _hint(table: Table) -> str:
    if table.barred:
        return _("The user lacks a right, or the server lacks memory. See which: mtn doctor")
    if table.shrunk:
        return _("Bring them back: mtn, key 3 (Emergency). If it is meant so: mtn accept --fewer-rows")
    if table.trouble:
        return _("If it is not meant so: mtn, key 3 (Emergency).")
    return _("Something may hold it locked, or the server is busy. It is counted again by itself.")


def count(context: Context, ours: Inventory) -> tuple[Table, ...]:
    """Count the main tables, and compare them with the backups of our server. Raises PostgresError."""
    database = context.settings.db_name
    with connect(context.server, database, "mtn doctor") as connection:
        whole, had = main_tables.last_whole(ours, database), main_tables.of_backups(ours, database)
        return main_tables.count(connection, whole, had)


def accept_rows(context: Context, inventory: Inventory, note: str = "") -> list[Table]:
    """Write down that the tables that lack rows are meant to; return those.

    Raises PostgresError; StorageError.
    """
    short = [one for one in count(context, of_one_server(context, inventory).inventory) if one.shrunk]
    for table in short:
        accept(context, ROWS, f"{_of(context, table)}{table.rows}", note)
    return short


def _on_purpose(context: Context, table: Table) -> str:
    """Who has said so since the last backup that has more rows, and when; empty if nobody has."""
    of_table = _of(context, table)
    for of, mark in all_accepted(context, ROWS).items():
        before = of.removeprefix(of_table)
        if not of.startswith(of_table) or not before.isdecimal() or table.whole is None:
            continue
        if mark.at > table.whole.moment and not has_shrunk(table.rows or 0, int(before)):
            return _("{operator} said that it is meant so, {moment}.").format(
                operator=mark.operator, moment=labels.moment(mark.at)
            )
    return ""


def _of(context: Context, table: Table) -> str:
    return f"{context.settings.db_name} {table.name} "
