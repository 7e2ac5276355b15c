"""The newcomer's line: everything is started, shown, and gone again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil

from tests.pty.terminal import Terminal


def test_the_demo_opens_the_screens_on_servers_of_its_own_and_leaves_nothing(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path), "MTN_LANG": "en"}
    with closing(
        Terminal([sys.executable, "-m", "mtn_tui", "demo", "--rows", "500"], environment)
    ) as terminal:
        terminal.wait_for("proven to: complete")
        terminal.wait_for("[q] quit")
        assert not terminal.sane
        terminal.type("q")
        assert terminal.ended() == 0, terminal.shown
        assert terminal.sane
    assert [path for path in tmp_path.glob("mtn-demo-*") if path.exists()] == []


def test_an_incident_is_judged_once_the_screens_are_left_and_nothing_stays(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path), "MTN_LANG": "en"}
    demo = f"{sys.executable} -m mtn_tui demo --rows 500 --incident database-down --json > {tmp_path}/told"
    with closing(Terminal(["/bin/sh", "-c", demo], environment)) as terminal:
        terminal.wait_for("The time counts from now.")
        terminal.wait_for("[q] quit")
        folder = workspace_of(terminal.process.pid)
        config = folder / "mtn" / "config" / "backup.conf"
        start = [sys.executable, "-m", "mtn_tui", "--config", config, "services", "--start-database"]
        subprocess.run(start, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        terminal.wait_for("last: start of the database")
        server = int((folder / "postgresql" / "data" / "postmaster.pid").read_text().split()[0])
        terminal.type("q")
        assert terminal.ended() == 1, terminal.shown
    told = json.loads((tmp_path / "told").read_text())
    assert (told["name"], told["production"], told["healthy"], told["lost"]) == (
        "database-down",
        "equal",
        6,
        0,
    )
    assert (told["well"], told["alert"]) == (False, False)
    assert 0 < told["seconds"] < told["target"]
    assert not folder.exists()
    assert not psutil.pid_exists(server) or psutil.Process(server).status() == psutil.STATUS_ZOMBIE


def workspace_of(pid: int) -> Path:
    """The demo's own, by its S3 server."""
    for process in psutil.Process(pid).children(recursive=True):
        for word in process.cmdline():
            if word.startswith("-dir="):
                return Path(word.removeprefix("-dir=")).parents[1]
    raise AssertionError("no S3 server is running")
