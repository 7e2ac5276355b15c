"""Follows a job that runs in another process, whether started by this command or not."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Protocol

import click

from mtn_tui.cli import diagnostics
from mtn_tui.cli.progress import Watcher
from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import Cancelled, JobError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.engine import host, private
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.job_outcomes import Facts


class JobSource(Protocol):
    """A job that can be followed: ``detached.Detached``, ``jobview.Follower``."""

    def look(self) -> JobView:
        """Return the job as it is now."""

    def close(self) -> None:
        """Stop following; the job goes on."""


def until_it_is_over(job: JobSource, *, may_ask: bool, shown: bool) -> JobView:
    """Follow the job until it ends, on stderr if it is to be ``shown``, then return it.

    On Ctrl-C, asks whether to leave it running or cancel it, if ``may_ask`` and
    there is a terminal. Raises Cancelled if the job is left running.
    """
    with closing(job), closing(Watcher(SystemClock())) as watcher:
        view = job.look()
        while not view.state.over:
            try:
                if shown:
                    watcher(view)
                time.sleep(host.LOOK_EVERY)
                view = job.look()
            except KeyboardInterrupt:
                watcher.close()
                leave = _leave(job, view.id, may_ask=may_ask and sys.stdin.isatty())
                view = job.look()  # it may have ended during the question
                if leave and not view.state.over:
                    raise Cancelled(
                        _("Job {id} goes on; it is only not watched any more.").format(id=view.id),
                        _("See it again: mtn job follow {id}. Stop it: mtn job cancel {id}").format(
                            id=view.id
                        ),
                    ) from None
        if shown:
            watcher(view)
        return view


def outcome(view: JobView, jobs: Path) -> tuple[Facts, int]:
    """Return the facts of a job that is over and its exit code, 0 or 1; raises its error if it failed.

    ``jobs`` is the folder of its journal, where details about rows are read if permitted.
    """
    if view.state is not JobState.SUCCEEDED:
        failure = Cancelled if view.state is JobState.CANCELLED else JobError
        error = failure(view.title, view.hint, view.runbook)
        error.private = private.read(jobs, view.id)
        error.exit_code = view.exit_code or error.exit_code
        error.facts = view.result
        raise error
    for text in view.warnings:
        diagnostics.warning(text)
    return view.result, view.exit_code or 0


def _leave(job: JobSource, job_id: str, *, may_ask: bool) -> bool:
    """Ask whether to leave the job running. False: keep following; the job may have been cancelled."""
    if not may_ask:
        return True
    diagnostics.say(_("Job {id} runs on without this terminal.").format(id=job_id))
    question = _("[enter] leave it running · [c] cancel it · [w] watch on")
    try:
        answer = click.prompt(question, default="", show_default=False, err=True).strip().lower()
    except click.Abort:
        return True
    if answer == "c" and not (view := job.look()).state.over:
        host.cancel(view)
    return answer not in ("c", "w")
