"""Hands out keys one at a time, each once all that the one before it opens is ready.

Textual gives a key at once to whatever has the focus. Keys that arrive together,
as they do over a slow line, would all reach the screen before the field that the
first of them opens, and letters would be taken for commands. A text that is pasted
waits in the same queue: it is meant for the field that the key before it opens.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.widgets import Input

from mtn_tui.ui.terminal.ready import is_ready

_Typed = events.Key | events.Paste


class KeyQueueApp(App[None]):
    """An app whose screens and fields say by ``ready`` when they take keys."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[_Typed] = deque()
        self._at: _Typed | None = None
        """The key that is being handled."""
        self._on: DOMNode = self
        """What handles it at the moment."""
        self._after: list[Callable[[], None]] = []
        self._last_came = time.monotonic()

    async def on_event(self, event: events.Event) -> None:
        """Queue keys and pasted texts from the terminal; every other event goes its way at once."""
        if isinstance(event, _Typed) and not event.is_forwarded:
            self._waiting.append(event)
            self._last_came = time.monotonic()
            await self.next_key()
        else:
            await super().on_event(event)

    async def next_key(self) -> None:
        """Hand out the next key that waits, if the one before it is done and all that take keys are ready."""
        if self._at is None and self._waiting and self._all_ready:
            self._at = key = self._waiting.popleft()
            self._on = self
            path = [*(self.focused or self.screen).ancestors_with_self]
            await super().on_event(key)
            # Twice: an action runs at the end of the path, and what it posts starts at the beginning again.
            await self._follow(key, path * 2)

    @property
    def key_age(self) -> float:
        """Seconds since the key that is being handled was pressed; 0 if none is."""
        return time.monotonic() - self._at.time if self._at else 0.0

    @property
    def idle(self) -> float:
        """Seconds since the last key came."""
        return time.monotonic() - self._last_came

    def after_keys(self, work: Callable[[], None]) -> None:
        """Run ``work`` once all keys that were pressed before now are handled: one may call it off."""
        self._after.append(work)
        self._no_more_keys()

    def _no_more_keys(self) -> None:
        if self._at is None and not self._waiting:
            after, self._after = self._after, []
            for work in after:
                work()

    @property
    def _all_ready(self) -> bool:
        return is_ready(self.screen) and all(is_ready(field) for field in self.screen.query(Input))

    async def _follow(self, key: _Typed, path: Sequence[DOMNode]) -> None:
        """Wait until every node on the key's path has handled it; nodes that are gone are skipped."""
        for at, node in enumerate(path):
            if node.call_later(self._follow, key, path[at + 1 :]):
                self._on = node
                return
        if not path and self._at is key:  # else no node is left, and the program ends
            await self._handled()

    async def _handled(self) -> None:
        self._at = None
        await self.next_key()
        self._no_more_keys()

    async def drop_lost_key(self) -> None:
        """Give up a key if what was to handle it has gone meanwhile. Call it every second.

        One that takes long is no lost one: what is pressed after it waits.
        """
        if self._at is not None and not self._on.is_running:
            await self._handled()
