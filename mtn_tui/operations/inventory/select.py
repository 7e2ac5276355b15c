"""Which backup is meant: an id, a name, a file anywhere, or the newest one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mtn_tui.archive import legacy
from mtn_tui.archive.cipher import MAGIC
from mtn_tui.archive.keys import Key
from mtn_tui.core import paths
from mtn_tui.core.errors import MtnError, NotABackup, NotFound, StorageError, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import BackupName
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.fallback import earlier_proven, newer_broken
from mtn_tui.operations.inventory.key_check import newer_of_another_key
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.inventory.one_server import OfOneServer, of_one_server
from mtn_tui.operations.inventory.scan import read_content, read_copy, take_inventory
from mtn_tui.storage.base import checked_key
from mtn_tui.storage.local import LocalStorage


@dataclass(frozen=True)
class Chosen:
    """The backup that is meant, and what to know before it is used."""

    backup: Backup
    unreachable: Mapping[str, MtnError] = field(default_factory=dict)
    """Stores that were to be asked for it and did not answer: what they hold is not among its copies."""
    earlier: tuple[Backup, ...] = ()
    """Proven ones from before it, newest first."""
    newer_broken: Backup | None = None
    """A newer one that does not hold, and so can't be the latest."""
    another_key: Backup | None = None
    """A newer one that was made with another key."""
    another_server: str = ""
    """Says that a newer one of another server is passed over; empty if none is."""


def choose(context: Context, *, wanted: str = "", file: str = "", latest: bool = False) -> Chosen:
    """Find one backup by exactly one of the three.

    ``wanted`` is an id or a file's name, ``file`` a path or a name in either
    store. Raises UsageError if there is none, and if the latest
    may be another server's; NotABackup if it is a folder, or not what pg_dump wrote.
    """
    if sum(map(bool, (wanted, file, latest))) != 1:
        raise UsageError(
            _("Say which backup: an ID, --file FILE or --latest."), _("mtn list shows what there is.")
        )
    if file and (paths.present(Path(file)) or "/" in file):
        return Chosen(backup_at(Path(file), context.key))
    try:
        checked_key(wanted or file or "latest")
    except StorageError as error:
        raise UsageError(error.title, error.hint) from error
    inventory, database = take_inventory(context.stores, context.key, context.cache), context.settings.db_name
    if not latest:
        backup = inventory.find(wanted or file)
        found = OfOneServer(inventory)
    else:
        found = of_one_server(context, inventory)
        found.must_be_clear()
        inventory = found.inventory
        backup = inventory.latest(database=database)
    return Chosen(
        backup,
        inventory.unreachable,
        earlier_proven(inventory, backup, database),
        newer_broken(inventory, backup),
        newer_of_another_key(inventory, backup, database) if latest else None,
        found.doubt,
    )


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
    except NotFound as error:
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
