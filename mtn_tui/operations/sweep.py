"""Clears away what a run that was killed has left half-made.

Only what is ours alone is touched: files of this prefix and host, which no
living job of this machine names. Another host sharing the bucket has names of
its own. A payload without a manifest goes only once a newer backup is proven:
until then it may be the best there is. In the bucket it goes also where the
copy on disk, which is always finished first, is whole.
"""

from __future__ import annotations

from mtn_tui.core.errors import StorageError, StorageUnavailable
from mtn_tui.core.models import MANIFEST, PROOF, ROLES, BackupName
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import list_jobs
from mtn_tui.operations.card import NAME as CARD
from mtn_tui.operations.context import Context
from mtn_tui.storage.base import Storage
from mtn_tui.storage.local import CHECK
from mtn_tui.storage.part import sweep_parts

_RECENT = 200
"""Journals looked at for jobs that are alive."""


def sweep_parts_and_uploads(job: Job, context: Context) -> bool:
    """Remove ``.part`` files and unfinished uploads of jobs that are gone. To be called under the lock.

    False where the bucket does not answer. Being refused is an answer: whoever
    may put objects need not be allowed to list unfinished uploads.
    """
    busy = _names_of_living_jobs(job, context)

    def ours(key: str) -> bool:
        base = _base(key)
        if base == CARD or base.startswith(CHECK):
            return True
        for suffix in (MANIFEST, PROOF, ROLES, ""):
            name = BackupName.parse(base.removesuffix(suffix)) if base.endswith(suffix) else None
            if name is not None:
                return _is_ours(name, context) and str(name) not in busy
        return False

    for left in sweep_parts(context.settings.backup_dir, ours):
        job.note("info", "swept", what="part", name=left)
    if context.stores.bucket is None:
        return False
    try:
        for upload in context.stores.bucket.abort_unfinished(ours):
            job.note("info", "swept", what="upload", name=upload.key)
    except StorageError as error:
        job.note("warn", "not-swept", what="uploads", reason=error.title)
        return not isinstance(error, StorageUnavailable)
    return True


def sweep_unfinished(job: Job, context: Context, *, bucket_answers: bool) -> None:
    """Remove payloads that were never finished, and what lies, or was to lie, beside them."""
    busy = _names_of_living_jobs(job, context)
    listed: dict[Storage, set[str]] = {}
    for store in context.stores if bucket_answers else [context.stores.disk]:
        try:
            listed[store] = {entry.key for entry in store.list()}
        except StorageError as error:
            job.note("warn", "not-swept", what="unfinished", store=store.name, reason=error.title)
    finished = {
        _base(key).removesuffix(MANIFEST)
        for keys in listed.values()
        for key in keys
        if key.endswith(MANIFEST)
    }
    disk = listed.get(context.stores.disk, set())
    whole_on_disk = {key for key in disk if key + MANIFEST in disk}
    for store, keys in listed.items():
        for key in sorted(key.removesuffix(ROLES) for key in keys if key.endswith(ROLES)):
            name = BackupName.parse(_base(key))
            if name is None or not _is_ours(name, context) or str(name) in busy:
                continue
            if key + MANIFEST not in keys and str(name) not in finished - whole_on_disk:
                _sweep_one(job, store, key)


def _sweep_one(job: Job, store: Storage, key: str) -> None:
    try:
        # The roles go last: a payload without them would pass for a file of the scripts'.
        for suffix in ("", PROOF, ROLES):
            store.delete(key + suffix)
    except StorageError as error:
        job.note("warn", "not-swept", what="unfinished", store=store.name, key=key, reason=error.title)
    else:
        job.note("info", "swept", what="unfinished", store=store.name, key=key)


def _base(key: str) -> str:
    return key.rpartition("/")[2]


def _is_ours(name: BackupName, context: Context) -> bool:
    return (name.prefix, name.host) == (context.settings.backup_prefix, context.host)


def _names_of_living_jobs(job: Job, context: Context) -> frozenset[str]:
    return frozenset(
        file
        for view in list_jobs(context.jobs, limit=_RECENT)
        if not view.state.over and view.id != job.id
        for file in view.files
    )
