"""Every log and every journal, merged by time: read back, searched, followed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import SuspendNotSupported
from textual.widget import Widget
from textual.widgets import Input

from mtn_tui.core import i18n
from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.engine.logs.stream import EVERYTHING, Level, Line, Pattern, Trouble, Wanted, as_text
from mtn_tui.engine.logs.window import View
from mtn_tui.operations.common.logs import open_logs
from mtn_tui.ui.actions import Action, AnyAction
from mtn_tui.ui.data.log_reader import (
    LogReader,
    LogsSeen,
    NothingFound,
    PatternGivenUp,
    ReadingFailed,
    SourcesKnown,
)
from mtn_tui.ui.host import LOGS
from mtn_tui.ui.screens import frame
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.terminal import pager
from mtn_tui.ui.text import log as log_text
from mtn_tui.ui.widgets.field import TextField
from mtn_tui.ui.widgets.lines import LineView, StyledLine
from mtn_tui.ui.widgets.log_rows import LogRows

_PANE = 3
_NEAR = 100
"""More lines are requested this many rows before either end of those in memory."""


class Logs(Framed):
    """The lines of all logs, in the order of time."""

    CSS_PATH: ClassVar = "logs.tcss"
    where = LOGS
    not_in_footer = ("jobs", "command")

    @classmethod
    def own_actions(cls) -> tuple[AnyAction, ...]:
        """What is shown of the logs, and what can be done with a line."""
        return (
            Action(
                "follow",
                ("f",),
                _("Follow"),
                _("Stays at the end of the logs while they grow, or no longer."),
                cls.follow,
                footer=True,
            ),
            Action(
                "level",
                ("l",),
                _("Level"),
                _("Shows all lines, then warnings and errors, then errors only."),
                cls.next_level,
                footer=True,
            ),
            Action("source", ("s",), _("Source"), _("Shows one log only, or all."), cls.sources, footer=True),
            Action(
                "search",
                ("/",),
                _("Narrow"),
                _("Shows only lines with all the words typed, or with a regular expression; capitals count."),
                cls.ask_pattern,
                footer=True,
                also=_("search filter find"),
            ),
            Action(
                "error",
                ("e",),
                _("Next error"),
                _("Goes to the next error."),
                lambda screen: screen._to_error(forwards=True),
                footer=True,
            ),
            Action(
                "error-before",
                ("E",),
                _("Error before"),
                _("Goes back to the error before."),
                lambda screen: screen._to_error(forwards=False),
            ),
            Action("wrap", ("w",), _("Wrap"), _("Shows long lines whole, or cut at the edge."), cls.wrap),
            Action(
                "copy",
                ("y",),
                _("Copy"),
                _("Sends the chosen line to the clipboard of your terminal, where it takes it."),
                cls.copy_line,
                why_not=cls._no_line,
            ),
            Action(
                "open",
                ("o",),
                _("Open"),
                _("Opens the file of the chosen line in $PAGER, and comes back."),
                cls.open_file,
                why_not=cls._no_line,
            ),
        )

    def __init__(self) -> None:
        super().__init__()
        self._reader = LogReader(lambda: open_logs(self.host.context), self)
        self._view: View | None = None
        self._wanted = Wanted()
        self._following = True
        self._wrapping = False
        self._searching = False
        self._choosing = False
        """Whether it is asked which logs there are."""
        self._asked: View | None = None
        """The view for which more lines were requested: that is done once."""
        self._troubles: tuple[Trouble, ...] = ()
        self._rows: list[log_text.Row] = []
        self._rows_of: tuple[View | None, int, bool, str] = (None, 0, False, "")
        self._layout = log_text.layout((), 80, wrap=False)

    @property
    def rows(self) -> LogRows:
        """The list of rows."""
        return self.query_one(LogRows)

    @property
    def log_line(self) -> Line | None:
        """The line under the cursor; None on a date."""
        index = self.rows.index
        return self._rows[index].line if index < len(self._rows) else None

    def body(self) -> Iterable[Widget]:
        """A heading, the rows, and the whole of the chosen line."""
        yield LineView(id="heading")
        yield LogRows(self._moved, id="logs")
        yield LineView(id="bottom-rule")
        yield LineView(id="pane")

    def opened(self) -> None:
        """Start the thread that reads the logs."""
        self.draw()
        self.set_focus(self.rows)
        self._reader.start()

    def on_unmount(self) -> None:
        """Let the thread that reads the logs end."""
        self._reader.stop()

    def draw(self) -> None:
        """Draw all of it; rows are laid out anew if lines, width or wrapping have changed."""
        self.draw_frame()
        self._lay_out()
        self._draw_heading()
        self._draw_pane()
        self.lines("bottom-rule").show([frame.rule(self.app.size.width)])

    def follow(self) -> None:
        """Go to the end and stay there, or follow no more."""
        if self._following:
            self._stay()
        else:
            self._go_to_end()

    def next_level(self) -> None:
        """Show more severe lines only, or all again."""
        level = Level.INFO if self._wanted.level is Level.ERROR else Level(self._wanted.level + 1)
        self._want(replace(self._wanted, level=level))

    def ask_pattern(self) -> None:
        """Open the field for a regular expression."""
        if not self.query("#pattern"):
            text = pattern.text if (pattern := self._wanted.pattern) else ""
            said = _("show only lines with … (words, or a regular expression), then [enter]")
            self.mount(TextField(text, placeholder=said, id="pattern", offered=True), after="#heading")
            self.lines("heading").display = False

    def sources(self) -> None:
        """Ask which logs there are, to choose one; once, for the answer opens a dialog."""
        if not self._choosing:
            self._choosing = True
            self._reader.sources()

    def wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self._wrapping = not self._wrapping

    def _no_line(self) -> str:
        return "" if self.log_line else _("No line is chosen.")

    def copy_line(self) -> None:
        """Send the chosen line to the clipboard."""
        line = self.log_line
        assert line is not None  # noqa: S101 - why_not has looked
        text = as_text(line)
        self.app.copy_to_clipboard(text)
        self.host.show_status(_("Sent to the clipboard: {text}").format(text=text))

    def open_file(self) -> None:
        """Open the chosen line's file in the pager."""
        line = self.log_line
        assert line is not None  # noqa: S101 - why_not has looked
        path = self._reader.path_of(line)
        if path is None:
            self.host.show_status(_("The file of this line is gone."), "warn")
        else:
            self._page(path, line.start)

    def back(self) -> None:
        """Give up the pattern first, if one is being typed or in force."""
        if self.query("#pattern"):
            self._end_asking()
        elif self._wanted.pattern is not None:
            self._want(replace(self._wanted, pattern=None))
        else:
            super().back()

    @on(LogsSeen)
    def _seen(self, message: LogsSeen) -> None:
        message.stop()
        self._reader.taken()
        self._view, self._troubles, self._searching = message.view, message.troubles, message.searching
        self._lay_out()
        if message.found is not None:
            self._go_to(message.found)
        elif self._following:
            self.rows.go_to(len(self._rows) - 1)
        self.draw()

    @on(NothingFound)
    def _nothing_found(self, message: NothingFound) -> None:
        message.stop()
        self.host.show_status(log_text.no_error(self._wanted, forwards=message.forwards))

    @on(PatternGivenUp)
    def _pattern_given_up(self, message: PatternGivenUp) -> None:
        message.stop()
        self._wanted = replace(self._wanted, pattern=None)
        self.host.show_error(message.error)

    @on(ReadingFailed)
    def _reading_failed(self, message: ReadingFailed) -> None:
        raise message.error

    @on(SourcesKnown)
    def _sources_known(self, message: SourcesKnown) -> None:
        message.stop()
        self._choosing = False
        answers = [Answer(_("All logs"), frozenset[str]())]
        answers += [Answer(source, frozenset({source})) for source in message.sources]

        def chosen(sources: frozenset[str] | None) -> None:
            if sources is not None:
                self._want(replace(self._wanted, sources=sources))

        self.host.open_screen(Ask(_("Which logs?"), [], answers), chosen)

    @on(Input.Submitted, "#pattern")
    def _pattern_given(self, event: Input.Submitted) -> None:
        try:
            pattern = Pattern(event.value) if event.value else None
        except UsageError as error:
            self.host.show_status(error.title, "warn")
            return
        self._end_asking()
        self._want(replace(self._wanted, pattern=pattern))

    def _moved(self) -> None:
        if self._following and self.rows.index < len(self._rows) - 1:
            self._stay()
        self._ask_for_more()
        self.draw_footer()
        self._draw_heading()
        self._draw_pane()

    @on(LogRows.End)
    def _end_wanted(self) -> None:
        if not self._following:
            self._go_to_end()

    @on(LogRows.Beyond)
    def _beyond_wanted(self) -> None:
        """Read what comes after the last line that was read: it may have been written since."""
        if not self._following:
            self._reader.newer()

    def _go_to_end(self) -> None:
        self._following = True
        self._reader.follow()

    def _stay(self) -> None:
        self._following = False
        self._reader.stay()

    def _want(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._searching = True
        self._reader.want(wanted, None if self._following else self._near(1))
        self.draw()

    def _to_error(self, *, forwards: bool) -> None:
        self._stay()
        self._searching = True
        self._reader.error(self._near(-1 if forwards else 1), forwards=forwards)

    def _near(self, step: int) -> Line | None:
        """The chosen line; of a date, the one above or below it."""
        for index in (self.rows.index, self.rows.index + step):
            line = self._rows[index].line if 0 <= index < len(self._rows) else None
            if line is not None:
                return line
        return None

    def _go_to(self, line: Line) -> None:
        wanted = (line.moment, line.file, line.start)
        for index, row in enumerate(self._rows):
            at = row.line
            if at is not None and row.first and (at.moment, at.file, at.start) >= wanted:
                self.rows.go_to(index)
                return
        self.rows.go_to(len(self._rows) - 1)

    def _ask_for_more(self) -> None:
        view, index = self._view, self.rows.index
        if view is None or view is self._asked:
            return
        if index < _NEAR and not view.at_start:
            self._asked = view
            self._reader.older()
        elif index > len(self._rows) - _NEAR and not self._following:
            self._asked = view
            self._reader.newer()

    def _end_asking(self) -> None:
        self.query("#pattern").remove()
        self.lines("heading").display = True
        self.rows.focus()

    def _page(self, path: Path, at: int) -> None:
        environment = {**os.environ, "LESSSECURE": "1"} if self.host.read_only else dict(os.environ)
        try:
            pager.show_instead(self.app, path, at, environment)
        except SuspendNotSupported:
            text = _("This terminal can't be handed over. The file: {path}")
            self.host.show_status(text.format(path=path), "warn")
        except UsageError as error:
            self.host.show_status(f"{error.title} {error.hint}", "warn")

    def _lay_out(self) -> None:
        width, view = self.app.size.width, self._view
        now = (view, width, self._wrapping, i18n.language())
        if self._rows_of[0] is not view or self._rows_of[1:] != now[1:]:
            self._rows_of = now
            lines = view.lines if view else ()
            self._layout = log_text.layout(lines, width, wrap=self._wrapping)
            self._rows = log_text.rows(lines, self._layout)
            drawn, how = self._rows, self._layout
            self.rows.show_rows(
                [row.key for row in drawn], lambda index: log_text.drawn(drawn[index], how), self._nothing()
            )

    def _nothing(self) -> list[StyledLine]:
        if self._view is None or self._searching:
            return []
        if self._wanted == EVERYTHING:
            return [[], [(" " + _("Nothing was logged yet."), "")]]
        return [[], *([(" " + one, "")] for one in log_text.how_to_see_more(self._wanted))]

    def _draw_heading(self) -> None:
        self.rows.may_go_on = not (self._following and self._view is not None and self._view.at_end)
        shown = log_text.heading(
            self._view.lines if self._view else (),
            self.log_line,
            self._wanted,
            self.app.size.width,
            following=self._following,
            searching=self._searching,
            whole=self._view is not None and self._view.at_start and self._view.at_end,
        )
        self.lines("heading").show([shown])

    def _draw_pane(self) -> None:
        pane = self.lines("pane")
        pane.styles.height = _PANE
        shown = log_text.pane(self.log_line, self._troubles, self.app.size.width, _PANE, wrap=self._wrapping)
        pane.show(shown)
