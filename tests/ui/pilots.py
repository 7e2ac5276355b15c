"""Drives the program's screens on a real installation, and reads them as an operator would."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from textual.pilot import Pilot

from mtn_tui.engine.jobview import list_jobs
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.widgets.lines import Rows
from tests.operation_fixtures import Practice

SMALL, LARGE = (80, 24), (120, 40)
WITHIN = 60.0
"""Seconds that anything may take; no test waits for them."""


@dataclass
class Begun:
    """Begins jobs as commands of their own, as the program's own way does, and remembers what it was asked."""

    practice: Practice
    asked: list[list[str]] = field(default_factory=list)
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __call__(self, arguments: Sequence[str]) -> str:
        folder = self.practice.context.jobs
        before = {job.id for job in list_jobs(folder)}
        self.asked.append(list(arguments))
        self.children.append(
            subprocess.Popen(
                [sys.executable, "-m", "mtn_tui", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self.practice.environment,
                start_new_session=True,
            )
        )
        until = time.monotonic() + WITHIN
        while time.monotonic() < until:
            new = [job.id for job in list_jobs(folder) if job.id not in before]
            if new:
                return new[0]
            time.sleep(0.05)
        raise AssertionError("no job has begun")

    def end(self) -> None:
        for child in self.children:
            child.wait(WITHIN)


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
            assert time.monotonic() < end, f"{what} never came:\n" + "\n".join(self.lines())
            await self.pilot.pause(0.02)

    async def has_list(self) -> None:
        """The stores have answered, and the list is drawn."""
        await self.until(lambda: self.app.state.inventory is not None, "inventory")
        await self.pilot.pause()

    @property
    def rows(self) -> list[str]:
        return self.app.screen.query_one(Rows).texts()


def operate(app: MtnApp, flow: Callable[[Operator], Awaitable[None]], size: tuple[int, int] = SMALL) -> None:
    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await flow(Operator(app, pilot))

    asyncio.run(run())
