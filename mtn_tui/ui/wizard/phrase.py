"""The field for the phrase of step 6."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from mtn_tui.ui.widgets.field import TextField
from mtn_tui.ui.wizard.page import Page


class PhraseField(TextField):
    """Keeps the focus while its keys that are no letters scroll the page above: all of it can be read."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "read(-1)", show=False),
        Binding("down", "read(1)", show=False),
        Binding("pageup", "read_page(-1)", show=False),
        Binding("pagedown", "read_page(1)", show=False),
    ]

    def __init__(self, page: Page) -> None:
        super().__init__(id="phrase")
        self._page = page

    def action_read(self, by: int) -> None:
        """Scroll the page by so many lines."""
        self._page.scroll_lines(by)

    def action_read_page(self, by: int) -> None:
        """Scroll the page by so many screenfuls, less a line each."""
        self._page.page(by)
