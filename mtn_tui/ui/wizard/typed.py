"""A small screen that asks for a sentence: a note, or a reason."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from mtn_tui.core.i18n import _
from mtn_tui.ui.cells import wrapped
from mtn_tui.ui.widgets.lines import Line, Lines


class Typed(ModalScreen[str | None]):
    """Dismissed with what was typed; enter does nothing while that is nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+c", "dismiss", show=False)]

    def __init__(self, title: str, said: str = "") -> None:
        super().__init__()
        self._title = title
        self._said = said

    def compose(self) -> ComposeResult:
        field = Input(id="typed", compact=True)
        field.cursor_blink = False
        with Vertical(id="box"):
            yield Lines(id="said")
            yield field
            yield Lines(id="how")

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    @on(Input.Submitted)
    def _given(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value.strip())

    def _draw(self) -> None:
        room = min(70, self.app.size.width - 4) - 4
        lines: list[Line] = [[(line, "strong")] for line in wrapped(self._title, room)]
        if self._said:
            lines += [[]] + [[(line, "")] for line in wrapped(self._said, room)]
        lines.append([])
        shown = self.query_one("#said", Lines)
        shown.styles.height = len(lines)
        shown.show(lines)
        self.query_one("#how", Lines).show([[(_("enter keeps it, esc goes back"), "dim")]])
