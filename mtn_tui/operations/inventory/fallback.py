"""Which backup to use if the one that was wanted does not hold."""

from __future__ import annotations

import shlex

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.inventory.model import Backup, CopyStatus, Inventory


def earlier_proven(inventory: Inventory, backup: Backup, database: str) -> tuple[Backup, ...]:
    """Earlier proven backups of its kind and database, none suspect or refused; newest first."""
    return tuple(
        one
        for one in inventory.backups
        if one.kind is backup.kind
        and _after(backup, one)
        and one.manifest is not None
        and one.manifest.database == (backup.manifest.database if backup.manifest else database)
        and one.usable
        and one.usable[0].rung.proven
        and not one.suspect
        and not one.refused
    )


def newer_broken(inventory: Inventory, backup: Backup) -> Backup | None:
    """The newest backup after ``backup`` that would be the latest if it held; None if there is none."""
    for one in inventory.backups:
        if not _after(one, backup) or one.kind is not backup.kind:
            continue
        if one.manifest and backup.manifest and one.manifest.database != backup.manifest.database:
            continue
        if one.refused or any(copy.standing is CopyStatus.BROKEN or copy.proof.failed for copy in one.copies):
            return one
    return None


def _after(one: Backup, other: Backup) -> bool:
    """Whether ``one`` is newer. Unless both have manifests, the seconds in their names decide."""
    if one.manifest and other.manifest:
        return one.moment > other.moment
    return one.name.stamp > other.name.stamp


def minutes_between(newer: Backup, older: Backup) -> int:
    """Minutes between the moments of two backups, which using the older one loses."""
    return round((newer.moment - older.moment).total_seconds() / 60)


def use_another(broken: Backup, other: Backup, target: str, hint: str) -> str:
    """A hint that names another backup to use, followed by the ``hint`` there is already."""
    told = _("{name} is proven, and {time} older: mtn restore {handle} --target {target}").format(
        name=other.name,
        time=labels.minutes(minutes_between(broken, other)),
        handle=other.handle,
        target=shlex.quote(target),
    )
    return f"{told} {hint}".strip()


def why_broken(backup: Backup) -> str:
    """Why a backup does not hold, in words."""
    reasons = (copy.trouble.title if copy.trouble else copy.proof.failed for copy in backup.copies)
    reason = next(filter(None, reasons), "")
    if not reason and backup.refused:
        return _("restoring it failed: {reason}").format(reason=backup.refused.reason)
    return reason or _("it has not been proven.")
