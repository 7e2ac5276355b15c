"""What each step of an incident does: the commands to run, and the evidence to keep.

What takes long is a job: one of our commands in a process of its own, whose id is
in the step's facts. So a running step ends by what the job's journal says
(``settle``), whichever screen looks at it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, cast

from mtn_tui.core.clock import local_stamp
from mtn_tui.core.errors import MtnError, PostgresError, StorageError, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.core.values import scratch_name
from mtn_tui.engine.jobview import JobView, find_job
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.incident.file import IncidentFile
from mtn_tui.operations.incident.report import report
from mtn_tui.operations.incident.state import OID, Facts, Incident, RecoveryMode, Step, StepStatus
from mtn_tui.operations.inventory import fallback
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.recover.found import Request as Recovering
from mtn_tui.operations.restore import leftovers
from mtn_tui.operations.restore.lost_rows import RowsNow
from mtn_tui.operations.restore.plan import Plan, plan
from mtn_tui.operations.restore.preflight.extensions import InOneDatabase
from mtn_tui.operations.restore.request import Request
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, application, connect

_BESIDE = "_recovery"
"""Of runbook 5.2."""


def staging_of(context: Context, way: RecoveryMode) -> str:
    """The database that step 4 restores to; in a recovery beside production, it stays there."""
    settings = context.settings
    if way is RecoveryMode.BESIDE:
        return scratch_name(settings.db_name, _BESIDE)
    return settings.staging_db_name or scratch_name(settings.db_name, "_staging")


class Planning(Protocol):
    """Plans a restore."""

    def __call__(self, context: Context, request: Request, rows: RowsNow | None = None, /) -> Plan:
        """Return the plan; with the rows that an earlier one has counted."""


def plan_staging(context: Context, way: RecoveryMode, backup: Backup, plan: Planning = plan) -> Plan:
    """Plan step 4 so that as little as possible is lost.

    Roles that the server lacks are made. If our user may not make them, or can't give owners what is
    theirs, our user owns everything. Extensions that no new database can have are left out. The
    operator has to agree to either.
    """
    wanted = Request(backup, staging_of(context, way), drop=True, closed=True, legacy=backup.legacy)
    rows = None
    for roles, no_owner in ((False, False), (True, False), (True, True), (False, True)):
        made = plan(context, replace(wanted, roles=roles, no_owner=no_owner), rows)
        rows = made.rows
        if not any(one.status is Status.STOP for one in _rights(made)):
            break
    here = [check.error for check in made.checks if isinstance(check.error, InOneDatabase)]
    return plan(context, replace(made.request, without=here[0].names), rows) if here else made


def not_had(made: Plan) -> list[str]:
    """What the plan does without, owners or extensions, in sentences."""
    left_out = [f"{check.says} {check.hint}" for check in made.checks if check.id == "left-out"]
    return [*(check.says for check in _rights(made) if check.hint), *left_out]


def _rights(made: Plan) -> list[Check]:
    """The checks of roles and owners."""
    return [check for check in made.checks if check.id in ("roles", "owners")]


def roles_of(made: Plan) -> str:
    """Which roles will be made, in words; empty if none have to be."""
    says = [check.says for check in made.checks if check.id == "roles"]
    return says[0] if made.request.roles and says else ""


def chosen(made: Plan, asked: datetime | None = None, broken: Backup | None = None) -> dict[str, object]:
    """Step 3's facts. ``asked`` is the moment that the operator wanted, if one was typed.

    ``broken`` is a newer backup that can't be used: it is named, and each copy of it that is damaged.
    """
    legacy = {"legacy": True} if made.backup.legacy else {}
    roles = {"roles": roles_of(made)} if made.request.roles else {}
    ours = {"no_owner": True} if made.request.no_owner else {}
    without = {"without": list(made.request.without)} if made.request.without else {}
    return {
        **legacy,
        **ours,
        **without,
        "backup": made.backup.handle,
        "name": str(made.backup.name),
        **({"base": str(made.backup.base.name)} if made.backup.base else {}),
        **({"asked": asked.isoformat()} if asked else {}),
        **({"broken": _why_not(broken)} if broken else {}),
        "moment": made.backup.moment.isoformat(),
        "store": made.copy.store.name if made.copy else None,
        "loses_seconds": round(made.lost_seconds),
        "lost_until": made.now.isoformat(),
        "expected_seconds": made.rto.seconds,
        **roles,
    }


def _why_not(broken: Backup) -> str:
    reasons = fallback.why_no_copy(broken) or [fallback.why_broken(broken)]
    return f"{broken.name}: {' '.join(reasons)}"


def restore_arguments(context: Context, incident: Incident) -> list[str]:
    """Step 4, as a command. Raises UsageError if no backup was chosen."""
    facts = incident.steps[Step.CHOOSE].facts
    if not facts.get("backup"):
        raise UsageError(_("No backup was chosen."), _("Go back to step 3."))
    return _restore(facts, staging_of(context, incident.way), drop=True)


def look_arguments(made: Plan, *, drop: bool) -> list[str]:
    """A restore beside production for looking into it, as a command; ``drop`` replaces what is there."""
    return _restore(chosen(made), made.target.name, drop=drop)


def _restore(facts: Facts, target: str, *, drop: bool) -> list[str]:
    options = [*(["--drop"] if drop else []), "--closed", *(["--legacy"] if facts.get("legacy") else [])]
    options += ["--roles"] if facts.get("roles") else []
    options += ["--no-owner"] if facts.get("no_owner") else []
    without = facts.get("without")
    options += [f"--without-extension={name}" for name in without] if isinstance(without, list) else []
    return ["restore", str(facts.get("backup")), f"--target={target}", *options]


def promote_arguments(context: Context, confirm: str, incident: Incident) -> list[str]:
    """Step 6, as a command. ``confirm`` is empty if there is nothing to be replaced.

    It names the database that step 5 has validated, if the incident's file says which.
    """
    validated = incident.steps[Step.VALIDATE].facts.get(OID)
    arguments = ["promote", f"--target={context.settings.db_name}"]
    arguments += ["--confirm", confirm] if confirm else []
    arguments += [f"--oid={validated}"] if validated is not None else []
    arguments += ["--stop-services"] if context.settings.services_stop_command else []
    return [*arguments, "--", staging_of(context, RecoveryMode.RESTORE)]


def recover_arguments(request: Recovering) -> list[str]:
    """Step 6 of a recovery beside, as a command: for as many rows as were looked at."""
    options = [f"--from={request.source}", *(f"--table={one}" for one in request.tables), "--yes"]
    options += [f"--expect={request.expected}"] if request.expected is not None else []
    options += ["--leave-refused"] if request.leave_refused else []
    return ["recover", *options, *(["--links"] if request.links else [])]


def services_arguments() -> list[str]:
    """Step 7, as a command."""
    return ["services", "--restart"]


def start_arguments() -> list[str]:
    """What step 1 may propose, as a command."""
    return ["services", "--start-database"]


def settle(file: IncidentFile, context: Context) -> Incident:
    """End the running step if its job is over, and if we hold the incident.

    After a promotion that was killed the server is asked: it may have succeeded.
    """
    incident = file.look()
    for step, state in incident.steps.items():
        job_id = state.facts.get("job")
        if state.standing is not StepStatus.RUNNING or not job_id or not file.is_mine:
            continue
        try:
            view = find_job(context.job_folders, str(job_id))
        except (UsageError, StorageError) as error:
            return file.failed(step, error)
        if not view.state.over:
            continue
        if view.state is JobState.SUCCEEDED:
            copied = _copied(state.facts, view.result) if view.kind == "recover" else {}
            return file.done(step, **_shown(step, view.result), **_without(incident, step, view), **copied)
        if view.state is JobState.LOST and step is Step.PRODUCTION and view.kind == "promote":
            return _after_a_killed_promotion(file, context, view)
        title = view.title or labels.state(view.state)
        return file.failed(step, MtnError(title, view.hint))
    return incident


def _after_a_killed_promotion(file: IncidentFile, context: Context, view: JobView) -> Incident:
    """End step 6 by what the server holds. If it can't be asked, the hint says how to look later."""
    try:
        with connect(context.server, MAINTENANCE, "mtn incident") as server:
            # The server goes on with the job's last statement, though the job is gone.
            databases.end_sessions(server, application(view.kind, view.id))
            done, told = leftovers.came_through(view, server), leftovers.told(view, server)
    except PostgresError:
        done, told = False, view.hint
    if not done:
        return file.failed(Step.PRODUCTION, MtnError(view.title, told))
    file.note(told)
    swap = cast("Facts", view.result["swap"])
    return file.done(Step.PRODUCTION, kept=swap.get("kept"))


