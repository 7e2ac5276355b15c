"""``:``: every action by its name, found while it is being typed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from mtn_tui.core.i18n import _
from mtn_tui.operations.health.catalogue import CHECKS
from mtn_tui.ui import actions
from mtn_tui.ui.actions import Action, AnyAction
from mtn_tui.ui.screens import dialog
from mtn_tui.ui.screens.base_screen import BaseScreen
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.text.cells import Span, clipped, fit, spread, width_of, wrapped
from mtn_tui.ui.widgets.field import TextField
from mtn_tui.ui.widgets.lines import LineView, VirtualList

_SHOWN = 12
_AROUND = 4
"""Lines of the dialog beside what is found and why not: the field, what the keys do, and its edges."""
CHECK = "check:"
"""Before the id of a health check, where that was chosen."""

_LABEL = 19
"""Cells of an action's name: none is longer, in either language."""

_DELETES = frozenset({"prune", "kept"})
"""Actions that delete something, after asking."""

_SHORTEST, _ENDING = 4, 2
"""Letters of a word that is looked up in a sentence, at least, and those that it may end differently in."""

_REASON = 2
"""Lines kept for the reason why the chosen action can't be performed."""


class Command(ModalScreen[str | None], BaseScreen[str | None]):
    """Dismissed with the id of the chosen action."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "dismiss", show=False),
        Binding("up", "go(-1)", show=False),
        Binding("down", "go(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
    ]

    def __init__(self, here: Framed, every: Callable[[], Sequence[AnyAction]]) -> None:
        """``every`` lists the actions of all screens; those of ``here`` can be chosen."""
        super().__init__()
        self._here = here
        self._every = every
        self._found: list[AnyAction] = []

    def compose(self) -> ComposeResult:
        """The field, the actions found, why the chosen one can't be performed, and what the keys do."""
        with Vertical(id="box"):
            yield TextField(id="typed")
            yield VirtualList(self._draw_why, id="found")
            yield LineView(id="why")
            yield LineView(id="how")

    def action_go(self, by: int) -> None:
        """Move the cursor by so many rows while the field keeps the focus."""
        self.query_one(VirtualList).action_go(by)

    def action_page(self, by: int) -> None:
        """Move the cursor by so many pages while the field keeps the focus."""
        self.query_one(VirtualList).action_page(by)

    @on(Input.Submitted)
    def _given(self) -> None:
        index = self.query_one(VirtualList).index
        if index < len(self._found):
            self.dismiss(self._found[index].id)

    @on(Input.Changed)
    def _typed(self) -> None:
        """Choose the one that matches best: with each letter that may be another."""
        self.draw()
        self.query_one(VirtualList).go_to(0)
        self._draw_why()

    def draw(self) -> None:
        """Show the actions that match what is typed, the best first; the checks too once there is some."""
        typed = self.query_one(TextField).value
        self._found = matching(typed, [*self._every(), *(_checks() if typed.strip() else ())])
        rows = self.query_one(VirtualList)
        room = dialog.room(self)
        rows.show_rows(
            [one.id for one in self._found],
            lambda index: _row(self._here, self._found[index], room),
            [[(line, tone)] for text, tone in _unknown() for line in wrapped(text, room)],
        )
        self._draw_why()
        how = _("[enter] runs it, [esc] goes back") if self._found else _("[esc] goes back")
        self.lines("how").show([[(how, "dim")]])

    def _draw_why(self) -> None:
        """Show in full why the chosen action can't be performed: its row has room for the beginning."""
        index, room = self.query_one(VirtualList).index, dialog.room(self)
        why = _why_not(self._here, self._found[index]) if index < len(self._found) else ""
        lines = wrapped(why, room) if why else []
        shown = self.lines("why")
        height = max(len(lines), _REASON)
        shown.styles.height = height
        room_above = self.app.size.height - _AROUND - height  # what is typed is to be seen in any terminal
        self.query_one(VirtualList).styles.height = max(min(_SHOWN, room_above), 1)
        shown.show([[(line, "warn")] for line in lines])


