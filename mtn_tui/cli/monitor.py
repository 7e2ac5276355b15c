"""``mtn monitor``: the health checks for Nagios, Prometheus and a report; alerts and pings."""

from __future__ import annotations

import click

from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import MtnError, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.operations.alerts.delivery import State
from mtn_tui.operations.alerts.notify import flush
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health import cause_alerts, last_known, monitor, nagios, ping, prometheus, report
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.runner import EXIT
from mtn_tui.operations.incident.held_back import held_back

_SETTLED = 60.0
"""Seconds that a run waits at its end for stores that it was judged without: the next one is quick then."""


@click.command(
    "monitor",
    short_help=_("Look at all that backups and restores need; alert people."),
    help=_(
        "Look at all that backups and restores need. Prints what a Nagios plugin prints, writes a report"
        " and the figures for Prometheus, and tells people of what has become wrong, once."
    ),
)
@click.option(
    "--quick",
    is_flag=True,
    help=_("Only what is critical or a warning by runbook 6.2: seconds, and no report."),
)
@as_json
@click.pass_obj
def monitor_command(session: Session, quick: bool, as_json: bool) -> int:
    """Exit code 0: all is well. 1: there is a warning. 2: critical. 3: something could not be looked at."""
    try:
        loaded, context = session.loaded, session.quiet_context
    except MtnError as error:
        word = nagios.WORDS[Status.UNKNOWN]
        output.lines([f"MTN {word} - {nagios.one_line(error.title)}", nagios.one_line(error.hint)])
        return EXIT[Status.UNKNOWN]
    inspection = Inspection(context, loaded)
    if session.read_only:
        run = monitor.watch(inspection, quick=quick, writes=False)
        return _show(session, inspection, run, as_json=as_json)
    with monitor.only_one(context, quick=quick) as first:
        if not first:
            run = monitor.last(context, quick=quick)
            return _show(session, inspection, run, as_json=as_json)
        _ping(context, ping.START)
        try:
            run = monitor.watch(inspection, quick=quick)
            _keep(inspection, run)
            _tell(context, run)
        except BaseException as error:
            _ping(context, ping.FAIL, type(error).__name__)
            raise
        wrong = run.exit_code >= EXIT[Status.FAIL]
        _ping(context, ping.FAIL if wrong else "", nagios.lines(run)[0])
        code = _show(session, inspection, run, as_json=as_json)
        inspection.settle(_SETTLED)
        return code


def _show(session: Session, inspection: Inspection, run: monitor.Run, *, as_json: bool) -> int:
    if as_json:
        output.as_json(report.facts(inspection, run))
    elif run.exit_code or not session.quiet:
        output.lines(nagios.lines(run))
    return run.exit_code


def _keep(inspection: Inspection, run: monitor.Run) -> None:
    """Remember the results, and write what readers find in LOG_DIR and METRICS_DIR."""
    context = inspection.context
    known = last_known.keep(context, run.results)
    try:
        if not run.quick:
            report.write(context, run, report.facts(inspection, run))
        results = {name: one.result for name, one in known.items()}
        prometheus.write(context, prometheus.render(prometheus.samples(inspection, run, results)))
    except StorageError as error:
        diagnostics.warning(_("The report was not written: {reason}").format(reason=error.title), error.hint)


def _tell(context: Context, run: monitor.Run) -> None:
    """Alert people of what has changed, and send the alerts that wait from before."""
    try:
        with cause_alerts.due(context, run.results, held_back(context)) as drafts:
            for draft in drafts:
                told = cause_alerts.send(context, draft)
                for one in (*told.those(State.KEPT), *told.those(State.FAILED)):
                    text = _("{to} was not notified: {reason}").format(to=one.to, reason=one.reason)
                    diagnostics.warning(text, one.hint)
        flush(context)
    except MtnError as error:
        diagnostics.warning(error.title, error.hint)


def _ping(context: Context, ending: str, body: str = "") -> None:
    failed = ping.ping(context.settings, ending, body)
    if failed is not None:
        diagnostics.warning(failed.title, failed.hint)
