"""A question about jobs that run, which may end while it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from mtn_tui.core.i18n import _
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.common import labels
from mtn_tui.ui.host import Host
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.text import job as job_text

R = TypeVar("R")


class JobsAsked(Ask[R], Generic[R]):
    """Says of each job whether it still runs, as it is known whenever the dialog is drawn.

    A subclass gives by ``asked`` what is said and answered then. It stays open when the last of them ends.
    """

    def __init__(self, host: Host, jobs: Sequence[JobView]) -> None:
        super().__init__("", (), ())
        self._host = host
        self._jobs = {job.id: job for job in jobs}

    def asked(self, running: list[JobView], ended: list[JobView]) -> tuple[str, list[str], list[Answer[R]]]:
        """The title, what is said, and the answers; the cursor stays in its row."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw what is known of the jobs now."""
        self._jobs |= {
            job.id: job for job in self._host.state.jobs if job.id in self._jobs and job.state.over
        }
        running = [job for job in self._jobs.values() if not job.state.over]
        ended = [job for job in self._jobs.values() if job.state.over]
        self._title, self._said, self._answers = self.asked(running, ended)
        super().draw()


def said_of_ended(ended: Sequence[JobView]) -> list[str]:
    """Which jobs have ended since it was asked, and how; empty without any."""
    told = ", ".join(f"{labels.job(job.kind)} ({job.id}): {job_text.state(job)[0]}" for job in ended)
    return [_("Ended meanwhile: {jobs}.").format(jobs=told)] if told else []
