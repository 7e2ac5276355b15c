"""Views of lines, and a list with a cursor over any number of them.

Only visible lines are drawn, and only changed ones are sent: a list of thousands
costs no more than one of ten, and a screen that has not changed sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mtn_tui.core.i18n import Figure, _
from mtn_tui.ui.text.cells import Span, clipped, more_below

StyledLine = Sequence[Span]

_TONES: Mapping[str, tuple[str, Style]] = {
    "dim": ("quiet", Style()),
    "strong": ("", Style(bold=True)),
    "here": ("", Style(bold=True, underline=True)),
    "good": ("success", Style()),
    "warn": ("warning", Style()),
    "bad": ("error", Style(bold=True)),
}
"""The colour of the theme that each tone has, empty for that of the text, and what it has besides."""


_FOLDS = 4
"""Rows from which on one of them says how many lines are below."""


def paging_keys(*, arrows: bool = True) -> tuple[str, str]:
    """The keys that read on and back beside what has the focus; ``arrows``: whether up and down do too."""
    on, back = _("[PgDn]"), _("[PgUp]")
    return (f"[↓] {on}", f"[↑] {back}") if arrows else (on, back)


class LineView(ScrollView, can_focus=False):
    """Displays lines already fitted to the width. Where not all fit, the last row says how many are below."""

    scrolled_by: tuple[str, str] = ("", "")
    """The keys that read on and back, said where lines are below or above; empty where it has the focus."""

    ends = ""
    """What is said below the last line, where that is not simply the end."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._count = 0
        self._draw: Callable[[int], StyledLine] = lambda _index: []
        self._sent: dict[int, tuple[StyledLine, bool]] = {}
        """The line that was drawn last in each row of the widget, and whether the cursor was on it."""

    @property
    def allow_vertical_scroll(self) -> bool:
        """Whether there is more than fits; no scroll bar takes a column to show it."""
        return self.max_scroll_y > 0

    @property
    def rows_of_lines(self) -> int:
        """The rows that show lines."""
        height = self.size.height
        return height - self._folds(height)

    def show(self, lines: Sequence[StyledLine]) -> None:
        """Show these lines."""
        self.show_drawn(len(lines), lines.__getitem__)

    def show_drawn(self, count: int, draw: Callable[[int], StyledLine]) -> None:
        """Show ``count`` lines; ``draw`` makes the one of an index, whenever it is visible."""
        self._count, self._draw = count, draw
        self._resize(self.size)
        for y, sent in list(self._sent.items()):
            if self._at(y) != sent:
                self.refresh(Region(0, y, self.size.width, 1))

    def page(self, by: int) -> bool:
        """Scroll by so many pages, less a line each; false if all is visible."""
        if not self.max_scroll_y:
            return False
        rows = max(self.rows_of_lines - 1, 1)
        self.scroll_to(y=self.scroll_offset.y + by * rows, animate=False)
        return True

    def scroll_lines(self, by: int) -> None:
        """Scroll by so many lines."""
        self.scroll_to(y=self.scroll_offset.y + by, animate=False)

    def texts(self) -> list[str]:
        """Every line, as plain text."""
        return ["".join(text for text, _tone in self._draw(index)) for index in range(self._count)]

    def on_resize(self, event: events.Resize) -> None:
        """Fit the scrollable area to the new width."""
        self._resize(event.size)

    def notify_style_update(self) -> None:
        """Draw every line again: styles are read as lines are drawn."""
        super().notify_style_update()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Called by Textual for row ``y`` of the widget: draws the line that is scrolled there."""
        line, chosen = self._sent[y] = self._at(y)
        plain = self.rich_style
        over = self._under_cursor(plain) if chosen else None
        merged: list[tuple[str, str]] = []
        for text, tone in line:  # each change of style costs as many bytes as half a line
            if merged and merged[-1][1] == tone:
                merged[-1] = (merged[-1][0] + text, tone)
            else:
                merged.append((text, tone))
        segments = [Segment(text, over or self._style(tone, plain)) for text, tone in merged]
        return Strip(segments).adjust_cell_length(self.size.width, over or plain)

    def _style(self, tone: str, plain: Style) -> Style:
        """By the theme itself: as component classes, all tones would be looked up for every widget."""
        if not tone:
            return plain
        colour, more = _TONES[tone]
        return plain + Style(color=self.app.theme_variables[colour] if colour else None) + more

    def _under_cursor(self, plain: Style) -> Style:
        colours = self.app.theme_variables
        chosen = Style(color=colours["chosen-text"], bgcolor=colours["chosen"], reverse=self.app.no_color)
        return plain + chosen

    def _at(self, y: int) -> tuple[StyledLine, bool]:
        if y >= self.rows_of_lines > 0:
            return [(f" {self._below()}", "dim")], False
        index = self.scroll_offset.y + y
        if not 0 <= index < self._count:
            return [], False
        line, chosen = self._draw(index), self._chosen(index)
        return (_marked(line) if chosen else line), chosen

    def _chosen(self, _index: int) -> bool:
        return False

    def _below(self) -> str:
        """How many lines are below, or that these are the last; and how many are above. Names come last."""
        above, (on, back) = self.scroll_offset.y, self.scrolled_by
        count = self._count - above - self.rows_of_lines
        told = [] if count > 0 else [self._end()]
        if above > 0:
            told.append(
                "▴ " + _("{count:,} above").format(count=Figure(above)) + (f": {back}" if back else "")
            )
        if count > 0:
            told.append(more_below(count, on))
        said = "  ".join(told)
        names = self._names_hidden(above, self._count - max(count, 0))
        return clipped(f"{said}: {names}", self.size.width - 2) if names else said

    def _end(self) -> str:
        """What is said below the last line."""
        return self.ends or _("— end —")

    def _names_hidden(self, _above: int, _below: int) -> str:
        """What so many lines above, and those from the second one on, are called; empty without names."""
        return ""

    def _folds(self, height: int) -> bool:
        """Whether the last row counts what is below instead of showing a line."""
        return self._count > height >= _FOLDS

    def _resize(self, size: Size) -> None:
        self.virtual_size = Size(size.width, self._count + self._folds(size.height))
        if self.scroll_offset.y > self.max_scroll_y:  # else nothing of what has become shorter is in view
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)


class Text(LineView, can_focus=True):
    """A text, which may be longer than the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
    ]

    def action_page(self, by: int) -> None:
        """Scroll by so many pages, less a line each, so that no line is passed over."""
        self.page(by)


