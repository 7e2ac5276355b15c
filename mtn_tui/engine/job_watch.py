"""Follows the journals of jobs, at little cost while nothing changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from mtn_tui.core import i18n
from mtn_tui.core.errors import StorageError, UsageError
from mtn_tui.core.models import JobState
from mtn_tui.engine.jobview import Follower, JobView, list_jobs
from mtn_tui.engine.journal import find_journal, journals_in

JOBS_SHOWN = 100
"""Number of newest jobs to read, besides all that run."""

_SETTLED = 2.0
"""Seconds after which an unchanged folder has no new files, however coarse its timestamps."""


class Journals:
    """The jobs in some folders.

    While nothing changes, each look costs one ``stat`` per folder and one read per running job.
    """

    def __init__(self, folders: Path | Callable[[], Sequence[Path]], machine: str | None = None) -> None:
        """``machine`` is the name of this machine: only its own jobs can be detected as lost."""
        self._folders = folders if callable(folders) else lambda: [folders]
        self._machine = machine
        self._known: dict[str, JobView] = {}
        self._live: dict[str, Follower] = {}
        self._names: set[str] = set()
        self._looked_at: list[int] = []
        self._begun = False
        self._language = i18n.language()

    @property
    def views(self) -> tuple[JobView, ...]:
        """The jobs as of the last look: running ones first, then the newest."""
        views = sorted(self._known.values(), key=_began, reverse=True)
        return tuple(sorted(views, key=lambda view: view.state.over))[: max(JOBS_SHOWN, len(self._live))]

    def look(self) -> bool:
        """Read what is new, and return whether anything was; the first look always returns True.

        Raises StorageError if a folder can't be read.
        """
        changed = not self._begun
        if not self._begun:
            self._names = self._listed()
            for view in list_jobs(self._folders(), self._machine, limit=JOBS_SHOWN):
                if self._is_being_made(view):
                    self._names.discard(view.id)
                    continue
                self._known[view.id] = view
                if not view.state.over:
                    self._follow(view.id)
            self._begun = True
        self._tell_lost_anew()
        self._find_new()
        return self._look_at_live() or changed

    def _tell_lost_anew(self) -> None:
        """Look again at jobs that are lost once the language was switched: no journal says why they are."""
        if i18n.language() != self._language:
            self._language = i18n.language()
            for view in list(self._known.values()):
                if view.state is JobState.LOST and view.id not in self._live:
                    self._follow(view.id)

    def close(self) -> None:
        """Close the journals of running jobs."""
        for follower in self._live.values():
            follower.close()
        self._live.clear()

    def _find_new(self) -> None:
        modified = []
        for folder in self._folders():
            with suppress(OSError):  # no job has run there yet
                modified.append(folder.stat().st_mtime_ns)
        if modified == self._looked_at or not modified:
            return
        new = self._listed() - self._names
        self._names |= new
        # A file made in the same tick of the disk's clock would be missed: look again until that is past.
        self._looked_at = modified if time.time() - max(modified) / 1e9 > _SETTLED else []
        for job_id in new:
            self._follow(job_id)

    def _listed(self) -> set[str]:
        return {path.stem for path in journals_in(self._folders())}

    def _follow(self, job_id: str) -> None:
        try:
            path = find_journal(self._folders(), job_id)
            self._live[job_id] = Follower(path, self._machine, self._folders)
        except UsageError:
            self._known.pop(job_id, None)  # gone again
        except StorageError as error:
            view = JobView(job_id, state=JobState.LOST, title=error.title, hint=error.hint)
            if self._is_being_made(view):
                self._names.discard(job_id)
                self._looked_at = []
            else:
                self._known[job_id] = view

    def _is_being_made(self, view: JobView) -> bool:
        """Return whether it only seems lost, because its journal was just created and is still empty."""
        if view.pid or view.state is not JobState.LOST:
            return False
        try:
            modified = find_journal(self._folders(), view.id).lstat().st_mtime
        except OSError:
            return False
        return abs(time.time() - modified) < _SETTLED

    def _look_at_live(self) -> bool:
        changed = False
        for job_id, follower in list(self._live.items()):
            view = follower.look()
            if self._is_being_made(view):
                continue
            if view != self._known.get(job_id):
                self._known[job_id] = view
                changed = True
            if view.state.over:
                follower.close()
                del self._live[job_id]
        return changed


def _began(view: JobView) -> tuple[float, str]:
    return (view.started.timestamp() if view.started else 0.0, view.id)
