"""Keys, one after the other: each is looked at once all that the one before it opens is there.

Textual hands a key at once to whatever has the focus. Those that arrive
together, as they do over a slow line, would all reach the screen before the
field that the first of them opens, and letters would be taken for commands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from textual import events
from textual.app import App
from textual.dom import DOMNode

from mtn_tui.ui.screens.drawn import Drawn
from mtn_tui.ui.widgets.entry import Entry


class InTurn(App[None]):
    """An app of ``Drawn`` screens, which call ``next_key`` once they are there."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[events.Key] = deque()
        self._at: events.Key | None = None
        """The key that is being looked at."""
        self._was_at: events.Key | None = None

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            self._waiting.append(event)
            await self.next_key()
        else:
            await super().on_event(event)

    async def next_key(self) -> None:
        """Hand on the next one, where there is one, and everything is there that it could be meant for."""
        if self._at is None and self._waiting and self._all_is_there:
            self._at = key = self._waiting.popleft()
            way = [*(self.focused or self.screen).ancestors_with_self]
            await super().on_event(key)
            # Twice: an action is run at the end of the way, and what it says begins at the start again.
            await self._follow(key, way * 2)

    @property
    def _all_is_there(self) -> bool:
        there = not isinstance(self.screen, Drawn) or self.screen.ready
        return there and all(entry.ready for entry in self.screen.query(Entry))

    async def _follow(self, key: events.Key, way: Sequence[DOMNode]) -> None:
        """Each that the key passes is asked once it is through with it; one that has gone is passed over."""
        for at, node in enumerate(way):
            if node.call_later(self._follow, key, way[at + 1 :]):
                return
        if not way and self._at is key:  # else nobody is there any more, and the program ends
            self._at = None
            await self.next_key()

    async def give_up(self) -> None:
        """Called now and then: a key that was looked at the last time, too, was lost on its way."""
        if self._at is not None and self._at is self._was_at:
            self._at = None
            await self.next_key()
        self._was_at = self._at
