"""What backups there are, in both stores, and how far each is proven."""

from __future__ import annotations

import gc
import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property, partial

from mtn_tui.archive import manifest as manifests
from mtn_tui.archive import proof as proofs
from mtn_tui.archive import summary as summaries
from mtn_tui.archive.keys import Key
from mtn_tui.archive.proof import Mark, Proof
from mtn_tui.archive.reader import check_header, check_size
from mtn_tui.archive.summary import Summary
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import (
    ArchiveError,
    ForeignManifest,
    MtnError,
    NotFound,
    StorageError,
    StorageUnavailable,
    UsageError,
)
from mtn_tui.core.i18n import _
from mtn_tui.core.models import MANIFEST, PROOF, ROLES, BackupName, Kind, Rung
from mtn_tui.engine.pipeline import Handle, background, ordered_map
from mtn_tui.operations.cache import Cache, Content
from mtn_tui.operations.suspect import COMPARED, why_suspect
from mtn_tui.storage.base import Entry, Storage

_AT_ONCE = 8
_SOON = 1.0
"""Seconds after which people are shown what is known."""
_LOOK_EVERY = 0.05
"""Seconds between looks at which of the stores have answered."""


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
    UNCHECKED = "unchecked"
    """Its manifest is there, and without the key nobody can tell."""


@dataclass(frozen=True)
class Copy:
    """A backup in one store."""

    store: Storage
    key: str
    size: int
    standing: Standing
    manifest: Summary | None
    proof: Proof
    trouble: ArchiveError | None = None
    """Why it is broken."""

    @property
    def condition(self) -> Standing:
        """Its standing; or broken, where that was seen when it was last read through."""
        return Standing.BROKEN if self.proof.failed else self.standing

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

    @cached_property
    def manifest(self) -> Summary | None:
        return next((copy.manifest for copy in self.copies if copy.manifest), None)

    @property
    def id(self) -> str:
        return self.manifest.id if self.manifest else ""

    @property
    def handle(self) -> str:
        """What a command calls it by: its id; what has none, its file's name."""
        return self.id or str(self.name)

    @property
    def legacy(self) -> bool:
        """Whether every copy of it is of the scripts' making."""
        return all(copy.standing is Standing.LEGACY for copy in self.copies)

    def may_be_of(self, database: str) -> bool:
        """Whether it is of that database, or does not say of which."""
        return self.manifest is None or self.manifest.database == database

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

    @property
    def sound(self) -> tuple[Copy, ...]:
        """Those of the usable ones that are not known to be damaged."""
        return tuple(copy for copy in self.usable if not copy.proof.failed)


@dataclass(frozen=True)
class Inventory:
    backups: tuple[Backup, ...]
    """Newest first."""
    silent: dict[str, MtnError] = field(default_factory=dict)
    """Stores of which nothing is known, and why."""
    awaited: frozenset[str] = frozenset()
    """Stores that are not done answering."""

    @property
    def is_partial(self) -> bool:
        """Whether what a store holds is not known yet, and soon may be."""
        return not self.awaited.isdisjoint(self.silent)

    def over(self, before: Inventory | None) -> Inventory:
        """With what the stores that are awaited had answered ``before``."""
        known = self.awaited - before.silent.keys() if before else frozenset()
        if before is None or not known:
            return self
        found = {one.name: list(one.copies) for one in self.backups}
        for one in before.backups:
            found.setdefault(one.name, []).extend(copy for copy in one.copies if copy.store.name in known)
        silent = {name: error for name, error in self.silent.items() if name not in known}
        return _inventory({name: copies for name, copies in found.items() if copies}, silent, self.awaited)

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
        of_kind = [one for one in of_kind if not database or one.may_be_of(database)]
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


