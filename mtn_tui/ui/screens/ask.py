"""Dialogs over the present screen: a question with answers, an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.ui.actions import shown_key
from mtn_tui.ui.screens import dialog
from mtn_tui.ui.screens.base_screen import BaseScreen
from mtn_tui.ui.text.cells import clipped, width_of, wrapped
from mtn_tui.ui.widgets.lines import LineView, StyledLine, VirtualList, paging_keys

R = TypeVar("R")

_ASKED = 4
"""Lines of the question that stay visible, however many answers there are."""


@dataclass(frozen=True)
class Answer(Generic[R]):
    """A label, and the value that the dialog is dismissed with."""

    label: str
    value: R


class Ask(ModalScreen[R | None], BaseScreen[R | None], Generic[R]):
    """A question. The first answer is the harmless one: the cursor is on it; esc leaves without any."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace,ctrl+c", "dismiss", show=False),
        Binding("enter", "choose", show=False),
        Binding("pageup", "page(-1)", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
    ]

    def __init__(self, title: str, said: Sequence[str], answers: Sequence[Answer[R]]) -> None:
        super().__init__()
        self._title = title
        self._said: Sequence[str] = said
        self._answers: Sequence[Answer[R]] = answers

    def compose(self) -> ComposeResult:
        """The question, the answers below it, and what the keys do."""
        with Vertical(id="box"):
            yield LineView(id="said")
            yield VirtualList(self.draw, id="answers")
            yield LineView(id="how")

    def opened(self) -> None:
        """Give the answers the focus."""
        self.set_focus(self.query_one(VirtualList))
        self.draw()

    def draw(self) -> None:
        """Fit question and answers into the terminal; answers scroll if not all fit."""
        room = dialog.room(self, [self._title, *self._said])
        lines: list[StyledLine] = [[(line, "strong")] for line in wrapped(self._title, room)]
        for paragraph in self._said:
            lines += [[]] + [[(line, "")] for line in wrapped(paragraph, room)]
        lines.append([])
        # Where not all fit, the answers scroll with the cursor, and leave what is asked to be seen.
        free = self.app.size.height - 6
        highest = max(free - len(self._answers), min(len(lines), _ASKED), 1)
        said, rows = self.lines("said"), self.query_one(VirtualList)
        said.styles.height = min(len(lines), highest)
        said.scrolled_by = paging_keys(arrows=False)
        said.show(lines)
        rows.styles.height = max(min(len(self._answers), free - min(len(lines), highest)), 1)
        rows.show_rows(
            [str(index) for index in range(len(self._answers))],
            lambda index: [(" " + clipped(self._answers[index].label, room - 1), "")],
        )
        self.lines("how").show([self._how(room)])

    def _how(self, room: int) -> StyledLine:
        """What each key does, by the answer that the cursor is on: [enter] is of that one alone."""
        answer = self._answers[self.query_one(VirtualList).index].label
        others = "  " + (
            _("[↑] [↓] another  [esc] goes back") if len(self._answers) > 1 else _("[esc] goes back")
        )
        enter = f"{shown_key('enter')}: "
        answer = clipped(answer, room - width_of([(enter + others, "")]))
        return [(enter, "dim"), (answer, "strong"), (others, "dim")]

    def action_page(self, by: int) -> None:
        """Read on in a question that has no room, or back; else move in answers that have none."""
        answers = self.query_one(VirtualList)
        if not self.lines("said").page(by) and answers.size.height < len(self._answers):
            answers.action_page(by)  # else who reads on would be led to what destroys

    def action_choose(self) -> None:
        """Close the dialog with the value of the answer under the cursor."""
        self.dismiss(self._answers[self.query_one(VirtualList).index].value)


class Said(Ask[None]):
    """What is only to be read: a message that the job bar would cut, or a few paragraphs."""

    def __init__(self, title: str, said: Sequence[str] = (), closes: str = "") -> None:
        """``closes`` is what the only answer is called; else it leads back."""
        super().__init__(title, said, [Answer(closes or _("Back"), None)])


class ErrorDialog(Said):
    """Says what failed, what to do, and which section of the runbook has more."""

    def __init__(self, error: MtnError) -> None:
        said = error.hint.split("\n") if error.hint else []
        if error.runbook:
            said.append(_("Runbook, section {section}.").format(section=error.runbook))
        super().__init__(f"✖ {error.title}", said)
