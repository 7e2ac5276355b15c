"""A dialog with one field, a text above it, and below it what its keys do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from mtn_tui.ui.screens import dialog
from mtn_tui.ui.screens.base_screen import BaseScreen
from mtn_tui.ui.text.cells import Span, wrapped
from mtn_tui.ui.widgets.field import TextField
from mtn_tui.ui.widgets.lines import LineView, StyledLine, paging_keys

_AROUND = 6
"""Lines of a dialog around what it says."""


class TextPrompt(ModalScreen[str | None], BaseScreen[str | None]):
    """Dismissed with what was typed, or with None. ``draw`` of a subclass calls ``say``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "dismiss", show=False),
        Binding("up", "read(-1)", show=False, priority=True),
        Binding("down", "read(1)", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
    ]

    def filled(self) -> str:
        """The text in the field at first; what is typed replaces it."""
        return ""

    def compose(self) -> ComposeResult:
        """What is asked, the field, and what the keys do."""
        with Vertical(id="box"):
            yield LineView(id="said")
            yield TextField(self.filled(), offered=True)
            yield LineView(id="how")

    def say(self, title: str, paragraphs: Iterable[Span], how: str) -> None:
        """Show what is asked, and what the keys do."""
        said = list(paragraphs)
        room = dialog.room(self, [title, *(text for text, _tone in said)])
        lines: list[StyledLine] = [[(line, "strong")] for line in wrapped(title, room)]
        for text, tone in said:
            lines += [[]] + [[(line, tone)] for line in wrapped(text, room)]
        lines.append([])
        shown = self.lines("said")
        shown.styles.height = min(len(lines), max(self.app.size.height - _AROUND, 1))
        shown.scrolled_by = paging_keys()
        shown.show(lines)
        self.lines("how").show([[(how, "dim")]])

    def action_read(self, by: int) -> None:
        """Read on by so many lines, or back."""
        self.lines("said").scroll_lines(by)

    def action_page(self, by: int) -> None:
        """Read on where not all that is said has room, or back."""
        self.lines("said").page(by)
