"""Every log and every journal, merged by time: read back, searched, followed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import SuspendNotSupported
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.redact import redact
from mtn_tui.engine.logs.stream import EVERYTHING, Level, Line, Pattern, Trouble, Wanted, as_text
from mtn_tui.engine.logs.window import View
from mtn_tui.operations.common.logs import open_logs
from mtn_tui.ui import actions
from mtn_tui.ui.data.log_reader import (
    LogReader,
    LogsSeen,
    NothingFound,
    PatternGivenUp,
    ReadingFailed,
    SourcesKnown,
)
from mtn_tui.ui.screens import frame
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.terminal import pager
from mtn_tui.ui.text import log as log_text
from mtn_tui.ui.text.cells import Span, spread, width_of, wrapped
from mtn_tui.ui.widgets.field import TextField
from mtn_tui.ui.widgets.lines import LineView, StyledLine, VirtualList

_PANE = 3
_NEAR = 100
"""Rows from an end of what is held at which more is asked for."""


class LogRows(VirtualList):
    class End(Message):
        """The very last line was asked for, which may not be held."""

    def action_last(self) -> None:
        super().action_last()
        self.post_message(self.End())


class Logs(Framed):
    CSS_PATH: ClassVar = "logs.tcss"
    BINDINGS: ClassVar = actions.bindings([actions.LOGS])
    where = actions.LOGS

    def __init__(self) -> None:
        super().__init__()
        self._reader = LogReader(lambda: open_logs(self.mtn.context), self)
        self._view: View | None = None
        self._wanted = Wanted()
        self._following = True
        self._wrapping = False
        self._searching = False
        self._asked: View | None = None
        """What was held when more was asked for: it is asked for once."""
        self._troubles: tuple[Trouble, ...] = ()
        self._rows: list[log_text.Row] = []
        self._rows_of: tuple[View | None, int, bool] = (None, 0, False)
        self._layout = log_text.layout((), 80, wrap=False)

    @property
    def rows(self) -> LogRows:
        return self.query_one(LogRows)

    @property
    def log_line(self) -> Line | None:
        index = self.rows.index
        return self._rows[index].line if index < len(self._rows) else None

    def body(self) -> Iterable[Widget]:
        yield LineView(id="heading")
        yield LogRows(id="logs")
        yield LineView(id="bottom-rule")
        yield LineView(id="pane")

    def opened(self) -> None:
        self.draw()
        self.set_focus(self.rows)
        self._reader.start()

    def on_unmount(self) -> None:
        self._reader.stop()

    def draw(self) -> None:
        self.draw_frame()
        self._lay_out()
        self._draw_heading()
        self._draw_pane()
        self.lines("bottom-rule").show([frame.rule(self.app.size.width)])

    # What can be done

    def do_follow(self) -> None:
        if self._following:
            self._stay()
        else:
            self._go_to_end()

    def do_level(self) -> None:
        level = Level.INFO if self._wanted.level is Level.ERROR else Level(self._wanted.level + 1)
        self._want(replace(self._wanted, level=level))

    def do_source(self) -> None:
        self._reader.sources()

    def do_search(self) -> None:
        if not self.query("#pattern"):
            pattern = self._wanted.pattern
            said = _("a regular expression, then enter")
            field = TextField(pattern.text if pattern else "", placeholder=said, id="pattern")
            self.mount(field, after="#heading")
            self.lines("heading").display = False

    def do_error(self) -> None:
        self._to_error(forwards=True)

    def do_error_before(self) -> None:
        self._to_error(forwards=False)

    def do_wrap(self) -> None:
        self._wrapping = not self._wrapping

    def do_copy(self) -> None:
        line = self.log_line
        assert line is not None  # noqa: S101 - the registry has looked
        text = as_text(line)
        self.app.copy_to_clipboard(text)
        self.mtn.say(_("Sent to the clipboard: {text}").format(text=text))

    def do_open(self) -> None:
        line = self.log_line
        assert line is not None  # noqa: S101 - the registry has looked
        path = self._reader.path_of(line)
        if path is None:
            self.mtn.say(_("The file of this line is gone."), "warn")
        else:
            self._page(path, line.start)

    def do_back(self) -> None:
        """Give the pattern up first, where one is being typed or in force."""
        if self.query("#pattern"):
            self._end_asking()
        elif self._wanted.pattern is not None:
            self._want(replace(self._wanted, pattern=None))
        else:
            self.mtn.do_back()

    # What comes

    @on(LogsSeen)
    def _seen(self, message: LogsSeen) -> None:
        message.stop()
        self._reader.taken()
        self._view = message.view
        self._troubles = message.troubles
        self._searching = message.searching
        self._lay_out()
        if message.found is not None:
            self._go_to(message.found)
        elif self._following:
            self.rows.go_to(len(self._rows) - 1)
        self.draw()

    @on(NothingFound)
    def _nothing_found(self, message: NothingFound) -> None:
        message.stop()
        self.mtn.say(_("No error after this one.") if message.forwards else _("No error before this one."))

    @on(PatternGivenUp)
    def _pattern_given_up(self, message: PatternGivenUp) -> None:
        message.stop()
        self._wanted = replace(self._wanted, pattern=None)
        self.mtn.tell(message.error)

    @on(ReadingFailed)
    def _reading_failed(self, message: ReadingFailed) -> None:
        raise message.error

    @on(SourcesKnown)
    def _sources_known(self, message: SourcesKnown) -> None:
        message.stop()
        answers = [Answer(_("All logs"), frozenset[str]())]
        answers += [Answer(source, frozenset({source})) for source in message.sources]

        def chosen(sources: frozenset[str] | None) -> None:
            if sources is not None:
                self._want(replace(self._wanted, sources=sources))

        self.app.push_screen(Ask(_("Which logs?"), [], answers), chosen)

    @on(Input.Submitted, "#pattern")
    def _pattern_given(self, event: Input.Submitted) -> None:
        try:
            pattern = Pattern(event.value) if event.value else None
        except UsageError as error:
            self.mtn.say(error.title, "warn")
            return
        self._end_asking()
        self._want(replace(self._wanted, pattern=pattern))

    @on(VirtualList.Moved)
    def _moved(self, message: VirtualList.Moved) -> None:
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

    # How it is done

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
            if (
                row.line is not None
                and row.first
                and (row.line.moment, row.line.file, row.line.start) >= wanted
            ):
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
        environment = {**os.environ, "LESSSECURE": "1"} if self.mtn.read_only else dict(os.environ)
        trouble: Exception | None = None
        try:
            with self.app.suspend():
                try:
                    pager.show(path, at, environment)
                except Exception as error:  # noqa: BLE001 - the screen has to come back first
                    trouble = error
        except SuspendNotSupported:
            self.mtn.say(_("This terminal can't be handed over. The file: {path}").format(path=path), "warn")
        if isinstance(trouble, UsageError):
            self.mtn.say(f"{trouble.title} {trouble.hint}", "warn")
        elif trouble is not None:
            raise trouble

    def _lay_out(self) -> None:
        width, view = self.app.size.width, self._view
        now = (view, width, self._wrapping)
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
        return [[], [(" " + _("There is no such line. esc and l show more."), "")]]

    def _draw_heading(self) -> None:
        view = self._view
        more: list[Span] = [(" · " + (_("follow on") if self._following else _("follow off")), "dim")]
        grave = [one for one in view.lines if one.level > Level.INFO and not one.follows] if view else []
        if grave:
            told = _("errors and warnings {count}").format(count=len(grave))
            more.append((" · " + told, "warn"))
        right: list[Span] = []
        line = self.log_line if self._rows else None
        if self._searching:
            right = [(" " + _("searching …") + " ", "warn")]
        elif line is not None and line in grave:
            told = _("{number} of {count}").format(number=grave.index(line) + 1, count=len(grave))
            right = [(f" {told} ", "dim")]
        left: list[Span] = [(" " + log_text.asked(self._wanted), "strong")]
        for piece in more:
            if width_of([*left, piece, *right]) <= self.app.size.width:
                left.append(piece)
        self.lines("heading").show([spread(left, right, self.app.size.width)])

    def _draw_pane(self) -> None:
        """The chosen line whole, or as much as there is room for; else what could not be read."""
        pane, width = self.lines("pane"), self.app.size.width
        pane.styles.height = _PANE
        line = self.log_line if self._rows else None
        said: list[StyledLine] = []
        if self._troubles:
            trouble = self._troubles[0]
            text = _("Not readable ({reason}): {path}").format(path=trouble.path, reason=trouble.reason)
            if len(self._troubles) > 1:
                text += " " + _("And {count} more.").format(count=len(self._troubles) - 1)
            said = [[(" " + part, "warn")] for part in wrapped("⚠ " + text, width - 2)[: _PANE - 1]]
        if line is not None:
            said += [[(" " + part, "")] for part in wrapped(redact(as_text(line)), width - 2)]
        pane.show((said + [[]] * _PANE)[:_PANE])
