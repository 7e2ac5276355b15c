"""What backups there are, in both stores, and how far each is proven."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial

from mtn_tui.archive import manifest as manifests
from mtn_tui.archive import proof as proofs
from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import Manifest
from mtn_tui.archive.proof import Mark, Proof
from mtn_tui.archive.reader import Archive, check_size
from mtn_tui.core.errors import ArchiveError, ForeignManifest, MtnError, NotFound, StorageError, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import MANIFEST, PROOF, ROLES, BackupName, Kind, Rung
from mtn_tui.operations.suspect import why_suspect
from mtn_tui.storage.base import Entry, Storage

_AT_ONCE = 8


class Standing(StrEnum):
    """What a copy is, before anything is said of its bytes."""

    WHOLE = "whole"
    """Its manifest is there, signed with our key, and of its size."""
    UNFINISHED = "unfinished"
    """It was being written when something stopped: no manifest, but companions of ours."""
    LEGACY = "legacy"
    """The scripts made it: no manifest, and nothing that could vouch for it."""
    BROKEN = "broken"
    """Its manifest can't be believed, or does not fit it."""


@dataclass(frozen=True)
class Copy:
    """A backup in one store."""

    store: Storage
    key: str
    size: int
    standing: Standing
    manifest: Manifest | None
    proof: Proof
    trouble: ArchiveError | None = None
    """Why it is broken."""

    @property
    def rung(self) -> Rung:
        return self.proof.rung if self.standing in (Standing.WHOLE, Standing.LEGACY) else Rung.PRESENT


@dataclass(frozen=True)
class Backup:
    """One backup and its copies, the disk's first."""

    name: BackupName
    copies: tuple[Copy, ...]
    suspect: str = ""
    """Why it should be looked at before it is relied upon."""

    @property
    def manifest(self) -> Manifest | None:
        return next((copy.manifest for copy in self.copies if copy.manifest), None)

    @property
    def id(self) -> str:
        return self.manifest.id if self.manifest else ""

    @property
    def kind(self) -> Kind:
        return self.name.kind

    @property
    def moment(self) -> datetime:
        """What it holds the database as of: aware; a legacy one's stamp is taken as local time."""
        return self.manifest.snapshot_at if self.manifest else self.name.stamp.astimezone(UTC)

    @property
    def size(self) -> int:
        return max(copy.size for copy in self.copies)

    @property
    def rung(self) -> Rung:
        """What is proven of every copy."""
        return min(copy.rung for copy in self.copies)

    @property
    def pinned(self) -> Mark | None:
        """Of any copy: none of a pinned backup is deleted."""
        return next((copy.proof.pinned for copy in self.copies if copy.proof.pinned), None)

    @property
    def accepted(self) -> Mark | None:
        """That somebody looked at it when it was suspect."""
        return next((copy.proof.accepted for copy in self.copies if copy.proof.accepted), None)

    def copy_in(self, store: str) -> Copy | None:
        """``disk`` or ``bucket``."""
        return next((copy for copy in self.copies if copy.store.name == store), None)

    @property
    def usable(self) -> tuple[Copy, ...]:
        """Copies that could be restored, the best proven first, the disk before the bucket."""
        good = [copy for copy in self.copies if copy.standing in (Standing.WHOLE, Standing.LEGACY)]
        return tuple(sorted(good, key=lambda copy: copy.rung, reverse=True))


@dataclass(frozen=True)
class Inventory:
    backups: tuple[Backup, ...]
    """Newest first."""
    silent: dict[str, MtnError] = field(default_factory=dict)
    """Stores that could not be asked, and why."""

    def find(self, wanted: str) -> Backup:
        """By id or by file name. UsageError where there is none."""
        for backup in self.backups:
            if wanted in (backup.id, str(backup.name)) and wanted:
                return backup
        hint = _("mtn list shows what there is.")
        if self._troubles():
            hint += " " + _("What can't be believed has no ID there: name its file.")
        if self.silent:
            hint += " " + _("Not asked, for it does not answer: {stores}").format(
                stores=", ".join(self.silent)
            )
        raise UsageError(_("There is no backup {wanted!r}.").format(wanted=wanted), hint)

    def latest(self, kind: Kind = Kind.FULL, database: str = "") -> Backup:
        """The newest proven one that is not suspect; where none is proven, the newest usable one.

        ``database`` leaves out those of others: several may share a store.
        Where there is none, raises why the newest can't be believed, or why a
        store could not be asked; UsageError where there really is none.
        """
        of_kind = [one for one in self.backups if one.kind is kind and one.usable]
        of_kind = [one for one in of_kind if not one.manifest or database in ("", one.manifest.database)]
        if not of_kind:
            for trouble in (*self._troubles(kind), *self.silent.values()):
                raise trouble
            raise UsageError(
                _("There is no {kind} backup yet.").format(kind=kind), _("Make one: mtn backup full")
            )
        proven = [one for one in of_kind if one.usable[0].rung.proven and not one.suspect]
        return (proven or of_kind)[0]

    def _troubles(self, *kinds: Kind) -> list[ArchiveError]:
        """Why copies can't be believed, the newest first."""
        of_kind = [one for one in self.backups if not kinds or one.kind in kinds]
        return [copy.trouble for one in of_kind for copy in one.copies if copy.trouble]


