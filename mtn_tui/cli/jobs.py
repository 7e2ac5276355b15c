"""``mtn job``: lists, shows and cancels jobs."""

from __future__ import annotations

from datetime import datetime

import click

from mtn_tui.cli import diagnostics, following, output
from mtn_tui.cli.groups import Group
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.engine import host
from mtn_tui.engine.jobview import Follower, JobView, find_job, list_jobs
from mtn_tui.engine.journal import find_journal
from mtn_tui.engine.logs.lines import read_record
from mtn_tui.engine.process import this_host
from mtn_tui.operations import job_outcomes
from mtn_tui.operations.common import labels


@click.group(cls=Group, help=_("See jobs, and stop them."))
def job() -> None:
    pass


@job.command("list", help=_("List jobs, newest first."))
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help=_("Maximum number."))
@as_json
@click.pass_obj
def list_them(session: Session, limit: int, as_json: bool) -> None:
    views = list_jobs(session.context.job_folders, limit=limit)
    if as_json:
        output.as_json([_facts(view) for view in views])
    elif not views:
        diagnostics.say(_("No job has run yet."))
    else:
        head = [_("ID"), _("Job"), _("Database"), _("State"), _("Began"), _("By")]
        now = session.context.clock.now()
        output.table(head, [_row(view) for view in views], notes=[_note(view, now) for view in views])


@job.command(help=_("Watch a job until it is over, and exit as it did. Ctrl-C ends the watching only."))
@click.argument("job_id", metavar=_("JOB"))
@click.pass_obj
def follow(session: Session, job_id: str) -> int:
    view = find_job(session.context.job_folders, job_id)
    context = session.context
    journal = Follower(find_journal(context.job_folders, view.id), folders=lambda: context.job_folders)
    view = following.until_it_is_over(journal, may_ask=False, shown=not session.quiet)
    facts, code = following.outcome(view, find_journal(context.job_folders, view.id).parent)
    code = job_outcomes.exit_code(view.kind, facts, code)
    if code or not session.quiet:
        output.prose(job_outcomes.of_journal(view.kind, facts))
    return code


@job.command(help=_("Print all that a job has done, from its journal."))
@click.argument("job_id", metavar=_("JOB"))
@click.pass_obj
def log(session: Session, job_id: str) -> None:
    view = find_job(session.context.job_folders, job_id)
    with find_journal(session.context.job_folders, view.id).open("rb") as journal:
        for raw in journal:
            told = read_record(raw.rstrip(b"\n"), len(raw))
            if told is not None and told.moment is not None and told.level is not None:
                moment = told.moment.astimezone().isoformat(sep=" ", timespec="seconds")
                output.line(f"{moment} {told.level.name:<5} {told.text}")
    if view.state is JobState.LOST:
        diagnostics.warning(view.title, view.hint)


@job.command(help=_("Ask a job to stop. It stops cleanly; that may take a moment."))
@click.argument("job_id", metavar=_("JOB"))
@click.pass_obj
def cancel(session: Session, job_id: str) -> None:
    session.must_not_only_read()
    view = find_job(session.context.job_folders, job_id)
    host.cancel(view)
    session.say(_("Job {id} was asked to stop. See: mtn job list").format(id=view.id))


def _facts(view: JobView) -> dict[str, object]:
    return {
        "id": view.id,
        "kind": view.kind,
        "database": view.subject,
        "state": view.state.value,
        "phase": view.phase,
        "done": view.progress.done if view.progress else None,
        "total": view.progress.total if view.progress else None,
        "unit": view.progress.unit if view.progress else None,
        "eta_seconds": view.progress.eta if view.progress else None,
        "started": view.started,
        "updated": view.updated,
        "ended": view.ended,
        "operator": view.operator,
        "host": view.host,
        "pid": view.pid,
        "exit_code": view.exit_code,
        "title": view.title,
        "hint": view.hint,
        "warnings": list(view.warnings),
        "files": list(view.files),
    }


def _row(view: JobView) -> list[str]:
    began = labels.moment(view.started) if view.started else "—"
    return [view.id, view.kind, view.subject, labels.state(view.state), began, view.operator]


def _note(view: JobView, now: datetime) -> str:
    """Return why it failed, its warnings, or its present phase and how long it has been silent."""
    if not view.state.over:
        return "; ".join(filter(None, (labels.phase(view.phase), labels.last_heard(view, this_host(), now))))
    return view.title or "; ".join(view.warnings)
