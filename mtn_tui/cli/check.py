"""``mtn check``: the morning checklist, as the screen shows it."""

from __future__ import annotations

import click

from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.i18n import _
from mtn_tui.operations.audit.record import unrecorded
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health import labels, last_known
from mtn_tui.operations.health.catalogue import CHECKS
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.picture import Picture, Row
from mtn_tui.operations.health.registry import LOOKS
from mtn_tui.operations.health.runner import EXIT, examine
from mtn_tui.operations.health.sign_off import last_sign_off, sign


@click.command(
    short_help=_("Show the morning checklist (runbook 4.1); sign it off."),
    help=_("Go through the morning checklist (runbook 4.1), and sign it off."),
)
@as_json
@click.option("--sign-off", metavar=_("NOTE"), help=_("Sign the morning off, with a note (may be empty)."))
@click.pass_obj
def check(session: Session, as_json: bool, sign_off: str | None) -> int:
    """Exit code 0: all is well. 1: a warning. 2: critical. 3: something is unknown. As in runbook 6.2."""
    if sign_off is not None:
        session.must_not_only_read()
    context = session.quiet_context
    picture = _picture(session, context)
    if sign_off is not None:
        signed, error = sign(context, "", sign_off, picture.statuses)
        picture = Picture(picture.rows, signed)
        if error:
            diagnostics.warning(unrecorded(error), error.hint)
    if as_json:
        output.as_json(_facts(picture))
    elif picture.overall is not Status.OK or not session.quiet:
        _print(context, picture)
    return EXIT[picture.overall]


def _picture(session: Session, context: Context) -> Picture:
    """All that can be looked at without writing into a store, and of the others what was last found."""
    looked_at = [one for one in CHECKS if not one.writes]
    results = examine(Inspection(context, session.loaded), looked_at, LOOKS)
    known = last_known.merged(last_known.load(context), results)
    if not session.read_only:
        known = last_known.keep(context, results)
    return Picture.of(known, signed=last_sign_off(context))


def _print(context: Context, picture: Picture) -> None:
    now = context.clock.now()
    output.line(f"{labels.title()} · {labels.morning(picture, now)}")
    names = max(len(one.check.title()) for one in picture.rows)
    for heading, group in (("", picture.morning), (labels.also_watched(), picture.others)):
        if heading:
            output.line(heading)
        for row in group:
            word = labels.word(row.status).ljust(labels.words_width())
            head = f"{row.status.glyph} {word}  {row.check.title().ljust(names)}  "
            line = f"{head}{labels.evidence(row, now)}  {labels.runbook(row)}".rstrip()
            output.prose([line], len(head))
            if row.known and not row.well and (hint := row.known.result.leading.hint):
                output.prose([" " * 4 + hint])


def _facts(picture: Picture) -> dict[str, object]:
    signed = picture.signed
    return {
        "status": picture.overall.value,
        "checks": [_row(one) for one in (*picture.morning, *picture.others)],
        "signed_off": signed
        and {"at": signed.at, "operator": signed.operator, "name": signed.name, "note": signed.note},
    }


def _row(row: Row) -> dict[str, object]:
    facts: dict[str, object] = {
        "check": row.check.id,
        "morning": row.check.morning,
        "decides": row.check.decides,
        "status": row.status.value,
        "at": row.known and row.known.result.at,
        "since": row.known and row.known.since,
        "findings": [],
    }
    if row.known:
        facts["findings"] = [
            {**one.facts(), "fix": list(one.fix), "figures": dict(one.figures)}
            for one in row.known.result.findings
        ]
    return facts
