"""Asks who signs the morning off, then for a note."""

from __future__ import annotations

from typing import cast

from textual import on
from textual.widgets import Input

from mtn_tui.core.i18n import _
from mtn_tui.operations.health.picture import Picture
from mtn_tui.ui.host import Host
from mtn_tui.ui.screens.prompt import TextPrompt


class NamePrompt(TextPrompt):
    """Dismissed with the name of whoever signs; offers the operator's."""

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self._picture = picture

    def filled(self) -> str:
        """The operator."""
        return cast("Host", self.app).context.operator

    def draw(self) -> None:
        """Name what is not well, of both groups: that is signed too."""
        amiss = [one.check.title() for one in self._picture.morning if not one.well]
        others = [one.check.title() for one in self._picture.others if one.known and not one.well]
        said = [(_("Not ok: {checks}").format(checks=", ".join(amiss)), "warn")] if amiss else []
        if others:
            said.append(
                (_("Not ok of what is also watched: {checks}").format(checks=", ".join(others)), "warn")
            )
        how = _("your name; [enter] goes on, [esc] goes back")
        self.say(_("Sign this morning's checklist off?"), said, how)

    @on(Input.Submitted)
    def _given(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value.strip())


class NotePrompt(TextPrompt):
    """Dismissed with the note, which may be empty."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._operator = name

    def draw(self) -> None:
        """Say who signs."""
        how = _("a note, or nothing; [enter] signs, [esc] goes back")
        self.say(_("{name} signs off. A note?").format(name=self._operator), [], how)

    @on(Input.Submitted)
    def _given(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())
