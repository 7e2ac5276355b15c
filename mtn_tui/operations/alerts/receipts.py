"""Proves that alerts arrive: somebody reads a test and confirms it.

``send_test`` sends a token through each channel; ``acknowledge`` takes the token
from the person who has read it, which proves the channel in its configuration of
that moment.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from mtn_tui.core.errors import ConfigError, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.moments import is_future, read_moment
from mtn_tui.core.settings import Settings
from mtn_tui.core.suggested import command
from mtn_tui.engine.locks import slug, turn
from mtn_tui.engine.statefiles import open_found, refusal, write_whole
from mtn_tui.operations.alerts.delivery import Channel
from mtn_tui.operations.alerts.message import Level
from mtn_tui.operations.alerts.notify import SendResult, channels, notify
from mtn_tui.operations.common.context import Context

PROVEN_FOR = timedelta(days=31)
"""After that it has to be proven again: passwords expire, addresses change hands."""

TOKEN_FOR = timedelta(days=7)
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look alike."""

_MOST = 50


@dataclass(frozen=True)
class Proof:
    """The last confirmation that an alert of this channel has arrived."""

    channel: str
    at: datetime | None
    """None: never."""
    by: str = ""
    changed: bool = False
    """Whether the channel was configured differently then."""

    def holds(self, now: datetime) -> bool:
        """Whether it is at most PROVEN_FOR old, and of the present configuration."""
        if self.at is None or self.changed or is_future(self.at, now):
            return False
        return now - self.at <= PROVEN_FOR


def send_test(context: Context) -> list[SendResult]:
    """Send a token through each channel. Raises ConfigError if there is no channel.

    Raises StorageError if the tokens can't be written down; then none is sent.
    """
    ways = require_channels(context.settings)
    tokens = {way.name: "".join(secrets.choice(_LETTERS) for _letter in range(6)) for way in ways}
    with turn(context.locks, f"{context.settings.db_name} alert path"):
        state = _read(context)
        now = context.clock.now()
        sent = [one for one in state["sent"] if now - read_moment(one["at"]) <= TOKEN_FOR][-_MOST:]
        for name, token in tokens.items():
            config = _configured(context.settings, name)
            sent.append({"channel": name, "token": token, "at": now.isoformat(), "config": config})
        _write(context, {**state, "sent": sent})
    return [
        notify(
            context,
            Level.INFO,
            _("Test of the alerts"),
            "\n\n".join(
                (
                    _("This is only a test. If you read it, confirm that alerts arrive, by running:"),
                    "    " + command("notify", "--ack", token),
                )
            ),
            only=name,
        )
        for name, token in tokens.items()
    ]


def acknowledge(context: Context, token: str) -> Proof:
    """Prove the channel that ``token`` came by. Raises UsageError if it was not sent, or is too old."""
    wanted = token.strip().lower()
    with turn(context.locks, f"{context.settings.db_name} alert path"):
        state = _read(context)
        now = context.clock.now()
        found = next((one for one in state["sent"] if one["token"] == wanted), None)
        if found is None or now - read_moment(found["at"]) > TOKEN_FOR:
            raise UsageError(
                _("No test with that token was sent in the last {days} days.").format(days=TOKEN_FOR.days),
                _("Send a new one: mtn notify --test"),
            )
        proven = {"at": now.isoformat(), "by": context.operator, "config": found["config"]}
        _write(context, {**state, "proven": {**state["proven"], found["channel"]: proven}})
    return _proof(context.settings, found["channel"], proven)


def proofs(context: Context) -> list[Proof]:
    """The proof of each configured channel. Raises StorageError."""
    proven = _read(context)["proven"]
    return [_proof(context.settings, way.name, proven.get(way.name)) for way in channels(context.settings)]


def require_channels(settings: Settings) -> list[Channel]:
    """The configured channels. Raises ConfigError if there are none."""
    ways = channels(settings)
    if not ways:
        raise ConfigError(
            _("Nobody can be notified: neither e-mail nor a webhook is configured."),
            _("Set SMTP_SERVER and ALERT_EMAIL, or WEBHOOK_URL."),
        )
    return ways


def _configured(settings: Settings, channel: str) -> str:
    """A fingerprint of what decides where its alerts go."""
    webhook = settings.webhook_url.get_secret_value() if settings.webhook_url else ""
    what = (
        [webhook]
        if channel == "webhook"
        else [settings.smtp_server, settings.smtp_port, settings.smtp_user, *sorted(settings.alert_email)]
        + ([settings.mail_from] if settings.mail_from else [])
    )
    return hashlib.sha256(json.dumps(what).encode("ascii")).hexdigest()[:16]


def _proof(settings: Settings, channel: str, proven: Mapping[str, Any] | None) -> Proof:
    if proven is None:
        return Proof(channel, None)
    changed = proven["config"] != _configured(settings, channel)
    return Proof(channel, read_moment(proven["at"]), str(proven["by"]), changed)


def _path(context: Context) -> Path:
    return context.state / "notices" / f"{slug(context.settings.db_name)}.json"


def _read(context: Context) -> dict[str, Any]:  # of JSON
    """``sent`` has tokens, ``proven`` proofs by channel. A missing or invalid file counts as empty."""
    path = _path(context)
    try:
        with os.fdopen(open_found(path), encoding="utf-8") as file:
            found = json.load(file)
        sent = [
            {name: str(one[name]) for name in ("channel", "token", "at", "config")} for one in found["sent"]
        ]
        proven = {
            str(channel): {name: str(one[name]) for name in ("at", "by", "config")}
            for channel, one in found["proven"].items()
        }
        for one in (*sent, *proven.values()):
            read_moment(one["at"])
    except FileNotFoundError:
        return {"sent": [], "proven": {}}
    except OSError as error:
        raise refusal(error, path) from error
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"sent": [], "proven": {}}
    return {"sent": sent, "proven": proven}


def _write(context: Context, state: Mapping[str, object]) -> None:
    path = _path(context)
    try:
        write_whole(path, json.dumps(state).encode("ascii") + b"\n")
    except OSError as error:
        raise refusal(error, path) from error
