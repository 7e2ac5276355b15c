"""Watches a job that runs elsewhere: the one this command has started, or any other."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Protocol

import click

from mtn_tui.cli import diagnostics
from mtn_tui.cli.outcomes import Facts
from mtn_tui.cli.progress import Watcher
from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import Cancelled, JobError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.engine import host, private
from mtn_tui.engine.jobview import JobView


class JobSource(Protocol):
    """A job that can be looked at: ``detached.Detached``, ``jobview.Follower``."""

    def look(self) -> JobView: ...

    def close(self) -> None: ...


def until_it_is_over(job: JobSource, *, may_ask: bool) -> JobView:
    """Show the job on stderr until it has ended.

    Ctrl-C asks what it is meant for, where ``may_ask`` and there is somebody to
    ask. Raises Cancelled where the job is to go on unwatched.
    """
    with closing(job), closing(Watcher(SystemClock())) as watcher:
        view = job.look()
        while not view.state.over:
            try:
                watcher(view)
                time.sleep(host.LOOK_EVERY)
                view = job.look()
            except KeyboardInterrupt:
                watcher.close()
                leave = _leave(job, view.id, may_ask=may_ask and sys.stdin.isatty())
                view = job.look()  # it may have ended while it was asked
                if leave and not view.state.over:
                    raise Cancelled(
                        _("Job {id} goes on; it is only not watched any more.").format(id=view.id),
                        _("See it again: mtn job follow {id}. Stop it: mtn job cancel {id}").format(
                            id=view.id
                        ),
                    ) from None
        watcher(view)
        return view


def outcome(view: JobView, jobs: Path) -> tuple[Facts, int]:
    """What a job that is over has come to, and the exit code, 0 or 1; raises what it failed of.

    ``jobs`` is the folder of journals: what was said of rows is read there, by whoever may.
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
    """Ask whether to leave the job running. False: go on watching, with the job perhaps asked to stop."""
    if not may_ask:
        return True
    diagnostics.say(_("Job {id} runs on without this terminal.").format(id=job_id))
    question = _("Enter: leave it running · c: cancel it · w: watch on")
    try:
        answer = click.prompt(question, default="", show_default=False, err=True).strip().lower()
    except click.Abort:
        return True
    if answer == "c" and not (view := job.look()).state.over:
        host.cancel(view)
    return answer not in ("c", "w")
