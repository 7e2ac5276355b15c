"""The worst hour on a real terminal, by keys only, whose line drops or whose screen dies in every step."""

from __future__ import annotations

import time

from mtn_tui.operations.emergency import staging_of
from mtn_tui.operations.incident import Step, Way
from mtn_tui.operations.incident_file import find
from mtn_tui.ui.wizard.desk import QUIET
from tests.pty.standing import at_a_terminal, hang_up, kill, say_hangup, terminate
from tests.pty.terminal import PATIENCE, Terminal

STEPS = {
    Step.ASSESS: ("is proposed", "\r"),
    Step.NOTIFY: ("enter  send it", "\r"),
    Step.CHOOSE: ("enter  take this one", "\r"),
    Step.STAGING: ("enter  restore it", "\r"),
    Step.VALIDATE: ("enter  accept it", "\r"),
    Step.PRODUCTION: ("y puts it in place", "y"),
    Step.SERVICES: ("enter  on to the report", "\r"),
    Step.REPORT: ("enter  send it, write", "\r"),
}
"""What the screen says in each step, and the key that it says."""


def test_a_lost_database_is_back_whatever_becomes_of_the_screen_in_each_step(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.made.append(staging_of(practice.context, Way.RESTORE))
    practice.back_up()
    before = practice.source.dump()
    pg18.drop_database(practice.source.name)
    with at_a_terminal(practice) as terminal:
        terminal.wait_for("q quit")
        terminal.type("3")
        terminal.wait_for("enter  opens an incident")
        pressed(terminal, "\r")
        terminal.wait_for("incident 1 0:0")
    faults = (hang_up, kill, say_hangup, terminate)
    for step, (says, key) in STEPS.items():
        with at_a_terminal(practice) as terminal:
            terminal.wait_for("3 continues it")
            terminal.type("3")
            terminal.wait_for(f"▶ {int(step)}")
            terminal.wait_for(says)
            pressed(terminal, key)
            if step is Step.SERVICES:
                terminal.wait_for("Nobody has seen this yet.")
                terminal.type("\x1b[B")
                pressed(terminal, "\r")
            until(lambda step=step: is_over(practice, step) or has_begun(practice, step))
            faults[int(step) % len(faults)](terminal)
            terminal.process.wait(PATIENCE)
        if not is_over(practice, step):
            with at_a_terminal(practice) as terminal:  # whoever looks next sees it at work, or its end
                terminal.wait_for("3 continues it")
                terminal.type("3")
                until(lambda step=step: is_over(practice, step))
    assert not find(practice.context.state, None).is_open
    assert practice.source.dump() == before


def pressed(terminal: Terminal, key: str) -> None:
    """No sooner than a key counts."""
    time.sleep(QUIET + 0.1)
    terminal.type(key)


def is_over(practice, step: Step) -> bool:
    return find(practice.context.state, None).steps[step].standing.over


def has_begun(practice, step: Step) -> bool:
    """As a job, which needs no screen."""
    return bool(find(practice.context.state, None).steps[step].facts.get("job"))


def until(condition) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
