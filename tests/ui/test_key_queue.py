"""Keys that come together are handled one after the other, however long each takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.events import Key
from textual.widget import Widget

from mtn_tui.ui.terminal.key_queue import KeyQueueApp


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


class Field(Widget, can_focus=True):
    """Goes with its first key, as a field of a dialog does that is closed by it."""

    async def on_key(self, event: Key) -> None:
        if event.key == "g":
            event.stop()
            await self.remove()


class Slow(KeyQueueApp):
    BINDINGS: ClassVar = [Binding("s", "slow"), Binding("q", "quick")]

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self.go_on = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield Field()

    async def action_slow(self) -> None:
        await self.go_on.wait()
        self.done.append("s")

    def action_quick(self) -> None:
        self.done.append("q")

    def pressed(self, *keys: str) -> None:
        for key in keys:
            self.post_message(Key(key, key))


def test_a_key_that_takes_long_is_not_taken_for_a_lost_one():
    async def flow():
        app = Slow()
        async with app.run_test():
            app.pressed("s", "q")
            await until(lambda: app._at is not None)
            for _ in range(3):
                await app.drop_lost_key()
                await asyncio.sleep(0)
            assert [key.key for key in app._waiting] == ["q"]
            app.go_on.set()
            await until(lambda: app.done == ["s", "q"])

    asyncio.run(flow())


def test_what_waits_for_keys_is_done_after_those_pressed_before_it():
    async def flow():
        app = Slow()
        async with app.run_test():
            app.after_keys(lambda: app.done.append("at once"))
            assert app.done == ["at once"]
            app.pressed("s", "q")
            await until(lambda: app._at is not None)
            app.after_keys(lambda: app.done.append("after"))
            app.go_on.set()
            await until(lambda: len(app.done) == 4)
            assert app.done == ["at once", "s", "q", "after"]

    asyncio.run(flow())


def test_a_key_of_a_field_that_goes_meanwhile_holds_up_none():
    async def flow():
        app = Slow()
        async with app.run_test():
            app.query_one(Field).focus()
            app.pressed("g", "q")
            async with asyncio.timeout(60):
                while app.done != ["q"]:
                    await app.drop_lost_key()
                    await asyncio.sleep(0.01)

    asyncio.run(flow())
