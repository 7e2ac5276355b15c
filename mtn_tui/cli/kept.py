"""``mtn undo`` and ``mtn kept``: databases that restores replaced, left beside, or could not complete."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from mtn_tui.cli import diagnostics, options, output
from mtn_tui.cli.groups import Group
from mtn_tui.cli.options import as_json
from mtn_tui.cli.planning import ask_for_production, check_lines, who_lines, yes
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import Refused
from mtn_tui.core.i18n import Figure, _
from mtn_tui.core.suggested import command
from mtn_tui.operations.common import labels, production
from mtn_tui.operations.common.beside import BesideDatabase
from mtn_tui.operations.common.checks import exit_code, raise_first
from mtn_tui.operations.restore.incomplete import IncompleteDatabase
from mtn_tui.operations.restore.kept import Kept, drop_kept, drop_question, every_kept, find_kept, names_known
from mtn_tui.operations.restore.leftovers import lost_swaps, mend_subscriptions, sweep_over
from mtn_tui.operations.restore.undo import UndoPlan, check_undo, plan_undo
from mtn_tui.operations.restore.undo import undo as swap_back
from mtn_tui.postgres.connection import MAINTENANCE, connect


@click.command(
    short_help=_("Bring back what a database was before its last restore."),
    help=_(
        "Bring back what TARGET (DB_NAME unless given) was before its last restore. What is there now is "
        "kept in its turn, so that this can be undone too."
    ),
)
@click.argument("target", metavar="[" + _("TARGET") + "]", required=False, callback=options.bare_name)
@click.option("--kept", "name", default="", metavar=_("NAME"), help=_("This one, instead of the newest."))
@options.confirm
@click.option("--dry-run", is_flag=True, help=_("Say what would be done and whether it would work."))
@as_json
@click.pass_obj
def undo(session: Session, target: str | None, name: str, confirm: str, dry_run: bool, as_json: bool) -> int:
    context = session.context
    target = context.settings.db_name if target is None else target
    if dry_run:
        made = plan_undo(context, target, confirm=confirm, kept=name)
        if as_json:
            output.as_json(made.facts())
        else:
            output.prose([*_plan_lines(made), *(line for one in made.checks for line in check_lines(one))])
        return exit_code(made.checks)
    session.must_not_only_read()
    session.say_database(target)
    confirm = confirm or _confirmed(session, target, name)
    session.look_first(lambda: check_undo(context, target, confirm=confirm, kept=name))
    arguments = ["undo", *(["--kept", name] if name else []), *(["--confirm", confirm] if confirm else [])]
    facts, code = session.run(
        "undo",
        target,
        [*arguments, "--", target],
        lambda job: swap_back(job, context, target, confirm=confirm, kept=name),
    )
    return session.tell_outcome("undo", facts, code, as_json=as_json)


def _confirmed(session: Session, target: str, name: str) -> str:
    """On a terminal, ask for what --confirm takes. Empty if not needed, or if nobody can be asked."""
    if not production.is_production(session.context.settings, target) or not session.may_ask:
        return ""
    made = plan_undo(session.context, target, kept=name)
    if made.now.existing is None:
        return ""
    raise_first(made.checks)
    return ask_for_production(_plan_lines(made), made.now)


def _plan_lines(made: UndoPlan) -> list[str]:
    text = _("Comes back: {name}, {size}, of {moment}").format(
        name=made.back.name, size=labels.size(made.back.size), moment=labels.moment(made.back.since)
    )
    return [*who_lines(made.now), text]


@click.group(
    cls=Group,
    invoke_without_command=True,
    short_help=_("List the databases that restores have replaced or left beside."),
    help=_(
        "List the databases that restores have replaced, left beside production or could not make whole, "
        "and remove what killed restores have left."
    ),
)
@as_json
@click.pass_context
def kept(context: click.Context, as_json: bool) -> int:
    if context.invoked_subcommand is not None:
        context.default_map = {context.invoked_subcommand: {"as_json": as_json}}
        return 0
    session = context.obj
    assert isinstance(session, Session)  # noqa: S101 - for the type checker
    with connect(session.context.server, MAINTENANCE, "mtn kept") as server:
        lost = lost_swaps(session.context, server)
        if session.read_only:
            swept = []
        else:
            swept = sweep_over(session.context, server, lost.append)
            mend_subscriptions(session.context, server, lost.append)
        found = every_kept(server, session.context.settings, names_known(session.context.settings))
    for text in lost:
        diagnostics.warning(text)
    for name in swept:
        session.say(_("Removed what a job that is over has left: {name}").format(name=name))
    now = datetime.now(UTC)
    days = session.context.settings.keep_replaced_days
    if as_json:
        output.as_json([_facts(one, now, days) for one in found])
    elif not found:
        diagnostics.say(_("Nothing is kept: no restore has replaced a database, or left one beside."))
    else:
        _print(found, now, days)
    return 1 if lost else 0


@kept.command(help=_("Drop one of them for good."))
@click.argument("name", metavar=_("NAME"), callback=options.bare_name)
@click.option("--yes", "sure", is_flag=True, help=_("Do not ask."))
@as_json
@click.pass_obj
def drop(session: Session, name: str, sure: bool, as_json: bool) -> int:
    session.must_not_only_read()
    context = session.context
    with connect(context.server, MAINTENANCE, "mtn kept") as server:
        one = find_kept(server, context.settings, name)
    session.say_database(name)
    if not sure:
        _ask_to_drop(session, one)
    facts, code = session.run(
        "kept-drop", one.of, ["kept", "drop", "--yes", "--", name], lambda job: drop_kept(job, context, name)
    )
    return session.tell_outcome("kept-drop", facts, code, as_json=as_json)


def _ask_to_drop(session: Session, one: Kept) -> None:
    if not session.may_ask:
        raise Refused(
            _("{name} would be gone for good. That has to be confirmed.").format(name=one.name),
            _("Confirm it with --yes."),
        )
    if not yes(drop_question(one)):
        raise Refused(_("Nothing was dropped."))


def _facts(one: Kept, now: datetime, days: float) -> dict[str, object]:
    facts: dict[str, object] = {
        "name": one.name,
        "of": one.of,
        "since": one.since,
        "size": one.size,
        "incomplete": isinstance(one, IncompleteDatabase),
        "beside": isinstance(one, BesideDatabase),
    }
    if isinstance(one, IncompleteDatabase):
        return {**facts, "backup": one.backup, "missing": list(one.missing)}
    facts |= {"age_seconds": round((now - one.since).total_seconds()), "past": one.is_past(now, days)}
    return {**facts, "backup": one.backup} if isinstance(one, BesideDatabase) else facts


def _print(found: list[Kept], now: datetime, days: float) -> None:
    rows = [
        [one.name, one.of, labels.age(one.since, now) if one.since else "—", labels.size(one.size)]
        for one in found
    ]
    head = [_("Name"), _("Of"), _("Age"), _("Size")]
    notes = [_note(one, now, days) for one in found]
    output.table(head, rows, right=frozenset([2, 3]), notes=notes)


def _note(one: Kept, now: datetime, days: float) -> str:
    """What is to be said of one beneath its row; empty for what is kept as it should be."""
    drop = command("kept", "drop", one.name)
    if isinstance(one, IncompleteDatabase):
        text = _("Incomplete, read-only, restored from {backup}: things missing: {count}. Drop it: {drop}")
        return text.format(backup=one.backup or "?", count=Figure(len(one.missing)), drop=drop)
    past = one.is_past(now, days)
    if isinstance(one, BesideDatabase):
        text = _("Restored from {backup}, read-only. When nobody needs it: {drop}")
        if past:
            text = _("Restored from {backup}, longer ago than KEEP_REPLACED_DAYS ({days:g}). Drop it: {drop}")
        return text.format(backup=one.backup, days=days, drop=drop)
    if not past:
        return ""
    return _("Kept for longer than KEEP_REPLACED_DAYS ({days:g}). Drop it: {drop}").format(
        days=days, drop=drop
    )
