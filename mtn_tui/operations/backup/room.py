"""How much room a backup wants to find on the disk before it begins; the checks go by the same."""

from __future__ import annotations

from collections.abc import Sequence

from mtn_tui.archive.summary import Summary
from mtn_tui.core.errors import NoSpace
from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.known_stores import Changed

SPARE = 64 << 20
"""Bytes to stay free on the disk beyond what the backup is thought to need."""


def required(last: int) -> int:
    """Bytes that have to be free for the next backup of a kind, the last of which has ``last`` bytes."""
    return int(last * 1.2) + SPARE


def require_room(
    context: Context, earlier: list[Summary], database_size: int, odd: Sequence[Changed] = ()
) -> str:
    """Raise NoSpace if the backup would hardly fit, with 1.2 times the size of the last one.

    If there is no last one, half the database is a guess: return a warning if that
    may not fit, else an empty text. A disk that fills up ends the backup, and leaves
    nothing half made.

    Where the disk is another than before, the last one is the one that was
    there, and a tenth stays free: it may be the system's own.
    """
    disk = context.stores.disk
    another = next((one for one in odd if one.store is disk), None)
    last = earlier[0].size if earlier else another.before.size if another else 0
    needed = required(last) if last else database_size // 2 + SPARE
    free = disk.free()
    if another and another.moved:
        needed = max(needed, int(last * 1.2) + disk.total() // 10)
    if free >= needed:
        return ""
    figures = {"needed": labels.size(needed), "free": labels.size(free)}
    if not last:
        return _(
            "The backup may not fit in {folder}: by the size of the database up to "
            "{needed} are needed, {free} are free. If it does not fit, it fails, "
            "and nothing half-made is left."
        ).format(folder=context.settings.backup_dir, **figures)
    raise NoSpace(
        _("There is not enough room in {folder}: about {needed} are needed, {free} are free.").format(
            folder=context.settings.backup_dir, **figures
        ),
        _("Make room, or let BACKUP_DIR point to a larger disk. Nothing was written."),
    )
