"""The newcomer's line: everything is started, shown, and gone again."""

from __future__ import annotations

import os
import sys
from contextlib import closing

from tests.pty.terminal import Terminal


def test_the_demo_opens_the_screens_on_servers_of_its_own_and_leaves_nothing(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path), "MTN_LANG": "en"}
    with closing(
        Terminal([sys.executable, "-m", "mtn_tui", "demo", "--rows", "500"], environment)
    ) as terminal:
        terminal.wait_for("proven to: complete")
        terminal.wait_for("q quit")
        assert not terminal.sane
        terminal.type("q")
        assert terminal.ended() == 0, terminal.shown
        assert terminal.sane
    assert [path for path in tmp_path.glob("mtn-demo-*") if path.exists()] == []
