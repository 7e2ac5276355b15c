"""Remembers what each store held when a backup last ended, to notice one that was lost or exchanged.

A mount that is gone leaves an empty folder behind, on the root disk; a bucket
that was made anew has the name of the old one. Both take backups as if nothing
had happened. A store counts as another where all the backups that were there
last are gone, or the newest of them is and the filesystem is another: either
alone happens on its own (a number of a device after a restart, a backup that
somebody deleted). It is told each time until the backups are there again, or
somebody says ``mtn accept --store``: what is remembered stays as it is meanwhile.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from mtn_tui.core.errors import MtnError, StorageError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.models import MANIFEST, BackupName
from mtn_tui.core.suggested import command
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import turn
from mtn_tui.engine.statefiles import open_found, refusal, write_whole
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.storage.base import Storage
from mtn_tui.storage.local import LocalStorage

_FILE = "stores.json"
_NAMES = 10
"""Of the newest backups: retention always keeps some of these."""


@dataclass(frozen=True)
class Known:
    """What a store held when it was last remembered."""

    at: datetime
    filesystem: str
    """Its mount point and the system's id for it; empty for a bucket."""
    names: tuple[str, ...]
    """The newest finished backups of our prefix and host, the newest first."""
    size: int
    """Bytes of the newest."""


@dataclass(frozen=True)
class Changed:
    """A store that is not the one that was remembered."""

    store: Storage
    before: Known
    filesystem: str

    @property
    def moved(self) -> bool:
        """Whether it lies on another filesystem than before."""
        return self.filesystem != self.before.filesystem

    @property
    def says(self) -> str:
        """What has changed, in words."""
        count, newest = len(self.before.names), self.before.names[0]
        text = ngettext(
            "{place} held a backup ({newest}), which is gone.",
            "{place} held {count} backups or more (the newest: {newest}), which are gone.",
            count,
        ).format(place=self.store.place, count=count, newest=newest)
        if self.moved:
            text += " " + _("It was on the filesystem of {before}, and now is on that of {now}.").format(
                before=_mount(self.before.filesystem), now=_mount(self.filesystem)
            )
        return text

    @property
    def hint(self) -> str:
        """What to do about it."""
        accept = command("accept", "--store", self.store.name)
        if self.store.name == "disk":
            return _("Mount its disk again, or correct BACKUP_DIR. If this is meant: {command}").format(
                command=accept
            )
        return _("See whether the bucket was emptied or made again. If this is meant: {command}").format(
            command=accept
        )


def changed(
    context: Context, store: Storage, listed: Callable[[], Collection[str]] | None = None
) -> Changed | None:
    """How a store has changed; None if it has not, or was never remembered. Raises StorageError.

    ``listed`` gives the names of its files, of the backups at least, where they are known.
    """
    before = _load(context).get(store.identity)
    if before is None or not before.names:
        return None
    names = listed() if listed else {entry.key.rpartition("/")[2] for entry in store.list()}
    found = Changed(store, before, _filesystem(store))
    gone = [name for name in before.names if name not in names]
    if len(gone) == len(before.names) or (found.moved and before.names[0] in gone):
        return found
    return None


def look(job: Job, context: Context, *, bucket_answers: bool) -> list[Changed]:
    """Warn of each store that has changed."""
    found = []
    for store in context.stores if bucket_answers else [context.stores.disk]:
        try:
            one = changed(context, store)
        except StorageError as error:
            job.note("warn", "store-not-compared", store=store.name, reason=error.title)
            continue
        if one is not None:
            found.append(one)
            job.warn("store-changed", f"{one.says} {one.hint}", store=store.name)
    return found


def remember(job: Job, context: Context, stores: Iterator[Storage] | list[Storage]) -> None:
    """Remember what these stores hold now. A failure is only noted."""
    for store in stores:
        try:
            known = _known(context, store)
            if known.names:
                _keep(context, store, known)
        except MtnError as error:
            job.note("warn", "store-not-remembered", store=store.name, reason=error.title)


def accept(context: Context, store: Storage) -> None:
    """Remember a store as it is now, though it has changed. Raises StorageError or Locked."""
    _keep(context, store, _known(context, store))


def _known(context: Context, store: Storage) -> Known:
    entries = {entry.key: entry for entry in store.list()}
    ours = {}
    for key, entry in entries.items():
        name = BackupName.parse(key.rpartition("/")[2])
        if name is None or key + MANIFEST not in entries:
            continue
        if (name.prefix, name.host) == (context.settings.backup_prefix, context.host):
            ours[name] = entry.size
    newest = sorted(ours, reverse=True)[:_NAMES]
    size = ours[newest[0]] if newest else 0
    return Known(context.clock.now(), _filesystem(store), tuple(map(str, newest)), size)


def _filesystem(store: Storage) -> str:
    if not isinstance(store, LocalStorage):
        return ""
    try:
        real = Path(os.path.realpath(store.root))
        mount = next((one for one in (real, *real.parents) if one.is_mount()), real)
        return f"{mount}\n{os.statvfs(real).f_fsid}"
    except OSError as error:
        raise refusal(error, store.root) from error


def _mount(filesystem: str) -> str:
    return filesystem.partition("\n")[0]


def _load(context: Context) -> Mapping[str, Known]:
    """What is remembered, by the stores' identities; empty if it can't be read."""
    try:
        with os.fdopen(open_found(context.state / _FILE), "rb") as file:
            found = json.loads(file.read())
        return {identity: _read(one) for identity, one in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _read(record: Mapping[str, object]) -> Known:
    names = record["names"]
    if not isinstance(names, list):
        raise TypeError
    return Known(
        datetime.fromisoformat(str(record["at"])),
        str(record["filesystem"]),
        tuple(str(name) for name in names),
        int(str(record["size"])),
    )


def _keep(context: Context, store: Storage, known: Known) -> None:
    with turn(context.locks, _FILE):
        records = {**_load(context), store.identity: known}
        data = {identity: {**asdict(one), "at": one.at.isoformat()} for identity, one in records.items()}
        path = context.state / _FILE
        try:
            write_whole(path, json.dumps(data, indent=1).encode("ascii"))
        except OSError as error:
            raise refusal(error, path) from error


def describe(store: Storage) -> str:
    """The sentence for the operator who has accepted a store."""
    return _("{place} ({store}) is accepted as it is now.").format(
        place=store.place, store=labels.store(store.name)
    )
