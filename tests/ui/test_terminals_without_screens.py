"""A terminal that can't be drawn on gets no screens, but what it needs and what works without them."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path

import pytest

from tests.terminal_output import shown_on
from tests.warm import Command

WORK = ("mtn check", "mtn list", "mtn backup full", "mtn restore --help", "mtn job list", "mtn --help")


@pytest.mark.parametrize("arguments", [(), ("demo", "--incident", "lost-database")], ids=["mtn", "practice"])
@pytest.mark.parametrize("term", ["dumb", "", None])
def test_where_nothing_can_be_drawn_it_says_what_it_needs_and_what_works_without(
    tmp_path: Path, term: str | None, arguments: tuple[str, ...]
):
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "TERM"}
    environment |= {"MTN_LANG": "en", "PYTHONWARNINGS": "error", "COLUMNS": "200"}
    environment |= {} if term is None else {"TERM": term}
    command = [sys.executable, "-m", "mtn_tui", *arguments]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    child = Command(command, env=environment, cwd=tmp_path, **streams)
    os.close(theirs)
    text = shown_on(ours)
    assert child.wait(60) == 64, text
    assert f"TERM is {term}." in text if term else "TERM is not set." in text
    assert [one for one in WORK if one not in text] == []
    assert "\x1b" not in text
    assert list(tmp_path.iterdir()) == []
