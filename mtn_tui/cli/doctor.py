"""``mtn doctor``."""

from __future__ import annotations

import click

from mtn_tui.cli import output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health import doctor as doctors
from mtn_tui.operations.health.runner import worst

_EXIT = {Status.OK: 0, Status.WARN: 1, Status.FAIL: 2, Status.UNKNOWN: 3}


@click.command(
    help=_("See whether all is there that backups and restores need, and how to mend what is not.")
)
@as_json
@click.pass_obj
def doctor(session: Session, as_json: bool) -> int:
    """Exit code 0: all is well. 1: there is a warning. 2: a check fails. 3: a check has no result."""
    findings = _findings(session)
    if as_json:
        output.as_json([_facts(one) for one in findings])
    else:
        for one in findings:
            output.line(f"{one.status.glyph} {_word(one.status)}  {one.says}")
            for hint in one.hint.splitlines():
                output.line("    " + hint)
    return _EXIT[worst(findings)]


def _findings(session: Session) -> list[Check]:
    try:
        loaded, context = session.loaded, session.quiet_context
    except MtnError as error:
        return doctors.without_configuration(error)
    return [found for result in doctors.examine(loaded, context) for found in result.findings]


def _facts(one: Check) -> dict[str, str]:
    return {"check": one.id, "status": one.status.value, "title": one.says, "hint": one.hint}


def _word(status: Status) -> str:
    known = {
        Status.OK: _("ok"),
        Status.WARN: _("warning"),
        Status.FAIL: _("fails"),
        Status.UNKNOWN: _("unknown"),
    }
    return known[status].ljust(max(map(len, known.values())))
