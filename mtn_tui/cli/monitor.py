"""``mtn monitor``: the health checks for Nagios, Prometheus and a report; alerts and pings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import click

from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import MtnError, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.alerts.delivery import State
from mtn_tui.operations.alerts.notify import flush
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health import cause_alerts, last_known, monitor, nagios, ping, prometheus, report
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.runner import EXIT
from mtn_tui.operations.incident.held_back import held_back

Warn = Callable[[str, str], None]
"""Tells what went wrong, and what to do."""

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
    if session.is_a_job:
        body = partial(_as_job, context=context, inspection=inspection, quick=quick)
        return session.run("monitor", context.settings.db_name, ["monitor"], body)[1]
    with _watched(context, inspection, diagnostics.warning, quick=quick) as run:
        code = _show(session, inspection, run, as_json=as_json)
        inspection.settle(_SETTLED)
        return code


def _as_job(job: Job, context: Context, inspection: Inspection, *, quick: bool) -> None:
    """The same as a job of the screens: what it found is in its result, what it could not do its warnings."""

    def warn(text: str, hint: str = "") -> None:
        job.warn("monitor", f"{text} {hint}".strip())

    job.phase("look", unit="items")
    with _watched(context, inspection, warn, quick=quick) as run:
        job.result({"overall_status": nagios.WORDS[run.status]})


@contextmanager
def _watched(context: Context, inspection: Inspection, warn: Warn, *, quick: bool) -> Iterator[monitor.Run]:
    """Look, keep, tell and ping; yields what was found. If another run is under way, what is known."""
    with monitor.only_one(context, quick=quick) as first:
        if not first:
            yield monitor.last(context, quick=quick)
            return
        lasting = _untold if quick and context.scheduled else warn
        _ping(context, lasting, ping.START)
        try:
            run = monitor.watch(inspection, quick=quick)
            _keep(inspection, run, lasting)
            _tell(context, run, warn)
        except BaseException as error:
            _ping(context, lasting, ping.FAIL, type(error).__name__)
            raise
        wrong = run.exit_code >= EXIT[Status.FAIL]
        _ping(context, lasting, ping.FAIL if wrong else "", nagios.lines(run)[0])
        yield run


def _untold(_text: str, _hint: str) -> None:
    """What fails in run after run is told by the full ones, every six hours: cron mails what is said here."""


def _show(session: Session, inspection: Inspection, run: monitor.Run, *, as_json: bool) -> int:
    if as_json:
        output.as_json(report.facts(inspection, run))
    elif run.exit_code or not session.quiet:
        output.lines(nagios.lines(run))
    return run.exit_code


def _keep(inspection: Inspection, run: monitor.Run, warn: Warn) -> None:
    """Remember the results, and write what readers find in LOG_DIR and METRICS_DIR."""
    context = inspection.context
    known = last_known.keep(context, run.results)
    try:
        if not run.quick:
            report.write(context, run, report.facts(inspection, run))
        results = {name: one.result for name, one in known.items()}
        prometheus.write(context, prometheus.render(prometheus.samples(inspection, run, results)))
    except StorageError as error:
        warn(_("The report was not written: {reason}").format(reason=error.title), error.hint)


def _tell(context: Context, run: monitor.Run, warn: Warn) -> None:
    """Alert people of what has changed, and send the alerts that wait from before."""
    try:
        with cause_alerts.due(context, run.results, held_back(context)) as drafts:
            for draft in drafts:
                told = cause_alerts.send(context, draft)
                for one in (*told.those(State.KEPT), *told.those(State.FAILED)):
                    text = _("{to} was not notified: {reason}").format(to=one.to, reason=one.reason)
                    warn(text, one.hint)
        flush(context)
    except MtnError as error:
        warn(error.title, error.hint)


def _ping(context: Context, warn: Warn, ending: str, body: str = "") -> None:
    failed = ping.ping(context.settings, ending, body)
    if failed is not None:
        warn(failed.title, failed.hint)
