"""``mtn schedule``."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any, TypeVar

import click

from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.groups import Group
from mtn_tui.cli.options import as_json
from mtn_tui.cli.planning import yes
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import Refused
from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.schedule.description import Run, again_said, runs, when_said
from mtn_tui.operations.schedule.history import Missed, missed
from mtn_tui.operations.schedule.install import Plan, carry_out, contents, plan_install, plan_remove
from mtn_tui.operations.schedule.installed import Found, installed
from mtn_tui.operations.schedule.machine import System

F = TypeVar("F", bound=Callable[..., Any])  # any command's function


def _system(command: F) -> F:
    return click.option(
        "--system",
        type=click.Choice([one.value for one in System]),
        help=_("This one, not the one that fits this machine."),
    )(command)


def _sure(command: F) -> F:
    dry = click.option("--dry-run", is_flag=True, help=_("Show what would change, and change nothing."))
    return dry(click.option("--yes", "sure", is_flag=True, help=_("Do not ask."))(command))


@click.group(
    cls=Group,
    short_help=_("Have backups run by themselves, and see which do."),
    help=_("What runs by itself, and when; started by cron, systemd or launchd."),
)
def schedule() -> None:
    pass


@schedule.command(
    short_help=_("List the runs: when they are due, which were missed."),
    help=_(
        "List the runs: when they are due, what starts them, which were missed. With --system: the lines or "
        "files that would start them, as they are installed."
    ),
)
@_system
@as_json
@click.pass_obj
def show(session: Session, system: str | None, as_json: bool) -> int:
    """Exit code 0: every run is started by one system, none was missed, no script is left. Else 1."""
    context = session.context
    described = runs(context.settings)
    if system is not None:
        output.lines(_texts(context, System(system)))
        return 0
    found, late = installed(session.loaded.path.absolute()), missed(context, described)
    if as_json:
        output.as_json(_facts(context, described, found, late))
    else:
        _print(context, described, found, late)
    right = all(len(found.runs.get(run.id, ())) == 1 for run in described)
    return 0 if right and not (found.scripts or found.unreadable or late.moments) else 1


@schedule.command(
    short_help=_("Have the runs started by cron, systemd or launchd."),
    help=_(
        "Have the runs started by cron, systemd or launchd, and put the lines of the scripts out of use. "
        "What changes is shown first."
    ),
)
@_system
@click.option("--keep-scripts", is_flag=True, help=_("Leave the lines of the scripts in use."))
@_sure
@click.pass_obj
def install(session: Session, system: str | None, keep_scripts: bool, dry_run: bool, sure: bool) -> int:
    plan = plan_install(session.context, System(system) if system else None, keep_scripts=keep_scripts)
    code = _done(session, plan, "schedule-installed", _("Install this?"), dry_run=dry_run, sure=sure)
    found = installed(session.loaded.path.absolute())
    if not dry_run and not keep_scripts and found.scripts:
        for one in found.scripts:
            diagnostics.warning(
                _("A script is still started: {command} ({place})").format(
                    command=one.command, place=one.place
                ),
                _("Take it out by hand: mtn changes only this user's own."),
            )
        return 1
    return code


@schedule.command(
    short_help=_("Take the runs out of wherever they are."),
    help=_("Take the runs out of wherever they are, and bring back the lines of the scripts."),
)
@_sure
@click.pass_obj
def remove(session: Session, dry_run: bool, sure: bool) -> int:
    plan = plan_remove(session.context)
    question = _("Remove this? No backups will be made automatically.")
    return _done(session, plan, "schedule-removed", question, dry_run=dry_run, sure=sure)


def _done(session: Session, plan: Plan, action: str, question: str, *, dry_run: bool, sure: bool) -> int:
    if not plan.changes:
        diagnostics.say(_("Nothing to change."))
        return 0
    output.lines(plan.diff())
    for command in (*plan.first, *plan.then):
        output.line(f"$ {shlex.join(command)}")
    if dry_run:
        return 0
    session.must_not_only_read()
    if not sure:
        if not session.may_ask:
            raise Refused(
                _("Nothing was changed: there is no terminal to ask on."), _("Confirm it with --yes.")
            )
        if not yes(question):
            raise Refused(_("Nothing was changed."))
    carry_out(plan)
    for note in plan.notes:
        diagnostics.say(note)
    diagnostics.say(_("Done. See it: mtn schedule show"))
    return session.record(action, places=[change.place for change in plan.changes])


def _texts(context: Context, system: System) -> list[str]:
    made = contents(context, system)
    lines = []
    for name, text in made.items():
        lines += [f"==> {name}"] if len(made) > 1 else []
        lines += text.decode(errors="surrogateescape").splitlines()
    return lines


def _print(context: Context, described: tuple[Run, ...], found: Found, late: Missed) -> None:
    now = context.clock.now()
    rows, notes = [], []
    for run in described:
        by = found.runs.get(run.id, [])
        systems = ", ".join(dict.fromkeys(one.system.value for one in by)) or "—"
        following = run.when.next(now, None).astimezone()
        rows.append([run.name, when_said(run.when), f"{following:%Y-%m-%d %H:%M}", systems])
        notes.append("; ".join(_doubts(run, len(by), late)))
    output.table([_("Run"), _("When"), _("Next"), _("By")], rows, notes=notes)
    for one in found.scripts:
        diagnostics.warning(
            _("A script is still started: {command} ({place})").format(command=one.command, place=one.place)
        )
    for place, reason in found.unreadable.items():
        diagnostics.warning(_("{place} could not be looked at: {reason}").format(place=place, reason=reason))
    if not all(found.runs.get(run.id) for run in described):
        diagnostics.say(_("Not everything is started by itself: mtn schedule install"))


def _doubts(run: Run, count: int, late: Missed) -> list[str]:
    told = [again] if (again := again_said(run.when)) else []
    if count > 1:
        told.append(_("started {count} times").format(count=count))
    gone = late.moments.get(run.id, ())
    if gone:
        told.append(_("not started: {moments}").format(moments=", ".join(map(labels.moment, gone))))
    if count and run.id in late.unseen:
        told.append(_("not seen to run yet"))
    return told


def _facts(context: Context, described: tuple[Run, ...], found: Found, late: Missed) -> dict[str, object]:
    now = context.clock.now()
    return {
        "runs": [
            {
                "id": run.id,
                "arguments": list(run.arguments),
                "when": when_said(run.when),
                "next": run.when.next(now, None),
                "started_by": [
                    {"system": one.system.value, "place": one.place} for one in found.runs.get(run.id, [])
                ],
                "missed": list(late.moments.get(run.id, ())),
                "seen": run.id not in late.unseen if run.job else None,
            }
            for run in described
        ],
        "scripts": [{"place": one.place, "command": one.command} for one in found.scripts],
        "unreadable": found.unreadable,
    }