class VirtualList(LineView, can_focus=True):
    """A list with a cursor, which stays on the row of its key when the list changes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "go(-1)", show=False),
        Binding("down", "go(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "first", show=False),
        Binding("end", "last", show=False),
    ]

    def __init__(self, moved: Callable[[], None] = lambda: None, *, id: str | None = None) -> None:
        """``moved`` is called at once when the operator has moved the cursor: what is drawn next, and the
        next key, are about the row that it is on then."""
        super().__init__(id=id)
        self._moved = moved
        self._keys: Sequence[str] = ()
        self.index = 0
        self.passed_over: Collection[str] = ()
        """Keys of rows that the cursor never stops at; neither the first nor the last is one."""
        self.named: Callable[[Sequence[str], Sequence[str]], str] = lambda _above, _below: ""
        """Names the rows of the keys above and below what is in view; empty for none."""

    @property
    def key(self) -> str:
        """The key of the row under the cursor; empty if there is none."""
        return self._keys[self.index] if self.index < len(self._keys) else ""

    def show_rows(
        self, keys: Sequence[str], draw: Callable[[int], StyledLine], otherwise: Sequence[StyledLine] = ()
    ) -> None:
        """Show the rows of these keys, which ``draw`` makes; ``otherwise`` if there is none."""
        before = self.key
        self._keys = keys
        if before and (not self.index < len(keys) or keys[self.index] != before):
            self.index = keys.index(before) if before in keys else min(self.index, max(len(keys) - 1, 0))
        self.show_drawn(len(keys) or len(otherwise), draw if keys else otherwise.__getitem__)
        self._keep_in_view()

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor's row visible."""
        super().on_resize(event)
        self._keep_in_view()

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the row that was clicked."""
        self._move_to(self.scroll_offset.y + event.y)

    def action_go(self, by: int) -> None:
        """Move the cursor by so many rows."""
        self._move_to(self.index + by)

    def action_page(self, by: int) -> None:
        """Move the cursor, and what is in view with it, by so many pages, less a row each."""
        rows, top = max(self.rows_of_lines - 1, 1), self.scroll_offset.y
        self._move_to(self.index + by * rows)
        if self.max_scroll_y:
            self.scroll_to(y=top + by * rows, animate=False)
            self._keep_in_view()

    def action_first(self) -> None:
        """Move the cursor to the first row."""
        self._move_to(0)

    def action_last(self) -> None:
        """Move the cursor to the last row."""
        self._move_to(len(self._keys) - 1)

    def go_to(self, index: int) -> None:
        """Put the cursor on a row, without calling ``moved``."""
        index = self._within(index)
        for one in {self.index, index}:
            self.refresh(Region(0, one - self.scroll_offset.y, self.size.width, 1))
        self.index = index
        self._keep_in_view()

    def _move_to(self, index: int) -> None:
        index = self._within(index)
        if self._keys and self._keys[index] in self.passed_over:
            index += 1 if index > self.index else -1
        if self._within(index) != self.index:
            self.go_to(index)
            self._moved()

    def _within(self, index: int) -> int:
        return max(0, min(index, len(self._keys) - 1))

    def _keep_in_view(self) -> None:
        top, height = self.scroll_offset.y, self.rows_of_lines
        if height <= 0:
            return
        if self.index < top or self.index >= top + height:
            y = self.index if self.index < top else self.index - height + 1
            self.scroll_to(y=y, animate=False)

    def _chosen(self, index: int) -> bool:
        return index == self.index and bool(self._keys)

    def _names_hidden(self, above: int, below: int) -> str:
        return self.named(self._keys[:above], self._keys[below:]) if self._keys else ""


def _marked(line: StyledLine) -> StyledLine:
    """The line under the cursor, marked in its first cell, which is left free: colour alone tells little."""
    if line and line[0][0].startswith(" "):
        (text, tone), *more = line
        return [("›" + text[1:], tone), *more]
    return line
