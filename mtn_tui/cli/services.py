"""``mtn services``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import click

from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import ConfigError, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.services import restart as restarts
from mtn_tui.operations.services.health import Answer, health, named_apart


@click.command(
    short_help=_("Ask the services for their health; restart them."),
    help=_(
        "Ask the services that use the database for their health; or restart them, or "
        "start the database server, by the commands of the configuration."
    ),
)
@click.option(
    "--restart", is_flag=True, help=_("Run SERVICES_RESTART_COMMAND, and wait until all are healthy.")
)
@click.option(
    "--start-database", is_flag=True, help=_("Run DATABASE_START_COMMAND, and wait until it answers.")
)
@as_json
@click.pass_obj
def services(session: Session, restart: bool, start_database: bool, as_json: bool) -> int:
    """Exit code 0: all are healthy. 1: some are. 2: none is."""
    context = session.context
    if restart and start_database:
        raise UsageError(
            _("--restart and --start-database can't be combined."), _("Start the database first.")
        )
    if start_database:
        words = ["services", "--start-database"]
        body: Callable[[Job], object] = lambda job: restarts.start_database(job, context)  # noqa: E731
        facts, code = session.run("database-start", context.settings.db_name, words, body)
    elif restart:
        words = ["services", "--restart"]
        body = lambda job: restarts.restart_services(job, context)  # noqa: E731
        facts, code = session.run("services-restart", context.settings.db_name, words, body)
    else:
        return _ask(session, as_json=as_json)
    if as_json:
        output.as_json(facts)
    return code


def _ask(session: Session, *, as_json: bool) -> int:
    settings = session.context.settings
    urls = settings.service_health_urls
    if not urls:
        raise ConfigError(
            _("No services are known: SERVICE_HEALTH_URLS is not set."),
            _('Write it like SERVICE_HEALTH_URLS="users=http://localhost:8082/health".'),
        )
    answers = health(urls, settings.alert_ca_file)
    if as_json:
        output.as_json([asdict(one) for one in answers])
    else:
        head = [_("Service"), _("Health"), _("Status"), _("ms"), _("Answer")]
        output.table(head, [*map(_row, answers, named_apart(answers))], right=frozenset({2, 3}))
    ill = [one for one in answers if not one.healthy]
    if ill:
        diagnostics.say(
            _("{count} of {total} services are not healthy.").format(count=len(ill), total=len(answers))
        )
        diagnostics.say("  " + _("See their own logs; start them as the runbook says (5.1, step 7)."))
    return 0 if not ill else 2 if len(ill) == len(answers) else 1


def _row(answer: Answer, name: str) -> list[str]:
    state = "✔ " + _("healthy") if answer.healthy else "✖ " + _("not healthy")
    status = "—" if answer.status is None else str(answer.status)
    return [name, state, status, str(answer.milliseconds), answer.text]
