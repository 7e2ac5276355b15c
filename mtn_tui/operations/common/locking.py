"""The lock of one operation on one database, wherever locks can be kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mtn_tui.core.errors import StorageError
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import FileLock, Holder, holder_of, lock_path
from mtn_tui.operations.common.context import Context


@contextmanager
def operation_lock(job: Job, context: Context, database: str, operation: str) -> Iterator[None]:
    """Hold the lock in the block. Raises Locked if somebody has it, StorageError if its file can't be made.

    If no folder takes a file there is no such lock; the one on the server remains.
    """
    if context.locks is None:
        job.note("warn", "no-file-lock", operation=operation, database=database)
        yield
        return
    beside = [lock_path(folder, database, operation) for folder in context.lock_folders]
    with FileLock(lock_path(context.locks, database, operation), job.holder(operation), beside):
        yield


def holder(context: Context, database: str, operation: str) -> Holder | None:
    """Who holds that lock now; None if nobody does. Lock files that can't be read are ignored."""
    for folder in context.lock_folders:
        with suppress(StorageError):
            if found := holder_of(lock_path(folder, database, operation)):
                return found
    return None
