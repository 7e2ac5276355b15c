"""Sends one message to all its addresses, and records what became of it at each.

The record lies in the message's file (``engine.spool``): a line for every try,
written before the next try begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Protocol

from mtn_tui.core.clock import Clock
from mtn_tui.core.errors import AddressRefused, AlertError, ChannelDown, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.moments import read_moment
from mtn_tui.engine.pipeline import within
from mtn_tui.engine.spool import OutboxEntry, Record
from mtn_tui.operations.alerts.message import Message

FIRST_AGAIN = 60.0
LONGEST_AGAIN = 1800.0
"""Seconds until an address is tried again by a later run: after one failure, and at most."""

LIMIT = 300.0
"""Seconds for one address, at most: longer than a server that answers may take for all that is asked."""

GIVEN_UP_AFTER = timedelta(days=3)


class Channel(Protocol):
    """A way to send messages, for one pass over them; closed at its end."""

    name: str

    def due(self, message: Message) -> tuple[str, ...]:
        """The addresses to send it to, as records name them."""

    def shown(self, address: str) -> str:
        """An address as people may see it."""

    def send(self, message: Message, address: str) -> None:
        """Send it; return once the other side has accepted it. Raises AlertError."""

    def give_up(self, reason: AlertError) -> None:
        """Drop the connection, from another thread than the one that hangs in ``send``.

        All later calls of ``send`` raise ``reason`` at once.
        """

    def close(self) -> None:
        """Close the connection, if one is open."""


class State(StrEnum):
    """How far a message got on its way to one address."""

    SENT = "sent"
    KEPT = "kept"
    """Not sent yet; it will be."""
    FAILED = "failed"
    """Not sent, and it will not be by itself: it was refused, or could not be kept."""
    ABSENT = "absent"
    """This machine has no such channel."""


@dataclass(frozen=True)
class Outcome:
    """What became of a message on the way to one address."""

    channel: str
    to: str
    state: State
    reason: str = ""
    hint: str = ""


class DeliveryRecord:
    """What is known of a message's delivery; only in memory where its file could not be written."""

    def __init__(self, entry: OutboxEntry | None, clock: Clock) -> None:
        self.now = clock.now
        self._entry = entry
        self._lines: list[Record] = entry.since if entry else []

    def has(self, channel: str, address: str) -> bool:
        """Whether the address has the message by this channel."""
        return any(line.get("sent") for line in self._of(channel, address))

    def again_at(self, channel: str, address: str) -> datetime | None:
        """When it may be tried again; None for at once."""
        failures = [line for line in self._of(channel, address) if "failed" in line]
        if not failures:
            return None
        last = _moment(failures[-1])
        if last > self.now():
            return None  # the clock was set back meanwhile
        return last + timedelta(seconds=min(FIRST_AGAIN * 2 ** (min(len(failures), 16) - 1), LONGEST_AGAIN))

    def reason(self, channel: str, address: str) -> str:
        """Why the last try failed; empty if none has failed."""
        failures = [str(line["failed"]) for line in self._of(channel, address) if "failed" in line]
        return failures[-1] if failures else ""

    def sent(self, channel: str, address: str) -> None:
        """Record that the address has the message."""
        self._add(channel, address, {"sent": True})

    def failed(self, channel: str, address: str, reason: str, *, refused: bool = False) -> None:
        """Record that a try failed, and why; ``refused``: for good."""
        self._add(channel, address, {"failed": reason} | ({"refused": True} if refused else {}))

    def refused(self, channel: str, address: str) -> bool:
        """Whether the last try was refused for good."""
        failures = [line for line in self._of(channel, address) if "failed" in line]
        return bool(failures) and bool(failures[-1].get("refused"))

    def over(self, message: Message, *, all_sent: bool) -> None:
        """End a pass: remove the record if all have the message, set it aside after GIVEN_UP_AFTER."""
        if self._entry is None:
            return
        try:
            if all_sent:
                self._entry.finish()
            elif self.now() - message.when > GIVEN_UP_AFTER:
                self._entry.set_aside()
        except StorageError:
            return  # it stays, with a line for each address that has it; the next run takes it away

    @property
    def state(self) -> State:
        """The state of what could not be sent: kept, or failed if there is no file."""
        return State.KEPT if self._entry else State.FAILED

    def _of(self, channel: str, address: str) -> Iterator[Record]:
        return (line for line in self._lines if line.get("channel") == channel and line.get("to") == address)

    def _add(self, channel: str, address: str, what: dict[str, Any]) -> None:  # as JSON has it
        line = {"at": self.now().isoformat(), "channel": channel, "to": address, **what}
        if self._entry is None:
            self._lines.append(line)
            return
        try:
            self._entry.add(line)
        except StorageError:
            return  # a full disk: this process knows it still, and removing the file needs no room


def send(kept: DeliveryRecord, message: Message, ways: Sequence[Channel], *, forced: bool) -> list[Outcome]:
    """Send the message to each address that lacks it; return an outcome for each address.

    An address whose last try has just failed is left out, unless ``forced``. One that was
    refused is left out, unless ``forced`` a minute later: the message waits for a corrected one.
    """
    outcomes = []
    now = kept.now()
    for way, address in due(ways, message):
        to = way.shown(address)
        if kept.has(way.name, address):
            outcomes.append(Outcome(way.name, to, State.SENT))
            continue
        later = kept.again_at(way.name, address)
        if kept.refused(way.name, address) and (not forced or (later is not None and now < later)):
            outcomes.append(Outcome(way.name, to, State.FAILED, kept.reason(way.name, address)))
            continue
        if not forced and later is not None and now < later:
            outcomes.append(Outcome(way.name, to, kept.state, kept.reason(way.name, address)))
            continue
        try:
            _send(way, message, address)
        except AlertError as error:
            refused = isinstance(error, AddressRefused)
            kept.failed(way.name, address, error.title, refused=refused)
            state = State.FAILED if refused else kept.state
            outcomes.append(Outcome(way.name, to, state, error.title, error.hint))
        else:
            kept.sent(way.name, address)
            outcomes.append(Outcome(way.name, to, State.SENT))
    kept.over(message, all_sent=all(one.state is State.SENT for one in outcomes))
    return outcomes


def _send(way: Channel, message: Message, address: str) -> None:
    """Send it; raise ChannelDown after LIMIT, for who says a word at a time resets every other limit."""
    try:
        within(LIMIT, partial(way.send, message, address), f"mtn-{way.name}")
    except TimeoutError:
        down = ChannelDown(
            _("{to} was still being sent to after {seconds:.0f} s: the other side does not get on.").format(
                to=way.shown(address), seconds=LIMIT
            ),
            _("It is tried again. If it stays so, see what answers there."),
        )
        way.give_up(down)
        raise down from None


def due(ways: Sequence[Channel], message: Message) -> list[tuple[Channel, str]]:
    """The channels and addresses that the message goes to."""
    return [(way, address) for way in ways if message.only in ("", way.name) for address in way.due(message)]


def _moment(line: Record) -> datetime:
    try:
        return read_moment(str(line["at"]))
    except (KeyError, ValueError):
        return datetime.fromtimestamp(0, UTC)
