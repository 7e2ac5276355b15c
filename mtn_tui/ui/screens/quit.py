"""Asks before the program ends while a job runs."""

from __future__ import annotations

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.engine import host
from mtn_tui.engine.jobview import JobView, find_job
from mtn_tui.operations.common import labels
from mtn_tui.ui.screens.ask import Answer
from mtn_tui.ui.screens.jobs_asked import JobsAsked, said_of_ended
from mtn_tui.ui.widgets.lines import VirtualList

LEAVE, STAY, CANCEL = "leave", "stay", "cancel"


class Quit(JobsAsked[str]):
    """Asks what becomes of ``jobs`` when the program ends."""

    def asked(self, running: list[JobView], ended: list[JobView]) -> tuple[str, list[str], list[Answer[str]]]:
        """Quit, stay, or cancel those that still run; if none does, only whether to quit."""
        stay = Answer(_("Stay here"), STAY)
        if not running:
            title = ngettext("The job has ended.", "The jobs have ended.", len(ended))
            return title, said_of_ended(ended), [Answer(_("Quit"), LEAVE), stay]
        told = ", ".join(f"{labels.job(job.kind)} ({job.id}, {job.operator})" for job in running)
        said = [
            _("Running: {jobs}.").format(jobs=told),
            *said_of_ended(ended),
            _("It does not need this program: whoever opens mtn next sees it, and how it ended."),
        ]
        answers = [Answer(_("Quit, and leave it running"), LEAVE), stay]
        if not self._host.read_only:
            answers.append(Answer(_("Cancel it, and quit"), CANCEL))
        return _("A job is running."), said, answers

    def action_choose(self) -> None:
        """Quit, cancel the jobs and quit, or stay; stays if a job can't be cancelled."""
        answer = self._answers[self.query_one(VirtualList).index].value
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
        for job in self._jobs.values():
            try:
                now = find_job(self._host.context.job_folders, job.id, self._host.machine)
                if not now.state.over:
                    host.cancel(now, self._host.machine)
            except MtnError as error:
                trouble = error
        return trouble
