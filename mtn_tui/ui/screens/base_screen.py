"""A screen that draws itself: once its widgets are mounted, and whenever its size changes."""

from __future__ import annotations

from typing import Any, TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import Screen

from mtn_tui.ui.terminal.ready import now_ready
from mtn_tui.ui.widgets.lines import LineView

R = TypeVar("R")


def draw_ready(*screens: Screen[Any]) -> None:
    """Draw each of these that draws itself and whose widgets are mounted, once."""
    for one in dict.fromkeys(screens):
        if isinstance(one, BaseScreen) and one.ready:
            one.draw()


class BaseScreen(Screen[R]):
    """Calls ``opened`` once its widgets are mounted; from then on ``draw`` may be called at any time."""

    ready = False
    """Whether its widgets are mounted: those of a screen that is opened while the program ends never are."""

    def opened(self) -> None:
        """Called once the widgets are mounted."""
        self.draw()

    def draw(self) -> None:
        """Show the present state in every widget; lines that have not changed cost nothing."""
        raise NotImplementedError

    def lines(self, name: str) -> LineView:
        """The line view with this id."""
        return self.query_one(f"#{name}", LineView)

    def dismiss(self, result: R | None = None) -> AwaitComplete:
        """Close the screen, once: the second of two keys that arrive together does nothing."""
        if self.app.screen is not self:
            return AwaitComplete()
        return super().dismiss(result)

    def on_mount(self) -> None:
        """Call ``opened``, and let keys through, unless the program ends and nothing was mounted."""
        self.ready = bool(self.children) and all(box.children for box in self.query("Vertical, Horizontal"))
        if self.ready:
            self.opened()
            now_ready(self)

    def on_resize(self) -> None:
        """Draw for the new size."""
        if self.ready:
            self.draw()
