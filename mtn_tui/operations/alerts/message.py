"""An alert as data, and its forms: one line, text and HTML.

Subject, body and facts may hold anything: characters that do not print, such as
marks of writing direction, are shown as escapes, HTML is escaped, and no line
break gets into a subject.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from html import escape
from typing import Any

from mtn_tui.core.i18n import Figure, _
from mtn_tui.core.moments import read_moment
from mtn_tui.core.printable import printable
from mtn_tui.core.redact import redact
from mtn_tui.operations.common import labels

LONGEST_SUBJECT = 100
"""Characters. A phone shows some forty, a mail server takes 998 bytes."""

LONGEST_BODY = 20_000
"""Characters; more is cut, and said to be."""


class Level(StrEnum):
    """The words of the scripts' send-notification.sh."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


_GLYPHS = {Level.INFO: "ℹ", Level.SUCCESS: "✔", Level.WARNING: "⚠", Level.ERROR: "✖"}
_COLOURS = {Level.INFO: "#1f5f99", Level.SUCCESS: "#1c7c3c", Level.WARNING: "#8a5a00", Level.ERROR: "#b3261e"}


@dataclass(frozen=True)
class Message:
    """One alert: what it says, and whom it goes to."""

    id: str
    """Sixteen base32 letters: the same in every channel and every attempt, by which receivers drop copies."""
    level: Level
    subject: str
    body: str
    facts: tuple[tuple[str, str], ...]
    """Names and values, already in the reader's language."""
    when: datetime
    host: str
    database: str
    to: tuple[str, ...] = ()
    """E-mail addresses besides ALERT_EMAIL."""
    only: str = ""
    """The one channel that it is for; empty for all."""
    html: str = ""
    """What stands in place of the body where HTML is shown: safe HTML, its secrets masked."""

    def record(self) -> dict[str, object]:
        """In JSON's own types; ``parsed`` reads it back."""
        return {
            "id": self.id,
            "level": self.level.value,
            "subject": self.subject,
            "body": self.body,
            "facts": [list(fact) for fact in self.facts],
            "when": self.when.isoformat(),
            "host": self.host,
            "database": self.database,
            "to": list(self.to),
            "only": self.only,
            "html": self.html,
        }


def new_message(
    level: Level,
    subject: str,
    body: str,
    *,
    when: datetime,
    host: str,
    database: str,
    facts: Iterable[tuple[str, str]] = (),
    to: Iterable[str] = (),
    only: str = "",
    html: str = "",
) -> Message:
    """A message with an id of its own, its secrets masked and its subject on one line.

    Of ``html`` its maker has masked the secrets, and escaped what is not its own.
    """
    text = redact(body)
    if len(text) > LONGEST_BODY:
        text = (
            text[:LONGEST_BODY]
            + "\n"
            + _("… (cut: {count:,} characters in all)").format(count=Figure(len(text)))
        )
    return Message(
        id=base64.b32encode(secrets.token_bytes(10)).decode("ascii").lower(),
        level=level,
        subject=_one_line(redact(subject)) or _("(without a subject)"),
        body="\n".join(printable(line.expandtabs()) for line in text.splitlines()),
        facts=tuple((_one_line(redact(name)), _one_line(redact(value))) for name, value in facts),
        when=when,
        host=host,
        database=database,
        to=tuple(to),
        only=only,
        html=html,
    )


def parsed(record: Mapping[str, Any]) -> Message:
    """A message from its record. Raises ValueError for anything else."""
    try:
        return Message(
            id=str(record["id"]),
            level=Level(record["level"]),
            subject=_one_line(str(record["subject"])),
            body=str(record["body"]),
            facts=tuple((str(name), str(value)) for name, value in record["facts"]),
            when=read_moment(record["when"]),
            host=str(record["host"]),
            database=str(record["database"]),
            to=tuple(str(address) for address in record["to"]),
            only=str(record["only"]),
            html=str(record.get("html", "")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None


def headline(message: Message) -> str:
    """``[MTN ✖] CRITICAL: Database Down``: the level comes first, where a phone cuts last."""
    subject = message.subject
    if len(subject) > LONGEST_SUBJECT:
        subject = subject[: LONGEST_SUBJECT - 1].rstrip() + "…"
    return f"[MTN {_GLYPHS[message.level]}] {subject}"


def one_line(message: Message, limit: int) -> str:
    """For syslog: level, subject and as much of the body as fits into ``limit`` characters."""
    text = f"{message.level}: {message.subject}: {_one_line(message.body)}"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def facts(message: Message) -> list[tuple[str, str]]:
    """The message's own facts, then its database, machine and time."""
    return [
        *message.facts,
        (_("Database"), _one_line(message.database)),
        (_("Machine"), _one_line(message.host)),
        (_("When"), labels.moment(message.when)),
    ]


def as_text(message: Message) -> str:
    """The message as plain text: level, subject, body and facts."""
    told = "\n".join(f"{name}: {value}" for name, value in facts(message))
    return f"{_level(message.level)}: {message.subject}\n\n{message.body}\n\n{told}\n"


def as_html(message: Message) -> str:
    """A page for a phone: one column, nothing fetched from anywhere."""
    colour = _COLOURS[message.level]
    rows = "".join(
        f'<tr><td style="padding:2px 12px 2px 0;color:#666;vertical-align:top">{escape(name)}</td>'
        f'<td style="padding:2px 0" dir="auto">{escape(value)}</td></tr>'
        for name, value in facts(message)
    )
    paragraph = "white-space:pre-wrap;overflow-wrap:anywhere;margin:12px 0"
    body = message.html or f'<div style="{paragraph}" dir="auto">{escape(message.body)}</div>'
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"></head>'
        '<body style="margin:0;padding:12px;font:16px/1.4 sans-serif;color:#222;background:#fff">'
        f'<div style="border-left:6px solid {colour};padding-left:12px;max-width:40em">'
        f'<div style="color:{colour};font-weight:bold">'
        f"{_GLYPHS[message.level]} {escape(_level(message.level))}</div>"
        f'<h1 style="font-size:20px;margin:4px 0;overflow-wrap:anywhere" dir="auto">'
        f"{escape(message.subject)}</h1>"
        f"{body}"
        f'<table style="border-collapse:collapse;font-size:14px">{rows}</table>'
        "</div></body></html>\n"
    )


def _level(level: Level) -> str:
    return {
        Level.INFO: _("Information"),
        Level.SUCCESS: _("Success"),
        Level.WARNING: _("Warning"),
        Level.ERROR: _("Error"),
    }[level]


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
