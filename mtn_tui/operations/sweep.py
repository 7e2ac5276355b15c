"""Clears away what a run that was killed has left half-made.

Only what is ours alone is touched: files of this prefix and host, which no
living job of this machine names. Another host sharing the bucket has names of
its own. A payload without a manifest goes only once a newer backup is proven:
until then it may be the best there is.
"""

from __future__ import annotations

from mtn_tui.core.errors import StorageError
from mtn_tui.core.models import MANIFEST, PROOF, ROLES, BackupName
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import list_jobs
from mtn_tui.operations.context import Context
from mtn_tui.storage.part import sweep_parts

_RECENT = 200
"""Journals looked at for jobs that are alive."""


def sweep_parts_and_uploads(job: Job, context: Context) -> StorageError | None:
    """Remove ``.part`` files and unfinished uploads of jobs that are gone. To be called under the lock.

    Returns why the bucket could not be asked, where it could not.
    """
    busy = _names_of_living_jobs(job, context)

    def ours(key: str) -> bool:
        base = _base(key)
        for suffix in (MANIFEST, PROOF, ROLES, ""):
            name = BackupName.parse(base.removesuffix(suffix)) if base.endswith(suffix) else None
            if name is not None:
                return _is_ours(name, context) and str(name) not in busy
        return False

    for left in sweep_parts(context.settings.backup_dir, ours):
        job.note("info", "swept", what="part", name=left)
    if context.stores.bucket is None:
        return None
    try:
        for upload in context.stores.bucket.abort_unfinished(ours):
            job.note("info", "swept", what="upload", name=upload.key)
    except StorageError as error:
        job.note("warn", "not-swept", what="uploads", reason=error.title)
        return error
    return None


def sweep_unfinished(job: Job, context: Context) -> None:
    """Remove payloads that were never finished in any store, and what lies beside them."""
    busy = _names_of_living_jobs(job, context)
    listed = {}
    for store in context.stores:
        try:
            listed[store] = {entry.key for entry in store.list()}
        except StorageError as error:
            job.note("warn", "not-swept", what="unfinished", store=store.name, reason=error.title)
    finished = {
        _base(key).removesuffix(MANIFEST) for keys in listed.values() for key in keys if MANIFEST in key
    }
    for store, keys in listed.items():
        for key in sorted(keys):
            name = BackupName.parse(_base(key))
            half_made = name is not None and key + ROLES in keys and str(name) not in finished | busy
            if name is not None and half_made and _is_ours(name, context):
                for suffix in ("", PROOF, ROLES):
                    store.delete(key + suffix)
                job.note("info", "swept", what="unfinished", store=store.name, name=str(name))


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
