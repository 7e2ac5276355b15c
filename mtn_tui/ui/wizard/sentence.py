"""A dialog that asks for a sentence: a note, or a reason."""

from __future__ import annotations

from textual import on
from textual.widgets import Input

from mtn_tui.core.i18n import _
from mtn_tui.ui.screens.prompt import TextPrompt


class SentencePrompt(TextPrompt):
    """Dismissed with what was typed; enter keeps nothing while the field is empty."""

    def __init__(self, title: str, said: str = "") -> None:
        super().__init__()
        self._title = title
        self._said = said
        self._is_empty = False

    @on(Input.Submitted)
    def _given(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value.strip())
        else:
            self._is_empty = True
            self.draw()

    def draw(self) -> None:
        """Show the title, and what becomes of the sentence; once enter was pressed, that there is none."""
        said = [(self._said, "")] if self._said else []
        if self._is_empty:
            said.append((_("Type a few words first."), "warn"))
        self.say(self._title, said, _("[enter] keeps it, [esc] goes back"))
