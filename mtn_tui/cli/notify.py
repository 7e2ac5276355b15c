"""``mtn notify``, which also takes the arguments of the scripts' send-notification.sh."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.operations.alerts import notify as notices
from mtn_tui.operations.alerts import receipts
from mtn_tui.operations.alerts.delivery import Outcome, State
from mtn_tui.operations.alerts.message import Level
from mtn_tui.operations.alerts.notify import SendResult
from mtn_tui.operations.common import labels

_GLYPHS = {State.SENT: "✔", State.KEPT: "⚠", State.FAILED: "✖", State.ABSENT: "·"}


@click.command(
    short_help=_("Tell people, by e-mail, webhook and the system log."),
    help=_(
        "Tell people, by e-mail, webhook and the system log. LEVEL is info, success, warning or error. "
        "What can't be sent now is kept, and sent with a later run."
    ),
)
@click.argument(
    "level",
    metavar="[" + _("LEVEL") + "]",
    type=click.Choice([level.value for level in Level], case_sensitive=False),
    required=False,
)
@click.argument("subject", metavar="[" + _("SUBJECT") + "]", required=False)
@click.argument("body", metavar="[" + _("BODY") + "]", required=False)
@click.option("--test", is_flag=True, help=_("Send each channel a token, to prove that it arrives."))
@click.option("--ack", metavar=_("TOKEN"), help=_("Say that the token has arrived."))
@click.option("--flush", is_flag=True, help=_("Send what waits from before."))
@as_json
@click.pass_obj
def notify(
    session: Session,
    level: str | None,
    subject: str | None,
    body: str | None,
    test: bool,
    ack: str | None,
    flush: bool,
    as_json: bool,
) -> int:
    """Exit code 0: everybody was notified. 1: some will be notified later. 2: somebody could not be."""
    session.must_not_only_read()
    given = [level is not None, test, ack is not None, flush]
    if sum(given) != 1 or (level is not None and body is None):
        raise UsageError(
            _("Say LEVEL, SUBJECT and BODY; or one of --test, --ack, --flush."),
            _('For example: mtn notify error "CRITICAL: Database Down" "PostgreSQL does not answer."'),
        )
    if ack is not None:
        return _acknowledge(session, ack, as_json)
    if test:
        code = _tell(receipts.send_test(session.context), as_json)
        diagnostics.say(_("Whoever reads the token runs: mtn notify --ack TOKEN"))
        return code
    if flush:
        told = notices.flush(session.context, forced=True)
        if not told:
            diagnostics.say(_("Nothing is waiting to be sent."))
        return _tell(told, as_json)
    done = notices.notify(session.context, Level(level or Level.INFO), subject or "", body or "")
    code = _tell([done], as_json)
    receipts.require_channels(session.context.settings)
    return code


def _acknowledge(session: Session, token: str, as_json: bool) -> int:
    proof = receipts.acknowledge(session.context, token)
    if as_json:
        output.as_json({"channel": proof.channel, "at": proof.at, "by": proof.by, "changed": proof.changed})
    else:
        output.line(
            _("Alerts by {channel} arrive. How long this counts: mtn doctor").format(
                channel=labels.channel(proof.channel)
            )
        )
    return session.record("alerts-acknowledged", proof.channel)


def _tell(told: Sequence[SendResult], as_json: bool) -> int:
    if as_json:
        output.as_json([facts(one) for one in told])
    else:
        for one in told:
            output.prose(lines(one))
    return exit_code(told)


def exit_code(told: Sequence[SendResult]) -> int:
    """Print what to do about what was not sent; return 0, 1 if something was kept, 2 if something failed."""
    outcomes = [outcome for one in told for outcome in one.outcomes]
    for hint in dict.fromkeys(one.hint for one in outcomes if one.hint):
        diagnostics.say("  " + hint)
    states = {one.state for one in outcomes}
    return 2 if State.FAILED in states else 1 if State.KEPT in states else 0


def lines(told: SendResult) -> list[str]:
    """A line for each address: what became of the message."""
    return [f"{_GLYPHS[one.state]} {_said(one)}  {told.message.subject}" for one in told.outcomes]


def _said(one: Outcome) -> str:
    where = f"{labels.channel(one.channel)} {one.to}"
    match one.state:
        case State.SENT:
            return _("{where}: sent").format(where=where)
        case State.KEPT:
            return _("{where}: kept, will be sent. {reason}").format(where=where, reason=one.reason)
        case State.FAILED:
            return _("{where}: not sent. {reason}").format(where=where, reason=one.reason)
    return f"{where}: {one.reason}"


def facts(told: SendResult) -> dict[str, object]:
    """The message and what became of it, for ``--json``."""
    return {
        "id": told.message.id,
        "level": told.message.level.value,
        "subject": told.message.subject,
        "when": told.message.when,
        "outcomes": [
            {"channel": one.channel, "to": one.to, "state": one.state.value, "reason": one.reason}
            for one in told.outcomes
        ],
    }
