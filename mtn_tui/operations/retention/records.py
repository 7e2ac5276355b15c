"""Deletes logs, figures and journals of jobs after 90 days (runbook, appendix C).

Only files that this program or the scripts have named so. Never the audit, the
incidents and their reports, or the log of drills.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mtn_tui.core.errors import StorageError, UsageError
from mtn_tui.engine import journal, private
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import find_job
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.retention import reasons
from mtn_tui.operations.retention.reasons import Reason

KEPT = timedelta(days=90)

_NAMES = (
    "full-backup|diff-backup|restore|recover|test-load|drill|prune|sync|backup-report|backup-status"
    "|services-stop|services-restart|database-start"
)
_DATED = re.compile(rf"(?:{_NAMES})_([0-9]{{8}}_[0-9]{{6}})\.(?:log|txt|json)")
_OF_JOB = re.compile(rf"([a-z2-7]{{8}})(?:{re.escape(journal.SUFFIX)}|\.out|{re.escape(private.SUFFIX)})")


@dataclass(frozen=True, order=True)
class Record:
    """A file that is past its days."""

    path: Path
    size: int
    """Bytes."""
    age: timedelta
    """How much older it is than the newest backup."""

    @property
    def why(self) -> str:
        """The reason why it goes, as of a copy."""
        return self._reason.says

    @property
    def _reason(self) -> Reason:
        return reasons.expired(self.age, KEPT.days)

    def facts(self) -> dict[str, object]:
        """For JSON, with the names that a copy's have."""
        reason = self._reason
        return {"path": str(self.path), "size": self.size, "why": reason.why.value, "reason": reason.says}


def expired(context: Context, newest: datetime) -> list[Record]:
    """The files that are older than 90 days, counted back from ``newest``, by their paths."""
    before = newest - KEPT
    settings = context.settings
    dated = [found for folder in {settings.log_dir, settings.metrics_dir} for found in _dated(folder, before)]
    found = [*dated, *_of_jobs(context, before)]
    return sorted(Record(path, _size(path), newest - since) for path, since in found)


def prune(job: Job, context: Context, newest: datetime) -> int:
    """Delete them; return how many. What can't be deleted is noted."""
    count = 0
    for one in expired(context, newest):
        try:
            one.path.unlink(missing_ok=True)
        except OSError as error:
            job.note("warn", "not-deleted", path=str(one.path), reason=error.strerror)
            continue
        count += 1
    return count


def _dated(folder: Path, before: datetime) -> Iterator[tuple[Path, datetime]]:
    """Those with a stamp in their name, and since when: the later of it and of the last change counts."""
    for path in _files(folder):
        match = _DATED.fullmatch(path.name)
        if match is None:
            continue
        try:
            stamp = datetime.strptime(match[1], "%Y%m%d_%H%M%S").astimezone()
        except (ValueError, OverflowError):
            continue
        since = max(stamp, _changed(path))
        if since < before:
            yield path, since


def _of_jobs(context: Context, before: datetime) -> Iterator[tuple[Path, datetime]]:
    """Journals of jobs that are over, and what lies beside them, each with its last change."""
    for folder in context.job_folders:
        for path in _files(folder):
            match = _OF_JOB.fullmatch(path.name)
            if match is None:
                continue
            since = _changed(path)
            if since < before and _is_over(context, match[1]):
                yield path, since


def _is_over(context: Context, job_id: str) -> bool:
    try:
        return find_job(context.job_folders, job_id).state.over
    except UsageError:
        return True  # there is no journal of it any more
    except StorageError:
        return False


def _files(folder: Path) -> Iterator[Path]:
    try:
        yield from [path for path in folder.iterdir() if path.is_file() and not path.is_symlink()]
    except OSError:
        return  # not made yet, or closed to this user: then there is nothing of ours to delete


def _changed(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except OSError:
        return datetime.max.replace(tzinfo=UTC)  # gone meanwhile


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0  # gone meanwhile: it frees nothing
