"""Which backup is meant: an id, a name, or a file anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from mtn_tui.archive import legacy
from mtn_tui.archive.cipher import MAGIC
from mtn_tui.archive.keys import Key
from mtn_tui.core import paths
from mtn_tui.core.errors import MtnError, NotABackup, NotFound, StorageError, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import BackupName, Kind
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.fallback import earlier_proven, newer_broken
from mtn_tui.operations.inventory.model import Backup, Inventory
from mtn_tui.operations.inventory.scan import read_content, read_copy, take_inventory
from mtn_tui.storage.base import checked_key
from mtn_tui.storage.local import LocalStorage

_NONE = Inventory(())


@dataclass(frozen=True)
class Chosen:
    """The backup that is meant, and what to know before it is used."""

    backup: Backup
    unreachable: Mapping[str, MtnError] = field(default_factory=dict)
    """Stores that were to be asked for it and did not answer: what they hold is not among its copies."""
    inventory: Inventory = _NONE
    """Where it was found."""
    path: str = ""
    """Its file, where no store lists it; commands call it by its handle elsewhere."""
    earlier: tuple[Backup, ...] = ()
    """Proven ones from before it, newest first."""
    newer_broken: Backup | None = None
    """A newer one that does not hold, and so can't be the latest."""
    another_key: Backup | None = None
    """A newer one that was made with another key."""
    another_server: str = ""
    """Says that a newer one of another server is passed over; empty if none is."""
    passed_over: str = ""
    """Says that a newer one is there which is not taken unasked, and why; empty if none is."""
    notes: tuple[str, ...] = ()
    """What else to say of the choice."""


def choose(context: Context, *, wanted: str = "", file: str = "") -> Chosen:
    """Find one backup by exactly one of the two.

    ``wanted`` is an id or a file's name, ``file`` a path or a name in either
    store. Raises UsageError if there is none; NotABackup if it is a folder, or not
    what pg_dump wrote.
    """
    if path := path_meant(wanted, file):
        return _at(context, path)
    try:
        checked_key(wanted or file)
    except StorageError as error:
        raise UsageError(error.title, error.hint) from error
    inventory = take_inventory(context.stores, context.key, context.cache)
    backup = inventory.find(wanted or file)
    return Chosen(
        backup,
        inventory.unreachable,
        inventory,
        earlier=earlier_proven(inventory, backup, context.settings.db_name),
        newer_broken=newer_broken(inventory, backup),
    )


def path_meant(wanted: str, file: str) -> Path | None:
    """The file that is meant, wherever it lies; None if a store is to be asked.

    Raises UsageError unless exactly one of the two is given.
    """
    if bool(wanted) == bool(file):
        raise UsageError(_("Say which backup: an ID or --file FILE."), _("mtn list shows what there is."))
    return Path(file) if file and (paths.present(Path(file)) or "/" in file) else None


def _at(context: Context, path: Path) -> Chosen:
    """The backup in a file; a differential with its full, which lies beside it or in a store."""
    backup = backup_at(path, context.key)
    if backup.kind is Kind.FULL or backup.manifest is None:
        return Chosen(backup, path=str(path))
    base = backup.manifest.base
    for stores in ([LocalStorage(path.absolute().parent)], context.stores):
        inventory = take_inventory(stores, context.key)
        full = next((one for one in inventory.backups if one.id == base and one.kind is Kind.FULL), None)
        if full is not None:
            return Chosen(replace(backup, base=full), inventory=inventory, path=str(path))
    return Chosen(backup, inventory.unreachable, inventory, str(path))


def backup_at(path: Path, key: Key | None) -> Backup:
    """The backup in a file that need not lie in BACKUP_DIR, with the manifest beside it if there is one."""
    if _is_folder(path):
        if (path / "toc.dat").exists():
            raise legacy.archive_format()
        raise NotABackup(
            _("{path} is a folder, not a backup.").format(path=path),
            _("Name one file in it."),
        )
    store = LocalStorage(path.absolute().parent)
    try:
        entry = store.stat(path.name)
    except StorageError as error:
        if not isinstance(error, NotFound) and _is_folder(path.parent):
            raise
        raise UsageError(
            _("There is no file {path}.").format(path=path), _("mtn list shows what there is.")
        ) from error
    name = BackupName.of_file(path.name, entry.modified.astimezone())
    if name.given:
        if not entry.size:
            raise NotABackup(
                _("{path} is empty.").format(path=path),
                _("What made or copied it has failed. Take another copy."),
            )
        with store.open(path.name, 0, len(MAGIC)) as stream:
            header = stream.read(len(MAGIC))
            legacy.check_format(header)
            if not header.startswith((MAGIC, *legacy.CLEAR)):
                raise NotABackup(
                    _("{path} is not a backup.").format(path=path),
                    _("It has to be what pg_dump wrote: plain text, also by gzip, also encrypted."),
                )

    def is_there(beside: str) -> bool:
        try:
            store.stat(beside)
        except StorageError:
            return False
        return True

    read = partial(read_content, store, key=key, made={})
    return Backup(name, (read_copy(store, entry, key, is_there, read),))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # it can't be looked at: opening it says why
