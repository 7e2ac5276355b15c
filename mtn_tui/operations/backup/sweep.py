"""Removes what killed runs have left half-made.

Other installations may keep backups in the same folder and bucket under the
same prefix and host name, and may be writing just now. So a file goes only if it is

- named by a journal of our own, of a job that is over: on disk by the names
  that its job had claimed, in the bucket by the mark that each object bears
  (unfinished uploads bear none: the claim that lies under their key does); or
- older than any upload may last, of our prefix and host, and not the newest:
  until a newer one is finished, a payload without its manifest may be the best
  there is. What bears another installation's or database's mark stays even so.

A payload without a manifest goes only once a newer backup is proven. In the
bucket it goes also where the copy on disk, which is always finished first, is
whole. An unfinished upload of such a backup stays, with the claim beside it: a
sync goes on with it.
"""

from __future__ import annotations

from collections.abc import Container
from functools import partial
from typing import TYPE_CHECKING

from mtn_tui.core.errors import NotFound, StorageError, StorageUnavailable
from mtn_tui.core.models import KEYS, MANIFEST, PROOF, ROLES, BackupName
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.backup.ownership import Ownership, base
from mtn_tui.operations.common.context import Context
from mtn_tui.storage.base import Entry, Storage
from mtn_tui.storage.part import sweep_parts

if TYPE_CHECKING:
    from mtn_tui.storage.s3 import S3Storage


def sweep_parts_and_uploads(job: Job, context: Context) -> bool:
    """Remove ``.part`` files and unfinished uploads of jobs that are gone. To be called under the lock.

    Returns False if the bucket does not answer. A refusal is an answer: a user who
    may put objects need not be allowed to list unfinished uploads.
    """
    ours = Ownership(job, context)
    try:
        ours.note_finished(context.stores.disk.list())
        for left in sweep_parts(context.settings.backup_dir, ours.may_remove_part):
            job.note("info", "swept", what="part", name=left)
    except StorageError as error:
        job.note("warn", "not-swept", what="parts", reason=error.title)
    bucket = context.stores.bucket
    if bucket is None:
        return False
    try:
        for upload in bucket.abort_unfinished(
            lambda upload: (
                not ours.goes_on(upload, partial(_is_there, bucket)) and ours.may_abort(bucket, upload)
            )
        ):
            job.note("info", "swept", what="upload", name=upload.key)
    except StorageError as error:
        job.note("warn", "not-swept", what="uploads", reason=error.title)
        return not isinstance(error, StorageUnavailable)
    return True


def _is_there(bucket: S3Storage, key: str) -> bool:
    try:
        bucket.stat(key)
    except NotFound:
        return False
    return True


def sweep_unfinished(job: Job, context: Context, *, bucket_answers: bool) -> None:
    """Remove payloads that were never finished, and what lies, or was to lie, beside them."""
    ours = Ownership(job, context)
    listed: dict[Storage, dict[str, Entry]] = {}
    for store in context.stores if bucket_answers else [context.stores.disk]:
        try:
            listed[store] = {entry.key: entry for entry in store.list()}
        except StorageError as error:
            job.note("warn", "not-swept", what="unfinished", store=store.name, reason=error.title)
    for entries in listed.values():
        ours.note_finished(entries.values())
    disk = listed.get(context.stores.disk, {})
    whole_on_disk = {key for key in disk if key + MANIFEST in disk}
    bucket = context.stores.bucket
    going_on = set[str]()
    if bucket is not None and bucket in listed:
        going_on = _going_on(job, bucket, listed[bucket], ours)
    for store, entries in listed.items():
        for key in sorted(key.removesuffix(ROLES) for key in entries if key.endswith(ROLES)):
            name = BackupName.parse(base(key))
            if name is None or key + MANIFEST in entries or str(name) in ours.finished - whole_on_disk:
                continue
            if store is context.stores.bucket and key in going_on:
                continue
            try:
                if _may_go(ours, context, store, name, entries):
                    _remove(job, store, key)
            except StorageError as error:
                job.note(
                    "warn", "not-swept", what="unfinished", store=store.name, key=key, reason=error.title
                )


def _going_on(job: Job, bucket: S3Storage, there: Container[str], ours: Ownership) -> set[str]:
    """The keys of unfinished uploads with which a sync goes on: what lies beside says whose they are.

    ``there`` are the keys of the bucket.
    """
    try:
        return {
            upload.key for upload in bucket.unfinished() if ours.goes_on(upload, lambda key: key in there)
        }
    except StorageError as error:  # a user who may put objects need not be allowed to list uploads
        job.note("warn", "not-looked-for", what="uploads", reason=error.title)
        return set()


def _may_go(
    ours: Ownership, context: Context, store: Storage, name: BackupName, entries: dict[str, Entry]
) -> bool:
    if store is context.stores.bucket:
        return ours.may_remove_object(context.stores.bucket, name, entries)
    return ours.may_remove_file(name, entries)


def _remove(job: Job, store: Storage, key: str) -> None:
    # The roles go last: a payload without them would pass for a file of the scripts'.
    for suffix in ("", KEYS, PROOF, ROLES):
        store.delete(key + suffix)
    job.note("info", "swept", what="unfinished", store=store.name, key=key)
