"""The newcomer's line: everything is started, shown, and gone again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from tests.pty.incidents import reads_the_story
from tests.pty.terminal import Terminal


def test_the_demo_opens_the_screens_on_servers_of_its_own_and_leaves_nothing(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path), "MTN_LANG": "en"}
    with closing(
        Terminal([sys.executable, "-m", "mtn_tui", "demo", "--rows", "500"], environment)
    ) as terminal:
        terminal.wait_for("proven: read back whole")
        reads_the_story(terminal, "A demo: nothing here is real")
        assert not terminal.sane
        ends(terminal, "End the demo?", "q")
        assert terminal.ended() == 0, terminal.shown
        assert terminal.sane
    assert left_in(tmp_path) == []


@pytest.mark.slow
def test_an_incident_is_judged_once_the_screens_are_left_and_nothing_stays(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path), "MTN_LANG": "en"}
    demo = f"{sys.executable} -m mtn_tui demo --rows 500 --incident database-down --json > {tmp_path}/told"
    with closing(Terminal(["/bin/sh", "-c", demo], environment)) as terminal:
        terminal.wait_for("The time counts from ")
        reads_the_story(terminal, "What is practised")
        folder = workspace_of(terminal.process.pid)
        config = folder / "mtn" / "config" / "backup.conf"
        start = [sys.executable, "-m", "mtn_tui", "--config", config, "services", "--start-database"]
        subprocess.run(start, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        terminal.wait_for("last: start of the database")
        server = int((folder / "postgresql" / "data" / "postmaster.pid").read_text().split()[0])
        terminal.type("\x03")
        terminal.wait_for("End the practice?")
        terminal.type("\x03")  # one press too many ends nothing
        terminal.until(lambda: not terminal.shows("End the practice?"), "the question is gone")
        ends(terminal, "End the practice?", "q")
        assert terminal.ended() == 1, terminal.shown
    told = json.loads((tmp_path / "told").read_text())
    assert left_in(tmp_path) == ["told"]
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


def ends(terminal: Terminal, question: str, key: str) -> None:
    terminal.type(key)
    terminal.wait_for(question)
    terminal.type("\x1b[B")
    terminal.read_for(1.0)
    terminal.type("\r")


def left_in(folder: Path) -> list[str]:
    """All that is in a home, which is the folder for temporary files as well."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.soak
@pytest.mark.parametrize("how", ["ctrl-c", "SIGTERM", "SIGHUP", "ctrl-c at once", "SIGTERM at once"])
@pytest.mark.parametrize("options", [(), ("--incident", "lost-database")], ids=["demo", "incident"])
def test_nothing_is_left_of_a_demo_however_it_ends(tmp_path, options, how):
    """On the screens, and while its servers start."""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path), "MTN_LANG": "en"}
    command = [sys.executable, "-m", "mtn_tui", "demo", "--rows", "500", *options]
    with closing(Terminal(command, environment)) as terminal:
        terminal.wait_for("Starting PostgreSQL" if "at once" in how else "[q] ends")
        family = psutil.Process(terminal.process.pid).children(recursive=True)
        if how.startswith("ctrl-c"):
            if "at once" in how:
                terminal.type("\x03")
            else:
                reads_the_story(terminal, "What is practised" if options else "A demo: nothing here is real")
                ends(terminal, "End the practice?" if options else "End the demo?", "\x03")
            terminal.ended()
        elif how == "SIGHUP":
            terminal.hang_up()
            terminal.process.wait()
        else:
            terminal.process.send_signal(signal.SIGTERM)
            terminal.ended()
        _gone, alive = psutil.wait_procs(family, timeout=30)
        assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
    end = time.monotonic() + 30  # who was killed leaves the removal to another process
    while left := left_in(tmp_path):
        assert time.monotonic() < end, left
        time.sleep(0.1)


def workspace_of(pid: int) -> Path:
    """The demo's own, by its S3 server."""
    for process in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a short one, which has ended meanwhile
            for word in process.cmdline():
                if word.startswith("-dir="):
                    return Path(word.removeprefix("-dir=")).parents[1]
    raise AssertionError("no S3 server is running")
