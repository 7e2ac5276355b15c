"""What each chat service takes: some refuse JSON with other keys than theirs, or drop it without a word.

Google Chat refuses unknown keys, Discord what has no ``content``; a workflow of Teams answers 202 to
anything, and then shows adaptive cards only. Whatever is not known here gets all of the message.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from mtn_tui.operations.alerts.message import Message, facts, headline

Form = dict[str, object]

_DISCORD_TAKES = 1900
"""Characters; 2,000 by its documentation, and it may count some twice."""
_OTHERS_TAKE = 4000
"""Characters; Google Chat took 4,096 for long, a card of Teams 28 kB, with six bytes for an accent."""

_CARD_MINOR = 2
"""Of the version of adaptive cards: all that shows cards knows this one."""


def payload(url: str, message: Message) -> Form:
    """The JSON to post to that address."""
    parts = urlsplit(url)
    host = f".{(parts.hostname or '').rstrip('.')}"
    path = parts.path.rstrip("/")
    form = next((one for end, one in _FORMS.items() if host.endswith(end)), _whole)
    if form is _discord and path.endswith("/slack"):
        form = _slack
    return form(message)


def _whole(message: Message) -> Form:
    return {
        "id": message.id,
        "level": message.level.value,
        "subject": message.subject,
        "body": message.body,
        "facts": dict(message.facts),
        "when": message.when.isoformat(),
        "host": message.host,
        "database": message.database,
        "text": _text(message),
    }


def _google(message: Message) -> Form:
    return {"text": _text(message, _OTHERS_TAKE)}


def _slack(message: Message) -> Form:
    # These three characters begin links and mentions: a name may hold "<!channel>".
    text = _text(message, _OTHERS_TAKE).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": text}


def _discord(message: Message) -> Form:
    return {"content": _text(message, _DISCORD_TAKES), "allowed_mentions": {"parse": []}}


def _teams(message: Message) -> Form:
    blocks = [
        {"type": "TextBlock", "text": headline(message), "wrap": True, "weight": "Bolder", "size": "Medium"},
        # A line break of a card is a paragraph of its own.
        {"type": "TextBlock", "text": _cut(message.body, _OTHERS_TAKE).replace("\n", "\n\n"), "wrap": True},
        {"type": "FactSet", "facts": [{"title": name, "value": value} for name, value in facts(message)]},
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": f"1.{_CARD_MINOR}",
        "body": blocks,
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]}


_FORMS: dict[str, Callable[[Message], Form]] = {
    ".chat.googleapis.com": _google,
    ".hooks.slack.com": _slack,
    ".discord.com": _discord,
    ".discordapp.com": _discord,
    ".webhook.office.com": _teams,
    ".logic.azure.com": _teams,
    ".api.powerplatform.com": _teams,
}
"""By how the host's name ends."""


def _text(message: Message, most: int | None = None) -> str:
    """All of it as text; of what is longer than ``most`` characters the body is cut, else the facts too."""
    head, told = headline(message), "\n".join(f"{name}: {value}" for name, value in facts(message))
    if most is None:
        return f"{head}\n{message.body}\n{told}"
    body = _cut(message.body, max(most - len(head) - len(told) - 2, most // 2))
    return _cut(f"{head}\n{body}\n{told}", most)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
