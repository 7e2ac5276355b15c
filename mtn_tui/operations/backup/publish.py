"""Puts a backup's files where they belong, in the order that makes a crash harmless.

Companions first, the payload's name next, the manifest last: where a manifest
is, all that it names is there.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from mtn_tui.archive import manifest as manifests
from mtn_tui.archive.cipher import Encryptor, new_salt
from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import Manifest
from mtn_tui.archive.proof import Proof
from mtn_tui.archive.summary import summary
from mtn_tui.core.errors import ArchiveError, StorageError
from mtn_tui.core.models import BackupName, Rung
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.backup.restore_card import leave_card
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import key_in
from mtn_tui.operations.inventory.model import Copy, CopyStatus
from mtn_tui.operations.verify.read_through import prove
from mtn_tui.operations.verify.verify import record, record_fall
from mtn_tui.storage.base import Storage
from mtn_tui.storage.part import PartFile


@dataclass(frozen=True)
class Signed:
    """A manifest, and the bytes of its file."""

    manifest: Manifest
    data: bytes


def encrypted(key: Key, data: bytes) -> bytes:
    """Encrypt ``data`` as ``openssl enc`` does; the line on the restore card reads it."""
    encryptor = Encryptor(key, new_salt())
    return encryptor.header + encryptor.update(data) + encryptor.finish()


def put_beside(store: Storage, name: BackupName, suffix: str, data: bytes) -> None:
    """Put a companion file beside a payload. Raises AlreadyThere if one is there, else StorageError."""
    store.put(key_in(store, name, suffix), io.BytesIO(data), len(data), exclusive=True)


def keep_keys(job: Job, keys: PartFile) -> None:
    """Give the file of keys its name. Where that fails it goes, and the backup is whole without it."""
    try:
        keys.commit()
    except StorageError as error:
        keys.abort(error)
        job.note("warn", "no-keys", reason=error.title)


def proven_copy(job: Job, context: Context, store: Storage, manifest: Manifest, key: Key) -> Rung:
    """Read back what was written to ``store`` and record how far it holds. Raises ArchiveError."""
    name = key_in(store, manifest.name)
    copy = Copy(store, name, manifest.size, CopyStatus.WHOLE, summary(manifest), Proof(manifest.sha256))
    if not context.settings.enable_post_backup_verify:
        return record(job, context, copy, Rung.PRESENT)
    job.phase(f"verify-{store.name}", total=manifest.size)
    try:
        prove(copy, key, job.token, job.advance)
    except ArchiveError as error:
        record_fall(job, context, copy, error)
        raise
    rung = record(job, context, copy, Rung.COMPLETE)
    job.note("info", "copy-proven", name=str(manifest.name), store=store.name, rung=rung.word)
    return rung


def signed(manifest: Manifest, key: Key) -> Signed:
    """Sign a manifest with ``key``."""
    return Signed(manifest, manifests.encode(manifest, key))


def take_back(job: Job, store: Storage, name: BackupName, suffix: str) -> None:
    """Remove a file of a backup that did not become whole; where that fails, a later run does it."""
    try:
        store.delete(key_in(store, name, suffix))
    except StorageError as error:
        job.note("warn", "not-taken-back", name=str(name) + suffix, reason=error.title)


def leave_cards(job: Job, context: Context, in_bucket: bool) -> None:
    """Put the restore card on disk and, with ``in_bucket``, into the bucket. A failure is only noted."""
    stores: list[Storage] = [context.stores.disk]
    if in_bucket and context.stores.bucket is not None:
        stores.append(context.stores.bucket)
    for store in stores:
        try:
            leave_card(store)
        except StorageError as error:
            job.note("warn", "card-not-left", store=store.name, reason=error.title)
