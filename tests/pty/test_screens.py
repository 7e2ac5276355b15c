"""The screens on a real terminal: whatever becomes of it, the job goes on and the next operator sees it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from mtn_tui.core.models import JobState
from tests.operation_fixtures import Practice
from tests.pty.standing import (
    Hold,
    at_a_terminal,
    begun,
    hang_up,
    kill,
    over,
    say_hangup,
    stall,
    terminate,
    with_a_backup,
)
from tests.pty.terminal import PATIENCE, Terminal


@pytest.fixture
def practice(pg18, new_database, practise) -> Iterator[Practice]:
    practice = with_a_backup(new_database(pg18), practise)
    practice.made.append(target(practice))
    return practice


def target(practice: Practice) -> str:
    """What the dialog proposes."""
    return f"{practice.source.name}_staging"


def opened(terminal: Terminal) -> None:
    terminal.wait_for("[q] quit")
    terminal.type("2")
    terminal.wait_for("Proven: read back whole")


def ask_for(terminal: Terminal, kind: str) -> None:
    """By the keys of the screen."""
    if kind == "backup-full":
        terminal.type("b\x1b[B\r")
        return
    terminal.type("R")
    terminal.wait_for("Restore into which database?")
    terminal.type("\r")


def stall_and_type(terminal: Terminal) -> None:
    stall(terminal)
    terminal.type("j?\x1b" * 20)


@pytest.mark.slow
def test_a_terminal_of_another_session_is_missed_though_no_signal_comes(practice):
    command = [sys.executable, "-m", "mtn_tui"]
    with closing(Terminal(command, practice.environment, controlling=False)) as terminal:
        opened(terminal)
        terminal.hang_up()
        terminal.process.wait(PATIENCE)


def fill(terminal: Terminal) -> None:
    """Nobody reads any more, and what is painted does not fit into the terminal."""
    looks = 0
    while not terminal.full:
        assert looks < 10 * PATIENCE
        if looks % 5 == 0:
            terminal.type("LT24j?\x1b")
        time.sleep(0.1)
        looks += 1
    terminal.type("LT24j?\x1b" * 6)  # and more waits behind it


@pytest.mark.sample("say_hangup")
@pytest.mark.parametrize("fault", [hang_up, terminate, say_hangup])
def test_a_terminal_that_takes_nothing_any_more_can_be_left(practice, fault):
    with at_a_terminal(practice) as terminal:
        opened(terminal)
        fill(terminal)
        fault(terminal)
        terminal.process.wait(PATIENCE)


@pytest.mark.slow
def test_a_terminal_that_reads_again_shows_what_is_true_by_then(practice):
    with at_a_terminal(practice) as terminal:
        opened(terminal)
        fill(terminal)
        terminal.type("x1")  # of the two keys the first may be taken for one with the esc before it
        terminal.wait_for("▸1 ")
        terminal.type("j")
        terminal.wait_for("▸j ")
        terminal.type("q")
        assert terminal.ended() == 0
        assert terminal.sane


@pytest.mark.sample("backup-full-hang_up", "restore-kill")
@pytest.mark.parametrize(
    ("kind", "fault"),
    [  # each fault over one of the kinds; the others in the soak
        ("backup-full", hang_up),
        ("restore", say_hangup),
        ("backup-full", terminate),
        ("restore", kill),
        ("restore", stall_and_type),
        pytest.param("restore", hang_up, marks=pytest.mark.soak),
        pytest.param("backup-full", say_hangup, marks=pytest.mark.soak),
        pytest.param("restore", terminate, marks=pytest.mark.soak),
        pytest.param("backup-full", kill, marks=pytest.mark.soak),
        pytest.param("backup-full", stall_and_type, marks=pytest.mark.soak),
    ],
)
def test_a_job_of_the_screens_goes_on_without_them(practice, kind, fault):
    with closing(Hold(practice, kind)) as hold, at_a_terminal(practice) as terminal:
        opened(terminal)
        ask_for(terminal, kind)
        job = begun(practice, kind)
        assert job.pid != terminal.process.pid
        fault(terminal)
        if fault is not stall_and_type:
            terminal.process.wait(PATIENCE)
        if fault in (say_hangup, terminate):
            assert terminal.sane
        with at_a_terminal(practice, SUDO_USER="beto") as another:
            another.wait_for("▶")
            another.wait_for("[q] quit")
            hold.close()
            another.wait_for("✔ succeeded")
            another.type("q")
            assert another.ended() == 0
            assert another.sane
    job = over(practice, job)
    assert (job.state, job.title) == (JobState.SUCCEEDED, "")
    if kind == "restore":
        assert target(practice) in practice.databases()


def test_a_job_of_cron_is_on_the_screen_as_it_runs(practice):
    with at_a_terminal(practice) as terminal:
        opened(terminal)
        with closing(Hold(practice, "backup-full")) as hold:
            cron = practice.start("backup", "full")
            terminal.wait_for("▶")
            hold.close()
            assert cron.wait(PATIENCE) in (0, 1)
            cron.communicate()
        terminal.wait_for("✔ succeeded")
        terminal.type("q")
        assert terminal.ended() == 0


@pytest.mark.slow
def test_leaving_with_a_job_running_leaves_it_running(practice):
    with closing(Hold(practice, "backup-full")) as hold, at_a_terminal(practice) as terminal:
        opened(terminal)
        terminal.type("b\x1b[B\r")
        job = begun(practice, "backup-full")
        terminal.wait_for("▶")
        terminal.type("q")
        terminal.wait_for("A job is running.")
        terminal.type("\r")
        assert terminal.ended() == 0
        assert terminal.sane
        hold.close()
        assert over(practice, job).state is JobState.SUCCEEDED


def test_stopped_by_ctrl_z_the_terminal_is_the_shells_again(practice):
    environment = {**practice.environment, "PS1": "ready-\\#> "}
    with closing(Terminal(["/bin/bash", "--norc", "--noprofile", "-i"], environment)) as terminal:
        terminal.wait_for("ready-1>")
        terminal.type(f"{sys.executable} -m mtn_tui\r")
        opened(terminal)
        terminal.type("\x1a")
        terminal.wait_for("ready-2>")
        terminal.type("fg\r")
        terminal.type("q")
        terminal.wait_for("ready-3>")
        terminal.type("echo left with $?\r")
        terminal.wait_for("left with 0")
        terminal.type("exit\r")
        assert terminal.ended() == 0
