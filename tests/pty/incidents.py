"""An incident at real terminals: one ``mtn`` after another at it, and what stands of it on disk."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from mtn_tui.core.clock import SystemClock
from mtn_tui.engine.process import this_host
from mtn_tui.operations.incident.file import IncidentFile, find, open_incident, path_of
from mtn_tui.operations.incident.state import Actor, Incident, RecoveryMode, Step, StepStatus
from mtn_tui.operations.incident.steps import staging_of
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database
from tests.pty.terminal import PATIENCE, QUIET, Terminal

ENTER, DOWN, BACK = "\r", "\x1b[B", "\x7f"

GONE = "999999999/another boot:1/aaaaaaaa"
"""The session of a screen that is no more."""


def on_disk(practice: Practice) -> Incident:
    return find(practice.context.state, None)


def staging(practice: Practice) -> Database:
    return Database(practice.source.server, staging_of(practice.context, RecoveryMode.RESTORE))


def left_at(practice: Practice, step: Step) -> None:
    """An incident that ana left at ``step``, all before it done; staging is restored where it is needed."""
    who = Actor("ana", this_host(), GONE)
    file = open_incident(practice.context.state, practice.source.name, who, SystemClock())
    (backup, *_older) = practice.inventory.backups
    facts: dict[Step, dict[str, object]] = {
        Step.ASSESS: {"way": RecoveryMode.RESTORE.value},
        Step.CHOOSE: {"backup": backup.handle, "name": str(backup.name), "moment": backup.moment.isoformat()},
    }
    for one in itertools.takewhile(lambda one: one < step, Step):
        file.begin(one)
        file.done(one, **facts.get(one, {}))
    if step in (Step.VALIDATE, Step.PRODUCTION) and staging(practice).name not in practice.databases():
        practice.restore(staging(practice).name, closed=True)


def closed(practice: Practice) -> None:
    """Whoever has it."""
    path = path_of(practice.context.state, on_disk(practice))
    file = IncidentFile(path, Actor("ana", this_host(), GONE), SystemClock())
    file.take()
    file.close("for the test")


class Screens:
    """One ``mtn`` after another at an incident: each ends as the next of the ``faults`` has it."""

    def __init__(self, practice: Practice, faults: Sequence[Callable[[Terminal], None]]) -> None:
        self.practice = practice
        self.terminal = opened(practice)
        self._faults = itertools.cycle(faults)

    def enters(self, *what: str) -> None:
        """Each in turn, once the screen says that Enter does it."""
        for one in what:
            self.terminal.press(one, ENTER)

    def reaches(self, step: Step, standing: StepStatus = StepStatus.PENDING) -> None:
        """Wait until the incident stands there."""

        def there() -> bool:
            incident = on_disk(self.practice)
            return incident.step is step and incident.steps[step].standing is standing

        self.terminal.until(there, f"{step!r} to be {standing}")

    def ends(self) -> None:
        """In whatever the operator is doing."""
        next(self._faults)(self.terminal)
        self.terminal.process.wait(PATIENCE)

    def again(self) -> None:
        """The same operator's next one: it continues without being asked."""
        before = on_disk(self.practice)
        self.terminal.close()
        self.terminal = opened(self.practice)
        if before.is_open:
            self.terminal.until(lambda: on_disk(self.practice).holder != before.holder, "the incident")

    def ends_and_is_where_it_was(self, *shown: str) -> None:
        before = on_disk(self.practice)
        self.ends()
        self.again()
        self.terminal.wait_for(f"▶ {int(before.step)} ")
        for text in shown:
            self.terminal.wait_for(text)
        after = on_disk(self.practice)
        assert after.step is before.step
        assert [one for one in after.records if one.event == "failed"] == []

    def close(self) -> None:
        self.terminal.close()


def opens_an_incident(terminal: Terminal) -> None:
    """By Enter; where the checks find nothing wrong it asks first."""
    terminal.wait_for("opens an incident")
    end = time.monotonic() + PATIENCE
    while not terminal.shows("1 Assess"):
        assert time.monotonic() < end, "no incident"
        for key in (DOWN, ENTER) if terminal.shows("all the same?") else (ENTER,):
            terminal.read_for(QUIET)
            terminal.type(key)
        terminal.read_for(QUIET)


def opened(practice: Practice, operator: str = "ana") -> Terminal:
    """``mtn``, at the screen of the emergency."""
    terminal = Terminal([sys.executable, "-m", "mtn_tui"], practice.environment | {"SUDO_USER": operator})
    terminal.wait_for("[q] quit")
    terminal.press("▸1 Checklist", "3")
    return terminal


@contextmanager
def renaming_held(database: Database) -> Iterator[Callable[[], bool]]:
    """Whoever wants to rename the database waits; tells whether somebody does."""
    maintenance = Database(database.server, "postgres")
    waiting = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype = 'object'"
    with maintenance.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute(f"COMMENT ON DATABASE \"{database.name}\" IS 'held'".encode())
        yield lambda: maintenance.psql(waiting) == b"t\n"


def reads_the_story(terminal: Terminal, told: str) -> None:
    """Close the first dialog, which says what a practice or demo is."""
    terminal.wait_for(told)
    terminal.wait_for("[q] ends")
    terminal.type("\r")
    terminal.until(lambda: not terminal.shows(told), "it is closed")
    terminal.wait_for("[q] quit")
