"""Whose backups lie in the stores, for somebody who is about to set up another installation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from mtn_tui.archive import manifest as manifests
from mtn_tui.core import paths
from mtn_tui.core.errors import ArchiveError, NotFound
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.models import MANIFEST, BackupName
from mtn_tui.core.settings import Settings
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.stores import open_stores
from mtn_tui.operations.inventory.scan import read_small
from mtn_tui.storage.base import Storage

_NAMED = 5
"""Owners that are named; of more only the number."""


def whose_backups(settings: Settings) -> str:
    """A line for each owner of backups in BACKUP_DIR and the bucket; empty if there are none.

    An owner is a prefix and a host, as names of files have them. Raises the
    StorageError of a store that does not answer.
    """
    stores = open_stores(settings)
    asked = [stores.disk] if paths.present(settings.backup_dir) else []
    lines = [line for store in asked for line in _owners(store)]
    if stores.bucket is not None:
        lines += _owners(stores.bucket)
    return "\n".join(lines)


def _owners(store: Storage) -> Iterable[str]:
    found: dict[tuple[str, str], list[tuple[BackupName, str]]] = defaultdict(list)
    for entry in store.list():
        name = BackupName.parse(entry.key.rpartition("/")[2])
        if name is not None and not name.clear:
            found[name.prefix, name.host].append((name, entry.key))
    for (prefix, host), backups in sorted(found.items())[:_NAMED]:
        newest, key = max(backups)
        text = ngettext(
            "{place}: {count} backup {prefix} of the host {host}, made {moment}",
            "{place}: {count} backups {prefix} of the host {host}, the newest made {moment}",
            len(backups),
        )
        moment = labels.moment(newest.stamp.astimezone())
        yield text.format(
            place=store.place, count=len(backups), prefix=prefix, host=host or "—", moment=moment
        ) + _made_of(store, key)
    if len(found) > _NAMED:
        yield _("{place}: and those of {count} others").format(place=store.place, count=len(found) - _NAMED)


def _made_of(store: Storage, key: str) -> str:
    """The database and the key's fingerprint, as the manifest says; its signature is not checked."""
    try:
        manifest = manifests.peek(read_small(store, key + MANIFEST))
    except (NotFound, ArchiveError):
        return ""
    return _(" (database {database}, key {key})").format(database=manifest.database, key=manifest.key)
