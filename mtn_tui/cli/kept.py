"""``mtn undo`` and ``mtn kept``: databases that restores replaced or could not complete."""

from __future__ import annotations

import shlex
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
from mtn_tui.operations.common.checks import exit_code, raise_first
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.restore.incomplete import IncompleteDatabase, incomplete_databases
from mtn_tui.operations.restore.kept import drop_kept, find_kept
from mtn_tui.operations.restore.leftovers import lost_swaps, mend_subscriptions, sweep_over
from mtn_tui.operations.restore.undo import UndoPlan, check_undo, plan_undo
from mtn_tui.operations.restore.undo import undo as swap_back
from mtn_tui.postgres.connection import MAINTENANCE, connect
from mtn_tui.postgres.kept import ReplacedDatabase, kept_databases


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
    short_help=_("List the databases that restores have replaced."),
    help=_(
        "List the databases that restores have replaced or could not make whole, and remove what killed "
        "restores have left."
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
        known = _known(session.context)
        found = kept_databases(server, known)
        incomplete = incomplete_databases(server, known)
    for text in lost:
        diagnostics.warning(text)
    for name in swept:
        session.say(_("Removed what a job that is over has left: {name}").format(name=name))
    now = datetime.now(UTC)
    days = session.context.settings.keep_replaced_days
    if as_json:
        output.as_json([*(_facts(one, now, days) for one in found), *map(_incomplete_facts, incomplete)])
    elif not found and not incomplete:
        diagnostics.say(_("Nothing is kept: no restore has replaced a database."))
    else:
        _print(found, incomplete, now, days)
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
        one = find_kept(server, name)
    session.say_database(name)
    if not sure:
        _ask_to_drop(session, one)
    facts, code = session.run(
        "kept-drop", one.of, ["kept", "drop", "--yes", "--", name], lambda job: drop_kept(job, context, name)
    )
    return session.tell_outcome("kept-drop", facts, code, as_json=as_json)


def _ask_to_drop(session: Session, one: ReplacedDatabase | IncompleteDatabase) -> None:
    if not session.may_ask:
        raise Refused(
            _("{name} would be gone for good. That has to be confirmed.").format(name=one.name),
            _("Confirm it with --yes."),
        )
    if isinstance(one, ReplacedDatabase):
        question = _("Drop {name}, which {of} was until {moment} ({size})? It can't be brought back.").format(
            name=one.name, of=one.of, moment=labels.moment(one.since), size=labels.size(one.size)
        )
    else:
        question = _("Drop {name}, which is incomplete ({size})? It can't be brought back.").format(
            name=one.name, size=labels.size(one.size)
        )
    if not yes(question):
        raise Refused(_("Nothing was dropped."))


def _known(context: Context) -> list[str]:
    settings = context.settings
    return [settings.db_name, settings.staging_db_name, *settings.production_databases]


def _facts(one: ReplacedDatabase, now: datetime, days: float) -> dict[str, object]:
    return {
        "name": one.name,
        "of": one.of,
        "since": one.since,
        "age_seconds": round((now - one.since).total_seconds()),
        "size": one.size,
        "past": one.is_past(now, days),
        "incomplete": False,
    }


def _incomplete_facts(one: IncompleteDatabase) -> dict[str, object]:
    return {
        "name": one.name,
        "of": one.of,
        "since": one.since,
        "size": one.size,
        "incomplete": True,
        "backup": one.backup,
        "missing": list(one.missing),
    }


def _print(
    found: list[ReplacedDatabase], incomplete: list[IncompleteDatabase], now: datetime, days: float
) -> None:
    every: list[ReplacedDatabase | IncompleteDatabase] = [*found, *incomplete]
    rows = [
        [one.name, one.of, labels.age(one.since, now) if one.since else "—", labels.size(one.size)]
        for one in every
    ]
    head = [_("Name"), _("Was"), _("Age"), _("Size")]
    notes = [
        _("Kept for longer than KEEP_REPLACED_DAYS ({days:g}). Drop it: mtn kept drop {name}").format(
            days=days, name=shlex.quote(one.name)
        )
        if one.is_past(now, days)
        else ""
        for one in found
    ]
    notes += [
        _("Incomplete, read-only, restored from {backup}: things missing: {count}. Drop it: {drop}").format(
            backup=one.backup or "?",
            count=Figure(len(one.missing)),
            drop=command("kept", "drop", one.name),
        )
        for one in incomplete
    ]
    output.table(head, rows, right=frozenset([2, 3]), notes=notes)
