"""A line to type into."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from mtn_tui.ui.terminal.ready import now_ready


class TextField(Input):
    """Takes the focus as soon as it is mounted, so that keys typed after the one that opens it go into it."""

    ready = False

    def __init__(
        self, value: str = "", *, placeholder: str = "", id: str | None = None, offered: bool = False
    ) -> None:
        """``offered``: the value is a proposal, which what is typed replaces."""
        self._offered = offered
        super().__init__(value, placeholder=placeholder, id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False

    def on_paste(self, event: events.Paste) -> None:
        """Make one line of a pasted text, which Textual takes next: of several it would keep the first."""
        event.text = " ".join(filter(None, (line.strip() for line in event.text.splitlines())))

    def on_mount(self) -> None:
        """Take the focus, then let waiting keys through."""
        self.screen.set_focus(self)
        if self._offered:
            self.action_select_all()
        self.ready = True
        now_ready(self)
