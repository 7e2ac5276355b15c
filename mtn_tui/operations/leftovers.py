"""What jobs that were killed have left on the server, and which database is live after them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import JobView, list_jobs
from mtn_tui.operations.context import Context
from mtn_tui.operations.in_place import get_back
from mtn_tui.postgres import databases, logins
from mtn_tui.postgres.connection import Connection, application

RESTORING = "restoring"
LOADING = "loading"
"""What a test load is made in."""
REPLACED = "replaced"
"""What was replaced and is not worth keeping, until it is dropped."""

_SCRATCH = re.compile(rf".*__(?:{RESTORING}|{REPLACED}|{LOADING})_(?P<job>[a-z2-7]{{8}})", re.DOTALL)
_SWAPPING = ("restore", "undo", "promote")
_RECENT = 200
"""Journals looked at."""


def is_half_made(name: str) -> bool:
    """Whether a restore is still at the database of that name, or was killed at it."""
    return _SCRATCH.fullmatch(name) is not None


def sweep_target(job: Job, context: Context, server: Connection, target: str) -> None:
    """Remove what killed restores into ``target`` have left; the caller's lock says that none is running."""
    views = list_jobs(context.job_folders, limit=_RECENT)
    _end_lost([view for view in views if view.subject == target], server)
    alive = {view.id for view in views if not view.state.over}
    for purpose in (RESTORING, REPLACED):
        for name, job_id in databases.scratch_of(server, target, purpose).items():
            if job_id not in alive:
                databases.drop(server, name)
                logins.drop(server, job_id)
                job.note("info", "swept", what="database", name=name)


def sweep_over(context: Context, server: Connection) -> list[str]:
    """Remove what jobs of this machine that are over have left, whatever their target; return the names.

    Another machine's are left: whether those jobs are over can't be seen from here.
    """
    views = list_jobs(context.job_folders, limit=_RECENT)
    _end_lost(views, server)
    over = {view.id for view in views if view.state.over}
    swept = []
    for name in databases.names(server):
        match = _SCRATCH.fullmatch(name)
        if match and match["job"] in over:
            databases.drop(server, name)
            swept.append(name)
    for job_id in over.intersection(logins.of_jobs(server).values()):
        logins.drop(server, job_id)
    return swept


def _end_lost(views: list[JobView], server: Connection) -> None:
    """The server goes on with what a killed restore told it, though nobody listens: with a CREATE DATABASE
    for one, whose database is in no list before it is done."""
    for view in views:
        if view.state is JobState.LOST and view.kind in ("restore", "test-load"):
            databases.end_sessions(server, application(view.kind, view.id))


def lost_swaps(context: Context, server: Connection) -> list[str]:
    """Of jobs that were lost: which database is live now, and what to do. One sentence a target."""
    said: dict[str, str] = {}
    seen: set[str] = set()
    for view in list_jobs(context.job_folders, limit=_RECENT):
        if view.kind not in _SWAPPING or not view.state.over or view.subject in seen:
            continue
        seen.add(view.subject)  # only the last job of each target: what came before it is history
        if view.state is JobState.LOST:
            said[view.subject] = told(view, server)
    return list(said.values())


def came_through(view: JobView, server: Connection) -> bool:
    """Whether the target of a lost job is by now what the job was about to put there."""
    swap, oid = view.result.get("swap"), databases.oid(server, view.subject)
    return (
        isinstance(swap, Mapping)
        and swap.get("target") == view.subject
        and oid is not None
        and oid == swap.get("new_oid")
    )


def told(view: JobView, server: Connection) -> str:
    """Which database is live after a lost job, and what to do."""
    target, result = view.subject, view.result
    oid = databases.oid(server, target)
    about = _("Job {id} ({kind} of {target}) was killed.").format(id=view.id, kind=view.kind, target=target)
    swap = result.get("swap")
    if isinstance(swap, Mapping) and came_through(view, server):
        text = _("{target} is the new one, whole.").format(target=target)
        if swap.get("kept"):
            text += " " + _("The old one is {kept}; mtn undo {target} brings it back.").format(
                kept=swap["kept"], target=shlex.quote(target)
            )
    elif oid is None and result.get("safety"):
        text = get_back(target, str(result["safety"]))
    elif oid is None:
        text = _("There is no {target}, as before. Run it again.").format(target=target)
    else:
        text = _("{target} is the old one, as it was. Run it again.").format(target=target)
    if result.get("services_stopping"):
        text += " " + _(
            "The services were being stopped for it: see how they are (mtn services), "
            "start them (mtn services --restart; runbook 5.1, step 7)."
        )
    return f"{about} {text}"
