"""The lock that keeps other hosts out, on a real server."""

from __future__ import annotations

import threading

import pytest

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import Cancelled, Locked
from mtn_tui.postgres import advisory
from mtn_tui.postgres.advisory import advisory_lock, who_has
from tests.pg_fixtures import Database

KEY = 4712
TAKE = f"SELECT pg_advisory_lock({KEY})"


@pytest.fixture
def maintenance(pg18) -> Database:
    return Database(pg18, "postgres")


def test_the_session_of_a_program_that_has_just_ended_is_waited_for(maintenance, monkeypatch):
    monkeypatch.setattr(advisory, "_PATIENCE", 60.0)
    before, refused = maintenance.connect(), threading.Event()
    before.execute(TAKE)
    attempt = advisory._try

    def try_once(connection, key):
        got = attempt(connection, key)
        if not got:
            refused.set()
        return got

    monkeypatch.setattr(advisory, "_try", try_once)
    thread = threading.Thread(target=lambda: refused.wait(60) and before.close())
    thread.start()
    with advisory_lock(maintenance.login, KEY, "mtn backup x@y"), maintenance.connect() as connection:
        assert refused.is_set()
        assert "mtn backup x@y" in who_has(connection, KEY)
    thread.join()


def test_who_goes_on_holding_it_is_named(maintenance, monkeypatch):
    monkeypatch.setattr(advisory, "_PATIENCE", 0.2)
    with maintenance.connect() as other:
        other.execute("SET application_name = 'mtn backup a@b'")
        other.execute(TAKE)
        with pytest.raises(Locked, match="mtn backup a@b"), advisory_lock(maintenance.login, KEY, "mtn"):
            pass


def test_waiting_for_it_can_be_cancelled(maintenance, monkeypatch):
    monkeypatch.setattr(advisory, "_PATIENCE", 60.0)
    token = CancelToken()
    with maintenance.connect() as other:
        other.execute(TAKE)
        timer = threading.Timer(0.3, token.cancel)
        timer.start()
        with pytest.raises(Cancelled), advisory_lock(maintenance.login, KEY, "mtn", token):
            pass
        timer.join()