def _unknown() -> list[Span]:
    """What is said where nothing matches, and how to go on."""
    go_on = _(
        "Type one word of what is to be done, as restore, backups or logs. [esc], then {key}, lists all."
    )
    return [(_("Unknown command."), "warn"), (go_on.format(key=actions.shown_key("?")), "")]


def matching(typed: str, among: Iterable[AnyAction]) -> list[AnyAction]:
    """The actions and checks that what was typed may mean, the best first.

    A name, which is the id or the label in the language in use, comes before names that begin so, these
    before names that contain it, and other words last: what deletes is not chosen by one of them while
    something is called so. Where nothing matches as typed, the words of a sentence are looked up one by
    one. Accents may be left out.
    """
    among = tuple(among)
    wanted = _plain(typed.strip())

    def worth(one: AnyAction) -> int | None:
        names = (_plain(one.id.removeprefix(CHECK)), _plain(one.label))
        matches = (
            wanted in names,
            any(name.startswith(wanted) for name in names),
            any(wanted in name for name in names),
            wanted in _plain(one.also),
        )
        return next((place for place, matched in enumerate(matches) if matched), None)

    found = [(place, one) for one in among if (place := worth(one)) is not None]
    return [one for _place, one in sorted(found, key=lambda pair: pair[0])] or _by_words(wanted, among)


def _by_words(sentence: str, among: Iterable[AnyAction]) -> list[AnyAction]:
    """What most words of a sentence, in any order, may mean; words that mean nothing are passed over.

    One word alone does not lead to what deletes: it may be about what was deleted.
    """
    typed = set(re.findall(r"\w+", sentence))

    def worth(one: AnyAction) -> tuple[int, int]:
        called = {_plain(one.id.removeprefix(CHECK)), *re.findall(r"\w+", _plain(one.label))}
        known = {*called, *_plain(one.also).split()}
        meant = [word for word in typed if any(_alike(word, other) for other in known)]
        return len(meant), sum(word in called for word in meant)

    ranked = [(worth(one), one) for one in among]
    ranked.sort(key=lambda pair: pair[0], reverse=True)
    return [one for (count, _called), one in ranked if count > (one.id in _DELETES)]


def _alike(typed: str, known: str) -> bool:
    """Whether both are one word, but for its ending; articles and the like are none."""
    shorter = min(len(typed), len(known))
    if shorter < _SHORTEST:
        return False
    return known.startswith(typed) or (typed.startswith(known) and len(typed) - shorter <= _ENDING)


def _plain(text: str) -> str:
    """Without case and accents, which people leave out."""
    apart = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _checks() -> list[AnyAction]:
    """The health checks: each leads to its row of the checklist, by its name."""
    words = {
        "retention": _("prune"),
        "objectives": _("rpo rto"),
        "alerts": _("mail e-mail webhook"),
        "services": _("restart"),
        "contacts": _("call phone people"),
    }

    def nothing(_place: object) -> None:
        """The checklist is shown by whoever opened this."""

    return [
        Action(f"{CHECK}{one.id}", ("1",), one.title(), "", nothing, also=words.get(one.id, ""))
        for one in CHECKS
    ]


def _why_not(here: Framed, action: AnyAction) -> str:
    if action.id.startswith(CHECK):
        return ""
    listed = any(one.id == action.id for one in here.actions)
    return action.why_not(here) if listed else _("leads to its screen")


def _row(here: Framed, action: AnyAction, width: int) -> list[Span]:
    why = _why_not(here, action)
    key: list[Span] = [(actions.shown_key(action.keys[0]) + " ", "dim")]
    if action.id.startswith(CHECK):  # it leads to a row, and runs nothing
        told = _("check: {name}").format(name=action.label.lower())
        return spread([(" " + fit(told, width - width_of(key) - 1), "strong")], key, width)
    left: list[Span] = [
        (" " + fit(action.label.lower(), _LABEL) + " ", "dim" if why else "strong"),
        (fit(action.id, 12) + " ", "dim"),
        (clipped(why, width - width_of(key) - _LABEL - 16), "dim"),
    ]
    return spread(left, key, width)
