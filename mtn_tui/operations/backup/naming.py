"""Claims a name for a new backup, so that nobody else can take it.

Two installations may have the same host name and prefix and begin in the same
second (cron makes them), with one folder or one bucket between them. On disk
the ``.part`` file is the claim: it is created exclusively. In the bucket the
roles' file is: it is put exclusively before anything else of that name, and
bears our mark. The one that comes second takes the name of the next second.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mtn_tui.core.errors import AlreadyThere, StorageError
from mtn_tui.core.models import ROLES, BackupName, Kind
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.installation import Mark
from mtn_tui.storage.part import PartFile, taken

if TYPE_CHECKING:
    from mtn_tui.storage.s3 import S3Storage

_TRIES = 60

CLAIM = b"A backup of this name is being written.\n"
"""What the roles' file holds until the roles are known."""


@dataclass(frozen=True)
class Claimed:
    """A claimed name. ``part`` is open; the caller closes it."""

    name: BackupName
    part: PartFile
    in_bucket: bool
    """Whether it is claimed there too. False without a bucket, or if the claim failed."""


def claim_name(
    job: Job, context: Context, kind: Kind, started: datetime, mark: Mark, *, bucket_answers: bool
) -> Claimed:
    """Claim the name for a backup begun at ``started``, or of the next second that is free in both stores.

    A bucket that does not answer is not asked: the name is claimed there once
    it does. Raises StorageError if the disk takes no file.
    """
    name = _first_free(job, context, kind, started, bucket_answers=bucket_answers)
    last = name.later(_TRIES)
    while True:
        try:
            part = _claim_on_disk(context, name)
            job.making(str(name))
            try:
                in_bucket = bucket_answers and _claim_in_bucket(job, context, name, mark)
            except BaseException:
                part.abort()
                raise
            return Claimed(name, part, in_bucket)
        except AlreadyThere:
            if name == last:
                raise
            job.note("info", "name-taken", name=str(name))
            name = name.later()


def claim(bucket: S3Storage, key: str, mark: Mark) -> None:
    """Claim a key in the bucket. Raises AlreadyThere if another has it, else what ``put`` raises."""
    beside = key + ROLES
    try:
        bucket.put(beside, io.BytesIO(CLAIM), len(CLAIM), exclusive=True, mark=str(mark))
    except AlreadyThere:
        # The answer to an attempt before this may have been lost on its way.
        if bucket.mark(beside) != str(mark):
            raise
    # A server that knows no conditions lets two through: the last one has it.
    if bucket.mark(beside) not in (str(mark), ""):
        raise bucket.taken(beside)


def _claim_on_disk(context: Context, name: BackupName) -> PartFile:
    path = context.stores.disk.path(str(name))
    part = PartFile(path)
    # A part of that name may have been finished, or taken back, just before this one was made.
    if os.path.lexists(path) or os.path.lexists(context.stores.disk.path(str(name) + ROLES)):
        part.abort()
        raise taken(path)
    return part


def _claim_in_bucket(job: Job, context: Context, name: BackupName, mark: Mark) -> bool:
    if context.stores.bucket is None:
        return False
    try:
        claim(context.stores.bucket, name.key, mark)
    except AlreadyThere:
        raise
    except StorageError as error:
        job.note("warn", "name-not-claimed", name=name.key, reason=error.title)
        return False
    return True


def _first_free(
    job: Job, context: Context, kind: Kind, started: datetime, *, bucket_answers: bool
) -> BackupName:
    """The first name from ``started`` on that is in neither listing."""
    stamp = started.astimezone().replace(tzinfo=None, microsecond=0)
    name = BackupName(stamp, context.settings.backup_prefix, kind, context.host)
    there = {entry.key for entry in context.stores.disk.list()}
    try:
        if context.stores.bucket is not None and bucket_answers:
            there |= {entry.key.rpartition("/")[2] for entry in context.stores.bucket.list(kind.folder + "/")}
    except StorageError as error:
        job.note("warn", "bucket-not-asked", reason=error.title)
    while any(key.startswith(str(name)) for key in there):
        name = name.later()
    return name
