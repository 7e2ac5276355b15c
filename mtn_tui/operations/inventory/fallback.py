"""Which backup to use if the one that was wanted does not hold."""

from __future__ import annotations

from datetime import datetime

from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind
from mtn_tui.core.suggested import command
from mtn_tui.operations.common import labels
from mtn_tui.operations.inventory.model import Backup, Inventory


def earlier_proven(inventory: Inventory, backup: Backup, database: str) -> tuple[Backup, ...]:
    """Earlier proven backups of its database, none suspect or refused; newest first.

    Fulls and differentials alike: the least is lost with the last point before it.
    """
    return tuple(
        one
        for one in inventory.backups
        if _after(backup, one)
        and one.manifest is not None
        and one.manifest.database == (backup.manifest.database if backup.manifest else database)
        and one.trusted
    )


def newer_broken(
    inventory: Inventory, backup: Backup, *, kind: Kind | None = Kind.FULL, until: datetime | None = None
) -> Backup | None:
    """The newest backup after ``backup`` that would be the latest if it held; None if there is none.

    It is of that ``kind``, or of any without one, and not after ``until``.
    """
    for one in inventory.backups:
        if not _after(one, backup) or kind not in (None, one.kind) or not one.is_point:
            continue
        if one.manifest and backup.manifest and one.manifest.database != backup.manifest.database:
            continue
        if until is not None and one.moment > until:
            continue
        if one.unusable or one.refused or one.broken:
            return one
    return None


def passed_over(
    inventory: Inventory,
    backup: Backup,
    database: str,
    *,
    kind: Kind | None = None,
    until: datetime | None = None,
) -> str:
    """Say that a point after ``backup`` is passed over though it holds: suspect or not proven; else empty.

    The newest of that ``kind``, or of any, that is not after ``until``.
    """
    for one in inventory.backups:
        if not (one.usable and one.may_be_of(database) and one.is_point) or one.trusted or one.refused:
            continue
        if (
            kind not in (None, one.kind)
            or not _after(one, backup)
            or (until is not None and one.moment > until)
        ):
            continue
        text = _("{name}, of {moment}, is passed over, for it is not proven. See how far it holds: {command}")
        if one.base is not None and one.base.refused:
            text = _("{name}, of {moment}, is passed over: restoring its full failed ({reason})")
            return text.format(
                name=one.name, moment=labels.moment(one.moment), reason=one.base.refused.reason
            )
        if one.suspect:
            text = _(
                "{name}, of {moment}, is passed over, for it is suspect: {reason}. If it is right: {command}"
            )
        return text.format(
            name=one.name,
            moment=labels.moment(one.moment),
            reason=one.suspect,
            command=command("accept" if one.suspect else "verify", one.handle),
        )
    return ""


def _after(one: Backup, other: Backup) -> bool:
    """Whether ``one`` is newer. Unless both have manifests, the seconds in their names decide."""
    if one.manifest and other.manifest:
        return one.moment > other.moment
    return one.name.stamp > other.name.stamp


def minutes_between(newer: Backup, older: Backup) -> int:
    """Minutes between the moments of two backups, which using the older one loses."""
    return round((newer.moment - older.moment).total_seconds() / 60)


def use_another(broken: Backup, other: Backup, target: str, hint: str) -> str:
    """A hint that names another backup to use, its command on a line of its own, and the ``hint`` so far."""
    told = _("{name} is proven, and {time} older. It is restored by:").format(
        name=other.name, time=labels.between(other.moment, broken.moment)
    )
    restore = command("restore", other.handle, "--target", target)
    return "\n".join(filter(None, (told, restore, hint)))


def why_no_copy(backup: Backup) -> list[str]:
    """Why no copy of a backup holds, nor of its full: a sentence for each that is known to be damaged."""
    return [
        f"{labels.store(copy.store.name)}: {copy.trouble.title if copy.trouble else copy.proof.failed}"
        for one in reversed(backup.chain)
        for copy in one.copies
        if copy.trouble or copy.proof.failed
    ]


def why_broken(backup: Backup) -> str:
    """Why a backup does not hold, in words."""
    copies = [copy for one in reversed(backup.chain) for copy in one.copies]
    reasons = (copy.trouble.title if copy.trouble else copy.proof.failed for copy in copies)
    reason = next(filter(None, reasons), "") or backup.unusable
    if not reason and backup.refused:
        return _("restoring it failed: {reason}").format(reason=backup.refused.reason)
    return reason or _("it has not been proven.")
