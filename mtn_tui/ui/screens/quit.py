"""Leaving while a job runs: it goes on, unless it is asked to stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.engine import host
from mtn_tui.engine.jobview import JobView, find_job
from mtn_tui.operations.common import labels
from mtn_tui.ui.screens.ask import Answer, Ask

if TYPE_CHECKING:
    from mtn_tui.ui.app import MtnApp

LEAVE, STAY, CANCEL = "leave", "stay", "cancel"


class Quit(Ask[str]):
    def __init__(self, jobs: Sequence[JobView], *, may_cancel: bool) -> None:
        self._jobs = jobs
        running = ", ".join(f"{labels.job(job.kind)} ({job.id}, {job.operator})" for job in jobs)
        said = [
            _("At work: {jobs}.").format(jobs=running),
            _("It does not need this program: whoever opens mtn next sees it, and how it ended."),
        ]
        answers = [Answer(_("Quit, and leave it running"), LEAVE), Answer(_("Stay here"), STAY)]
        if may_cancel:
            answers.append(Answer(_("Cancel it, and quit"), CANCEL))
        super().__init__(_("A job is running."), said, answers)

    def action_choose(self) -> None:
        from mtn_tui.ui.widgets.lines import VirtualList

        answer = (LEAVE, STAY, CANCEL)[self.query_one(VirtualList).index]
        app = cast("MtnApp", self.app)
        if answer == CANCEL and (trouble := self._cancel(app)) is not None:
            self.dismiss(None)
            app.tell(trouble)
            return
        if answer == STAY:
            self.dismiss(None)
        else:
            app.exit()

    def _cancel(self, app: MtnApp) -> MtnError | None:
        """Ask all that still run to stop; return why one of them can't be."""
        trouble: MtnError | None = None
        for job in self._jobs:
            try:
                now = find_job(app.context.job_folders, job.id, app.machine)
                if not now.state.over:
                    host.cancel(now, app.machine)
            except MtnError as error:
                trouble = error
        return trouble
