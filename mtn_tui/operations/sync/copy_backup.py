"""Copies one backup into a store that lacks it, so that nothing half-made looks whole.

As when a backup is made: the roles' file first, which claims the name, then the payload, and
the manifest last. The payload is hashed as it passes; a store keeps it only if it is what
the manifest says. What an earlier run has left is taken away first, if its job is over; but
the parts of a payload that have reached the bucket are not sent again, if they are the same.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mtn_tui.archive import manifest as manifests
from mtn_tui.archive import proof as proofs
from mtn_tui.archive.manifest import Manifest
from mtn_tui.archive.proof import Proof
from mtn_tui.core.errors import (
    AlreadyThere,
    Cancelled,
    Changed,
    NotFound,
    StorageError,
    StorageUnavailable,
)
from mtn_tui.core.i18n import _
from mtn_tui.core.models import KEYS, MANIFEST, PROOF, ROLES
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.backup.naming import claim
from mtn_tui.operations.backup.ownership import Ownership
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.installation import Mark, mark_of
from mtn_tui.operations.common.stores import key_in
from mtn_tui.operations.inventory.scan import read_small
from mtn_tui.operations.retention.policy import Missing
from mtn_tui.operations.sync.limit import Limit
from mtn_tui.storage.base import Entry, Readable

if TYPE_CHECKING:
    from mtn_tui.storage.broken_off import Begun
    from mtn_tui.storage.s3 import S3Storage

_PIECE = 1 << 18
_ALL = ("", KEYS, PROOF, ROLES)
"""Suffixes as what is not whole is removed: the roles last, without which it would pass for a legacy file."""


@dataclass
class BackupCopy:
    """One backup on its way into one store."""

    job: Job
    context: Context
    missing: Missing
    ours: Ownership
    limit: Limit
    advance: Callable[[int], None]

    def __post_init__(self) -> None:
        self._mark: Mark = mark_of(self.job, self.context)
        self._key = key_in(self.missing.store, self.missing.backup.name)
        self._put: set[str] = set()
        self._stays = False
        """Whether what was sent by now stays, for a later run to go on with."""
        self._before: Proof | None = None
        """The proof that lay there."""

    def run(self) -> None:
        """Copy it. Raises Changed or another ArchiveError if the source is bad, StorageError or Cancelled."""
        try:
            self._run()
        except AlreadyThere:
            self._put.clear()
            self._run()  # what a killed run had sent last may have come to the store only now

    def _run(self) -> None:
        source, name = self.missing.source, self.missing.backup.name
        signed = read_small(source.store, source.key + MANIFEST)
        manifest = manifests.decode(signed, self.context.key, str(name))
        roles = self._small(ROLES)
        if hashlib.sha256(roles).hexdigest() != manifest.roles_sha256:
            raise StorageError(_("The file of its roles is missing, or is not what its manifest says."))
        begun = self._begun(manifest)  # the claim that lies there tells whose it is
        self._before = self._make_way(signed) or self._before
        try:
            self._claim(roles)
            self._send(manifest, begun)
            self._put_beside(ROLES, roles)
            self._send_keys()
            self._put_beside(PROOF, self._proof(manifest.sha256))
            self._put_beside(MANIFEST, signed, exclusive=True)
        except BaseException as error:
            if self._stays and isinstance(error, StorageUnavailable | Cancelled):
                self.job.note("info", "upload-broken-off", name=self._key)
            else:
                self._take_back()
            raise

    def _begun(self, manifest: Manifest) -> Begun | None:
        """What a run that is over has sent of it already, in parts."""
        bucket = self._bucket
        if bucket is None or not bucket.in_parts(manifest.size):
            return None
        begun = bucket.begun(self._key, lambda upload: self.ours.may_abort(bucket, upload))
        if begun is not None:
            self.job.note("info", "goes-on", name=self._key, bytes=begun.bytes_there)
        return begun

    @property
    def _bucket(self) -> S3Storage | None:
        """The bucket, if that is where it is copied to."""
        bucket = self.context.stores.bucket
        return bucket if bucket is not None and self.missing.store is bucket else None

    def _make_way(self, signed: bytes) -> Proof | None:
        """Remove what is there of it without its payload, or unfinished. Returns the proof that lay there.

        Raises AlreadyThere where that is not ours to remove.
        """
        store, key = self.missing.store, self._key
        entries = {entry.key: entry for entry in store.list(key)}
        there = [suffix for suffix in (*_ALL, MANIFEST) if key + suffix in entries]
        if not there:
            return None
        proof = proofs.load(read_small(store, key + PROOF)) if PROOF in there else None
        if MANIFEST in there:
            if "" in there or read_small(store, key + MANIFEST) != signed:
                raise self._taken()
            store.delete(key + MANIFEST)  # its payload is gone: it says nothing any more
        elif ROLES not in there and "" not in there:
            pass
        elif not self._may_remove(entries):
            raise self._taken()
        for suffix in _ALL:
            store.delete(key + suffix)
        return proof

    def _may_remove(self, entries: dict[str, Entry]) -> bool:
        bucket, name = self._bucket, self.missing.backup.name
        if bucket is not None:
            return self.ours.may_remove_object(bucket, name, entries)
        return self.ours.may_remove_file(name, entries)

    def _taken(self) -> AlreadyThere:
        return AlreadyThere(
            _("{key} is there already, and unfinished.").format(key=self._key),
            _("See which job it is of: mtn job list"),
        )

    def _claim(self, roles: bytes) -> None:
        bucket = self._bucket
        if bucket is not None:
            claim(bucket, self._key, self._mark)
        else:
            self.job.making(str(self.missing.backup.name))
            self._store(ROLES, io.BytesIO(roles), len(roles), exclusive=True)
        self._put.add(ROLES)

    def _send(self, manifest: Manifest, begun: Begun | None) -> None:
        source, bucket = self.missing.source, self._bucket
        there = begun.bytes_there if begun else 0
        with source.store.open(source.key) as stream:
            checked = _Checked(stream, manifest, self.limit, self.advance, there)
            self._stays = bucket is not None and bucket.in_parts(manifest.size)
            self._store("", checked, manifest.size, exclusive=True, begun=begun)
            self._stays = False
        self._put.add("")

    def _put_beside(self, suffix: str, data: bytes, *, exclusive: bool = False) -> None:
        self._store(suffix, io.BytesIO(data), len(data), exclusive=exclusive)
        self._put.add(suffix)

    def _store(
        self, suffix: str, source: Readable, size: int, *, exclusive: bool, begun: Begun | None = None
    ) -> None:
        store, bucket = self.missing.store, self._bucket
        key, token = self._key + suffix, self.job.token
        if bucket is not None:
            bucket.put(
                key,
                source,
                size,
                exclusive=exclusive,
                cancel=token,
                mark=str(self._mark),
                begun=begun,
                stays=self._stays,
            )
        else:
            store.put(key, source, size, exclusive=exclusive, cancel=token)

    def _send_keys(self) -> None:
        """Copy the file of keys, which fulls may have, and which may be large."""
        store, key = self.missing.source.store, self.missing.source.key + KEYS
        try:
            size = store.stat(key).size
        except NotFound:
            return
        with store.open(key, 0, size) as stream:
            self._store(KEYS, stream, size, exclusive=False)
        self._put.add(KEYS)

    def _small(self, suffix: str) -> bytes:
        """A small companion of the source; empty if there is none."""
        try:
            return read_small(self.missing.source.store, self.missing.source.key + suffix)
        except NotFound:
            return b""

    def _proof(self, sha256: str) -> bytes:
        """What is proven of the same bytes in the other store, and any pin."""
        found = proofs.of(sha256, proofs.load(self._small(PROOF)))
        if found.pinned is None and self._before is not None:
            found = replace(found, pinned=self._before.pinned)
        return proofs.encode(found)

    def _take_back(self) -> None:
        """Remove what was put; where that fails, a later run does it."""
        try:
            for suffix in (MANIFEST, *_ALL):
                if self._is_ours(suffix):
                    self.missing.store.delete(self._key + suffix)
        except StorageError as error:
            self.job.note("warn", "not-taken-back", name=self._key, reason=error.title)

    def _is_ours(self, suffix: str) -> bool:
        """Whether this run has put it, also where the answer was lost on its way."""
        bucket = self._bucket
        if suffix in self._put or bucket is None:
            return suffix in self._put
        with suppress(NotFound):
            return bucket.mark(self._key + suffix) == str(self._mark)
        return False


class _Checked:
    """A payload's stream that is limited, counted, and refused at its end if it is not what was signed."""

    def __init__(
        self,
        stream: Readable,
        manifest: Manifest,
        limit: Limit,
        advance: Callable[[int], None],
        unlimited: int,
    ) -> None:
        """The first ``unlimited`` bytes are not sent: they are there."""
        self._stream = stream
        self._manifest = manifest
        self._limit = limit
        self._advance = advance
        self._hash = hashlib.sha256()
        self._left = manifest.size
        self._limited_from = manifest.size - unlimited

    def read(self, size: int = -1, /) -> bytes:
        """Return ``size`` bytes, fewer only at the end. Raises Changed."""
        pieces = []
        wanted = self._left if size < 0 else min(size, self._left)
        while wanted > 0 and (piece := self._stream.read(min(wanted, _PIECE))):
            if self._left <= self._limited_from:
                self._limit.take(len(piece))
            self._hash.update(piece)
            self._advance(len(piece))
            self._left -= len(piece)
            wanted -= len(piece)
            pieces.append(piece)
        if not self._left and self._hash.hexdigest() != self._manifest.sha256:
            raise Changed(
                _("{name} is not what was written: its SHA-256 differs.").format(name=self._manifest.payload),
                _("It was not copied. See what is wrong with it: mtn verify {id}").format(
                    id=self._manifest.id
                ),
            )
        return b"".join(pieces)
