"""The list of the logs: only a part of them is in memory."""

from __future__ import annotations

from textual.message import Message
from textual.reactive import reactive

from mtn_tui.core.i18n import _
from mtn_tui.ui.widgets.lines import VirtualList


class LogRows(VirtualList):
    """The rows of the lines in memory."""

    may_go_on: reactive[bool] = reactive(False)
    """Whether there may be lines after the last row: it is not followed, or not all of them are in memory."""

    class Beyond(Message):
        """The row after the last one was asked for."""

    class End(Message):
        """The end of the logs was asked for, which may not be in memory."""

    def action_last(self) -> None:
        """Go to the last row in memory, and ask for the end of the logs."""
        super().action_last()
        self.post_message(self.End())

    def _move_to(self, index: int) -> None:
        if self._keys and index >= len(self._keys):
            self.post_message(self.Beyond())
        super()._move_to(index)

    def _end(self) -> str:
        return _("— end of what was read; [↓] reads on —") if self.may_go_on else super()._end()
