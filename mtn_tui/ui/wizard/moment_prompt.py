"""Asks for a moment, and shows how what is typed is understood."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from textual import on
from textual.widgets import Input

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.moments import with_offset
from mtn_tui.core.typed_moment import RepeatedHour, read_typed
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.ui.data.points import both_clocks, made_of
from mtn_tui.ui.host import Host
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.screens.prompt import TextPrompt
from mtn_tui.ui.text.cells import Span


class MomentPrompt(TextPrompt):
    """Dismissed with a moment in ISO 8601. Of an hour that came twice it asks which."""

    _read: datetime | UsageError | None = None
    """The moment that was typed, or why it is none."""
    _tried = False
    """Whether enter was pressed on it."""

    def __init__(self, chosen: Backup | None) -> None:
        """``chosen`` is the point that another moment is asked for in place of."""
        super().__init__()
        self._chosen_now = chosen

    @property
    def host(self) -> Host:
        """The app, as far as screens need it."""
        return cast("Host", self.app)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._tried = False
        try:
            self._read = read_typed(event.value, self.host.context.clock.now()) if event.value else None
        except UsageError as error:
            self._read = error
        self.draw()

    @on(Input.Submitted)
    def _given(self) -> None:
        self._tried = True
        if isinstance(self._read, datetime):
            self.dismiss(self._read.isoformat())
        elif isinstance(self._read, RepeatedHour):
            answers = [Answer(with_offset(moment), moment.isoformat()) for moment in self._read.moments]
            self.host.open_screen(Ask(self._read.title, [], answers), self._chosen)
        else:
            self.draw()

    def _chosen(self, moment: str | None) -> None:
        if moment is not None:
            self.dismiss(moment)

    def draw(self) -> None:
        """Show what may be typed, and how it is understood; once enter was pressed, why it is not."""
        said: list[Span] = []
        if (now := self._chosen_now) is not None:
            text = _("Chosen now: {moment}, {made_of}.")
            said.append((text.format(moment=both_clocks(now.moment), made_of=made_of(now)), ""))
        text = _(
            "Another moment, written like 14:30, yesterday 14:30, 2025-10-03 14:30 or 2h ago, leads to the "
            "last point that is not after it."
        )
        said.append((text, ""))
        if isinstance(self._read, datetime):
            said.append((both_clocks(self._read), "good"))
        elif isinstance(self._read, RepeatedHour):
            said.append((self._read.title, "warn"))
        elif self._read is not None and self._tried:
            said.append((f"✖ {self._read.title} {self._read.hint}", "bad"))
        self.say(_("To which moment instead?"), said, _("[enter] takes it, [esc] goes back"))
