"""Whether the key is the one that the existing backups were made with.

A manifest names its key's fingerprint; of the scripts' files the first bytes
are decrypted. Without this check a swapped key would go unnoticed: new backups
would be whole, and all earlier ones unreadable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtn_tui.archive import legacy
from mtn_tui.archive.keys import Key, read_key
from mtn_tui.core.errors import ArchiveError, KeyFileError, StorageError, WrongKey
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.model import Backup, Copy, CopyStatus, Inventory
from mtn_tui.operations.inventory.scan import take_inventory

_LEGACY_TRIED = 3
"""Files of the scripts whose first bytes are decrypted: one may be damaged."""


@dataclass(frozen=True)
class Compared:
    """What the backups say of the key, the newest first."""

    same: int
    """Backups that it can read."""
    other: tuple[Backup, ...]
    """Backups that were made with another key."""
    newest_differs: bool
    """Whether the newest of all is among ``other``."""

    @property
    def known(self) -> bool:
        """Whether there is anything to compare it with."""
        return bool(self.same or self.other)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Of the other keys, as far as manifests name them."""
        troubles = (copy.trouble for one in self.other for copy in one.copies)
        named = (trouble.theirs for trouble in troubles if isinstance(trouble, WrongKey))
        return tuple(dict.fromkeys(one for one in named if one))


def compare(inventory: Inventory, key: Key, database: str) -> Compared:
    """Compare ``key`` with the backups of ``inventory``; in the bucket, with those of ``database`` only.

    Several installations may share a bucket, and each has a key of its own. The
    scripts' files are tried only if there is nothing of ours.
    """
    same, other, first = 0, [], None
    for backup in inventory.backups:
        verdict = _of_manifest(backup, database)
        if verdict is None:
            continue
        first = verdict if first is None else first
        if verdict:
            same += 1
        else:
            other.append(backup)
    if first is not None:
        return Compared(same, tuple(other), not first)
    return _of_legacy(inventory.backups, key)


def doubt(compared: Compared, key: Key) -> str:
    """The warning before a backup is made with ``key``; empty if the newest was not made with another."""
    if not compared.newest_differs:
        return ""
    newest, names = compared.other[0], ", ".join(compared.fingerprints)
    said = _("The key is not the one that the last backup was made with ({name}, of {moment}).").format(
        name=newest.name, moment=labels.moment(newest.moment)
    )
    if names:
        said += " " + _("Its fingerprint is {theirs}, this one's is {ours}.").format(
            theirs=names, ours=key.fingerprint
        )
    count = len(compared.other)
    lost = ngettext(
        "Without the other key {count} backup can't be read.",
        "Without the other key {count} backups can't be read.",
        count,
    )
    return f"{said} {lost.format(count=count)}"


def before_backup(
    context: Context,
    on_disk: Inventory | None = None,
    *,
    ask_bucket: bool = True,
    key: Key | None = None,
) -> str:
    """``doubt`` for a backup that is about to be made. What ``on_disk`` lists is not asked for again.

    The bucket is only asked where nothing on disk tells. Raises KeyFileError.
    """
    key, stores = key or context.key, context.stores
    on_disk = on_disk or take_inventory([stores.disk], key, context.cache)
    compared = compare(on_disk, key, context.settings.db_name)
    if not compared.known and ask_bucket and stores.bucket is not None:
        in_bucket = take_inventory([stores.bucket], key, context.cache)
        compared = compare(in_bucket, key, context.settings.db_name)
    return doubt(compared, key)


def newer_of_another_key(inventory: Inventory, backup: Backup, database: str) -> Backup | None:
    """The newest backup after ``backup`` that needs another key; None if there is none."""
    for one in inventory.backups:
        if one.is_point and one.moment > backup.moment and _of_manifest(one, database) is False:
            return one
    return None


def passed_over(other: Backup) -> str:
    """Says that a newer backup needs another key, which one, and what to do about it."""
    why = next(copy.trouble for copy in other.copies if isinstance(copy.trouble, WrongKey))
    text = _("{name}, of {moment}, is skipped: {reason}")
    return text.format(name=other.name, moment=labels.moment(other.moment), reason=labels.whole(why))


def before_asking(context: Context) -> str:
    """``before_backup`` for a screen that asks the operator; empty if there is no key to compare yet.

    The key is read again: screens stay open for days, and the job reads what is there then.
    """
    try:
        return before_backup(context, key=read_key(context.settings.encryption_key_file))
    except (KeyFileError, StorageError):
        return ""  # the backup itself says what is wrong with it


def _of_manifest(backup: Backup, database: str) -> bool | None:
    """True: with our key. False: with another. None: no manifest tells, or it is of another database."""
    of = [copy for copy in backup.copies if copy.store.name == "disk" or _database(copy) == database]
    if any(copy.manifest for copy in of):
        return True
    return False if any(copy.standing is CopyStatus.ANOTHER_KEY for copy in of) else None


def _database(copy: Copy) -> str:
    if copy.manifest is not None:
        return copy.manifest.database
    return copy.trouble.database if isinstance(copy.trouble, WrongKey) else ""


def _of_legacy(backups: Sequence[Backup], key: Key) -> Compared:
    of_scripts = [one for one in backups if one.legacy and not one.name.clear]
    wrong: list[Backup] = []
    for backup in of_scripts[:_LEGACY_TRIED]:
        copy = backup.copies[0]
        try:
            with copy.store.open(copy.key) as stream:
                next(legacy.sql(stream, key), b"")
        except WrongKey:
            wrong.append(backup)
        except (ArchiveError, StorageError):
            continue
        else:
            return Compared(len(of_scripts), (), newest_differs=False)
    return Compared(0, tuple(of_scripts) if wrong else (), newest_differs=bool(wrong))
