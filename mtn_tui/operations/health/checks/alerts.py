"""The doctor's look at the alerts: can they be sent, has one ever arrived, is one waiting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from mtn_tui.core.errors import AlertError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.settings import Settings
from mtn_tui.operations.alerts.notify import channels, spools_of, waiting
from mtn_tui.operations.alerts.receipts import PROVEN_FOR, Proof, proofs
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context

_LATE = timedelta(minutes=10)

NAME = "alerts"


def alerts(context: Context) -> Iterator[Check]:
    """Whether alerts can be sent, arrive, and are not late."""
    yield from _configured(context.settings)
    for proof in proofs(context):
        trouble = _mail_trouble(context.settings) if proof.channel == "mail" else None
        if trouble is not None:
            yield Check(NAME, Status.FAIL, trouble.title, trouble.hint)
        yield _arrives(context, proof)
    yield from _left(context)


def _configured(settings: Settings) -> Iterator[Check]:
    hint = _("Set SMTP_SERVER and ALERT_EMAIL, or WEBHOOK_URL.")
    if not channels(settings):
        title = _("Alerts reach nobody: neither e-mail nor a webhook is configured.")
        yield Check(NAME, Status.WARN, title, hint)
    elif bool(settings.smtp_server) != bool(settings.alert_email):
        title = _("Alerts are not sent by e-mail: SMTP_SERVER or ALERT_EMAIL is missing.")
        yield Check(NAME, Status.WARN, title, hint)


def _mail_trouble(settings: Settings) -> AlertError | None:
    from mtn_tui.operations.alerts.email import Mail

    mail = Mail(settings)
    try:
        mail.check()
    except AlertError as error:
        return error
    finally:
        mail.close()
    return None


def _arrives(context: Context, proof: Proof) -> Check:
    name = labels.channel(proof.channel)
    fix = _("Send one: mtn notify --test. Then with the token that arrives: mtn notify --ack TOKEN")
    if proof.at is None:
        title = _("Nobody has confirmed yet that an alert by {channel} arrives.").format(channel=name)
    elif proof.changed:
        title = _("{channel} was reconfigured after its last alert arrived, {moment}.")
        title = title.format(channel=name, moment=labels.moment(proof.at))
    elif not proof.holds(context.clock.now()):
        title = _("An alert by {channel} last arrived {moment}: more than {days} days ago.")
        title = title.format(channel=name, moment=labels.moment(proof.at), days=PROVEN_FOR.days)
    else:
        title = _("Alerts by {channel} arrive: {operator} has read one, {moment}.")
        title = title.format(channel=name, operator=proof.by, moment=labels.moment(proof.at))
        return Check(NAME, Status.OK, title)
    return Check(NAME, Status.WARN, title, fix)


def _left(context: Context) -> Iterator[Check]:
    late = [one for one in waiting(context) if context.clock.now() - one.message.when > _LATE]
    if late:
        text = ngettext(
            "{count} alert is waiting to be sent, from {moment} on: {reason}",
            "{count} alerts are waiting to be sent, from {moment} on: {reason}",
            len(late),
        )
        moment, reason = labels.moment(late[0].message.when), late[0].reason or _("not tried yet")
        title = text.format(count=len(late), moment=moment, reason=reason)
        yield Check(NAME, Status.WARN, title, _("Send them now: mtn notify --flush"))
    for spool in spools_of(context):
        given_up = spool.given_up()
        if not given_up:
            continue
        text = ngettext(
            "{count} alert was never delivered, and is not tried any more.",
            "{count} alerts were never delivered, and are not tried any more.",
            len(given_up),
        )
        hint = _("Read them in {folder}, then delete them.").format(folder=spool.set_aside)
        yield Check(NAME, Status.WARN, text.format(count=len(given_up)), hint)
