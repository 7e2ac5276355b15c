"""``i``: the incident's report, as it stands by now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import groupby

from rich.cells import cell_len
from textual.widget import Widget

from mtn_tui.operations.incident.report import report
from mtn_tui.ui.host import INCIDENT
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.text.cells import fit, wrapped
from mtn_tui.ui.widgets.lines import StyledLine, Text
from mtn_tui.ui.wizard.session import IncidentSession

_ESCAPED = re.compile(r"\\([\\`*_{}\[\]<>#|~])")


class IncidentReport(Framed):
    """The report of the incident, or of the last one."""

    where = INCIDENT

    def __init__(self, session: IncidentSession) -> None:
        super().__init__()
        self._session = session

    def body(self) -> Iterable[Widget]:
        """One text, which scrolls."""
        yield Text(id="text")

    def draw(self) -> None:
        """Write the report as of now; empty if there was no incident yet."""
        session, context = self._session, self.host.context
        lines: list[StyledLine] = []
        incident = session.incident or (session.past[0] if session.past else None)
        if incident is not None:
            target = timedelta(hours=context.settings.target_rto_hours)
            for told in _read(report(incident, context.clock.now(), target)):
                text = told.lstrip("#").removeprefix(" ")
                tone = "strong" if text != told else ""
                lines += [[(" ", ""), (line, tone)] for line in wrapped(text, self.app.size.width - 2)]
        self.query_one("#text", Text).show(lines)
        self.draw_frame()


def _read(markdown: str) -> Iterator[str]:
    """The lines of a report for a screen: tables in columns, without escapes."""
    for in_table, lines in groupby(markdown.splitlines(), lambda line: line.startswith("| ")):
        if not in_table:
            yield from (_plain(line) for line in lines)
            continue
        rows = [[_plain(cell) for cell in line[2:-2].split(" | ")] for line in lines]
        rows = [row for row in rows if set(row) != {"---"}]
        widths = [
            max(cell_len(row[index]) for row in rows if index < len(row)) for index in range(len(rows[0]))
        ]
        for row in rows:
            *cells, last = row
            yield "  ".join([*(fit(cell, width) for cell, width in zip(cells, widths, strict=False)), last])


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
