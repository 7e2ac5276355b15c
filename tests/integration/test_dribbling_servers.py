"""Servers that say a word at a time, and never come to an end: they hold up no backup and no monitor."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mtn_tui.demo.ports import LOOPBACK, free_port
from mtn_tui.operations.alerts import delivery
from mtn_tui.operations.alerts.message import Level
from mtn_tui.operations.alerts.notify import flush, notify
from mtn_tui.operations.health import ping
from tests.alert_fixtures import mail_server, place

LONG = 20.0


@contextmanager
def dribbling(first: bytes, again: bytes) -> Iterator[int]:
    """The port of a server that says this, and that again and again."""
    over = threading.Event()
    server = socket.create_server((LOOPBACK, 0))
    server.settimeout(0.05)

    def serve() -> None:
        with server:
            while not over.is_set():
                try:
                    client = server.accept()[0]
                except TimeoutError:
                    continue
                with client:
                    words = first
                    try:
                        while not over.wait(0.02):
                            client.sendall(words)
                            words = again
                    except OSError:
                        continue  # the client has hung up

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(
    ("setting", "first", "again"),
    [
        ("SMTP", b"220-wait\r\n", b"220-wait\r\n"),
        ("SMTP", b"220 ready\r\n250-a.example\r\n", b"250-SIZE\r\n"),
        ("WEBHOOK_URL", b"HTTP/1.1 200 OK\r\nX-Wait: ", b"."),
        ("WEBHOOK_URL", b"HTTP/1.1 500 Wait\r\nContent-Length: 200\r\n", b"X"),
    ],
)
def test_an_alert_is_kept_and_sent_later(tmp_path, monkeypatch, setting, first, again):
    monkeypatch.setattr(delivery, "LIMIT", 0.3)
    with dribbling(first, again) as port:
        if setting == "SMTP":
            at = place(tmp_path, SMTP_SERVER=LOOPBACK, SMTP_PORT=str(port), ALERT_EMAIL="a@x.cl b@x.cl")
        else:
            at = place(tmp_path, WEBHOOK_URL=f"http://{LOOPBACK}:{port}/hook")
        began = time.monotonic()
        told = notify(at.context, Level.ERROR, "Database Down", "It is.", pauses=(), sockets=())
        assert time.monotonic() - began < LONG
    outcomes = [one for one in told.outcomes if one.channel != "syslog"]
    assert {one.state for one in outcomes} == {delivery.State.KEPT}
    assert [one.reason for one in outcomes if "does not get on" not in one.reason] == []
    monkeypatch.undo()
    with mail_server() as sink:
        values = {"SMTP_SERVER": LOOPBACK, "SMTP_PORT": str(sink.port), "ALERT_EMAIL": "a@x.cl"}
        at.values.pop("WEBHOOK_URL", None)
        at.configure(**values)
        flush(at.context, forced=True)
    assert sink.to == ["a@x.cl"]
    assert at.waiting == []


def test_a_ping_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(ping, "_LIMIT", 0.3)
    with dribbling(b"HTTP/1.1 200 OK\r\nX-Wait: ", b".") as port:
        settings = place(tmp_path, PING_URL=f"http://{LOOPBACK}:{port}/ping").context.settings
        began = time.monotonic()
        failed = ping.ping(settings)
        assert time.monotonic() - began < LONG
    assert failed is not None
    assert "got no answer" in failed.title


def test_where_the_system_gives_no_thread_they_are_sent_all_the_same(tmp_path, monkeypatch):
    given = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name.startswith("mtn-"):
            raise RuntimeError("can't start new thread")
        given(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    with mail_server() as sink:
        at = place(tmp_path, SMTP_SERVER=LOOPBACK, SMTP_PORT=str(sink.port), ALERT_EMAIL="a@x.cl")
        notify(at.context, Level.ERROR, "Database Down", "It is.", pauses=(), sockets=())
        assert sink.to == ["a@x.cl"]
        at.configure(PING_URL=f"http://{LOOPBACK}:{free_port()}/ping")
        failed = ping.ping(at.context.settings)
    assert failed is not None
    assert "got no answer" in failed.title
