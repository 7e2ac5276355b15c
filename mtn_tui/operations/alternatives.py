"""Which backup to use where the one that was wanted does not hold."""

from __future__ import annotations

from mtn_tui.operations.inventory import Backup, Inventory, Standing


def earlier_proven(inventory: Inventory, backup: Backup, database: str) -> tuple[Backup, ...]:
    """Proven ones of its kind and database from before it, none of them suspect; newest first."""
    return tuple(
        one
        for one in inventory.backups
        if one.kind is backup.kind
        and one.moment < backup.moment
        and one.manifest is not None
        and one.manifest.database == (backup.manifest.database if backup.manifest else database)
        and one.usable
        and one.usable[0].rung.proven
        and not one.suspect
    )


def newer_broken(inventory: Inventory, backup: Backup) -> Backup | None:
    """The newest one after ``backup`` that would have been taken for the latest, did it hold."""
    for one in inventory.backups:
        if one.moment <= backup.moment or one.kind is not backup.kind:
            continue
        if any(copy.standing is Standing.BROKEN or copy.proof.failed for copy in one.copies):
            return one
    return None
