"""What earlier runs have copied back from a restored database, while references to it stayed NULL."""

from __future__ import annotations

from mtn_tui.core.models import JobState
from mtn_tui.engine.jobview import list_jobs
from mtn_tui.operations.common.context import Context
from mtn_tui.postgres.connection import Connection
from mtn_tui.postgres.missing_rows import one

_OID = "SELECT oid::bigint FROM pg_database WHERE datname = current_database()"


def database_oid(connection: Connection) -> int:
    """The OID of the database of a connection: a database that is restored anew has another."""
    return one(connection, _OID)


def left_by(context: Context, target: str, source: int) -> frozenset[str]:
    """The transactions that wrote such rows of the database with the OID ``source``, by the jobs' journals.

    Raises StorageError if a folder of journals can't be read.
    """
    found: set[str] = set()
    for job in list_jobs(context.job_folders):
        if job.kind != "recover" or job.subject != target or job.state is not JobState.SUCCEEDED:
            continue
        left = job.result.get("transactions")
        if job.result.get("source_oid") == source and isinstance(left, list):
            found.update(str(number) for number in left if str(number).isdigit())
    return frozenset(found)
