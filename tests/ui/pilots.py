"""Drives the program's screens on a real installation, and reads them as an operator would."""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from unittest.mock import patch

from textual import events
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.pilot import Pilot

from mtn_tui.engine import detached
from mtn_tui.engine.detached import Detached
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens.ask import Said
from mtn_tui.ui.widgets.lines import VirtualList
from tests.operation_fixtures import Practice
from tests.warm import Command

SMALL, LARGE = (80, 24), (120, 40)
WITHIN = 30.0
"""Seconds that anything may take; no test waits for them."""


@dataclass
class Begun:
    """Begins jobs as the program itself does, and remembers what it was asked."""

    practice: Practice
    asked: list[list[str]] = field(default_factory=list)
    jobs: list[Detached] = field(default_factory=list)

    def __call__(self, arguments: Sequence[str]) -> str:
        self.asked.append(list(arguments))
        with patch.object(detached.subprocess, "Popen", Command):
            job = detached.start(arguments, self.practice.context.jobs, self.practice.environment)
        self.jobs.append(job)
        until = time.monotonic() + WITHIN
        while not job.look().kind:
            assert time.monotonic() < until, "no job has begun"
            time.sleep(0.05)
        return job.id

    def close(self) -> None:
        """Wait until all of them are over."""
        for job in self.jobs:
            while not job.look().state.over:
                time.sleep(0.05)
            job._process.wait(WITHIN)
            job.close()


def nothing_begins(arguments: Sequence[str]) -> str:
    raise AssertionError(arguments)


class Operator:
    """What somebody at the terminal sees and does."""

    def __init__(self, app: MtnApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        """Press keys, each once all that the one before it asked for was looked at.

        Without the pilot's own wait for an idle processor, which costs 40 to 80 ms a key
        and tells nothing on a machine where others are at work.
        """
        for key in keys:
            self.app.post_message(_pressed(key))
            await self.settled()

    async def type(self, text: str) -> None:
        """Type it as a line delivers what was typed fast: the program looks at one key after the other."""
        for key in text:
            self.app.post_message(_pressed(key))
        await self.settled()

    async def settled(self) -> None:
        """Wait until no key is waiting, and every widget has processed what was sent to it."""
        end = time.monotonic() + WITHIN
        while True:
            await self.pilot._wait_for_screen()
            drawn = self.app.screen._compositor.size.height  # a screen that has just come has none yet
            if self.app._exit or (drawn and not (self.app._waiting or self.app._at)):
                return
            assert time.monotonic() < end, "keys are not looked at:\n" + "\n".join(self.lines())
            await asyncio.sleep(0.001)  # what is waited for may want the processor

    def lines(self) -> list[str]:
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    def text(self) -> str:
        """The screen, without the breaks that its width makes."""
        return " ".join(" ".join(line.split()) for line in self.lines())

    async def sees(self, *parts: str) -> None:
        await self.until(lambda: all(part in self.text() for part in parts), f"{parts}")

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        end = time.monotonic() + WITHIN
        while not condition():
            assert self.app.fault is None, self.app.fault
            assert time.monotonic() < end, f"{what} never came:\n" + "\n".join(self.lines())
            await self.pilot.pause(0.02)

    async def has_list(self) -> None:
        """The stores have answered, all of them, and the list is drawn."""
        await self.until(lambda: (found := self.app.state.inventory) and not found.pending, "inventory")
        await self.pilot.pause()

    async def goes_to(self, name: str) -> None:
        """Put the cursor on the row with that name: a list of the server's has what others left, too."""
        rows = self.app.screen.query_one(VirtualList)
        while name not in rows.texts()[rows.index]:
            before = rows.index
            await self.press("down")
            assert rows.index > before, f"{name} is not there"

    @property
    def rows(self) -> list[str]:
        return self.app.screen.query_one(VirtualList).texts()


def _pressed(key: str) -> events.Key:
    """The event of a key, named as Textual's pilot names keys."""
    if len(key) == 1 and not key.isalnum():
        key = _character_to_key(key)
    try:
        character = unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(key, key)))
    except KeyError:
        character = key if len(key) == 1 else None
    return events.Key(key, character)


def operate(
    app: MtnApp,
    flow: Callable[[Operator], Awaitable[None]],
    size: tuple[int, int] = SMALL,
    *,
    at: str = "2",
    begins: bool = True,
) -> None:
    """Run ``flow`` at the screen that the key ``at`` leads to: the list of backups, unless told else.

    Without ``begins`` nothing was pressed yet.
    """

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            operator = Operator(app, pilot)
            if app.practice is not None:  # it is told first
                await operator.until(lambda: isinstance(app.screen, Said), "the story")
                await operator.settled()
                if begins:
                    await operator.press("enter")
            if begins:
                await operator.press(at)
            await flow(operator)

    asyncio.run(run())


async def looked(operator: Operator) -> None:
    """All has been looked at, and is drawn."""

    def all_looked_at() -> object:
        health = operator.app.state.health
        rows = [one for one in health.rows if not one.check.writes] if health else []
        return rows and all(one.known and not one.looking for one in rows)

    await operator.until(all_looked_at, "all results")
    await operator.pilot.pause()