def take_inventory(
    stores: Iterable[Storage],
    key: Key | None,
    cache: Cache | None = None,
    meanwhile: Callable[[Inventory], None] | None = None,
) -> Inventory:
    """Ask the stores, at once. One that does not answer is named in ``silent``, and the other listed.

    Without ``key`` manifests can't be believed: every copy of ours is broken,
    and says why. What ``cache`` knows is not fetched again; who keeps it and
    takes inventory again is answered sooner. Where it takes longer than a
    second, ``meanwhile`` is told what there is by then, and whenever one more
    store has answered.
    """
    cache = cache or Cache()
    made: dict[tuple[str, bytes], Summary] = {}
    with ExitStack() as quick:
        quick.enter_context(_uncollected())
        # Threads that a program leaves behind when it ends: a bucket that hangs does so for half a minute.
        asked = [
            (store, background(partial(_ask, store, key, cache, made), f"mtn-listing-{store.name}"))
            for store in stores
        ]
        soon, told = time.monotonic() + _SOON, len(asked) + 1
        while waiting := [(store, answer) for store, answer in asked if not answer.done]:
            if meanwhile is not None and time.monotonic() > soon and len(waiting) < told:
                quick.close()  # who is told goes on meanwhile, and makes garbage
                told = len(waiting)
                meanwhile(_answered(asked, frozenset(store.name for store, _answer in waiting)))
            waiting[0][1].join(_LOOK_EVERY)
        cache.save()
        return _answered(asked)


_Copies = list[tuple[BackupName, Copy]]


def _answered(
    asked: Iterable[tuple[Storage, Handle[_Copies]]], awaited: frozenset[str] = frozenset()
) -> Inventory:
    """By all stores but those that are ``awaited``."""
    found: dict[BackupName, list[Copy]] = {}
    silent: dict[str, MtnError] = {}
    for store, answer in asked:
        if store.name in awaited:
            silent[store.name] = StorageUnavailable(_("It has been asked, and is not done answering."))
            continue
        try:
            for name, copy in answer.result():
                found.setdefault(name, []).append(copy)
        except (StorageError, ArchiveError) as error:
            silent[store.name] = error
    return _inventory(found, silent, awaited)


def _inventory(
    found: dict[BackupName, list[Copy]], silent: dict[str, MtnError], awaited: frozenset[str]
) -> Inventory:
    backups = [
        Backup(name, tuple(sorted(copies, key=lambda copy: copy.store.name != "disk")))
        for name, copies in found.items()
    ]
    backups.sort(key=lambda backup: (backup.moment, backup.name), reverse=True)
    taken = Inventory(tuple(backups), silent, awaited)
    # What a backup is compared with may be where nothing is known of yet.
    return taken if taken.is_partial else replace(taken, backups=tuple(_marked(backups)))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Python's collector looks for garbage again and again among thousands of new objects, all of them kept:
    a quarter of the time. They count as old at once, or it would look through all of them as it is let go."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        gc.unfreeze()


def _marked(backups: list[Backup]) -> list[Backup]:
    """Each with what is odd about it, beside the last few like it; given and returned newest first."""
    before: dict[tuple[Kind, str], deque[Summary]] = {}
    marked = []
    for backup in reversed(backups):
        manifest = backup.manifest
        if manifest is not None:
            earlier = before.setdefault((manifest.kind, manifest.database), deque(maxlen=COMPARED))
            reason = why_suspect(manifest, earlier)
            earlier.appendleft(manifest)
            if reason and not backup.accepted:
                backup = replace(backup, suspect=reason)  # noqa: PLW2901 - the same one, marked
        marked.append(backup)
    return marked[::-1]


def _ask(store: Storage, key: Key | None, cache: Cache, made: dict[tuple[str, bytes], Summary]) -> _Copies:
    """``made`` has summaries by payload and the manifest's SHA-256: mostly both stores hold the same."""
    entries = {entry.key: entry for entry in store.list()}
    payloads = [
        (name, entry)
        for entry in entries.values()
        if (name := BackupName.parse(entry.key.rpartition("/")[2])) is not None
    ]
    beside = [
        found
        for _name, entry in payloads
        for suffix in (MANIFEST, PROOF)
        if (found := entries.get(entry.key + suffix)) is not None
    ]
    contents = cache.known(store, key, beside)
    read = _read([entry.key for entry in beside if entry.key not in contents], store, key, made)
    cache.keep(store, key, beside, read)
    contents |= read

    def there(one: str) -> bool:
        return one in contents or (one.endswith(ROLES) and one in entries)

    return [(name, read_copy(store, entry, key, there, contents.__getitem__)) for name, entry in payloads]


