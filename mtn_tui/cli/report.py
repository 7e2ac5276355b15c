"""``mtn report``."""

from __future__ import annotations

import click

from mtn_tui.cli import diagnostics, notify, output
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
    """Exit code 0: printed or sent. 1: it will be sent later, or no mail is set up. 2: it was not sent."""
    from mtn_tui.operations.reports import report as reports  # imports much more than its help needs

    if mail:
        session.must_not_only_read()
    context = session.context
    if mail and (missing := reports.missing_to_send(context.settings)):
        keys, path = " ".join(missing), context.configuration or ""
        diagnostics.warning(
            _("The report was not sent: no e-mail is configured."),
            _("Set in {path}: {keys}. To see it here: mtn report").format(path=path, keys=keys),
        )
        return 1
    made = reports.report(context, Span(span))
    told = reports.send(context, made) if mail else None
    if as_json:
        output.as_json(made.facts() | ({"mail": notify.facts(told)} if told else {}))
    elif told is not None:
        output.lines(notify.lines(told))
    else:
        output.lines(made.markdown.splitlines())
    return notify.exit_code([told]) if told is not None else 0
