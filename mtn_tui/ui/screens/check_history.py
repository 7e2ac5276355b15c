"""What one check has found, and what it was before."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget

from mtn_tui.operations.health import labels
from mtn_tui.operations.health.picture import Row
from mtn_tui.ui.host import HISTORY
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.text import health
from mtn_tui.ui.text.cells import wrapped
from mtn_tui.ui.widgets.lines import Text


class CheckHistory(Framed):
    """One check: all its findings, its first figure in time, and its last changes."""

    where = HISTORY

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._row = row

    def body(self) -> Iterable[Widget]:
        """One text, which scrolls."""
        yield Text(id="text")

    def draw(self) -> None:
        """Write the text for the present width, from what is known by now."""
        host, width = self.host, self.app.size.width
        self._row = (host.state.health and host.state.health.row(self._row.check.id)) or self._row
        now = host.context.clock.now()
        lines = health.history(self._row, now, width - 2, plain=host.ascii)
        signed = host.state.health.signed_now(now) if host.state.health else None
        if self._row.check.morning and signed:
            lines += [("", ""), *((line, "") for line in wrapped(labels.signed(signed), width - 2))]
        self.query_one("#text", Text).show([[(" ", ""), line] for line in lines])
        self.draw_frame()
