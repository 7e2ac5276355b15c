"""Which backup a drill restores: unless one is named, the one that an incident would begin with."""

from __future__ import annotations

from mtn_tui.core.errors import Refused
from mtn_tui.core.i18n import _
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.fallback import earlier_proven, newer_broken
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.inventory.one_server import of_one_server
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.inventory.select import Chosen
from mtn_tui.operations.restore.point_in_time import point_at, points


def newest(context: Context) -> Chosen:
    """The newest trusted point, a full or a differential; where none is trusted, the newest usable full.

    Raises UsageError if there is none.
    """
    database = context.settings.db_name
    found = of_one_server(context, take_inventory(context.stores, context.key, context.cache))
    found.must_be_clear()
    inventory = found.inventory
    newest = point_at(points(inventory, database), context.clock.now())
    backup = newest or inventory.latest(database=database)
    return Chosen(
        backup,
        inventory.unreachable,
        earlier_proven(inventory, backup, database),
        newer_broken(inventory, backup),
        another_server=found.doubt,
    )


def check_signed(backup: Backup) -> None:
    """Raise Refused for a backup of the scripts: nothing says what should be in it."""
    if backup.legacy:
        text = _("{name} is of the scripts: nothing says what should be in it.")
        hint = _("Restore it by hand: mtn restore --file {name} --target …_test --legacy")
        raise Refused(text.format(name=backup.name), hint.format(name=backup.name), "8.4")
