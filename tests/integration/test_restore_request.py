"""A restore that is handed to a job of its own is the one that was asked for."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from mtn_tui.cli import restore as command
from mtn_tui.operations.restore.request import Request, arguments

CHANGED = {
    "target": "otra",
    "drop": True,
    "legacy": True,
    "as_operator": True,
    "verify": False,
    "confirm": "CONFIRM DELETE PRODUCTION 1",
    "in_place": True,
    "roles": True,
    "no_owner": True,
    "closed": True,
    "keep_going": True,
    "without": ("pg_cron", "un nombre"),
    "search_path": ("public", "Con Mayúsculas"),
    "fall_back": True,
}
CHOSEN = {"backup", "earlier", "instead_of"}
"""What ``choose`` finds for whoever names a backup."""
TOLD = {"asked"}
"""What is told before the job begins: it restores the backup that was chosen for that moment."""


def test_no_field_is_forgotten():
    assert set(CHANGED) | CHOSEN | TOLD == {one.name for one in fields(Request)}


@pytest.fixture
def asked(pg18, new_database, practise, monkeypatch):
    """Gives the request that the command makes of arguments."""
    practice = practise(new_database(pg18))
    practice.back_up()
    requests: list[Request] = []

    def run(_session, request, _file):
        requests.append(request)
        return {}, 0

    monkeypatch.setattr(command, "_confirmed", lambda _session, request: request)
    monkeypatch.setattr(command, "_run", run)
    plain = Request(practice.inventory.latest(), "aqui")

    def back(request):
        practice.here(*arguments(request))
        return requests.pop()

    return plain, back


def test_each_field_comes_back_from_the_command_line_alone_and_with_all_others(asked):
    plain, back = asked
    for one, value in CHANGED.items():
        request = replace(plain, **{one: value})
        found = replace(back(request), earlier=(), instead_of=None, backup=plain.backup)
        if one == "search_path":  # pg_catalog is looked in first, whatever is asked for
            found = replace(
                found, search_path=tuple(name for name in found.search_path if name != "pg_catalog")
            )
        assert found == request, one
    everything = replace(back(replace(plain, **CHANGED)), earlier=(), instead_of=None, backup=plain.backup)
    assert replace(everything, search_path=CHANGED["search_path"]) == replace(plain, **CHANGED)
