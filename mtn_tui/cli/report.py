"""``mtn report``."""

from __future__ import annotations

import click

from mtn_tui.cli import notify, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.i18n import _
from mtn_tui.operations.reports.period import Span


@click.command(
    short_help=_("Report on the backups of the last week or month."),
    help=_(
        "How the backups were in the last full week (Monday to Sunday) or month: what was made of what "
        "was due, sizes, times, how well the RPO was held, drills, alerts and incidents."
    ),
)
@click.option("--week", "span", flag_value="week", default="week", help=_("Of the last full week."))
@click.option("--month", "span", flag_value="month", help=_("Of the last full month."))
@click.option("--mail", is_flag=True, help=_("Send it to ALERT_EMAIL instead of printing it."))
@as_json
@click.pass_obj
def report(session: Session, span: str, mail: bool, as_json: bool) -> int:
    """Exit code 0: it was printed or sent. 1: it will be sent later. 2: it could not be sent."""
    from mtn_tui.operations.reports import report as reports  # imports much more than its help needs

    if mail:
        session.must_not_only_read()
    made = reports.report(session.context, Span(span))
    told = reports.send(session.context, made) if mail else None
    if as_json:
        output.as_json(made.facts() | ({"mail": notify.facts(told)} if told else {}))
    elif told is not None:
        output.lines(notify.lines(told))
    else:
        output.lines(made.markdown.splitlines())
    return notify.exit_code([told]) if told is not None else 0
