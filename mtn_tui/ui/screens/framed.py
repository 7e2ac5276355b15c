"""A screen in the frame: header and tabs above, job bar and footer below."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Input

from mtn_tui.core.i18n import _
from mtn_tui.ui.actions import AnyAction, bindings, in_order, shown_key
from mtn_tui.ui.host import Host
from mtn_tui.ui.screens import frame
from mtn_tui.ui.screens.base_screen import BaseScreen
from mtn_tui.ui.widgets.lines import LineView

_HIGH = 36
"""Lines of a terminal that has more room beneath its lists."""

_NEEDED = 12
"""Lines of the frame, of what surrounds a list, of three rows, and of the one that counts what is below."""


class Framed(BaseScreen[None]):
    """A subclass gives its ``where``, its ``body``, and its own actions, whose keys are bound on it."""

    where: ClassVar[str]
    """Its name, as ``Host.show`` takes it."""
    not_in_footer: ClassVar[tuple[str, ...]] = ()
    """Actions that there is no room for in the footer."""

    def __init_subclass__(cls) -> None:
        cls.BINDINGS = bindings(cls.own_actions())
        super().__init_subclass__()

    @classmethod
    def own_actions(cls) -> tuple[AnyAction, ...]:
        """The actions of this screen only."""
        return ()

    @property
    def actions(self) -> tuple[AnyAction, ...]:
        """All that can be done here."""
        return in_order(self.own_actions(), self.host)

    @property
    def tab(self) -> str:
        """The tab that it belongs to: its own, else that of the screen that the operator came from."""
        stack = self.app.screen_stack
        below = stack[: stack.index(self) + 1] if self in stack else stack
        names = (one.where for one in reversed(below) if isinstance(one, Framed))
        return next((name for name in names if name in frame.TABS), self.where)

    @property
    def host(self) -> Host:
        """The app, as far as screens need it."""
        return cast("Host", self.app)

    @property
    def field_keys(self) -> tuple[tuple[str, str], ...]:
        """Keys of a focused field and what each does; it takes all others as letters."""
        return (("enter", _("keep")), ("escape", _("end")))

    def back(self) -> None:
        """Leave the screen, unless it is the first one."""
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    def compose(self) -> ComposeResult:
        """Header, tabs and a rule, the body, job bar and footer."""
        yield LineView(id="header")
        yield LineView(id="tabs")
        yield LineView(id="top-rule")
        yield from self.body()
        yield LineView(id="job-bar")
        yield LineView(id="footer")

    def body(self) -> Iterable[Widget]:
        """The widgets between the tabs and the job bar."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw the frame; subclasses draw their body as well."""
        self.draw_frame()

    def draw_frame(self) -> None:
        """Draw header, tabs, job bar and footer."""
        host, width = self.host, self.app.size.width
        self.lines("header").show([frame.header(host, width)])
        self.lines("tabs").show([frame.tabs(self.tab, width)])
        self.lines("top-rule").show([frame.rule(width)])
        self.lines("job-bar").show([frame.job_bar(host, self.where, width)])
        self.draw_footer()

    @property
    def is_open(self) -> bool:
        """Whether it is shown, or beneath what is shown."""
        return self in self.app.screen_stack

    @property
    def is_covered(self) -> bool:
        """Whether a dialog is open above it: then the keys are the dialog's, and its own are not shown."""
        return self.is_open and self.app.screen is not self

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def draw_footer(self) -> None:
        """Draw the footer: the keys of the focused field, or those of the screen."""
        if not self.ready:
            return
        self.lines("footer").show([[] if self.is_covered else frame.footer(self, self.app.size.width)])

    def draw_keys(self) -> None:
        """Draw all that tells what keys do; subclasses draw their own lines of it as well."""
        self.draw_footer()

    def on_screen_suspend(self) -> None:
        """Take the keys away that are not taken while another screen is in front."""
        if self.ready:
            self.draw_keys()

    @property
    def below(self) -> int:
        """Lines beneath a list, for details of the chosen row."""
        height = self.app.size.height
        return 14 if height >= _HIGH else min(7, max(height - _NEEDED, 1))

    def on_key(self, event: events.Key) -> None:
        """Say of a key that nothing has taken that it does nothing: it may have been meant for something."""
        if not isinstance(self.focused, Input) and event.key not in self.active_bindings:
            key = event.character or event.key if event.is_printable else event.key
            self.host.show_status(self.does_nothing(key), "warn")

    def on_paste(self) -> None:
        """Say that a text that no field has taken was dropped: its letters are not keys."""
        self.host.show_status(_("Nothing here takes pasted text; it was dropped."), "warn")

    def does_nothing(self, key: str) -> str:
        """What is said of a key that nothing has taken."""
        return _("{key} does nothing here; [?] shows what does.").format(key=shown_key(key))

    def on_screen_resume(self) -> None:
        """Draw what has changed while another screen was in front."""
        if self.ready:
            self.draw()
