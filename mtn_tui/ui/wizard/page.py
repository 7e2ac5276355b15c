"""The right side of the wizard: a page of text with choices, and a cursor over those."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region

from mtn_tui.core.i18n import _
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.postgres.their_words import split
from mtn_tui.ui.text.cells import beside, clipped, command_lines, fit, longest_word, wrapped
from mtn_tui.ui.widgets.lines import StyledLine, Text

_TONES = {Status.OK: "good", Status.WARN: "warn", Status.UNKNOWN: "warn"}
"""Every other status is bad."""

_THEIRS = 2
"""Lines of what a server said in its own words; ours, what to do and what else is wrong need the rest."""

NAMES = 15
"""Width of the names of facts, in cells."""


class PageBuilder:
    """Builds a page: each call adds lines that fit ``width``."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[StyledLine] = []
        self.keys: list[str] = []
        """The keys of the choices, in order."""
        self.at: list[int] = []
        """The line of each choice."""
        self.cut: list[str] = []
        """Words of the server that have no room here, whole."""
        self.points = 0
        """How many points of an axis the cursor moves along, in place of choices."""

    def title(self, text: str) -> None:
        """Add a heading."""
        self.say(text, "strong")
        self.gap()

    def say(self, text: str, tone: str = "") -> None:
        """Add a paragraph."""
        self.lines += [[(line, tone)] for line in wrapped(text, self.width)]

    def gap(self) -> None:
        """Add an empty line."""
        self.lines.append([])

    def code(self, line: str) -> None:
        """Add a command to be typed elsewhere; it keeps its indent, unless a word of it is to be broken.

        It goes on in another line after a backslash, so that both are pasted as one.
        """
        indent = " " * (len(line) - len(line.lstrip()))
        if longest_word([line]) > self.width - len(indent):
            indent = ""
        for part in command_lines(line.lstrip(), self.width - len(indent)):
            self.lines.append([(indent + part, "strong")])

    def item(self, glyph: str, text: str, tone: str = "", *, hint: str = "") -> None:
        """Add a paragraph beside a glyph. Of what the server said in it two lines are shown at most."""
        room = self.width - 2
        head = glyph + " "
        ours, theirs = split(text)
        for line in [*wrapped(ours, room), *(self._their_words(theirs, room) if theirs else ())]:
            self.lines.append([(head, tone), (line, "" if tone == "good" else tone)])
            head = "  "
        if hint:
            told = [line for part in hint.split("\n") for line in wrapped(part, room)]
            self.lines += [[("  ", ""), (line, "dim")] for line in told]

    def _their_words(self, theirs: str, room: int) -> list[str]:
        first, *more = wrapped(theirs, room)
        if len(more) < _THEIRS:
            return [first, *more]
        self.cut.append(theirs)
        leads = " … " + _("[m] shows it whole")
        return [first, clipped(more[0], room - cell_len(leads)).rstrip(" …") + leads]

    def check(self, one: Check) -> None:
        """Add the result of a check."""
        self.item(one.status.glyph, one.says, _TONES.get(one.status, "bad"), hint=one.hint)

    def fact(self, name: str, value: str, tone: str = "") -> None:
        """Add a name and its value beside it."""
        for head, line in beside(name, value, NAMES + 1, self.width):
            self.lines.append([(head, "dim"), (line, tone)])

    def table(self, rows: Sequence[Sequence[str]], widths: Sequence[int], tone: str = "") -> None:
        """Add rows of cells of these widths."""
        for row in rows:
            cells = [fit(cell, width) for cell, width in zip(row, widths, strict=True)]
            self.lines.append([(fit(" ".join(cells), self.width), tone)])

    def choice(self, key: str, text: str, tone: str = "") -> None:
        """Add a line that the cursor can be on."""
        self.at.append(len(self.lines))
        self.keys.append(key)
        self.lines.append([(fit(" " + text, self.width), tone)])


class Page(Text):
    """Shows a built page. The arrows move the cursor if there are choices, else they scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "go(-1)", show=False),
        Binding("down", "go(1)", show=False),
        Binding("right", "step(-1)", show=False),
        Binding("left", "step(1)", show=False),
    ]

    def __init__(self, moved: Callable[[], None], *, id: str | None = None) -> None:
        """``moved`` is called at once when the cursor is on another choice: the next key is about that one,
        even if it has arrived together with the arrow."""
        super().__init__(id=id)
        self._moved = moved
        self._choices: list[int] = []
        self._points = 0
        self.cut: list[str] = []
        """What the server said that has no room on the page, whole."""
        self.index = 0

    def show_page(self, built: PageBuilder, index: int) -> None:
        """Show a page; the cursor is on the choice ``index``."""
        self._choices, self._points, self.index = built.at, built.points, index
        self.cut = list(dict.fromkeys(built.cut))
        self.show(built.lines)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the choice that was clicked."""
        line = self.scroll_offset.y + event.y
        if line in self._choices:
            self._choose(self._choices.index(line))

    def action_go(self, by: int) -> None:
        """Move the cursor by so many choices or points; beyond either end, or without any, scroll."""
        if self._points and 0 <= self.index + by < self._points:
            self.action_step(by)
            return
        wanted = max(0, min(self.index + by, len(self._choices) - 1))
        if not self._choices or wanted == self.index:
            # The cursor is at an end of the choices: scroll to what stands beyond it.
            self.scroll_lines(by)
        else:
            self._choose(wanted)

    def action_step(self, by: int) -> None:
        """Move along an axis by so many points, of which the first is the newest."""
        if 0 <= self.index + by < self._points:
            self.index += by
            self._moved()

    def _choose(self, wanted: int) -> None:
        for one in (self.index, wanted):
            self.refresh(Region(0, self._choices[one] - self.scroll_offset.y, self.size.width, 1))
        self.index = wanted
        self._keep_in_view()
        self._moved()

    def top(self) -> None:
        """Scroll to the first line."""
        self.scroll_to(y=0, animate=False)

    def _keep_in_view(self) -> None:
        line, top, height = self._choices[self.index], self.scroll_offset.y, self.rows_of_lines
        if height > 0 and not top <= line < top + height:
            self.scroll_to(y=line if line < top else line - height + 1, animate=False)

    def _chosen(self, index: int) -> bool:
        return self.index < len(self._choices) and self._choices[self.index] == index
