"""``?``: what can be done here, everywhere, and on the other screens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.cells import cell_len
from textual.widget import Widget

from mtn_tui.core.i18n import _
from mtn_tui.ui import actions
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.text.cells import Span, fit, wrapped
from mtn_tui.ui.widgets.lines import StyledLine, Text

_KEYS = 15


class Help(Framed):
    BINDINGS: ClassVar = actions.bindings([actions.HELP])
    where = actions.HELP

    def __init__(self, of: str) -> None:
        super().__init__()
        self._of = of

    def body(self) -> Iterable[Widget]:
        yield Text(id="text")

    def draw(self) -> None:
        self.query_one("#text", Text).show(self._lines(self.app.size.width))
        self.draw_frame()

    def do_help(self) -> None:
        """It is here already."""

    def _lines(self, width: int) -> list[StyledLine]:
        every = actions.actions()
        here = [one for one in every if self._of in one.screens]
        general = [one for one in every if not one.screens]
        others = [one for one in every if one.screens and self._of not in one.screens]
        lines: list[StyledLine] = []
        for title, chosen in (
            (_("On this screen"), here),
            (_("Everywhere"), general),
            (_("On other screens"), others),
        ):
            if chosen:
                lines += [[(f" {title}", "strong")], *_told(chosen, width), []]
        more = _("Each can also be called by its name: type : and begin to write it.")
        lists = _("Arrows, page up and down, home and end move in lists and texts.")
        return lines + [[(f" {line}", "dim")] for text in (more, lists) for line in wrapped(text, width - 2)]


def _told(chosen: list[actions.Action], width: int) -> list[list[Span]]:
    label = max(cell_len(one.label) for one in actions.actions())
    lines = []
    for one in chosen:
        keys = " ".join(actions.shown_key(key) for key in one.keys)
        start: list[Span] = [(" " + fit(keys, _KEYS), "strong"), (fit(one.label.lower(), label) + " ", "")]
        for line in wrapped(one.help, width - _KEYS - label - 3):
            lines.append([*start, (line, "dim")])
            start = [(" " * (_KEYS + label + 2), "")]
    return lines
