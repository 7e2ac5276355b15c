"""Lists both stores, and reads the manifests and proofs there."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing, suppress
from functools import partial

from mtn_tui.archive import manifest as manifests
from mtn_tui.archive import proof as proofs
from mtn_tui.archive import summary as summaries
from mtn_tui.archive.cipher import BLOCK, HEADER, MAGIC
from mtn_tui.archive.keys import Key
from mtn_tui.archive.proof import Proof
from mtn_tui.archive.reader import check_header, check_size
from mtn_tui.archive.summary import Summary
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import (
    ArchiveError,
    ForeignManifest,
    MtnError,
    NotFound,
    StorageError,
    Truncated,
    WrongKey,
)
from mtn_tui.core.garbage import uncollected
from mtn_tui.core.i18n import _
from mtn_tui.core.models import MANIFEST, PROOF, ROLES, BackupName
from mtn_tui.engine.pipeline import Handle, background, ordered_map
from mtn_tui.operations.common.manifest_cache import Cache, Content
from mtn_tui.operations.inventory.model import Copy, CopyStatus, Inventory, Pending, inventory_of
from mtn_tui.storage.base import Entry, Storage

_AT_ONCE = 8
_LARGEST = 32 << 20
"""Bytes of a manifest, a proof or a file of roles; a manifest of 20,000 tables has 10 MB."""
_SOON = 1.0
"""Seconds after which people are shown what is known."""
_LOOK_EVERY = 0.05
"""Seconds between looks at which of the stores have answered."""


def take_inventory(
    stores: Iterable[Storage],
    key: Key | None,
    cache: Cache | None = None,
    meanwhile: Callable[[Inventory], None] | None = None,
) -> Inventory:
    """Ask all stores at the same time. One that does not answer is named in ``unreachable``.

    Without ``key`` no manifest is believed: every copy of ours is unchecked, and
    says why. What ``cache`` knows is not fetched again. After a second
    ``meanwhile`` gets what is known by then, and again whenever one more store
    has answered.
    """
    cache = cache or Cache()
    made: dict[tuple[str, bytes], Summary] = {}
    with ExitStack() as quick:
        quick.enter_context(uncollected())
        # The program need not wait for these threads to end: a bucket may hang for half a minute.
        asked = [
            (store, background(partial(_ask, store, key, cache, made), f"mtn-listing-{store.name}"))
            for store in stores
        ]
        soon, told = time.monotonic() + _SOON, len(asked) + 1
        while waiting := [(store, answer) for store, answer in asked if not answer.done]:
            if meanwhile is not None and time.monotonic() > soon and len(waiting) < told:
                quick.close()  # the caller goes on meanwhile, and makes garbage
                told = len(waiting)
                meanwhile(_answered(asked, frozenset(store.name for store, _answer in waiting)))
            waiting[0][1].join(_LOOK_EVERY)
        cache.save()
        return _answered(asked)


_Copies = list[tuple[BackupName, Copy]]


def _answered(
    asked: Iterable[tuple[Storage, Handle[_Copies]]], pending: frozenset[str] = frozenset()
) -> Inventory:
    """The inventory of what the stores have answered, but for those that are ``pending``."""
    found: dict[BackupName, list[Copy]] = {}
    unreachable: dict[str, MtnError] = {}
    for store, answer in asked:
        if store.name in pending:
            unreachable[store.name] = Pending()
            continue
        try:
            for name, copy in answer.result():
                found.setdefault(name, []).append(copy)
        except (StorageError, ArchiveError) as error:
            unreachable[store.name] = error
    return inventory_of(found, unreachable, pending)


def _ask(store: Storage, key: Key | None, cache: Cache, made: dict[tuple[str, bytes], Summary]) -> _Copies:
    """List one store. ``made`` has summaries by payload and SHA-256 of the manifest, from either store."""
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
    too_large = [entry for entry in beside if entry.size > _LARGEST]
    beside = [entry for entry in beside if entry.size <= _LARGEST]
    contents = cache.known(store, key, beside)
    read = _read([entry.key for entry in beside if entry.key not in contents], store, key, made)
    cache.keep(store, key, beside, read)
    contents |= read
    contents |= {entry.key: b"" for entry in too_large}  # nothing that could be believed

    def there(one: str) -> bool:
        return one in contents or (one.endswith(ROLES) and one in entries)

    return [(name, read_copy(store, entry, key, there, contents.__getitem__)) for name, entry in payloads]


def _read(
    keys: Sequence[str], store: Storage, key: Key | None, made: dict[tuple[str, bytes], Summary]
) -> dict[str, Content]:
    """Fetch manifests and proofs; those that are gone since the listing are left out."""

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
    store: Storage, one: str, key: Key | None, made: dict[tuple[str, bytes], Summary]
) -> Content:
    """Read a manifest's summary or a proof; the raw bytes if it is invalid.

    ``made`` has summaries by payload and the manifest's SHA-256, and is added to.
    """
    data = read_small(store, one)
    if one.endswith(PROOF):
        return proofs.load(data) or data
    if key is None:
        return data
    payload = one.rpartition("/")[2].removesuffix(MANIFEST)
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
        if is_there(entry.key + ROLES):
            return Copy(store, entry.key, entry.size, CopyStatus.UNFINISHED, None, proof_of(""))
        trouble = _cut_off(store, entry)
        standing = CopyStatus.BROKEN if trouble else CopyStatus.LEGACY
        proof = proof_of("" if trouble else proofs.of_size(entry.size))
        return Copy(store, entry.key, entry.size, standing, None, proof, trouble, cut_off=trouble is not None)
    try:
        manifest = _summary(read(entry.key + MANIFEST), entry.key.rpartition("/")[2], key)
    except ArchiveError as error:
        standing = CopyStatus.UNCHECKED if key is None else CopyStatus.BROKEN
        if isinstance(error, WrongKey):
            standing = CopyStatus.ANOTHER_KEY
        return Copy(store, entry.key, entry.size, standing, None, proof_of(""), error)
    proof = proof_of(manifest.sha256)
    trouble = _misfit(store, entry, manifest)
    standing = CopyStatus.BROKEN if trouble else CopyStatus.WHOLE
    return Copy(store, entry.key, entry.size, standing, manifest, proof, trouble)


def _cut_off(store: Storage, entry: Entry) -> ArchiveError | None:
    """Why a file of the scripts can't be whole, as far as its size tells. Reads its first bytes, if any."""
    hint = _("What made or copied it has failed. Take another copy.")
    if not entry.size:
        return ArchiveError(_("{path} is empty.").format(path=entry.key), hint, "7.4")
    if entry.size % BLOCK == 0 and entry.size > HEADER:
        return None
    try:
        with store.open(entry.key, 0, min(len(MAGIC), entry.size)) as stream:
            begins = stream.read()
    except StorageError:
        return None  # reading it through tells
    if not begins or not MAGIC.startswith(begins):
        return None  # it is not encrypted
    return Truncated(_("{path} was cut off.").format(path=entry.key), hint, "7.4")


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
    """Read a companion file; empty if it is larger than any companion can be."""
    with store.open(key) as stream:
        data = stream.read(_LARGEST + 1)
    return data if len(data) <= _LARGEST else b""
