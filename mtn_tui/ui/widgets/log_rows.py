"""The list of the logs: only a part of them is in memory."""

from __future__ import annotations

from textual.message import Message

from mtn_tui.ui.widgets.lines import VirtualList


class LogRows(VirtualList):
    """The rows of the lines in memory."""

    class End(Message):
        """The end of the logs was asked for, which may not be in memory."""

    def action_last(self) -> None:
        """Go to the last row in memory, and ask for the end of the logs."""
        super().action_last()
        self.post_message(self.End())
