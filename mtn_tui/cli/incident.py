"""``mtn incident``: shows incidents. They are opened and led by the wizard, on the screens."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.groups import Group
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.i18n import _
from mtn_tui.engine.statefiles import refusal
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.incident.file import find, look_through
from mtn_tui.operations.incident.report import report, standing, title, took
from mtn_tui.operations.incident.state import Incident


@click.group(cls=Group, help=_("See incidents, open and over."))
def incident() -> None:
    pass


@incident.command(
    short_help=_("Show where an incident stands."),
    help=_("Show where an incident stands: the one that is open, else the last."),
)
@click.argument("number", metavar="[" + _("NUMBER") + "]", type=int, required=False)
@as_json
@click.pass_obj
def show(session: Session, number: int | None, as_json: bool) -> None:
    context = session.context
    known = look_through(context.state, context.spare_folders)
    found = known.find(number, context.settings.db_name)
    for error in known.unread.values():
        diagnostics.warning(error.title, error.hint)
    if as_json:
        output.as_json(_facts(found))
        return
    now = context.clock.now()
    state = _("open since {time}") if found.is_open else _("closed, after {time}")
    passed = labels.duration(took(found, now).total_seconds())
    output.line(
        _("Incident {number}: {database}, {state}").format(
            number=found.number, database=found.database, state=state.format(time=passed)
        )
    )
    if found.is_open and found.holder is not None:
        output.line(_("In the hands of {who}").format(who=found.holder.at_screen))
    rows = [
        [str(int(step)), title(step), standing(one.standing), one.reason] for step, one in found.steps.items()
    ]
    output.table([_("Step"), "", _("State"), _("Why")], rows)


@incident.command(
    short_help=_("Write an incident's report, in Markdown."),
    help=_("Write an incident's report, in Markdown, to stdout or a file."),
)
@click.argument("number", metavar="[" + _("NUMBER") + "]", type=int, required=False)
@click.option("-o", "--output", "path", metavar=_("FILE"), type=click.Path(path_type=Path))
@click.pass_obj
def export(session: Session, number: int | None, path: Path | None) -> None:
    context = session.context
    found = find(context.state, number, context.settings.db_name, context.spare_folders)
    text = markdown(context, found)
    if path is None:
        output.lines(text.splitlines())
        return
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise refusal(error, path) from error
    diagnostics.say(_("Written: {path}").format(path=path))


def markdown(context: Context, found: Incident) -> str:
    """Return the report of an incident, in Markdown."""
    target = timedelta(hours=context.settings.target_rto_hours)
    return report(found, context.clock.now(), target)


def _facts(found: Incident) -> dict[str, object]:
    return {
        "number": found.number,
        "database": found.database,
        "opened_at": found.opened_at,
        "closed_at": found.closed_at,
        "holder": str(found.holder),
        "severity": found.severity,
        "way": found.way.value,
        "step": int(found.step),
        "steps": {
            int(step): {
                "standing": state.standing.value,
                "began": state.began,
                "ended": state.ended,
                "who": state.who,
                "facts": dict(state.facts),
                "reason": state.reason,
            }
            for step, state in found.steps.items()
        },
        "called": sorted(found.called),
        "ticked": dict(found.ticked),
        "records": len(found.records),
    }
