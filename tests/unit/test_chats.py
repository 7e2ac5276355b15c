"""The form that each chat service takes, held against what each is known to refuse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mtn_tui.operations.alerts.chats import Form, payload
from mtn_tui.operations.alerts.message import LONGEST_BODY, Level, Message, new_message

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOSTILE = "<!channel> & <http://x.example|open> @everyone"


def message(body: str = "The server does not answer.\nStart it.", subject: str = "Database Down") -> Message:
    facts = [("Runbook", "7.3")]
    return new_message(
        Level.ERROR, subject, body, when=NOON, host="db1", database="Admisión_MTN_DB", facts=facts
    )


def google(form: Form) -> str:
    assert set(form) == {"text"}, "Unknown name: Cannot find field."
    return str(form["text"])


def discord(form: Form) -> str:
    assert form.get("content"), "Cannot send an empty message"
    assert len(str(form["content"])) <= 2000
    assert form["allowed_mentions"] == {"parse": []}
    return str(form["content"])


def slack(form: Form) -> str:
    text = str(form["text"])
    assert not set("<>") & set(text), "begins a link or a mention"
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def teams(form: Form) -> str:
    assert form["type"] == "message"
    attachments = form["attachments"]
    assert isinstance(attachments, list)
    (attached,) = attachments
    assert attached["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attached["content"]
    assert card["type"] == "AdaptiveCard", "Property 'type' must be 'AdaptiveCard'"
    head, body, facts = card["body"]
    told = "\n".join(f"{one['title']}: {one['value']}" for one in facts["facts"])
    return f"{head['text']}\n{body['text']}\n{told}".replace("\n\n", "\n")


def other(form: Form) -> str:
    assert {"id", "level", "subject", "body", "facts", "when", "host", "database", "text"} == set(form)
    return str(form["text"])


ADDRESSES = {
    "https://chat.googleapis.com/v1/spaces/AAA/messages?key=k&token=t": google,
    "https://discord.com/api/webhooks/1/abc": discord,
    "https://ptb.discord.com/api/webhooks/1/abc?wait=true": discord,
    "https://discordapp.com/api/webhooks/1/abc": discord,
    "https://discord.com/api/webhooks/1/abc/slack": slack,
    "https://hooks.slack.com/services/T/B/x": slack,
    "https://HOOKS.Slack.com./services/T/B/x": slack,
    "https://school.webhook.office.com/webhookb2/x": teams,
    "https://prod-01.westeurope.logic.azure.com:443/workflows/x/triggers/manual/paths/invoke?sig=s": teams,
    "https://x.05.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/x": teams,
    "https://mattermost.school.example/hooks/x": other,
    "https://nochat.googleapis.com.example/x": other,
    "https://notdiscord.com/api/webhooks/1/abc": other,
}


@pytest.mark.parametrize(("url", "reader"), ADDRESSES.items())
def test_each_service_gets_what_it_takes_and_all_that_is_said(
    url: str, reader: Callable[[Form], str]
) -> None:
    told = reader(payload(url, message()))
    assert told.startswith("[MTN ✖] Database Down\nThe server does not answer.\nStart it.\nRunbook: 7.3\n")
    assert "Admisión_MTN_DB" in told


@pytest.mark.parametrize(("url", "reader"), ADDRESSES.items())
def test_what_is_too_long_is_cut_before_the_facts(url: str, reader: Callable[[Form], str]) -> None:
    told = reader(payload(url, message("é" * LONGEST_BODY)))
    assert "\nRunbook: 7.3\n" in told
    assert reader is other or len(told) <= 4500


@pytest.mark.parametrize("url", [url for url, reader in ADDRESSES.items() if reader is slack])
def test_a_name_mentions_nobody(url: str) -> None:
    assert HOSTILE in slack(payload(url, message(HOSTILE)))