def _read(
    keys: Sequence[str], store: Storage, key: Key | None, made: dict[tuple[str, bytes], Summary]
) -> dict[str, Content]:
    """What is there now; what is gone since the listing is left out."""

    def read(one: str) -> Content | None:
        try:
            return read_content(store, one, key, made)
        except NotFound:
            return None

    if not keys:
        return {}
    found = ordered_map(keys, read, workers=_AT_ONCE, depth=2 * _AT_ONCE, token=CancelToken())
    with closing(found) as contents:
        return {one: content for one, content in zip(keys, contents, strict=True) if content is not None}


def read_content(
    store: Storage, one: str, key: Key | None, made: dict[tuple[str, bytes], Summary] | None = None
) -> Content:
    """Of a manifest its summary, or what a proof says; as it is, where that can't be believed or read.

    ``made`` has summaries by payload and the manifest's SHA-256, and is added to.
    """
    data = read_small(store, one)
    if one.endswith(PROOF):
        return proofs.load(data) or data
    if key is None:
        return data
    payload = one.rpartition("/")[2].removesuffix(MANIFEST)
    made = {} if made is None else made
    same = payload, hashlib.sha256(data).digest()
    with suppress(ArchiveError):  # as it is, it says what is wrong with it
        return made.get(same) or made.setdefault(
            same, summaries.summary(manifests.decode(data, key, payload))
        )
    return data


def read_copy(
    store: Storage,
    entry: Entry,
    key: Key | None,
    is_there: Callable[[str], bool],
    read: Callable[[str], Content],
) -> Copy:
    """Tell what one payload is, from the files beside it."""

    def proof_of(sha256: str) -> Proof:
        beside = entry.key + PROOF
        found = read(beside) if is_there(beside) else None
        return proofs.of(sha256, found if isinstance(found, Proof) else None)

    if not is_there(entry.key + MANIFEST):
        ours = is_there(entry.key + ROLES)
        standing = Standing.UNFINISHED if ours else Standing.LEGACY
        return Copy(store, entry.key, entry.size, standing, None, proof_of(""))
    try:
        manifest = _summary(read(entry.key + MANIFEST), entry.key.rpartition("/")[2], key)
    except ArchiveError as error:
        standing = Standing.UNCHECKED if key is None else Standing.BROKEN
        return Copy(store, entry.key, entry.size, standing, None, proof_of(""), error)
    proof = proof_of(manifest.sha256)
    trouble = _misfit(store, entry, manifest)
    standing = Standing.BROKEN if trouble else Standing.WHOLE
    return Copy(store, entry.key, entry.size, standing, manifest, proof, trouble)


def _misfit(store: Storage, entry: Entry, manifest: Summary) -> ArchiveError | None:
    """Why a manifest that can be believed does not fit the payload it lies beside."""
    try:
        check_size(entry.size, manifest)
    except ArchiveError as error:
        try:
            check_header(partial(store.open, entry.key), manifest)
        except ForeignManifest as foreign:
            return foreign
        except ArchiveError:
            return error
        return error
    return None


def _summary(found: Content, payload: str, key: Key | None) -> Summary:
    if isinstance(found, Summary):
        return found
    if isinstance(found, bytes) and key is not None:
        return summaries.summary(manifests.decode(found, key, payload))  # raises what is wrong with it
    hint = _("Put the key in its place: see ENCRYPTION_KEY_FILE.")
    raise ArchiveError(_("Without the key nothing vouches for it."), hint, "7.2")


def read_small(store: Storage, key: str) -> bytes:
    with store.open(key) as stream:
        return stream.read()
