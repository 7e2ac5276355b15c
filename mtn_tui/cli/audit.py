"""``mtn audit``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.engine.joblog import event_text
from mtn_tui.operations.audit import trail
from mtn_tui.operations.audit.trail import Entry, Verified
from mtn_tui.operations.common import labels

_SHOWN = 20


@click.command(help=_("Show who changed what, and when. The audit trail is only ever appended to."))
@click.option(
    "-n",
    "count",
    type=click.IntRange(min=1),
    default=_SHOWN,
    show_default=True,
    metavar=_("COUNT"),
    help=_("How many of the last lines."),
)
@click.option(
    "--verify", is_flag=True, help=_("Compare each line with the one before, and say which does not fit.")
)
@as_json
@click.pass_obj
def audit(session: Session, count: int, verify: bool, as_json: bool) -> int:
    """Exit code of --verify: 0 if every line fits, 2 if one does not."""
    folders = trail.folders(session.context)
    if verify:
        return _verify({folder: trail.verify(folder) for folder in folders}, as_json=as_json)
    every = sorted((one for folder in folders for one in trail.last(folder, count)), key=lambda one: one.when)
    found = every[-count:]
    if as_json:
        output.as_json([_facts(one) for one in found])
    elif not found:
        diagnostics.say(_("Nothing was recorded yet."))
    else:
        head = [_("When"), _("Who"), _("Host"), _("Action"), _("Of"), _("Facts")]
        output.table(head, [_row(one) for one in found])
    return 0


def _verify(found: Mapping[Path, Verified], *, as_json: bool) -> int:
    if as_json:
        output.as_json([{"folder": folder, **asdict(one)} for folder, one in found.items()])
    else:
        for folder, one in found.items():
            _tell(folder / trail.NAME, one)
    return 0 if all(one.wrong is None for one in found.values()) else 2


def _tell(path: Path, found: Verified) -> None:
    for number in found.torn:
        text = _("Line {number} was never finished: its writer was killed, or the disk was full.")
        diagnostics.warning(text.format(number=number))
    if found.wrong is not None:
        text = _("{path}: line {number} does not fit: {reason}.")
        output.line(text.format(path=path, number=found.wrong, reason=found.reason))
        diagnostics.say(_("From there on the audit trail proves nothing. Compare it with a copy."))
        return
    text = ngettext("{path}: {count} line, and it fits.", "{path}: {count} lines, and all fit.", found.lines)
    output.line(text.format(path=path, count=Figure(found.lines)))
    output.line(_("The last one's hash: {hash}").format(hash=found.last or "—"))


def _row(one: Entry) -> list[str]:
    facts = event_text("", {name: value for name, value in (one.facts or {}).items() if value}).strip()
    return [labels.moment(one.when), one.who, one.host, one.action, one.subject, facts]


def _facts(one: Entry) -> dict[str, object]:
    return {
        "when": one.when,
        "who": one.who,
        "host": one.host,
        "action": one.action,
        "subject": one.subject,
        "facts": dict(one.facts or {}),
    }
