"""Which runs have been, as the journals of jobs tell: what was not started, and what need not be again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from mtn_tui.core.errors import StorageError, UsageError
from mtn_tui.core.models import JobState, Kind
from mtn_tui.core.moments import is_future
from mtn_tui.engine.jobview import JobView, read_job
from mtn_tui.engine.journal import journals_in
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.schedule.description import Run

LOOKED_BACK = timedelta(days=2)
"""How far back missed runs are looked for. What is due less often than daily has checks of its own."""

_EARLY = timedelta(minutes=1)
"""By which a run may begin before it is due: clocks are set right meanwhile."""

_LATE = timedelta(minutes=15)
"""After which a run that was not started counts as missed; at most half of the time to the next."""


@dataclass(frozen=True)
class Missed:
    """The runs that were not started when they were due."""

    moments: dict[str, tuple[datetime, ...]]
    """By the run's id, in UTC, of those that have been seen at all."""
    unseen: tuple[str, ...] = ()
    """Runs that are due daily or more often, and of which no start is known in the time looked back."""


def missed(context: Context, described: Iterable[Run], zone: tzinfo | None = None) -> Missed:
    """Compare what was due with the jobs that ran. Raises StorageError if no journal can be read.

    A run that was under way when it was due again counts, and so does one that failed, or was started
    by hand. What was due before the first start that is seen is not counted: the schedule may be new.
    """
    now = context.clock.now()
    jobs = jobs_since(context, now - LOOKED_BACK)
    moments, unseen = {}, []
    for run in described:
        due = run.when.due(now - LOOKED_BACK, now, zone)
        if not run.job or len(due) < 2:
            continue
        starts = [one for one in jobs if one.kind == run.job]
        gone = _not_started(due, starts, run.when.next(now, zone), now)
        if gone is None:
            unseen.append(run.id)
        elif gone:
            moments[run.id] = gone
    return Missed(moments, tuple(unseen))


def _not_started(
    due: list[datetime], jobs: list[JobView], following: datetime, now: datetime
) -> tuple[datetime, ...] | None:
    """Those that no job was started for. None if no job was started for any."""
    gone: list[datetime] = []
    seen = False
    for moment, next_one in zip(due, [*due[1:], following], strict=True):
        if any(_answers(one, moment, next_one) for one in jobs):
            seen = True
        elif seen and now - moment > min(_LATE, (next_one - moment) / 2):
            gone.append(moment)
    return tuple(gone) if seen else None


def _answers(job: JobView, moment: datetime, next_one: datetime) -> bool:
    assert job.started is not None  # noqa: S101 - jobs_since leaves out those that have none
    if moment - _EARLY <= job.started < next_one - _EARLY:
        return True
    return job.started < moment and (job.ended is None or job.ended >= moment)


def done(context: Context, run: Run, zone: tzinfo | None = None) -> bool:
    """Whether it has succeeded since it was due last. Raises StorageError if no journal can be read.

    What a wrong clock has dated in the future does not count: else nothing would run until then.
    """
    now = context.clock.now()
    since = run.when.last(now, zone) - _EARLY
    database = context.settings.db_name
    return any(
        one.state is JobState.SUCCEEDED and one.subject == database and _did(one, run)
        for one in jobs_since(context, since)
        if one.started is not None and not is_future(one.started, now)
    )


def _did(job: JobView, run: Run) -> bool:
    """Whether the job did what the run does. A differential that found no base has made a full."""
    made_a_full = job.kind == "backup-diff" and job.result.get("kind") == Kind.FULL
    return job.kind == run.job or (run.job == "backup-full" and made_a_full)


def jobs_since(context: Context, since: datetime) -> list[JobView]:
    """The jobs that were started since. Raises StorageError if no folder of journals can be read."""
    found = []
    for path in journals_in(context.job_folders):
        try:
            if datetime.fromtimestamp(path.lstat().st_mtime, UTC) < since:
                continue
            view = read_job(path)
        except (FileNotFoundError, UsageError, StorageError):
            continue  # gone since the folder was read, or not readable for this user
        if view.started is not None and (view.started >= since or not view.state.over):
            found.append(view)
    return found
