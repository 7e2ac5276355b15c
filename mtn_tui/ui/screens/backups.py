"""The list of backups in both stores, and a summary of the chosen one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import BackupName
from mtn_tui.operations.common import labels
from mtn_tui.operations.inventory.chains import chains
from mtn_tui.operations.inventory.filters import parse
from mtn_tui.operations.inventory.model import Backup, Inventory
from mtn_tui.ui.actions import Action, AnyAction
from mtn_tui.ui.host import AS_IT_WAS, BACKUPS
from mtn_tui.ui.screens import frame
from mtn_tui.ui.screens.backing_up import back_up, no_backing_up
from mtn_tui.ui.screens.backup_actions import (
    BackupScreen,
    marking,
    no_backup,
    verifying_and_restoring,
)
from mtn_tui.ui.screens.syncing import no_syncing, synchronize
from mtn_tui.ui.text import backup as backup_text
from mtn_tui.ui.text.backup import Fold
from mtn_tui.ui.text.cells import Span, spread, width_of, wrapped
from mtn_tui.ui.widgets.field import TextField
from mtn_tui.ui.widgets.lines import LineView, StyledLine, VirtualList


def _orders() -> list[tuple[str, Callable[[Backup], int]]]:
    """Name and sort key of each order; an inventory comes with the newest first."""
    return [
        (_("newest first"), lambda _one: 0),
        (_("largest first"), lambda one: -one.size),
        (_("least proven first"), lambda one: one.rung),
    ]


class Backups(BackupScreen):
    """The list, its filter, and the chosen backup in short."""

    where = BACKUPS
    not_in_footer = ("jobs", "command")

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[Backup] = []
        self._folds: list[Fold | None] = []
        self._hide_doubts: frozenset[BackupName] = frozenset()
        """Fulls with something wrong among their differentials, which are folded away."""
        """How each of the shown stands in a chain; None where the list has no chains."""
        self._unfolded: dict[BackupName, bool] = {}
        """Fulls that somebody has folded or unfolded. Of the others only the newest is unfolded."""
        self._keys: list[str] = []
        self._shared_minutes: frozenset[datetime] = frozenset()
        self._shown_of: Inventory | None = None
        self._sorted_by = 0
        self._filter = ""
        self._filter_before = ""
        """The filter before the field was opened: in force while what is typed is invalid."""
        self._wrong: UsageError | None = None
        """Why the typed filter is invalid; None if it is valid."""

    @classmethod
    def own_actions(cls) -> tuple[AnyAction, ...]:
        """What can be done to a backup, and how the list is filtered and ordered."""
        return (
            Action(
                "details",
                ("enter",),
                _("Details"),
                _("Shows all that is known of the chosen backup: its copies, and the rows of every table."),
                cls.open_details,
                why_not=no_backup,
            ),
            Action(
                "fold",
                ("space",),
                _("Fold"),
                _("Shows the differentials on the chosen full, or hides them."),
                cls.fold,
                why_not=cls._no_folding,
            ),
            Action(
                "backup",
                ("b",),
                _("Back up"),
                _("Backs the database up, to disk and bucket, and reads it back. Asks which kind."),
                cls.back_up,
                footer=True,
                why_not=no_backing_up,
            ),
            *verifying_and_restoring(),
            Action(
                "sync",
                ("s",),
                _("Synchronize"),
                _("Copies to the disk or the bucket the backups that it lacks and would keep. Asks first."),
                lambda screen: synchronize(screen.host),
                why_not=no_syncing,
            ),
            Action(
                "filter",
                ("/",),
                _("Filter"),
                _("Shows only some: kind:full (fulls), age:<7d (of 7 days), proof:complete (read back)."),
                cls.ask_filter,
                footer=True,
            ),
            Action(
                "sort",
                ("o",),
                _("Order"),
                _("Orders the list by moment, by size or by how far they are proven."),
                cls.next_order,
            ),
            Action(
                AS_IT_WAS,
                ("t",),
                _("As it was"),
                _("Restores the database as of the chosen backup or moment, beside production, to read it."),
                lambda screen: screen.host.show(AS_IT_WAS),
                footer=True,
                also=_("yesterday past time restore database"),
            ),
            *marking(),
        )

    @property
    def backup(self) -> Backup | None:
        """The backup under the cursor; None if the list is empty."""
        index = self.rows.index
        return self._shown[index] if index < len(self._shown) else None

    @property
    def rows(self) -> VirtualList:
        """The list of backups."""
        return self.query_one("#backups", VirtualList)

    def body(self) -> Iterable[Widget]:
        """Totals, what is missing, the list, and a summary of the chosen backup."""
        yield LineView(id="summary")
        yield LineView(id="silent")
        yield LineView(id="heading")
        yield VirtualList(self._moved, id="backups")
        yield LineView(id="bottom-rule")
        yield LineView(id="pane")

    def draw(self) -> None:
        """Draw all of it, choosing and ordering backups anew if the inventory has changed."""
        width, inventory = self.app.size.width, self.host.state.inventory
        on_top = self.rows.index == 0 and self._shown_of is not None and self._shown_of.is_partial
        if inventory is not self._shown_of:
            self._choose()
        silent = self._silent(width)
        self.lines("silent").set_class(bool(silent), "-said")
        self.lines("silent").styles.height = max(len(silent), 1)
        self.lines("silent").show(silent)
        self.lines("summary").show([self._summary(width)])
        self.lines("heading").show([backup_text.heading(width, chains=self._has_chains)])
        self.lines("bottom-rule").show([frame.rule(width)])
        now = self.host.context.clock.now()
        out = frozenset(inventory.unreachable) if inventory else frozenset()
        self.rows.show_rows(
            self._keys,
            lambda index: self._row(index, out, now, width),
            self._nothing(width),
        )
        if on_top:  # the newest of a partial list was not chosen by anybody
            self.rows.go_to(0)
        self._draw_pane()
        self.draw_frame()

    def _row(self, index: int, silent: frozenset[str], now: datetime, width: int) -> list[Span]:
        one = self._shown[index]
        seconds = labels.minute(one.moment) in self._shared_minutes
        fold, doubts = self._folds[index], one.name in self._hide_doubts
        return backup_text.row(one, silent, now, width, seconds=seconds, fold=fold, hides_doubts=doubts)

    def fold(self) -> None:
        """Hide the differentials of the chain under the cursor, which goes to its full, or show them."""
        full = self.chosen.base or self.chosen
        folds = self._folds[self._shown.index(self.chosen)]
        self._unfolded[full.name] = folds is Fold.FOLDED
        self.rows.go_to(self._keys.index(str(full.name)))
        self._choose()
        self.draw()

    def _no_folding(self) -> str:
        if why := no_backup(self):
            return why
        if self._sorted_by or self._filter:
            return _("Filtered or in another order, nothing is folded.")
        if self._folds[self._shown.index(self.chosen)] in (None, Fold.ALONE):
            return _("No differential builds on it.")
        return ""

    @property
    def _has_chains(self) -> bool:
        return any(one is not None for one in self._folds)

    def back_up(self) -> None:
        """Ask what to back up, and start the job."""
        back_up(self.host)

    def open_details(self) -> None:
        """Open the screen of the chosen backup."""
        from mtn_tui.ui.screens.details import Details

        self.host.open_screen(Details(self.chosen))

    def next_order(self) -> None:
        """Order the list by the next of the orders."""
        self._sorted_by = (self._sorted_by + 1) % len(_orders())
        self._choose()

    def ask_filter(self) -> None:
        """Open the field for a filter."""
        asked = self.query("#filter")
        if not asked:
            said = _("kind:full (fulls) age:<7d (of 7 days) proof:complete (read back whole)")
            self._filter_before = self._filter
            self.mount(TextField(self._filter, placeholder=said, id="filter", offered=True), after="#summary")
            self.lines("summary").display = False

    def back(self) -> None:
        """Clear the filter; without one, leave the screen."""
        if not self._filter and not self.query("#filter"):
            super().back()
            return
        self._filter, self._wrong = "", None
        self._choose()
        self._end_asking()

    @on(Input.Changed, "#filter")
    def _filter_typed(self, event: Input.Changed) -> None:
        try:
            parse(event.value, self.host.context.clock.now())
        except UsageError as error:
            self._wrong, self._filter = error, self._filter_before
        else:
            self._wrong, self._filter = None, event.value
        self._choose()
        self.draw()

    @on(Input.Submitted, "#filter")
    def _filter_given(self, event: Input.Submitted) -> None:
        if self._wrong is None:
            self._end_asking()
            self.draw()

    def _moved(self) -> None:
        self.draw_footer()
        self._draw_pane()

    def _end_asking(self) -> None:
        self.query("#filter").remove()
        self.lines("summary").display = True
        self.rows.focus()

    def _choose(self) -> None:
        inventory = self._shown_of = self.host.state.inventory
        meant = parse(self._filter, self.host.context.clock.now())
        shown = [one for one in (inventory.backups if inventory else ()) if meant(one)]
        if self._sorted_by:
            self._shown = sorted(shown, key=_orders()[self._sorted_by][1])
            self._folds, self._hide_doubts = [None] * len(self._shown), frozenset()
        else:
            self._fold_chains(shown)
        self._keys = [str(one.name) for one in self._shown]
        self._shared_minutes = labels.shared_minutes(one.moment for one in self._shown)

    def _fold_chains(self, listed: list[Backup]) -> None:
        """Show each full, and below it its differentials unless they are folded. A filter unfolds all."""
        here = self.backup
        if here is not None and here.base is not None:
            self._unfolded.setdefault(here.base.name, True)  # a new full must not hide it
        rows: list[tuple[Backup, Fold]] = []
        found, hidden = chains(listed), set()
        for chain in found:
            full, below = chain.head, chain.differentials
            if not below:
                rows.append((full, Fold.ALONE))
                continue
            unfolded = bool(self._filter) or self._unfolded.get(full.name, chain is found[0])
            rows.append((full, Fold.OPEN if unfolded else Fold.FOLDED))
            rows += [(one, Fold.BELOW) for one in below if unfolded]
            if not unfolded and any(one.doubtful for one in below):
                hidden.add(full.name)
        self._hide_doubts = frozenset(hidden)
        any_chain = any(fold is not Fold.ALONE for _one, fold in rows)
        self._shown = [one for one, _fold in rows]
        self._folds = [fold if any_chain else None for _one, fold in rows]

    def _draw_pane(self) -> None:
        pane, inventory = self.lines("pane"), self.host.state.inventory
        height, width = self.below, self.app.size.width
        pane.styles.height = height
        if self.backup is None or inventory is None:
            pane.show([[]] * height)
        else:
            pane.show(backup_text.pane(self.backup, inventory, width, height))

    def _summary(self, width: int) -> list[Span]:
        state = self.host.state
        if state.inventory is None or state.tally is None:
            return [(" " + _("Asking the stores what they hold …"), "dim")]
        tally = state.tally
        counted = _("fulls: {fulls}, differentials: {others}")
        left: list[Span] = [(" " + counted.format(fulls=tally.fulls, others=tally.others), "")]
        if tally.unusable:
            text = _("{count} of {all} usable").format(
                count=tally.fulls + tally.others - tally.unusable, all=tally.fulls + tally.others
            )
            left.append((f" · {text}", "bad"))
        if self._filter:
            every = len(state.inventory.backups)
            told = _("{shown} of {every}: {filter}")
            text = told.format(shown=len(self._shown), every=every, filter=self._filter)
            left = [(" " + text, "warn"), ("  " + _("[esc] shows all"), "dim")]
        order = _orders()[self._sorted_by][0] if self._sorted_by else ""
        taken = _("read {time}").format(time=f"{state.taken.astimezone():%H:%M}") if state.taken else ""
        if state.inventory.pending and not state.inventory.is_partial:
            stores = labels.stores(state.inventory.pending)
            taken = _("asking the {stores} again …").format(stores=stores)
        right: list[Span] = [("  " + ", ".join(one for one in (order, taken) if one) + " ", "dim")]
        if not self._filter:
            for store in self.host.context.stores:
                held = labels.size(tally.held.get(store.name, 0))
                part: Span = (f" · {labels.store(store.name)} {held}", "")
                if store.name not in state.inventory.unreachable and width_of([*left, part, *right]) <= width:
                    left.append(part)
        return spread(left, right, width)

    def _silent(self, width: int) -> list[StyledLine]:
        """What the list lacks, and why."""
        state, said = self.host.state, list[str]()
        if state.trouble is not None:
            said += [f"✖ {state.trouble.title}", state.trouble.hint]
        if state.inventory is not None:
            said += backup_text.missing(state.inventory)
        if self._wrong is not None:
            said = [f"✖ {self._wrong.title} {self._wrong.hint}"]
        lines = [line for text in said if text for line in wrapped(text, width - 2)]
        return [[(" ", ""), (line, "warn")] for line in lines[:4]]

    def _nothing(self, width: int) -> list[StyledLine]:
        state = self.host.state
        if state.inventory is None or self._wrong is not None:
            return []
        if self._filter and state.inventory.is_partial:
            text = _("No matches so far; not all is read yet. [esc] clears the filter.")
        elif self._filter:
            text = _("No backups match. [esc] clears the filter.")
        elif state.inventory.unreachable:
            text = _("No backup can be seen.")
        else:
            text = _("There is no backup yet. [b] makes the first one.")
        return [[]] + [[(" ", ""), (line, "")] for line in wrapped(text, width - 2)]
