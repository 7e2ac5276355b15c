"""Drives the program's screens on a real installation, and reads them as an operator would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from textual.pilot import Pilot

from mtn_tui.core import i18n
from mtn_tui.engine import detached
from mtn_tui.engine.detached import Detached
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.widgets.lines import Rows
from tests.operation_fixtures import Practice

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
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        await self.pilot.press(*text)

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
        await self.until(lambda: (found := self.app.state.inventory) and not found.awaited, "inventory")
        await self.pilot.pause()

    @property
    def rows(self) -> list[str]:
        return self.app.screen.query_one(Rows).texts()


def operate(app: MtnApp, flow: Callable[[Operator], Awaitable[None]], size: tuple[int, int] = SMALL) -> None:
    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await flow(Operator(app, pilot))

    try:
        asyncio.run(run())
    finally:
        i18n.use("en")
