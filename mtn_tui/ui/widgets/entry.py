"""A line to type into."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.widgets import Input

if TYPE_CHECKING:
    from mtn_tui.ui.keys import InTurn


class Entry(Input):
    """Has the focus as soon as it is there: what is typed after the key that opens it goes into it."""

    ready = False

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(value, placeholder=placeholder, id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False

    def on_mount(self) -> None:
        self.screen.set_focus(self)
        self.ready = True
        self.app.call_later(cast("InTurn", self.app).next_key)
