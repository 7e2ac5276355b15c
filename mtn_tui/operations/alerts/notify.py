"""Sends alerts: written to disk first, then sent, again until they arrive, and not twice.

A message lies in the state folder before anything is sent (``engine.spool``),
and there is a line in its file for each address that has it. What could not be
sent stays; the end of every job, and ``mtn notify --flush``, try again, each
address at most every minute after the first failure, then every two, four, up
to half an hour. Whom a mail server refuses for good is not tried again by
itself. After three days it is set aside, and ``mtn doctor`` says so.
To whom it goes is what the configuration says at that moment, so a corrected
address gets what the wrong one did not.

The sender of a message holds its file's lock, so no other process sends it. Only a
crash between a server's yes and the line that says so, or a disk too full for
that line, sends a copy again; it has the same Message-ID, or ``id``, by which
receivers drop it.

Nothing here prints, and all of it may be called from any thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import StorageError, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.settings import Settings
from mtn_tui.core.values import Emails
from mtn_tui.engine import recordplace
from mtn_tui.engine.joblog import JobLog
from mtn_tui.engine.joblog import Level as LogLevel
from mtn_tui.engine.locks import slug
from mtn_tui.engine.spool import OutboxEntry, Spool
from mtn_tui.operations.alerts import syslog
from mtn_tui.operations.alerts.delivery import Channel, DeliveryRecord, Outcome, State, due, send
from mtn_tui.operations.alerts.message import Level, Message, new_message, parsed
from mtn_tui.operations.common.context import Context

PAUSES = (1.0, 2.0)
"""Seconds between the tries of ``notify``; what fails then is left to later runs."""

_PATIENCE = 30.0
"""Seconds after which no further try begins."""

LOG = "notify.log"
_FOLDER = "notices"


@dataclass(frozen=True)
class SendResult:
    """A message, and what became of it at each address."""

    message: Message
    outcomes: tuple[Outcome, ...]

    def those(self, state: State) -> tuple[Outcome, ...]:
        """The outcomes that are in ``state``."""
        return tuple(one for one in self.outcomes if one.state is state)


@dataclass(frozen=True)
class Waiting:
    """A message that some address has not got yet."""

    message: Message
    reason: str
    """Why it last failed; empty if it was not tried yet."""


def notify(
    context: Context,
    level: Level,
    subject: str,
    body: str,
    *,
    facts: Iterable[tuple[str, str]] = (),
    html: str = "",
    to: Sequence[str] = (),
    only: str = "",
    pauses: Sequence[float] = PAUSES,
    token: CancelToken | None = None,
    sockets: Sequence[Path] = syslog.SOCKETS,
) -> SendResult:
    """Send an alert; return an outcome for syslog and for each address.

    ``html`` stands in place of the body where HTML is shown. ``to`` are e-mail
    addresses besides ALERT_EMAIL, ``only`` the one channel to use. What is not
    sent after the ``pauses`` (seconds between tries, cut short by ``token``) is
    kept. With a server that hangs this takes half a minute, and
    where it hangs with a mail in its hands two more. Raises UsageError for a
    wrong address in ``to``, and nothing else.
    """
    message = new_message(
        level,
        subject,
        body,
        when=context.clock.now(),
        host=context.host,
        database=context.settings.db_name,
        facts=facts,
        html=html,
        to=_addresses(to),
        only=only,
    )
    outcomes = [] if only else [_to_syslog(message, sockets)]
    if due(channels(context.settings, message.to), message):
        outcomes += _keep_and_send(context, message, pauses, token or CancelToken())
        _to_log(context, message, outcomes)
    return SendResult(message, tuple(outcomes))


def flush(context: Context, *, forced: bool = False) -> list[SendResult]:
    """Send the messages that wait, oldest first; return the result of each that was tried.

    ``forced`` also tries what has failed a moment ago. What another process is
    sending is left to it. Raises StorageError if the spool can't be read.
    """
    spools = spools_of(context)
    for spool in spools:
        spool.sweep(context.clock.now().timestamp())
    told = []
    with _open(channels(context.settings, ("anybody",))) as ways:
        for spool, name in [(one, name) for one in spools for name in one.names()]:
            try:
                with spool.held(name) as entry:
                    message = _parsed(entry)
                    if entry is None or message is None or not due(ways, message):
                        continue
                    outcomes = send(DeliveryRecord(entry, context.clock), message, ways, forced=forced)
            except StorageError:
                continue  # another operator's, or on a bad spot of the disk: it must not hold up the others
            told.append(SendResult(message, tuple(outcomes)))
            _to_log(context, message, outcomes)
    return told


def channels(settings: Settings, to: Sequence[str] = ()) -> list[Channel]:
    """The configured channels, not connected yet. ``to`` are addresses besides ALERT_EMAIL."""
    # The libraries behind them take a tenth of a second to load, which most commands have no use for.
    found: list[Channel] = []
    if settings.smtp_server and (settings.alert_email or to):
        from mtn_tui.operations.alerts.email import Mail

        found.append(Mail(settings))
    if settings.webhook_url is not None:
        from mtn_tui.operations.alerts.webhook import Webhook

        found.append(Webhook(settings))
    return found


def spool_of(context: Context) -> Spool:
    """The outbox of this database; others on the machine have outboxes and recipients of their own."""
    return _spool_in(context, context.record_place.folder or context.state)


def spools_of(context: Context) -> list[Spool]:
    """All outboxes that may hold messages, those in spare folders too, for when the state folder is full."""
    places = recordplace.folders(context.state, context.settings.temp_dir)
    others = [one for one in places if one != (context.record_place.folder or context.state)]
    return [spool_of(context), *(_spool_in(context, one) for one in others if (one / _FOLDER).is_dir())]


def _spool_in(context: Context, folder: Path) -> Spool:
    return Spool(folder / _FOLDER / slug(context.settings.db_name))


def waiting(context: Context) -> list[Waiting]:
    """The messages that wait to be sent, oldest first. Raises StorageError."""
    found = []
    for spool, name in [(one, name) for one in spools_of(context) for name in one.names()]:
        lines = spool.look(name)
        try:
            message = parsed(lines[0]) if lines else None
        except ValueError:
            continue  # flush sets it aside
        if message is not None:
            reasons = [str(line["failed"]) for line in lines[1:] if "failed" in line]
            found.append(Waiting(message, reasons[-1] if reasons else ""))
    return found


def _keep_and_send(
    context: Context, message: Message, pauses: Sequence[float], token: CancelToken
) -> list[Outcome]:
    spool = spool_of(context)
    name = f"{message.when:%Y%m%dT%H%M%S%f}-{message.id}"
    unkept: StorageError | None = None
    try:
        spool.put(name, message.record())
    except StorageError as error:
        unkept = error  # a full disk is the very thing that people have to hear of

    memory = DeliveryRecord(None, context.clock)
    deadline = context.clock.monotonic() + _PATIENCE
    for pause in (0.0, *pauses):
        if pause and (token.wait(pause) or context.clock.monotonic() > deadline):
            break
        try:
            if unkept is not None:
                outcomes = _try(context, memory, message)
            else:
                with spool.held(name) as entry:
                    outcomes = (
                        _try(context, DeliveryRecord(entry, context.clock), message)
                        if entry is not None
                        else _elsewhere(spool, name, context, message)
                    )
        except StorageError as error:
            unkept = error
            outcomes = _try(context, memory, message)
        still = (State.KEPT,) if unkept is None else (State.FAILED,)
        if not any(one.state in still for one in outcomes):
            break
    if unkept is None:
        return outcomes
    return [
        replace(one, reason=f"{one.reason} {unkept.title}", hint=unkept.hint)
        if one.state is State.FAILED
        else one
        for one in outcomes
    ]


def _try(context: Context, kept: DeliveryRecord, message: Message) -> list[Outcome]:
    with _open(channels(context.settings, message.to)) as ways:
        return send(kept, message, ways, forced=True)


def _elsewhere(spool: Spool, name: str, context: Context, message: Message) -> list[Outcome]:
    """The outcomes of a message that another process is sending, or has sent."""
    lines = spool.look(name)
    since = [line for line in lines[1:] if line.get("sent")]
    done = {(line.get("channel"), line.get("to")) for line in since}
    return [
        Outcome(
            way.name,
            way.shown(address),
            State.SENT if not lines or (way.name, address) in done else State.KEPT,
            "" if not lines else _("Another process is sending it just now."),
        )
        for way, address in due(channels(context.settings, message.to), message)
    ]


@contextmanager
def _open(ways: list[Channel]) -> Iterator[list[Channel]]:
    with ExitStack() as stack:
        for way in ways:
            stack.enter_context(closing(way))
        yield ways


def _parsed(entry: OutboxEntry | None) -> Message | None:
    if entry is None:
        return None
    try:
        return parsed(entry.record)
    except ValueError:
        entry.set_aside()
        return None


def _to_syslog(message: Message, sockets: Sequence[Path]) -> Outcome:
    if syslog.write(message, sockets):
        return Outcome("syslog", syslog.NAME, State.SENT)
    return Outcome("syslog", syslog.NAME, State.ABSENT, _("This machine has no system log to write to."))


def _to_log(context: Context, message: Message, outcomes: Sequence[Outcome]) -> None:
    """Log each outcome in LOG_DIR. A log that can't be written is no reason to fail."""
    levels: dict[State, LogLevel] = {State.SENT: "info", State.ABSENT: "info"}
    try:
        log = JobLog(context.settings.log_dir / LOG, context.clock)
        with closing(log):
            for one in outcomes:
                fields = {
                    "channel": one.channel,
                    "to": one.to,
                    "level": message.level.value,
                    "subject": message.subject,
                    "id": message.id,
                }
                if one.reason:
                    fields["reason"] = one.reason
                log.write(levels.get(one.state, "warn"), one.state.value, fields)
    except StorageError:
        return


def _addresses(to: Sequence[str]) -> tuple[str, ...]:
    try:
        return TypeAdapter(Emails).validate_python(tuple(to))
    except ValidationError:
        raise UsageError(
            _("This is no list of e-mail addresses: {given}").format(given=", ".join(to)),
            _("Write them like admin@mtn.cl."),
        ) from None
