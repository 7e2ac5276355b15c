"""A screen that draws itself: once its widgets are there, and again whenever its size has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from textual.await_complete import AwaitComplete
from textual.screen import Screen

from mtn_tui.ui.widgets.lines import Lines

if TYPE_CHECKING:
    from mtn_tui.ui.keys import InTurn

R = TypeVar("R")


class Drawn(Screen[R]):
    ready = False
    """Whether its widgets are there: a screen that is opened while the program ends is never filled."""

    def opened(self) -> None:
        """Its widgets are there."""
        self.draw()

    def draw(self) -> None:
        """Say anew all that is to be seen; what is the same as before costs nothing."""
        raise NotImplementedError

    def lines(self, name: str) -> Lines:
        return self.query_one(f"#{name}", Lines)

    def dismiss(self, result: R | None = None) -> AwaitComplete:
        """Leave it, once: of two keys that arrive together, the second still finds what it was pressed on."""
        if self.app.screen is not self:
            return AwaitComplete()
        return super().dismiss(result)

    def on_mount(self) -> None:
        self.ready = bool(self.children) and all(box.children for box in self.query("Vertical, Horizontal"))
        if self.ready:
            self.opened()
            self.app.call_later(cast("InTurn", self.app).next_key)

    def on_resize(self) -> None:
        if self.ready:
            self.draw()
