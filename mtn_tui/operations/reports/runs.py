"""The runs of backups, each put together from its journal, its figures and what is in the stores.

They are joined by the id of the job, which is that of its backup. What the scripts left has
none, and is joined by its stamp.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from mtn_tui.core.errors import Locked
from mtn_tui.core.models import JobState, Kind, Rung
from mtn_tui.core.moments import read_moment
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.backup.make import LOG
from mtn_tui.operations.inventory.model import Backup, CopyStatus
from mtn_tui.operations.reports.facts import Outcome, Ran
from mtn_tui.operations.reports.period import Period

_JOBS = {"backup-full": Kind.FULL, "backup-diff": Kind.DIFF}
_ENDED = {
    JobState.SUCCEEDED: Outcome.MADE,
    JobState.CANCELLED: Outcome.CANCELLED,
    JobState.FAILED: Outcome.FAILED,
    JobState.LOST: Outcome.FAILED,
}


@dataclass(frozen=True)
class Runs:
    """What is known of them."""

    found: tuple[Ran, ...]
    """Oldest first."""
    recorded: datetime | None
    """When the first ended of which there is a journal or figures."""
    unread: int
    """Files of figures of the period that can't be read."""
    unbelieved: int
    """Files in the stores of which no record and no manifest tells whether they are backups."""


def runs(
    period: Period, metrics: Path, database: str, jobs: Iterable[JobView], backups: Iterable[Backup]
) -> Runs:
    """Put them together. ``backups`` are those of ``database``, as the stores have them now."""
    found: dict[str, Ran] = {}
    names: dict[str, str] = {}
    unread = unbelieved = 0
    for kind, path in _files(metrics):
        try:
            figures = json.loads(path.read_bytes())
            if figures.get("database", database) == database:
                run = _of_figures(kind, figures)
                one = str(figures.get("job") or path.stem)
                names[str(figures.get("backup_file"))] = one
                found[one] = _joined(found.get(one), run)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            unread += period.is_of(path.stem)
    for job in jobs:
        if job.kind in _JOBS and job.subject == database and job.state.over and job.started is not None:
            names[str(job.result.get("name"))] = job.id
            found[job.id] = _joined(found.get(job.id), _of_job(job, job.started))
    recorded = min((one.ended or one.started for one in found.values()), default=None)
    for backup in backups:
        one = backup.id or names.get(str(backup.name), "")
        if not one and backup.legacy:
            one = f"{LOG[backup.kind]}_{backup.name.stamp:%Y%m%d_%H%M%S}"
        if one:
            found[one] = _with_backup(found.get(one), backup)
        elif any(copy.standing is not CopyStatus.UNFINISHED for copy in backup.copies):
            unbelieved += 1
    in_order = sorted(found.values(), key=lambda run: run.started)
    return Runs(tuple(in_order), recorded, unread, unbelieved)


def _files(metrics: Path) -> Iterator[tuple[Kind, Path]]:
    for kind, name in LOG.items():
        for path in sorted(metrics.glob(f"{name}_[0-9]*.json")):
            yield kind, path


def _of_figures(kind: Kind, figures: Mapping[str, object]) -> Ran:
    """A run by its file of figures. Raises KeyError, TypeError or ValueError if it is no such file."""
    started = read_moment(str(figures["timestamp"]))
    seconds, size = _number(figures.get("total_duration_seconds")), figures.get("encrypted_size_bytes")
    status = figures["status"]
    if status == "full-instead":
        return Ran(kind, started, Outcome.MADE)
    run = Ran(kind, started, Outcome.FAILED if status == "failed" else Outcome.MADE, seconds=seconds)
    if run.outcome is Outcome.MADE:
        run = replace(
            run,
            ended=started + timedelta(seconds=seconds or 0),
            made=kind,
            moment=started,
            counts=_proven(figures.get("proven_to")),
            size=size if isinstance(size, int) else None,
        )
    return run


def _of_job(job: JobView, started: datetime) -> Ran:
    """A run by its journal."""
    outcome = _ENDED[job.state]
    if outcome is Outcome.FAILED and job.error == Locked.__name__:
        outcome = Outcome.PASSED_OVER
    run = Ran(
        _JOBS[job.kind],
        started,
        outcome,
        ended=job.ended,
        warnings=job.warnings,
        reason=job.title if outcome is Outcome.FAILED else "",
    )
    if outcome is not Outcome.MADE:
        return run
    made, size, seconds = job.result.get("kind"), job.result.get("size"), job.result.get("seconds")
    return replace(
        run,
        made=next((kind for kind in Kind if kind == made), run.kind),
        moment=_moment(job.result.get("snapshot_at")) or started,
        counts=_proven(job.result.get("rung")),
        seconds=_number(seconds.get("total")) if isinstance(seconds, Mapping) else None,
        size=size if isinstance(size, int) else None,
    )


def _joined(known: Ran | None, run: Ran) -> Ran:
    """Both, where there are two records of one run: the later one says what it has to say."""
    if known is None:
        return run
    both = replace(
        run,
        ended=run.ended or known.ended,
        made=run.made or known.made,
        moment=run.moment or known.moment,
        counts=run.counts or known.counts,
        seconds=known.seconds if run.seconds is None else run.seconds,
        size=known.size if run.size is None else run.size,
    )
    # A full that was made in place of a differential has figures of both kinds.
    return replace(both, kind=Kind.DIFF) if Kind.DIFF in (known.kind, run.kind) else both


def _with_backup(known: Ran | None, backup: Backup) -> Ran:
    """A run with its backup as it is in the stores, which alone tell whether it can still be restored."""
    manifest = backup.manifest
    run = known or Ran(
        backup.kind,
        manifest.started_at if manifest else backup.moment,
        Outcome.MADE,
        ended=manifest.ended_at if manifest else backup.moment,
        seconds=(manifest.ended_at - manifest.started_at).total_seconds() if manifest else None,
    )
    return replace(
        run,
        made=backup.kind,
        moment=backup.moment,
        counts=backup.is_point and bool(backup.usable) and backup.proven,
        size=backup.size,
    )


def _proven(word: object) -> bool:
    return isinstance(word, str) and word in {one.word for one in Rung if one.proven}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _moment(text: object) -> datetime | None:
    try:
        return read_moment(text) if isinstance(text, str) else None
    except ValueError:
        return None
