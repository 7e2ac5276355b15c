"""Somebody at the wizard, on real servers, with a clock that need not be waited for."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from mtn_tui.core.clock import SystemClock
from mtn_tui.operations.emergency import staging_of
from mtn_tui.operations.incident import Incident, Step, Way, Who
from mtn_tui.operations.incident_file import IncidentFile, find, open_incident, path_of
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.wizard.desk import QUIET
from mtn_tui.ui.wizard.page import Page
from mtn_tui.ui.wizard.steplist import WIDTH
from tests.operation_fixtures import Practice
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


class Aged(Hurried):
    """Time has passed, too."""

    def now(self):
        return super().now() + timedelta(seconds=self.by)


def wizard(practice: Practice, start, operator: str = "ana", **options) -> MtnApp:
    context = replace(practice.context, clock=Hurried(), operator=operator)
    number = next(_sessions)
    return MtnApp(context, start, session=f"0/there/{number}", machine="db-host-1", **options)


class AtTheWizard(Operator):
    async def enters(self) -> None:
        """Presses enter, once what is to be seen is there, and no sooner than it counts."""
        desk = self.app.desk
        await self.until(lambda: desk.drawn and not desk.busy, "the next step")
        self.app.context.clock.on(QUIET)
        await self.press("enter")
        await self.pilot.pause()

    def text(self) -> str:
        """Column by column, where there are two."""
        lines = self.lines()
        if not self.app.screen.query(Page):
            return super().text()
        body, around = lines[3:-2], [*lines[:3], *lines[-2:]]
        columns = [line[:WIDTH] for line in body] + [line[WIDTH:] for line in body]
        return " ".join(" ".join(line.split()) for line in (*columns, *around) if line.strip())

    async def at(self, step: Step) -> None:
        desk = self.app.desk
        await self.until(lambda: desk.incident and desk.viewing is step and not desk.busy, f"step {step}")


def at_the_wizard(app: MtnApp, flow) -> None:
    async def adapted(operator: Operator) -> None:
        await flow(AtTheWizard(operator.app, operator.pilot))

    operate(app, adapted)


@contextmanager
def beginning(practice: Practice):
    """Jobs as the program begins them; what they make is dropped with the test."""
    practice.made.append(staging_of(practice.context, Way.RESTORE))
    practice.made.append(staging_of(practice.context, Way.BESIDE))
    begun = Begun(practice)
    try:
        yield begun
    finally:
        begun.close()


def opened(practice: Practice, session: str = GONE, operator: str = "ana") -> IncidentFile:
    """An incident that somebody has begun at another screen."""
    who = Who(operator, "db-host-1", session)
    return open_incident(practice.context.state, practice.source.name, who, SystemClock())


def on_disk(practice: Practice) -> Incident:
    return find(practice.context.state, None)


def file_of(practice: Practice, who: Who) -> IncidentFile:
    return IncidentFile(path_of(practice.context.state, on_disk(practice)), who, SystemClock())
