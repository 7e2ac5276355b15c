"""What an alert looks like, whatever it is about: one line for a subject, nothing obeyed, nothing fetched."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtn_tui.core.redact import redact
from mtn_tui.operations.alerts.email import mail
from mtn_tui.operations.alerts.message import (
    LONGEST_BODY,
    LONGEST_SUBJECT,
    Level,
    as_html,
    as_text,
    headline,
    new_message,
    one_line,
    parsed,
)

WHEN = datetime(2026, 11, 24, 6, 0, 4, tzinfo=UTC)


def made(subject="Database Down", body="PostgreSQL no responde.", level=Level.ERROR, **more):
    return new_message(level, subject, body, when=WHEN, host="db1", database="Admisión_MTN_DB", **more)


def sent(message, address="ana@mtn.cl"):
    """As it arrives."""
    data = mail(message, "mtn@mtn.cl", address)
    assert data.isascii()
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    return message_from_bytes(data, policy=policy.default)


def parts(message):
    got = sent(message)
    return got.get_body(("plain",)).get_content(), got.get_body(("html",)).get_content()


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_the_subject_begins_with_the_level_and_is_the_scripts_own():
    assert headline(made("CRITICAL: Database Down")) == "[MTN ✖] CRITICAL: Database Down"
    assert headline(made("Database Restored", level=Level.SUCCESS)) == "[MTN ✔] Database Restored"
    assert [headline(made("x", level=level))[5] for level in Level] == ["ℹ", "✔", "⚠", "✖"]


def test_it_says_where_and_when_it_is_from_in_both_its_forms():
    for text in parts(made(facts=[("Backup", "7kq2mbxa")])):
        for part in ("PostgreSQL no responde.", "Admisión_MTN_DB", "db1", "2026-11-24", "7kq2mbxa"):
            assert part in text


@pytest.mark.parametrize(
    "subject",
    [
        "Down\r\nBcc: everybody@mtn.cl",
        "Down\n\nA body of its own",
        "Down\u2028Bcc: x@mtn.cl",
        "Down\x00\x1b[31m",
        "\u202eNWOD\u202c",
        "Caída del servidor – ¡urgente! 数据库",
        "lone \udc80 surrogate",
        "",
    ],
)
def test_no_subject_gets_out_of_its_line(subject):
    got = sent(made(subject))
    assert got["Bcc"] is None
    assert len(got.get_all("Subject")) == 1
    assert got["Subject"].isprintable()
    assert got["Subject"].startswith("[MTN ✖] ")
    assert len(got["Subject"]) > len("[MTN ✖] ")
    assert got.defects == []


def test_a_long_subject_is_cut_and_stands_whole_in_the_body():
    subject = "No hay respaldo completo " * 20
    message = made(subject)
    assert len(headline(message)) <= LONGEST_SUBJECT + len("[MTN ✖] ")
    assert headline(message).endswith("…")
    assert subject.strip() in as_text(message)


def test_html_in_it_is_shown_and_never_obeyed():
    hostile = '<img src="https://tracker.example/x.png"><script>alert(1)</script> & "quoted"'
    message = made(hostile, f"{hostile}\n[markup] {hostile}", facts=[(hostile, hostile)])
    tags = Tags()
    tags.feed(as_html(message))
    assert {tag for tag, _attributes in tags.seen} <= {
        *("html", "head", "meta", "body", "div", "h1", "table", "tr", "td")
    }
    assert not any(name in ("src", "href", "background") for _tag, found in tags.seen for name in found)
    assert "url(" not in as_html(message)
    assert tags.text.count("<script>alert(1)</script>") == 5
    assert ("meta", {"name": "viewport", "content": "width=device-width,initial-scale=1"}) in tags.seen


def test_a_long_body_arrives_and_a_far_too_long_one_is_cut_and_says_so():
    text, html = parts(made(body="ñ" * 10_000 + "\nlast line"))
    assert "ñ" * 10_000 in text.replace("\n", "", 2)
    assert "last line" in html
    cut = made(body="x" * 50_000)
    assert len(cut.body) < LONGEST_BODY + 100
    assert "50,000" in cut.body


def test_secrets_are_masked():
    redact.add("hunter2-secret")
    message = made("with hunter2-secret", "and hunter2-secret", facts=[("x", "hunter2-secret")])
    assert "hunter2-secret" not in as_text(message) + as_html(message) + headline(message)


@settings(max_examples=30, deadline=None)
@given(subject=st.text(), body=st.text(), facts=st.lists(st.tuples(st.text(), st.text()), max_size=3))
def test_any_text_survives_the_spool_and_the_mail(subject, body, facts):
    message = made(subject, body, facts=facts)
    assert parsed(message.record()) == message
    got = sent(message)
    assert got["Message-ID"] == f"<{message.id}@db1.mtn>"
    assert got["Subject"] == headline(message)
    assert got.get_body(("plain",)) is not None
    assert one_line(message, 1000).isprintable()
    assert len(one_line(message, 60)) <= 60


@pytest.mark.parametrize("record", [{}, {"id": 1}, {**made().record(), "level": "loud"}])
def test_what_is_no_message_is_told_as_such(record):
    with pytest.raises(ValueError, match=r"."):
        parsed(record)
