"""What earlier runs have copied back from a restored database, while references to it stayed NULL."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from mtn_tui.core.errors import StorageError, UsageError
from mtn_tui.core.models import JobState
from mtn_tui.engine.jobview import read_job
from mtn_tui.engine.journal import journals_in
from mtn_tui.operations.common.context import Context
from mtn_tui.postgres.connection import Connection
from mtn_tui.postgres.missing_rows import one

_OID = "SELECT oid::bigint FROM pg_database WHERE datname = current_database()"


def database_oid(connection: Connection) -> int:
    """The OID of the database of a connection: a database that is restored anew has another."""
    return one(connection, _OID)


def left_by(context: Context, target: str, source: int) -> frozenset[str]:
    """The transactions that wrote such rows of the database with the OID ``source``, by the jobs' journals.

    A journal that was read and has not changed since is not read again. Raises StorageError if a folder
    of journals can't be read.
    """
    found: set[str] = set()
    for path in journals_in(context.job_folders):
        try:
            state = path.lstat()
            left = _left(path, (state.st_mtime_ns, state.st_size, state.st_ino))
        except (OSError, UsageError, StorageError):
            continue  # gone since the folder was read, or closed to this user
        if left is not None and (left.target, left.source) == (target, source):
            found |= left.transactions
    return frozenset(found)


class _Left(NamedTuple):
    target: str
    source: object
    transactions: frozenset[str]


@lru_cache(maxsize=1 << 14)
def _left(path: Path, _stamp: tuple[int, int, int]) -> _Left | None:
    """What the job has left, as its journal tells; None if it has copied nothing back."""
    job = read_job(path)
    if job.kind != "recover" or job.state is not JobState.SUCCEEDED:
        return None
    left = job.result.get("transactions")
    numbers = left if isinstance(left, list) else []
    found = frozenset(str(number) for number in numbers if str(number).isdigit())
    return _Left(job.subject, job.result.get("source_oid"), found)
