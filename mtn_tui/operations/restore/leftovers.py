"""Removes what killed jobs have left on the server, and tells which database is live after them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from psycopg import sql

from mtn_tui.core.errors import PostgresError, ServerLost
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import JobView, list_jobs
from mtn_tui.engine.locks import advisory_key
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.restore.in_place import get_back
from mtn_tui.postgres import databases, logins, subscriptions
from mtn_tui.postgres.advisory import who_has
from mtn_tui.postgres.connection import Connection, application
from mtn_tui.postgres.identity import server_identity
from mtn_tui.postgres.kept import since

RESTORING = "restoring"
LOADING = "loading"
"""In the name of a test load's database."""
DRILLING = "drilling"
"""In the name of a drill's."""
REPLACED = "replaced"
"""In the name of a replaced database that is not kept, until it is dropped."""

_PURPOSES = "|".join((RESTORING, REPLACED, LOADING, DRILLING))
_SCRATCH = re.compile(rf".*__(?P<purpose>{_PURPOSES})_(?P<job>[a-z2-7]{{8}})", re.DOTALL)
_SWAPPING = ("restore", "undo", "promote")
_RECENT = 200
"""Journals looked at."""


def is_half_made(name: str) -> bool:
    """Whether a restore is still at the database of that name, or was killed at it."""
    return _SCRATCH.fullmatch(name) is not None


def sweep_target(job: Job, context: Context, server: Connection, target: str) -> None:
    """Remove what killed restores into ``target`` have left; the caller's lock says that none is running."""
    views = list_jobs(context.job_folders, limit=_RECENT)
    tell = partial(_tell_left, job)
    _end_lost([view for view in views if view.subject == target], server, tell)
    alive = {view.id for view in views if not view.state.over}
    for purpose in (RESTORING, REPLACED):
        for name, job_id in databases.scratch_of(server, target, purpose).items():
            if job_id not in alive and _dropped(server, name, tell):
                with _named(name, tell):
                    logins.drop(server, job_id)
                job.note("info", "swept", name=name)


def sweep_over(
    context: Context, server: Connection, tell: Callable[[str], None], passing: str = ""
) -> list[str]:
    """Remove databases and logins that jobs of this machine which are over have left; return the names.

    ``tell`` gets what can't be removed, and the rest goes on. The target ``passing`` is left out. So is
    what another machine's jobs left: whether those are over can't be seen from here.
    """
    views = list_jobs(context.job_folders, limit=_RECENT)
    _end_lost(views, server, tell)
    over = {view.id for view in views if view.state.over}
    swept = []
    for name in databases.names(server):
        match = _SCRATCH.fullmatch(name)
        if match is None or match["job"] not in over:
            continue
        if passing and name == databases.scratch_name(passing, match["purpose"], match["job"]):
            continue
        if _dropped(server, name, tell):
            swept.append(name)
    for login, job_id in logins.of_jobs(server).items():
        if job_id in over:
            with _named(login, tell):
                logins.drop(server, job_id)
                swept.append(login)
    return swept


@dataclass(frozen=True)
class Left:
    """Names of databases and logins that jobs have left on the server."""

    over: tuple[str, ...]
    """Of jobs of this machine: ``sweep_over`` removes them."""
    unknown: tuple[str, ...]
    """Of jobs that no journal here tells of, and that have no session on the server."""
    removal: str
    """Statements that remove the unknown."""


def left(context: Context, server: Connection) -> Left:
    """What jobs that do not run have left. Changes nothing."""
    known = {view.id: view.state.over for view in list_jobs(context.job_folders, limit=_RECENT)}
    found = {name: _SCRATCH.fullmatch(name) for name in databases.names(server)}
    half_made = {name: match["job"] for name, match in found.items() if match}
    of_jobs = logins.of_jobs(server)
    at_work = databases.applications(server)
    over, unknown = [], []
    for name, job_id in (half_made | of_jobs).items():
        if known.get(job_id):
            over.append(name)
        elif job_id not in known and not any(f" {job_id}@" in one for one in at_work):
            unknown.append(name)
    removal = [
        sql.SQL("DROP DATABASE {};" if name in half_made else "DROP ROLE {};").format(sql.Identifier(name))
        for name in unknown
    ]
    return Left(tuple(over), tuple(unknown), " ".join(one.as_string(server) for one in removal))


def mend_subscriptions(
    context: Context, server: Connection, tell: Callable[[str], None], mine: str = ""
) -> None:
    """Enable subscriptions that a swap which never happened has left disabled in a live database.

    A database that a job has locked is left to that job, unless it is ``mine``: the caller has locked it.
    """
    here = server_identity(server)
    for name in databases.names(server):
        if since(name) is not None or is_half_made(name):
            continue
        waiting = [one for one in subscriptions.subscriptions(server, name) if one.slot and not one.enabled]
        key = advisory_key(here.system_identifier, name, "restore")
        if not waiting or (name != mine and who_has(server, key)):
            continue
        try:
            resumed = subscriptions.resume(server, name, name)
        except ServerLost:
            raise
        except PostgresError as error:
            names = ", ".join(one.name for one in waiting)
            text = _("Subscriptions of {database} are disabled: {names}. {reason}")
            tell(text.format(database=name, names=names, reason=error.title))
            continue
        if resumed:
            text = _("An unfinished swap of {database} left its subscriptions disabled: {names}.")
            said = text.format(database=name, names=", ".join(resumed))
            tell(f"{said} " + _("They are enabled again."))


def _tell_left(job: Job, text: str) -> None:
    job.warn("leftover", text)


def _dropped(server: Connection, name: str, tell: Callable[[str], None]) -> bool:
    with _named(name, tell):
        databases.drop(server, name)
        return True
    return False


@contextmanager
def _named(name: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Tell the error that keeps a leftover from being removed; raise only ServerLost."""
    try:
        yield
    except ServerLost:
        raise
    except PostgresError as error:
        text = _("Left by a job that is over, and can't be removed: {name}. {reason} {hint}")
        tell(text.format(name=name, reason=error.title, hint=error.hint).strip())


def _end_lost(views: list[JobView], server: Connection, tell: Callable[[str], None]) -> None:
    """End the sessions of lost jobs.

    The server goes on with their last statement: with a CREATE DATABASE for example, whose database is
    in no list until it is done.
    """
    for view in views:
        if view.state is JobState.LOST and view.kind in ("restore", "test-load", "drill"):
            with _named(application(view.kind, view.id), tell):
                databases.end_sessions(server, application(view.kind, view.id))


def lost_swaps(context: Context, server: Connection) -> list[str]:
    """Say for each target whose last job was lost which database is live now, and what to do."""
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
    """Whether a lost job's swap has happened: its target is the database that was to be put there."""
    swap, oid = view.result.get("swap"), databases.oid(server, view.subject)
    return (
        isinstance(swap, Mapping)
        and swap.get("target") == view.subject
        and oid is not None
        and oid == swap.get("new_oid")
    )


def told(view: JobView, server: Connection) -> str:
    """Say which database is live after a lost job, and what to do."""
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
        text = _("{target} does not exist, as before. Run it again.").format(target=target)
    else:
        text = _("{target} is the old one, as it was. Run it again.").format(target=target)
        disabled = [one.name for one in subscriptions.subscriptions(server, target) if not one.enabled]
        if disabled:
            text += " " + _("Its subscriptions are disabled: {names}.").format(names=", ".join(disabled))
    if result.get("services_stopping"):
        text += " " + _(
            "The services were being stopped for it: see how they are (mtn services), "
            "start them (mtn services --restart; runbook 5.1, step 7)."
        )
    return f"{about} {text}"
