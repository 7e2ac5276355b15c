"""``d``: how many rows each table has now, and had at the chosen moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual.widget import Widget

from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.restore.lost_rows import RowsNow, TableRows
from mtn_tui.ui.data.points import both_clocks, made_of, told_apart
from mtn_tui.ui.host import DIFFERENCE
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.text.cells import Span, fit, wrapped
from mtn_tui.ui.widgets.lines import StyledLine, Text

_COUNT = 12
"""Cells of a column of figures."""


class Difference(Framed):
    """The tables of a backup beside those of the live database, which are counted meanwhile."""

    where = DIFFERENCE

    def __init__(self, backup: Backup, count: Callable[[], RowsNow | None]) -> None:
        """``count`` may take some seconds; it returns None where production does not answer."""
        super().__init__()
        self._backup = backup
        self._count = count
        self._found: RowsNow | None = None
        self._counted = False

    def body(self) -> Iterable[Widget]:
        """One text, which scrolls."""
        yield Text(id="text")

    def opened(self) -> None:
        """Begin to count."""
        self.set_focus(self.query_one(Text))
        self.host.run_in_background(self._count, self._came)
        self.draw()

    def _came(self, found: RowsNow | None) -> None:
        self._found, self._counted = found, True
        self.host.draw()

    def draw(self) -> None:
        """Write what is known so far."""
        width = self.app.size.width - 2
        title = _("What has changed since {moment}, by table").format(moment=both_clocks(self._backup.moment))
        said: list[Span] = [(title, "strong")]
        said += [(f"{made_of(self._backup)}, {told_apart(self._backup)}", "dim"), ("", "")]
        said += self._tables(width)
        lines: list[StyledLine] = []
        for text, tone in said:
            lines += [[(" ", ""), (line, tone)] for line in wrapped(text, width)]
        self.query_one(Text).show(lines)
        self.draw_frame()

    def _tables(self, width: int) -> list[Span]:
        database = self.host.context.settings.db_name
        if not self._counted:
            return [(_("Counting the rows of {database} …").format(database=database), "dim")]
        if self._backup.manifest is None:
            return [(_("A backup of the scripts has no row counts: nothing can be compared."), "warn")]
        if self._found is None:
            text = _("What is in {database} now can't be counted.").format(database=database)
            return [("✖ " + text, "bad")]
        other = [*self._found.different, *(one for one in self._found.tables if one.now is None)]
        said: list[Span] = []
        if other:
            said.append((_row([_("Table"), _("Then"), _("Now"), _("Difference")], width), "dim"))
            said += [(_row(_cells(one), width), _tone(one)) for one in other]
            said.append(("", ""))
        same = len(self._found.tables) - len(other)
        text = ngettext(
            "{count} table has as many rows as then.", "{count} tables have as many rows as then.", same
        )
        said.append((text.format(count=same), "dim"))
        if any(not one.exact for one in other):
            said.append((_("≈ is an estimate of the server: the table is large."), "dim"))
        said.append((_("Difference: the rows that are new since, less those that are gone."), "dim"))
        said.append((_("Changed rows do not show here if their number is the same."), "dim"))
        return said


def _cells(one: TableRows) -> list[str]:
    then = f"{Figure(one.then):,}"
    if one.now is None:
        return [one.table, then, "—", "—"]
    about = "" if one.exact else "≈"
    return [one.table, then, f"{about}{Figure(one.now):,}", f"{about}{Figure(one.now - one.then):+,}"]


def _tone(one: TableRows) -> str:
    return "warn" if one.now is None or one.now < one.then else ""


def _row(cells: list[str], width: int) -> str:
    table, *figures = cells
    room = max(width - len(figures) * (_COUNT + 1), 8)
    return " ".join([fit(table, room), *(fit(one, _COUNT, right=True) for one in figures)])
