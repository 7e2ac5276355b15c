"""``mtn restore``, which also takes the arguments of the scripts' restore.sh."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import click

from mtn_tui.cli import diagnostics, options, output, planning
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind
from mtn_tui.core.moments import with_offset
from mtn_tui.core.typed_moment import RepeatedHour, read_typed
from mtn_tui.operations.common import labels, production
from mtn_tui.operations.common.checks import exit_code, raise_first
from mtn_tui.operations.inventory import key_check
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.job_outcomes import Facts
from mtn_tui.operations.restore.choice import Wanted, choose_point
from mtn_tui.operations.restore.incomplete import facts_of
from mtn_tui.operations.restore.plan import plan
from mtn_tui.operations.restore.preflight.asked import check_asked
from mtn_tui.operations.restore.request import Request, arguments
from mtn_tui.operations.restore.restore import restore as restore_backup
from mtn_tui.operations.restore.unsigned import AS_OPERATOR
from mtn_tui.postgres.search_path import listed

_NOT_HOLDING = "5.3"
"""The runbook's section on bad backups: errors that refer to it may be solved by another backup."""


_KINDS = {"full": Kind.FULL, "differential": Kind.DIFF}


@click.command(
    short_help=_("Restore a backup into a database."),
    help=_(
        "Restore a backup: a full, or a full and one differential on it, to the moment it is of. "
        "It is loaded beside the target, verified, and only then gets the name. "
        "The database that had it is kept: mtn undo brings it back, mtn kept lists it. Only what "
        "STAGING_DB_NAME and databases in _test or _test_YYYYMM were before is dropped at once."
    ),
)
@click.argument("wanted", metavar="[" + _("BACKUP") + "]", required=False)
@options.file
@click.option(
    "--latest",
    is_flag=True,
    help=_(
        "The newest full or differential that is proven and not suspect; where it does not hold, the one "
        "before it. With --type full, fulls alone."
    ),
)
@click.option(
    "-t",
    "--target",
    required=True,
    metavar=_("DATABASE"),
    callback=options.bare_name,
    help=_("The database to restore into."),
)
@click.option("-d", "--drop", is_flag=True, help=_("Replace it if it exists, once the new one is verified."))
@options.confirm
@click.option("--dry-run", is_flag=True, help=_("Say what would be done and whether it would work."))
@click.option("--roles", is_flag=True, help=_("Create the missing roles, from the file beside the backup."))
@click.option("--no-owner", is_flag=True, help=_("What belongs to roles that are not available is yours."))
@click.option(
    "--in-place",
    is_flag=True,
    help=_("Where the disk can't hold both: back the present one up, drop it, then load."),
)
@click.option(
    "--without-extension",
    "without",
    metavar=_("EXTENSION"),
    multiple=True,
    help=_("Leave out an extension of it that can't be made here, with its own rows."),
)
@click.option(
    "--search-path",
    "search_path",
    metavar=_("SCHEMAS"),
    default="",
    help=_("For functions that name things without their schema, as in: app, public."),
)
@click.option(
    "--keep-going",
    is_flag=True,
    help=_("List what can't be restored of it, and keep the rest beside the target, read-only."),
)
@click.option(
    "--closed", is_flag=True, help=_("Leave it read-only until it is promoted (mtn promote SOURCE).")
)
@click.option("-s", "--skip-verify", is_flag=True, help=_("Do not count rows afterwards."))
@click.option(
    "-r",
    "--type",
    "kind",
    type=click.Choice([*_KINDS]),
    help=_(
        "full: exactly the full. differential: the full and the newest differential on it, or the last "
        "before --at."
    ),
)
@click.option(
    "--at",
    "moment",
    metavar=_("TIME"),
    help=_(
        "The last backup before that moment: 2025-10-03 14:30, 14:30, yesterday 14:30, 2h ago, "
        "or with an offset, 2025-10-03T14:30-03."
    ),
)
@click.option("--legacy", is_flag=True, help=_("Load a file of the scripts, which nothing vouches for."))
@click.option(
    "--as-operator",
    is_flag=True,
    help=_(
        "Load such a file with the rights of DB_USER, not by a login of its own that may do nothing else."
    ),
)
@click.option("--or-earlier", is_flag=True, hidden=True)
@as_json
@click.pass_obj
def restore(
    session: Session,
    wanted: str | None,
    file: str | None,
    latest: bool,
    target: str,
    drop: bool,
    confirm: str,
    dry_run: bool,
    roles: bool,
    no_owner: bool,
    in_place: bool,
    keep_going: bool,
    without: tuple[str, ...],
    search_path: str,
    closed: bool,
    skip_verify: bool,
    kind: str | None,
    moment: str | None,
    legacy: bool,
    as_operator: bool,
    or_earlier: bool,
    as_json: bool,
) -> int:
    context = session.context
    at = _typed(session, moment) if moment is not None else None
    chosen = choose_point(
        context, Wanted(wanted or "", file or "", latest, _KINDS[kind] if kind is not None else None, at)
    )
    for name, error in chosen.unreachable.items():
        text = _("The {store} was not looked at: {reason}").format(
            store=labels.store(name), reason=error.title
        )
        diagnostics.warning(text, error.hint)
    if chosen.another_key is not None:
        diagnostics.warning(key_check.passed_over(chosen.another_key))
    if chosen.another_server:
        diagnostics.warning(chosen.another_server, _("If it is meant, name it instead of --latest."))
    if chosen.passed_over:
        diagnostics.warning(chosen.passed_over)
    for note in () if session.quiet else chosen.notes:
        diagnostics.say(note)
    fall_back = latest or or_earlier or (at is not None and not (wanted or file))
    request = Request(
        chosen.backup,
        target,
        drop,
        legacy or _asks_for_legacy(session, chosen.backup),
        as_operator=as_operator,
        verify=context.settings.enable_post_restore_verify and not skip_verify,
        confirm=confirm,
        in_place=in_place,
        keep_going=keep_going,
        without=tuple(dict.fromkeys(without)),
        closed=closed,
        search_path=tuple(listed(search_path)),
        roles=roles,
        no_owner=no_owner,
        earlier=tuple(one for one in chosen.earlier if one.base is None or not keep_going),
        fall_back=fall_back,
        instead_of=chosen.newer_broken if fall_back else None,
        asked=at,
    )
    if dry_run:
        return _dry_run(session, request, as_json=as_json)
    session.must_not_only_read()
    session.say_database(target)
    request = _confirmed(session, request)
    try:
        facts, code = _run(session, request, chosen.path)
    except MtnError as error:
        if as_json and (told := facts_of(error.facts)):
            output.as_json(told)
        raise
    code = max(code, 1 if chosen.unreachable else 0)
    return session.tell_outcome("restore", facts, code, as_json=as_json)


