"""Asks before the program ends while a job runs."""

from __future__ import annotations

from collections.abc import Sequence

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.engine import host
from mtn_tui.engine.jobview import JobView, find_job
from mtn_tui.operations.common import labels
from mtn_tui.ui.host import Host
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.widgets.lines import VirtualList

LEAVE, STAY, CANCEL = "leave", "stay", "cancel"


class Quit(Ask[str]):
    """Asks what becomes of ``jobs`` when the program ends."""

    def __init__(self, host: Host, jobs: Sequence[JobView]) -> None:
        self._host = host
        self._jobs = jobs
        running = ", ".join(f"{labels.job(job.kind)} ({job.id}, {job.operator})" for job in jobs)
        said = [
            _("Running: {jobs}.").format(jobs=running),
            _("It does not need this program: whoever opens mtn next sees it, and how it ended."),
        ]
        answers = [Answer(_("Quit, and leave it running"), LEAVE), Answer(_("Stay here"), STAY)]
        if not host.read_only:
            answers.append(Answer(_("Cancel it, and quit"), CANCEL))
        super().__init__(_("A job is running."), said, answers)

    def action_choose(self) -> None:
        """Quit, cancel the jobs and quit, or stay; stays if a job can't be cancelled."""
        answer = (LEAVE, STAY, CANCEL)[self.query_one(VirtualList).index]
        if answer == CANCEL and (trouble := self._cancel()) is not None:
            self.dismiss(None)
            self._host.show_error(trouble)
            return
        if answer == STAY:
            self.dismiss(None)
        else:
            self._host.end()

    def _cancel(self) -> MtnError | None:
        """Ask all jobs that still run to stop; return the error of one that can't be cancelled."""
        trouble: MtnError | None = None
        for job in self._jobs:
            try:
                now = find_job(self._host.context.job_folders, job.id, self._host.machine)
                if not now.state.over:
                    host.cancel(now, self._host.machine)
            except MtnError as error:
                trouble = error
        return trouble
