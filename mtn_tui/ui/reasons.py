"""Why an action can't be done now, in words; empty where it can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.state import Step
from mtn_tui.operations.inventory import labels as copy_labels
from mtn_tui.operations.inventory.model import CopyStatus

if TYPE_CHECKING:
    from mtn_tui.ui.app import MtnApp


def read_only(app: MtnApp) -> str:
    return _("This screen was opened with --read-only: it changes nothing.") if app.read_only else ""


def no_backup(app: MtnApp) -> str:
    return "" if app.here.backup else _("No backup is chosen.")


def no_backing_up(app: MtnApp) -> str:
    if why := read_only(app):
        return why
    running = [job for job in app.state.live if job.kind.startswith("backup") and job.subject == app.database]
    if running:
        return _("A backup is running already: job {id}.").format(id=running[0].id)
    return ""


def _while_asking(app: MtnApp) -> str:
    """Of what would be judged, or done, by half of what there is."""
    inventory = app.state.inventory
    if inventory is None or not inventory.is_partial:
        return ""
    return _("{stores}: no answer yet").format(stores=labels.stores(inventory.awaited))


def no_restoring(app: MtnApp) -> str:
    backup = app.here.backup
    if why := read_only(app) or no_backup(app):
        return why
    assert backup is not None  # noqa: S101 - just looked
    if backup.kind is not Kind.FULL:
        return _("It is a differential: choose the full before it.")
    if (not backup.usable or backup.legacy) and (why := _while_asking(app)):
        return why
    if not backup.usable:
        standings = ", ".join(sorted({copy_labels.standing(copy.standing) for copy in backup.copies}))
        return _("No copy of it can be restored: {standings}.").format(standings=standings)
    return ""


def no_pinning(app: MtnApp) -> str:
    backup = app.here.backup
    if why := read_only(app) or no_backup(app) or _while_asking(app):
        return why
    assert backup is not None  # noqa: S101 - just looked
    if all(copy.standing is CopyStatus.UNFINISHED for copy in backup.copies):
        return _("It was never finished: there is nothing to keep.")
    return ""


def no_accepting(app: MtnApp) -> str:
    backup = app.here.backup
    if why := read_only(app) or no_backup(app) or _while_asking(app):
        return why
    return "" if backup and backup.suspect else _("It is not suspect: there is nothing to accept.")


def not_at_it(app: MtnApp) -> str:
    """Of all that is done to the incident."""
    return app.desk.why_not()


def no_next(app: MtnApp) -> str:
    desk = app.desk
    if desk.incident is None:
        return read_only(app) or desk.busy
    if not desk.incident.is_open:
        return ""
    may_continue = desk.holder_gone and not app.read_only
    return "" if may_continue and not desk.mine else desk.why_not()


def no_report(app: MtnApp) -> str:
    return "" if app.desk.incident or app.desk.past else _("There was no incident yet.")


def no_calling(app: MtnApp) -> str:
    if why := app.desk.why_not():
        return why
    return "" if app.desk.contacts else _("Nobody to call is known: see CONTACTS_FILE.")


def no_skipping(app: MtnApp) -> str:
    desk = app.desk
    if why := desk.why_not():
        return why
    assert desk.incident is not None  # noqa: S101 - just looked
    return desk.incident.why_not_skip(desk.viewing)


def no_taking(app: MtnApp) -> str:
    desk = app.desk
    if why := read_only(app):
        return why
    if desk.incident is None or not desk.incident.is_open:
        return _("No incident is open.")
    return _("You have it already.") if desk.mine else ""


def only_in(app: MtnApp, step: Step) -> str:
    if why := app.desk.why_not():
        return why
    text = _("That belongs to step {step}.").format(step=int(step))
    here = app.desk.viewing is step and (step is Step.SERVICES or not app.desk.looks_back)
    return "" if here else text


def no_starting(app: MtnApp) -> str:
    if why := only_in(app, Step.ASSESS):
        return why
    if not app.context.settings.database_start_command:
        return _("Start it by hand: DATABASE_START_COMMAND is not set.")
    return ""


def no_yes(app: MtnApp) -> str:
    if why := only_in(app, Step.PRODUCTION):
        return why
    if getattr(app.desk.view, "wants_yes", False):
        return ""
    return _("Not now: step 6 says what has to be typed.")


def no_line(app: MtnApp) -> str:
    return "" if app.here.log_line else _("No line is chosen.")


def no_cancelling(app: MtnApp) -> str:
    job = app.here.job
    if why := read_only(app):
        return why
    if job is None:
        return _("No job is chosen.")
    if job.state.over:
        return _("It is over: {state}.").format(state=labels.state(job.state))
    if job.host != app.machine:
        return _("It runs on {host}: cancel it there.").format(host=job.host)
    return ""
