"""Two screens of one person on one machine are told apart by what an operator can see: the terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from datetime import timedelta

import pytest

from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import Refused
from mtn_tui.engine.process import this_process
from mtn_tui.operations.incident import report
from mtn_tui.operations.incident.file import IncidentFile, find, path_of
from mtn_tui.operations.incident.state import Actor, Step
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.wizard.session import is_gone
from tests.ui.incident_states import LOST, SESSION, at
from tests.ui.installed import MACHINE
from tests.ui.pilots import nothing_begins, operate

ALIVE = f"{this_process().pid}/{this_process().start}"
RTO = timedelta(hours=2)
SCREENS = {
    f"{ALIVE}/pts.3-0a1b2c3d": "ana@db1 (pts/3)",
    f"{ALIVE}/ttys003-0a1b2c3d": "ana@db1 (ttys003)",
    f"{ALIVE}/0a1b2c3d": f"ana@db1 (pid {os.getpid()})",
    f"{ALIVE}/\x1b[2J-0a1b2c3d": f"ana@db1 (pid {os.getpid()})",
    "any": "ana@db1",
}


@pytest.mark.sample("pts")
@pytest.mark.parametrize("session", SCREENS, ids=["pts", "ttys", "no terminal", "hostile", "no process"])
def test_another_screen_of_the_same_name_is_told_by_its_terminal_wherever_it_is_named(made, session):
    other, said = Actor("ana", MACHINE, session), SCREENS[session]
    at(Step.NOTIFY)(made)
    canned = LOST.operations(made)
    app = MtnApp(made.context, nothing_begins, machine=MACHINE, session=SESSION, operations=canned)
    path = path_of(made.context.state, find(made.context.state, None))

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.until(lambda: app.session.mine, "the incident")
        ours = IncidentFile(path, app.session.actor, SystemClock())
        IncidentFile(path, other, SystemClock()).take()
        with pytest.raises(Refused, match="has taken the incident over") as refused:
            ours.done(Step.NOTIFY)
        assert refused.value.title == f"{said} has taken the incident over."
        app.reload()
        await operator.sees(f"{said} has taken the incident over.")
        await operator.press("enter", "n")
        await operator.sees("has it since", f"{said} has this incident.")
        await operator.press("o")
        await operator.sees(f"over from {said}?")
        assert f"| {said} | took it over |" in report.report(app.incident, made.clock.now(), RTO)

    operate(app, flow)


def test_of_another_person_the_name_is_enough():
    ana, bruno = (Actor(name, MACHINE, next(iter(SCREENS))) for name in ("ana", "bruno"))
    assert bruno.told_to(ana) == "bruno@db1"


def test_a_screen_on_a_terminal_is_named_after_it_and_is_known_to_be_gone_all_the_same():
    ours, theirs = pty.openpty()
    says = "from mtn_tui.ui.wizard.session import new_session; print(new_session())"
    try:
        terminal = os.ttyname(theirs)
        done = subprocess.run(
            [sys.executable, "-c", says], stdin=theirs, capture_output=True, text=True, check=True
        )
    finally:
        os.close(ours)
        os.close(theirs)
    who = Actor("ana", MACHINE, done.stdout.strip())
    assert f"/dev/{who.screen}" == terminal
    assert is_gone(who, MACHINE)
