"""How lost rows are copied back from a database that was restored beside production."""

from __future__ import annotations

import shlex

from mtn_tui.core.i18n import _
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.incident.state import RecoveryMode
from mtn_tui.operations.incident.steps import staging_of
from mtn_tui.operations.restore.main_tables import MAIN_TABLES
from mtn_tui.ui.wizard.page import PageBuilder


def write(sheet: PageBuilder, context: Context) -> None:
    """Write how to copy the rows back."""
    beside = staging_of(context, RecoveryMode.BESIDE)
    sheet.say(_("Copy the lost rows back, table by table. {database} is read-only.").format(database=beside))
    for line in lines(context, MAIN_TABLES[1]):
        sheet.code(line)
    others = ", ".join(one for one in MAIN_TABLES if one != MAIN_TABLES[1])
    sheet.say(
        _("The same for {tables}, those first that others refer to. What is there stays.").format(
            tables=others
        )
    )


def lines(context: Context, table: str) -> list[str]:
    """Commands for a shell and psql that copy a table's lost rows back; quoted for the shell."""
    settings = context.settings
    where = ["psql", "-h", settings.db_host, "-p", str(settings.db_port), "-U", settings.db_user, "-d"]
    return [
        shlex.join([*where, staging_of(context, RecoveryMode.BESIDE)]),
        rf"  \copy {table} to '{table}.copy'",
        shlex.join([*where, settings.db_name]),
        f"  create temp table back (like {table});",
        rf"  \copy back from '{table}.copy'",
        f"  insert into {table} overriding system value",
        "    select * from back on conflict do nothing;",
    ]
