"""Tells people how a job ended: ``announced`` wraps its body, which is still running then.

What tells them needs as much code as the rest of a job, so it is imported while the job works.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

from mtn_tui.core.errors import MtnError
from mtn_tui.core.garbage import uncollected
from mtn_tui.core.i18n import _
from mtn_tui.core.traces import named
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.pipeline import background
from mtn_tui.operations.common.context import Context

R = TypeVar("R")


def announced(context: Context, body: Callable[[Job], R]) -> Callable[[Job], R]:
    """Wrap a job's body, to send an alert about how it ended.

    A job never fails for an alert that is not sent: it is a warning of the job like any other.
    """

    def run(job: Job) -> R:
        with background(_job_alerts, "mtn-alerts") as job_alerts:
            try:
                result = body(job)
            except Exception as error:
                failure = error
                _tell(job, lambda: job_alerts.result().of_failure(job, context, failure))
                raise
            _tell(job, lambda: job_alerts.result().of_result(job, context, result))
            return result

    return run


def _job_alerts() -> ModuleType:
    with uncollected():
        from mtn_tui.operations import job_alerts

        return job_alerts


def _tell(job: Job, tell: Callable[[], None]) -> None:
    try:
        tell()
    except Exception as error:  # noqa: BLE001 - a backup is never lost for a mail; the job tells it as a warning
        text = error.title if isinstance(error, MtnError) else named(error)
        job.warn("not-told", _("Nobody was notified: {reason}").format(reason=text))
