"""``mtn promote``: puts a database that was restored and validated in the place of production."""

from __future__ import annotations

import click

from mtn_tui.cli import options
from mtn_tui.cli.options import as_json
from mtn_tui.cli.planning import ask_for_production, who_lines
from mtn_tui.cli.session import Session
from mtn_tui.core.i18n import _
from mtn_tui.operations.common import production
from mtn_tui.operations.restore.incomplete import is_incomplete, look_at_missing
from mtn_tui.operations.restore.plan import look_at
from mtn_tui.operations.restore.promote import check_promotion
from mtn_tui.operations.restore.promote import promote as put_in_place


@click.command(
    short_help=_("Put a restored database in the place of another."),
    help=_(
        "Put the database SOURCE, which was restored and checked, in the place of TARGET "
        "(DB_NAME unless given). The database that was there is kept: mtn undo brings it "
        "back."
    ),
)
@click.argument("source", metavar=_("SOURCE"), callback=options.bare_name)
@click.option(
    "-t",
    "--target",
    metavar=_("DATABASE"),
    callback=options.bare_name,
    help=_("The name it gets."),
)
@options.confirm
@click.option("--stop-services", is_flag=True, help=_("Run SERVICES_STOP_COMMAND before."))
@click.option("--oid", type=int, hidden=True)
@as_json
@click.pass_obj
def promote(
    session: Session,
    source: str,
    target: str | None,
    confirm: str,
    stop_services: bool,
    oid: int | None,
    as_json: bool,
) -> int:
    session.must_not_only_read()
    context = session.context
    target = context.settings.db_name if target is None else target
    session.say_database(target)
    confirm = confirm or _confirmed(session, source, target)
    session.look_first(lambda: check_promotion(context, source, target, confirm, oid))
    arguments = ["promote", f"--target={target}", *(["--confirm", confirm] if confirm else [])]
    arguments += ["--stop-services"] if stop_services else []
    arguments += [f"--oid={oid}"] if oid is not None else []
    facts, code = session.run(
        "promote",
        target,
        [*arguments, "--", source],
        lambda job: put_in_place(
            job, context, source, target, confirm=confirm, stop_services=stop_services, oid=oid
        ),
    )
    return session.tell_outcome("promote", facts, code, as_json=as_json)


def _confirmed(session: Session, source: str, target: str) -> str:
    """On a terminal, ask for what --confirm takes. Empty if not needed, or if nobody can be asked."""
    if not production.is_production(session.context.settings, target) or not session.may_ask:
        return ""
    now = look_at(session.context, target)
    if now.existing is None and not is_incomplete(source):
        return ""
    lines = [*who_lines(now), _("Takes its place: {name}").format(name=source)]
    if missing := look_at_missing(session.context, source):
        lines += [_("It is incomplete. It lacks:"), *(f"- {line}" for line in missing)]
    return ask_for_production(lines, now)
