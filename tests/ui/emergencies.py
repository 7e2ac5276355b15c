"""Somebody at the wizard, on real servers, with a clock that need not be waited for."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from mtn_tui.core.clock import SystemClock
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health import registry
from mtn_tui.operations.incident.file import IncidentFile, find, open_incident, path_of
from mtn_tui.operations.incident.state import Actor, Incident, RecoveryMode, Step
from mtn_tui.operations.incident.steps import staging_of
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.wizard.navigator import QUIET
from mtn_tui.ui.wizard.page import Page
from mtn_tui.ui.wizard.session import new_session
from mtn_tui.ui.wizard.steplist import WIDTH
from tests.operation_fixtures import Practice
from tests.ui.looks import saying
from tests.ui.pilots import Begun, Operator, operate

_sessions = itertools.count(1)

GONE = "999999999/another boot:1/aaaaaaaa"
"""The session of a screen that is no more."""


class Hurried(SystemClock):
    """The real time, but whoever waits for a key to count need not."""

    def __init__(self) -> None:
        self.by = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.by

    def on(self, seconds: float) -> None:
        self.by += seconds


def wizard(
    practice: Practice, start, operator: str = "ana", *, stays: bool = False, well: bool = False, **options
) -> MtnApp:
    """One whose process is no more once it is left; or that others have to take the incident from.

    Unless all is ``well``, the checks say that the database is lost: an incident is opened unasked.
    """
    if not well:
        registry.LOOKS.update(saying("server", Check("server", Status.FAIL, "It does not answer.")))
    context = replace(practice.context, clock=Hurried(), operator=operator)
    session = new_session() if stays else f"0/another boot:1/{next(_sessions)}"
    return MtnApp(context, start, session=session, machine="db-host-1", **options)


class AtTheWizard(Operator):
    async def enters(self) -> None:
        """Presses enter, once what is to be seen is there, and no sooner than it counts.

        Again, as people do, if something came to the screen in that very moment, so that it did not count.
        """
        navigator, counted = self.app.navigator, list[bool]()
        takes_enter = navigator.takes_enter

        def noted() -> bool:
            counted.append(takes_enter())
            return counted[-1]

        with patch.object(navigator, "takes_enter", noted):
            for _again in range(20):
                counted.clear()
                await self.reads()
                await self.press("enter")
                await self.pilot.pause()
                if all(counted):
                    return
        raise AssertionError("no Enter counts:\n" + "\n".join(self.lines()))

    async def reads(self) -> None:
        session, navigator = self.app.session, self.app.navigator
        await self.until(lambda: navigator.drawn and not session.busy, "the next step")
        self.app.context.clock.on(QUIET)

    async def chooses(self, seen: str) -> None:
        """Comes to step 3, of an incident of lost rows with ``seen`` in step 1."""
        await self.has_list()
        await self.press("3")
        await self.enters()
        await self.sees(seen)
        await self.enters()
        await self.at(Step.NOTIFY)
        await self.sees("CRITICAL: Rows are missing")
        await self.enters()
        await self.sees("It reached nobody")
        await self.enters()

    async def has_staging(self, practice: Practice) -> None:
        """Goes on to step 5, once staging is there."""
        await self.until(lambda: on_disk(practice).step is Step.VALIDATE, "staging")
        await self.sees("on to step 5")
        await self.enters()

    async def leaves_services_out(self) -> None:
        """Step 7, on to step 8."""
        await self.at(Step.SERVICES)
        await self.press("s")
        await self.type("they work")
        await self.press("enter")
        await self.at(Step.REPORT)

    async def validates(self, practice: Practice) -> None:
        """Step 5, once staging is there: all is well, and accepted."""
        await self.has_staging(practice)
        await self.at(Step.VALIDATE)
        await self.sees("All is as the backup says.")
        await self.enters()

    def text(self) -> str:
        """Column by column, where there are two."""
        lines = self.lines()
        if not self.app.screen.query(Page):
            return super().text()
        body, around = lines[3:-2], [*lines[:3], *lines[-2:]]
        columns = [line[:WIDTH] for line in body] + [line[WIDTH:] for line in body]
        return " ".join(" ".join(line.split()) for line in (*columns, *around) if line.strip())

    async def at(self, step: Step) -> None:
        session, navigator = self.app.session, self.app.navigator
        await self.until(
            lambda: session.incident and navigator.viewing is step and not session.busy, f"step {step}"
        )


def at_the_wizard(app: MtnApp, flow) -> None:
    async def adapted(operator: Operator) -> None:
        await flow(AtTheWizard(operator.app, operator.pilot))

    operate(app, adapted)


@contextmanager
def beginning(practice: Practice):
    """Jobs as the program begins them; what they make is dropped with the test."""
    practice.made.append(staging_of(practice.context, RecoveryMode.RESTORE))
    practice.made.append(staging_of(practice.context, RecoveryMode.BESIDE))
    begun = Begun(practice)
    try:
        yield begun
    finally:
        begun.close()


def opened(practice: Practice, session: str = GONE, operator: str = "ana") -> IncidentFile:
    """An incident that somebody has begun at another screen."""
    who = Actor(operator, "db-host-1", session)
    return open_incident(practice.context.state, practice.source.name, who, SystemClock())


def on_disk(practice: Practice) -> Incident:
    return find(practice.context.state, None)


def brought_to(practice: Practice, step: Step, way: RecoveryMode = RecoveryMode.RESTORE) -> IncidentFile:
    """One that somebody left at ``step``, all before it done."""
    file = opened(practice)
    (backup, *_older) = practice.inventory.backups
    facts = {
        Step.ASSESS: {"way": way.value, "why": "The database is gone.", "findings": ["fail: It is gone."]},
        Step.CHOOSE: {"backup": backup.handle, "name": str(backup.name), "moment": backup.moment.isoformat()},
        Step.STAGING: {"job": "aaaaaaaa"},
        Step.VALIDATE: {"tables": ["All is there."]},
    }
    for one in Step:
        if one == step:
            break
        if not file.state.steps[one].standing.over:
            file.begin(one)
            file.done(one, **facts.get(one, {}))
    return file


def taken_by(practice: Practice, operator: str = "bruno") -> IncidentFile:
    """The open incident, in the hands of somebody else."""
    path = path_of(practice.context.state, on_disk(practice))
    file = IncidentFile(path, Actor(operator, "db2", "s2"), SystemClock())
    file.take()
    return file