def take_inventory(stores: Iterable[Storage], key: Key | None) -> Inventory:
    """Ask the stores. One that does not answer is named in ``silent``, and the other listed.

    Without ``key`` manifests can't be believed: every copy of ours is broken, and says why.
    """
    found: dict[BackupName, list[Copy]] = {}
    silent: dict[str, MtnError] = {}
    for store in stores:
        try:
            for name, copy in _copies(store, key):
                found.setdefault(name, []).append(copy)
        except StorageError as error:
            silent[store.name] = error
    backups = [Backup(name, tuple(copies)) for name, copies in found.items()]
    backups.sort(key=lambda backup: (backup.moment, str(backup.name)), reverse=True)
    return Inventory(tuple(_marked(backups)), silent)


def _marked(backups: list[Backup]) -> Iterable[Backup]:
    for index, backup in enumerate(backups):
        reason = ""
        if backup.manifest and not backup.accepted:
            earlier = [one.manifest for one in backups[index + 1 :] if one.manifest]
            reason = why_suspect(backup.manifest, earlier)
        yield Backup(backup.name, backup.copies, reason)


def _copies(store: Storage, key: Key | None) -> list[tuple[BackupName, Copy]]:
    entries = {entry.key: entry for entry in store.list()}
    payloads = [
        (name, entry)
        for entry in entries.values()
        if (name := BackupName.parse(entry.key.rpartition("/")[2])) is not None
    ]

    def read(item: tuple[BackupName, Entry]) -> tuple[BackupName, Copy]:
        name, entry = item
        return name, read_copy(store, name, entry, key, entries.__contains__)

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="mtn-inventory") as pool:
        return list(pool.map(read, payloads))


def read_copy(
    store: Storage, name: BackupName, entry: Entry, key: Key | None, is_there: Callable[[str], bool]
) -> Copy:
    """Tell what one payload is, from the files beside it."""
    if not is_there(entry.key + MANIFEST):
        ours = is_there(entry.key + ROLES)
        standing = Standing.UNFINISHED if ours else Standing.LEGACY
        return Copy(store, entry.key, entry.size, standing, None, _proof(store, entry, "", is_there))
    try:
        manifest = _manifest(store, entry, name, key)
    except ArchiveError as error:
        proof = _proof(store, entry, "", is_there)
        return Copy(store, entry.key, entry.size, Standing.BROKEN, None, proof, error)
    proof = _proof(store, entry, manifest.sha256, is_there)
    trouble = _misfit(store, entry, manifest, key)
    standing = Standing.BROKEN if trouble else Standing.WHOLE
    return Copy(store, entry.key, entry.size, standing, manifest, proof, trouble)


def _misfit(store: Storage, entry: Entry, manifest: Manifest, key: Key | None) -> ArchiveError | None:
    """Why a manifest that can be believed does not fit the payload it lies beside."""
    try:
        check_size(entry.size, manifest)
    except ArchiveError as error:
        if key is None:
            return error
        try:
            Archive(partial(store.open, entry.key), key, manifest).check_header()
        except ForeignManifest as foreign:
            return foreign
        except ArchiveError:
            return error
        return error
    return None


def _manifest(store: Storage, entry: Entry, name: BackupName, key: Key | None) -> Manifest:
    data = read_small(store, entry.key + MANIFEST)
    if key is None:
        raise ArchiveError(_("Without the key nothing vouches for it."))
    return manifests.decode(data, key, str(name))


def _proof(store: Storage, entry: Entry, sha256: str, is_there: Callable[[str], bool]) -> Proof:
    if not is_there(entry.key + PROOF):
        return Proof(sha256)
    try:
        return proofs.decode(read_small(store, entry.key + PROOF), sha256)
    except NotFound:
        return Proof(sha256)


def read_small(store: Storage, key: str) -> bytes:
    with store.open(key) as stream:
        return stream.read()
