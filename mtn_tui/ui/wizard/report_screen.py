"""``i``: all that has happened in the incident, as its report has it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import ClassVar

from textual.widget import Widget

from mtn_tui.operations.incident_report import report
from mtn_tui.ui import actions
from mtn_tui.ui.cells import wrapped
from mtn_tui.ui.screens.base import Framed
from mtn_tui.ui.widgets.lines import Line, Text


class IncidentReport(Framed):
    BINDINGS: ClassVar = actions.bindings([actions.INCIDENT])
    where = actions.INCIDENT

    def body(self) -> Iterable[Widget]:
        yield Text(id="text")

    def draw(self) -> None:
        desk, context = self.mtn.desk, self.mtn.context
        lines: list[Line] = []
        incident = desk.incident or (desk.past[0] if desk.past else None)
        if incident is not None:
            target = timedelta(hours=context.settings.target_rto_hours)
            for told in report(incident, context.clock.now(), target).splitlines():
                tone = "strong" if told.startswith("#") else ""
                lines += [[(" ", ""), (line, tone)] for line in wrapped(told, self.app.size.width - 2)]
        self.query_one("#text", Text).show(lines)
        self.draw_frame()
