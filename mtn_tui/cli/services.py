"""``mtn services``."""

from __future__ import annotations

from dataclasses import asdict

import click

from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import ConfigError
from mtn_tui.core.i18n import _
from mtn_tui.operations.services import Answer, health


@click.command(help=_("Ask the services that use the database for their health."))
@as_json
@click.pass_obj
def services(session: Session, as_json: bool) -> int:
    """Exit code 0: all are healthy. 1: some are. 2: none is."""
    settings = session.context.settings
    urls = settings.service_health_urls
    if not urls:
        raise ConfigError(
            _("No services are known: SERVICE_HEALTH_URLS is not set."),
            _('Write it like SERVICE_HEALTH_URLS="http://localhost:8082/health".'),
        )
    answers = health(urls, settings.alert_ca_file)
    if as_json:
        output.as_json([asdict(one) for one in answers])
    else:
        head = [_("Service"), _("Health"), _("Status"), _("ms"), _("Answer")]
        output.table(head, [_row(one) for one in answers], right=frozenset({2, 3}))
    ill = [one for one in answers if not one.healthy]
    if ill:
        diagnostics.say(
            _("{count} of {total} services are not healthy.").format(count=len(ill), total=len(answers))
        )
        diagnostics.say("  " + _("See their own logs; start them as the runbook says (5.1, step 7)."))
    return 0 if not ill else 2 if len(ill) == len(answers) else 1


def _row(answer: Answer) -> list[str]:
    state = "✔ " + _("healthy") if answer.healthy else "✖ " + _("not healthy")
    status = "—" if answer.status is None else str(answer.status)
    return [answer.name, state, status, str(answer.milliseconds), answer.text]
