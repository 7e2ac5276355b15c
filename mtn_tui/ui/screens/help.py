"""``?``: what can be done here, everywhere, and on the other screens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.cells import cell_len
from textual.widget import Widget

from mtn_tui.core.i18n import _
from mtn_tui.ui import actions
from mtn_tui.ui.actions import AnyAction
from mtn_tui.ui.host import HELP
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.text.cells import Span, fit, wrapped
from mtn_tui.ui.widgets.lines import StyledLine, Text

_KEYS = 18


class Help(Framed):
    """All actions, those of the screen that it was opened on first."""

    where = HELP
    not_in_footer = ("help", "jobs")

    def __init__(
        self, here: Callable[[], Sequence[AnyAction]], every: Callable[[], Sequence[AnyAction]]
    ) -> None:
        """``here`` lists the actions of the screen below, ``every`` those of all screens."""
        super().__init__()
        self._here = here
        self._every = every

    def body(self) -> Iterable[Widget]:
        """One text, which scrolls."""
        yield Text(id="text")

    def draw(self) -> None:
        """Write the text for the present width."""
        self.query_one("#text", Text).show(self._lines(self.app.size.width))
        self.draw_frame()

    def _lines(self, width: int) -> list[StyledLine]:
        every, here, general = self._every(), self._here(), actions.general(self.host)
        known = {one.id for one in (*here, *general)}
        others = [one for one in every if one.id not in known]
        label = max(cell_len(one.label) for one in every)
        lines: list[StyledLine] = []
        for title, chosen in (
            (_("On this screen"), here),
            (_("Everywhere"), general),
            (_("On other screens"), others),
        ):
            if chosen:
                lines += [[(f" {title}", "strong")], *_told(chosen, width, label), []]
        more = _("Each can also be called by its name: type [:] and begin to write it.")
        lists = _("Arrows, page up and down, home and end move in lists and texts.")
        sections = _("§4.1 is section 4.1 of the runbook.")
        return lines + [
            [(f" {line}", "dim")] for text in (more, lists, sections) for line in wrapped(text, width - 2)
        ]


def _told(chosen: Iterable[AnyAction], width: int, label: int) -> list[list[Span]]:
    """``label`` is the width of the longest label."""
    lines = []
    for one in chosen:
        keys = " ".join(actions.shown_key(key) for key in one.keys)
        start: list[Span] = [(" " + fit(keys, _KEYS), "strong"), (fit(one.label.lower(), label) + " ", "")]
        for line in wrapped(one.help, width - _KEYS - label - 3):
            lines.append([*start, (line, "dim")])
            start = [(" " * (_KEYS + label + 2), "")]
    return lines
