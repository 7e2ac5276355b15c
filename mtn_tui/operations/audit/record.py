"""Recording what is changed. A trail that can't be written stops nothing: whoever records is told why.

It goes where jobs are recorded, elsewhere than in the state folder if that takes no file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mtn_tui.core.errors import MtnError, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.audit.trail import Entry, append
from mtn_tui.operations.common.context import Context

R = TypeVar("R")


def record(context: Context, action: str, subject: str = "", /, **facts: object) -> StorageError | None:
    """Append a line to the trail. Returns why, if that can't be done: it is a warning, whatever was done."""
    entry = Entry(context.clock.now(), context.operator, context.host, action, subject, facts)
    try:
        append(context.record_place.folder or context.state, entry)
    except StorageError as error:
        return error
    return None


def unrecorded(error: StorageError) -> str:
    """The warning for what ``record`` returns."""
    return _("This is not in the audit trail: {reason}").format(reason=error.title)


def record_in(job: Job, context: Context, action: str, subject: str = "", /, **facts: object) -> None:
    """Like ``record``, within a job, which warns if that can't be done."""
    if error := record(context, action, subject, job=job.id, **facts):
        job.warn("not-audited", unrecorded(error))


def audited(context: Context, body: Callable[[Job], R]) -> Callable[[Job], R]:
    """Wrap a job's body, to record its beginning and its end. It is still running then."""

    def run(job: Job) -> R:
        record_in(job, context, "job-begun", job.subject, kind=job.kind, scheduled=context.scheduled)
        try:
            result = body(job)
        except BaseException as error:
            told = error.title if isinstance(error, MtnError) else type(error).__name__
            stopped = job.stop_asked or job.token.cancelled
            state = JobState.CANCELLED if stopped else JobState.FAILED
            record_in(job, context, "job-ended", job.subject, kind=job.kind, state=state.value, reason=told)
            raise
        facts = {name: job.outcome[name] for name in _TOLD if job.outcome.get(name)}
        facts |= {"kind": job.kind, "state": JobState.SUCCEEDED.value, "warnings": len(job.warnings)}
        record_in(job, context, "job-ended", job.subject, **facts)
        return result

    return run


_TOLD = ("id", "name", "target", "kept", "backup")
"""Which facts of an outcome are recorded, where it has them."""
