"""The first screen: is all well, what is not, since when, and what mends it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.widget import Widget

from mtn_tui.core.i18n import _
from mtn_tui.operations.health import labels
from mtn_tui.operations.health.picture import Picture, Row, worst_first
from mtn_tui.ui.actions import Action, AnyAction, read_only
from mtn_tui.ui.host import CHECKLIST
from mtn_tui.ui.screens import checklist_actions, frame
from mtn_tui.ui.screens.checklist_actions import ChecksScreen
from mtn_tui.ui.text import health
from mtn_tui.ui.text.cells import Span, clipped, spread, width_of
from mtn_tui.ui.widgets.lines import LineView, StyledLine, VirtualList

_OTHERS = "also watched"
"""The key of the line above those that are not of the morning."""

_STILL = 3.0
"""Seconds after a move of the cursor in which the rows stay where they are."""


class Checklist(ChecksScreen):
    """The checks, the morning's first, and below them what the chosen one has found."""

    where = CHECKLIST
    not_in_footer = ("jobs", "back")

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[str, Row] = {}
        """By the ids of their checks."""
        self._keys: list[str] = []
        self._chosen = False
        """Whether the operator has moved the cursor: until then it is on the worst."""
        self._moved_at = float("-inf")

    @classmethod
    def own_actions(cls) -> tuple[AnyAction, ...]:
        """What can be done about a check, and signing the morning off."""
        return (
            Action(
                "fix",
                ("f",),
                _("Fix"),
                _("Runs as a job what fixes the chosen check. Asks first if that costs something."),
                checklist_actions.fix,
                footer_when_possible=True,
                why_not=checklist_actions.no_fixing,
            ),
            Action(
                "recheck",
                ("r",),
                _("Recheck this"),
                _("Looks at the chosen check again, at once."),
                checklist_actions.recheck,
                footer=True,
                why_not=checklist_actions.no_rechecking,
            ),
            Action(
                "recheck-all",
                ("R",),
                _("Recheck all"),
                _("Looks at every check again, and asks the stores what they hold."),
                checklist_actions.recheck_all,
            ),
            Action(
                "sign-off",
                ("a",),
                _("Sign off"),
                _("Signs the morning's checklist off, with your name and a note."),
                checklist_actions.sign_off,
                footer=True,
                why_not=read_only,
            ),
            Action(
                "history",
                ("enter",),
                _("History"),
                _("Shows all that the chosen check has found, and what it was before."),
                cls.open_history,
                footer=True,
                why_not=lambda screen: "" if screen.row else checklist_actions.nothing_known(),
            ),
        )

    @property
    def row(self) -> Row | None:
        """The check under the cursor."""
        return self._rows.get(self.checks.key)

    @property
    def checks(self) -> VirtualList:
        """The list of checks."""
        return self.query_one("#checks", VirtualList)

    def body(self) -> Iterable[Widget]:
        """How the morning is, the list, and what the chosen check has found."""
        yield LineView(id="morning")
        checks = VirtualList(self._moved, id="checks")
        checks.named = self._named
        yield checks
        yield LineView(id="bottom-rule")
        yield LineView(id="pane")

    def draw(self) -> None:
        """Draw all of it; the rows in a new order only while the cursor is left alone."""
        width, now, picture = self.app.size.width, self.host.context.clock.now(), self.picture
        self._rows = {one.check.id: one for one in picture.rows} if picture else {}
        if self.host.context.clock.monotonic() - self._moved_at >= _STILL:
            self._keys = _order(picture)
        names = max((len(one.check.title()) for one in self._rows.values()), default=0)
        rows = self.checks
        rows.passed_over = {_OTHERS}

        def line(index: int) -> StyledLine:
            key = self._keys[index]
            if key == _OTHERS:
                return [(f" {labels.others(picture)}", "strong")] if picture else []
            return health.row(self._rows[key], now, width, names)

        rows.show_rows(self._keys, line)
        if not self._chosen and self._keys:
            rows.go_to(self._keys.index(self._worst()))
        self.lines("morning").show([self._morning(width)])
        self.lines("bottom-rule").show([frame.rule(width)])
        self._draw_pane()
        self.draw_frame()

    def choose(self, check_id: str) -> None:
        """Put the cursor on a check."""
        if check_id in self._keys:
            self._chosen, self._moved_at = True, self.host.context.clock.monotonic()
            self.checks.go_to(self._keys.index(check_id))
            self.draw()

    def show_the_worst(self) -> None:
        """Put the cursor on the worst again, with what is above it in view, if anything is not well."""
        if self.picture is not None and any(one.known and not one.well for one in self.picture.rows):
            self._chosen, self._moved_at = False, float("-inf")
            self.checks.go_to(0)
            self.draw()

    def open_history(self) -> None:
        """Open the history of the chosen check."""
        from mtn_tui.ui.screens.check_history import CheckHistory

        assert self.row is not None  # noqa: S101 - why_not has looked
        self.host.open_screen(CheckHistory(self.row))

    def _morning(self, width: int) -> list[Span]:
        picture, now = self.picture, self.host.context.clock.now()
        title: Span = (f" {labels.title()}  ", "strong")
        if picture is None:
            return spread([title], [(labels.looking() + " ", "dim")], width)
        room = width - width_of([title]) - 1
        told = labels.morning(picture, now, room)
        return spread([title], [(clipped(told, room) + " ", "bad" if told.startswith("✖") else "")], width)

    @property
    def signed(self) -> str:
        """Who has signed this morning off, with the whole note; empty if nobody has."""
        one = self.picture.signed_now(self.host.context.clock.now()) if self.picture else None
        return labels.signed(one) if one else ""

    def _worst(self) -> str:
        """The first of the morning's if that is not well, else the worst of all."""
        firsts = [self._keys[0], *self._keys[self._keys.index(_OTHERS) + 1 :][:1]]
        rows = [self._rows[key] for key in firsts]
        bad = [one.check.id for tone in ("bad", "warn") for one in rows if one.known and _tone(one) == tone]
        return (bad or firsts)[0]

    def _named(self, above: Sequence[str], below: Sequence[str]) -> str:
        """The titles of checks out of view: those not well, above and below; then the others below."""
        arrows = dict.fromkeys(above, "▴" if below else "") | dict.fromkeys(below, "▾" if above else "")
        hidden = worst_first(self._rows[key] for key in (*above, *below) if key in self._rows)
        amiss = [one for one in hidden if one.known and not one.well]
        well = [one for one in hidden if one not in amiss and one.check.id in below]
        told = [f"{arrows[one.check.id]}{one.status.glyph} {one.check.title()}" for one in amiss]
        told += [one.check.title() for one in sorted(well, key=lambda one: not one.check.decides)]
        return ", ".join(told)

    def _moved(self) -> None:
        self._chosen, self._moved_at = True, self.host.context.clock.monotonic()
        self.draw_footer()
        self._draw_pane()

    def _draw_pane(self) -> None:
        pane, height, width = self.lines("pane"), self.below, self.app.size.width
        pane.styles.height = height
        row = self.row
        if row is None:
            pane.show([[]] * height)
            return
        now = self.host.context.clock.now()
        pane.show(health.pane(row, now, width, height, checklist_actions.what_fix_does(row), self.signed))


def _tone(row: Row) -> str:
    return health.tone(row.status)


def _order(picture: Picture | None) -> list[str]:
    """The ids of the morning's checks, the line between, and the others'."""
    if picture is None:
        return []
    groups: Sequence[Sequence[Row]] = (picture.morning, picture.others)
    first, others = ([one.check.id for one in group] for group in groups)
    return [*first, _OTHERS, *others]
