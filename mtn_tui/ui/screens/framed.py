"""The frame around every screen: header and tabs above, job bar and footer below."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from textual import events, on
from textual.app import ComposeResult
from textual.widget import Widget

from mtn_tui.core.i18n import _
from mtn_tui.engine.jobview import JobView
from mtn_tui.engine.logs.stream import Line as LogLine
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.ui.screens import frame
from mtn_tui.ui.screens.base_screen import BaseScreen
from mtn_tui.ui.widgets.lines import LineView, Text

if TYPE_CHECKING:
    from mtn_tui.ui.app import MtnApp


_HIGH = 36

_NEEDED = 11
"""Lines of the frame, of what stands around a list, and of three of its rows."""


class Framed(BaseScreen[None]):
    where = ""
    """Its name among the actions."""

    @property
    def mtn(self) -> MtnApp:
        return cast("MtnApp", self.app)

    @property
    def backup(self) -> Backup | None:
        """The backup that actions are about."""
        return None

    @property
    def job(self) -> JobView | None:
        return None

    @property
    def log_line(self) -> LogLine | None:
        return None

    @property
    def field_keys(self) -> tuple[tuple[str, str], ...]:
        """What a field on this screen makes of keys, while it takes all others as letters."""
        return (("enter", _("keep")), ("esc", _("end")))

    def compose(self) -> ComposeResult:
        yield LineView(id="header")
        yield LineView(id="tabs")
        yield LineView(id="top-rule")
        yield from self.body()
        yield LineView(id="job-bar")
        yield LineView(id="footer")

    def body(self) -> Iterable[Widget]:
        raise NotImplementedError

    def draw(self) -> None:
        self.draw_frame()

    def draw_frame(self) -> None:
        app, width = self.mtn, self.app.size.width
        self.lines("header").show([frame.header(app, width)])
        self.lines("tabs").show([frame.tabs(self.where, width)])
        self.lines("top-rule").show([frame.rule(width)])
        self.lines("job-bar").show([frame.job_bar(app, width)])
        self.draw_footer()

    @on(Text.Scrolled)
    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def draw_footer(self) -> None:
        if not self.ready:
            return
        goes_on = any(text.goes_on for text in self.query(Text))
        self.lines("footer").show([frame.footer(self.mtn, self.where, self.app.size.width, goes_on=goes_on)])

    @property
    def below(self) -> int:
        """Lines beneath a list, for what there is to say of the chosen row."""
        height = self.app.size.height
        return 14 if height >= _HIGH else min(7, max(height - _NEEDED, 1))

    def on_screen_resume(self) -> None:
        if self.ready:
            self.draw()