def _dry_run(session: Session, request: Request, *, as_json: bool) -> int:
    made = plan(session.context, request)
    if as_json:
        output.as_json(made.facts())
    else:
        output.prose(planning.lines(made))
    return exit_code(made.checks)


def _run(session: Session, request: Request, file: str) -> tuple[Facts, int]:
    """Run the job; if the backup is bad and somebody can be asked, offer the proven one before it."""
    context = session.context
    session.look_first(lambda: check_asked(context, request))
    try:
        return session.run(
            "restore",
            request.target,
            arguments(request, file),
            lambda job: restore_backup(job, context, request),
        )
    except MtnError as error:
        if AS_OPERATOR in error.hint and not request.as_operator and session.may_ask:
            diagnostics.error(error)
            question = _("Load it with all rights of {user}?").format(user=context.settings.db_user)
            if planning.yes(question):
                return _run(session, replace(request, as_operator=True), file)
        if not (request.earlier and session.may_ask and error.runbook == _NOT_HOLDING):
            raise
        diagnostics.error(error)
        other = request.earlier[0]
        question = _("Use {name} instead? It is {time} older.").format(
            name=other.name, time=labels.between(other.moment, request.backup.moment)
        )
        if not planning.yes(question):
            raise
        again = replace(
            request, backup=other, earlier=request.earlier[1:], instead_of=request.backup, fall_back=True
        )
        return _run(session, again, "")


def _confirmed(session: Session, request: Request) -> Request:
    """On a terminal, show production and ask for confirmation; otherwise --confirm is needed."""
    context = session.context
    if not production.is_production(context.settings, request.target) or not request.drop:
        return request
    if request.confirm or not session.may_ask:
        return request
    made = plan(context, request)
    raise_first(made.checks)
    if made.target.existing is None:
        return request
    words = planning.ask_for_production(planning.lines(made, doubts_only=True), made.target)
    return replace(request, confirm=words)


def _typed(session: Session, text: str) -> datetime:
    """Read ``--at``. If the clocks showed that time twice, ask on a terminal which one is meant."""
    try:
        return read_typed(text, session.context.clock.now())
    except RepeatedHour as twice:
        if not session.may_ask:
            raise
        moments = dict(zip("12", twice.moments, strict=True))
        diagnostics.say(twice.title)
        for answer, moment in moments.items():
            diagnostics.say(f"{answer}  {with_offset(moment)}")
        given = click.prompt(">", prompt_suffix=" ", default="", show_default=False, err=True).strip()
        if given not in moments:
            raise
        return moments[given]


def _asks_for_legacy(session: Session, backup: Backup) -> bool:
    """Ask on a terminal; otherwise the option is needed."""
    if not backup.legacy or not session.may_ask:
        return False
    question = _("Nothing vouches for what is in {name}. Load it?")
    return planning.yes(question.format(name=backup.name))
