"""What the small screens with one field have in common: words above it, and below what its keys do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from mtn_tui.ui.cells import Piece, wrapped
from mtn_tui.ui.screens.drawn import Drawn
from mtn_tui.ui.widgets.entry import Entry
from mtn_tui.ui.widgets.lines import Line, Lines

_WIDEST = 70


class Field(ModalScreen[str | None], Drawn[str | None]):
    """Dismissed with what was typed, or with nothing. ``draw`` says what it is about, by ``say``."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+c", "dismiss", show=False)]

    def filled(self) -> str:
        """What stands in the field at first."""
        return ""

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Lines(id="said")
            yield Entry(self.filled())
            yield Lines(id="how")

    def say(self, title: str, paragraphs: Iterable[Piece], how: str) -> None:
        room = min(_WIDEST, self.app.size.width - 4) - 4
        lines: list[Line] = [[(line, "strong")] for line in wrapped(title, room)]
        for text, tone in paragraphs:
            lines += [[]] + [[(line, tone)] for line in wrapped(text, room)]
        lines.append([])
        shown = self.lines("said")
        shown.styles.height = len(lines)
        shown.show(lines)
        self.lines("how").show([[(how, "dim")]])