def _shown(step: Step, result: Facts) -> dict[str, object]:
    """The evidence for a step in its job's result."""
    wanted = {
        Step.STAGING: {"target": "database", "kept": "kept", "rows": "rows", "tables": "tables"},
        Step.PRODUCTION: {"kept": "kept", "seconds_without": "away_seconds"},
        Step.SERVICES: {"services": "services"},
    }
    found = {ours: result[theirs] for theirs, ours in wanted.get(step, {}).items() if theirs in result}
    seconds = result.get("seconds")
    if step is Step.STAGING and isinstance(seconds, dict) and "load" in seconds:
        found["load_seconds"] = seconds["load"]
    return found


def _copied(before: Facts, result: Facts) -> dict[str, object]:
    """Rows that were copied back, in all runs of this incident; references set again, and those left NULL."""

    def number(found: object) -> int:
        return found if isinstance(found, int) else 0

    links = result.get("links")
    linked = number(result.get("linked"))
    null = sum(number(one) for one in links.values()) - linked if isinstance(links, dict) else 0
    null -= number(result.get("earlier"))  # they were counted by the run that left them
    return {
        "rows": number(before.get("rows")) + number(result.get("rows")),
        "linked": number(before.get("linked")) + linked,
        "not_linked": max(number(before.get("not_linked")) + null, 0),
    }


def _without(incident: Incident, step: Step, view: JobView) -> dict[str, object]:
    """How long there was no database, where step 6 has replaced none: as far as the incident knows it."""
    if step is not Step.PRODUCTION or view.kind != "promote" or view.result.get("replaced", True):
        return {}
    if incident.opened_at is None or view.ended is None:
        return {}
    return {"without_seconds": (view.ended - incident.opened_at).total_seconds()}


def write_report(context: Context, incident: Incident) -> Path:
    """Write the report beside the logs; returns where. Raises StorageError."""
    now = context.clock.now()
    path = context.settings.log_dir / f"incident_{incident.number:04}_{local_stamp(now)}.md"
    text = report(incident, now, timedelta(hours=context.settings.target_rto_hours))
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise StorageError(
            _("The report {path} can't be written: {reason}.").format(path=path, reason=error.strerror),
            _("mtn incident export prints it at any time."),
        ) from error
    return path
