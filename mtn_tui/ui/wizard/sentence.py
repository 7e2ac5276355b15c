"""A dialog that asks for a sentence: a note, or a reason."""

from __future__ import annotations

from textual import on
from textual.widgets import Input

from mtn_tui.core.i18n import _
from mtn_tui.ui.screens.prompt import TextPrompt


class SentencePrompt(TextPrompt):
    """Dismissed with what was typed; enter does nothing while the field is empty."""

    def __init__(self, title: str, said: str = "") -> None:
        super().__init__()
        self._title = title
        self._said = said

    @on(Input.Submitted)
    def _given(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value.strip())

    def draw(self) -> None:
        """Show the title, and what becomes of the sentence."""
        said = [(self._said, "")] if self._said else []
        self.say(self._title, said, _("[enter] keeps it, [esc] goes back"))
