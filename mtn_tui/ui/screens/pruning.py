"""What retention would delete now, before it does, and what it keeps: each with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias

from textual.widget import Widget

from mtn_tui.core import i18n
from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.waiting import reason_to_wait
from mtn_tui.operations.retention.policy import Verdict
from mtn_tui.operations.retention.preview import Preview, preview
from mtn_tui.operations.retention.prune import KIND
from mtn_tui.operations.retention.records import Record
from mtn_tui.ui.actions import Action, AnyAction, read_only
from mtn_tui.ui.host import PRUNING
from mtn_tui.ui.screens import frame
from mtn_tui.ui.screens.ask import Answer, Ask, Said
from mtn_tui.ui.screens.details import Details
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.text import pruning
from mtn_tui.ui.text.cells import Span, cut_to, wrapped
from mtn_tui.ui.widgets.lines import LineView, VirtualList

_OF_ONE = 3
"""Lines beneath the list about the chosen copy."""

_OTHERS = 12
"""Lines of the frame, of three rows with their heading, and of what is told of the chosen one."""


_Row: TypeAlias = Verdict | Record | str
"""A copy, an old log or record, or the heading of those beneath it."""


class Pruning(Framed):
    """The dry run of ``mtn prune``; it is looked anew when such a job has ended meanwhile."""

    where = PRUNING
    not_in_footer = ("jobs",)

    def __init__(self) -> None:
        super().__init__()
        self._would: Preview | None = None
        """None while the stores are asked."""
        self._trouble: MtnError | None = None
        self._rows: dict[str, _Row] = {}
        """What the list shows, by the keys of its rows: made once, for there may be thousands."""
        self._shared: frozenset[datetime] = frozenset()
        """The minutes that hold more than one backup."""
        self._in_all: list[Span] = []
        """What would come of it."""
        self._asked = 0
        """How often the stores were asked: only the last answer counts."""
        self._language = ""
        self._over: set[str] | None = None
        """The ids of deletions that had ended when the stores were asked; None before jobs are known."""

    @classmethod
    def own_actions(cls) -> tuple[AnyAction, ...]:
        """Deleting, and looking again."""
        return (
            Action(
                "prune",
                ("d",),
                _("Delete old ones"),
                _("Shows which backups retention no longer keeps, and deletes them as a job. Asks first."),
                cls.ask_to_delete,
                footer_when_possible=True,
                why_not=cls._no_deleting,
                shows_first=True,
                also=_("prune retention old space"),
            ),
            Action(
                "prune-again",
                ("r",),
                _("Look again"),
                _("Asks the stores once more which backups retention no longer keeps."),
                cls.look,
                footer=True,
            ),
            Action(
                "pruned",
                ("enter",),
                _("Facts"),
                _("Shows all that is known of the chosen copy, or of the chosen log or record."),
                cls.open_details,
                footer=True,
                why_not=cls._no_details,
            ),
        )

    def body(self) -> Iterable[Widget]:
        """What would come of it, what would go and what stays, and what there is to say of the chosen one."""
        yield LineView(id="summary")
        yield LineView(id="heading")
        yield VirtualList(self._draw_told, id="copies")
        yield LineView(id="bottom-rule")
        yield LineView(id="told")

    def opened(self) -> None:
        """Ask the stores."""
        self.set_focus(self.query_one(VirtualList))
        self.look()
        self.draw()

    def look(self) -> None:
        """Ask the stores on a thread what would be deleted."""
        host = self.host
        self._asked += 1
        asked, context = self._asked, host.context
        self._would = self._trouble = None
        self._rows = {}
        self._language, self._over = i18n.language(), self._ended()

        def came(would: Preview) -> None:
            if asked == self._asked:
                self._take_in(would)
                host.draw()

        def failed(error: MtnError) -> None:
            if asked == self._asked:
                self._trouble = error
                host.draw()

        host.run_in_background(lambda: preview(context, lambda: reason_to_wait(context)), came, failed)

    def _take_in(self, would: Preview) -> None:
        self._would, self._rows, self._in_all = would, _rows(would), pruning.summary(would)
        moments = {one.backup.moment for one in self._rows.values() if isinstance(one, Verdict)}
        self._shared = labels.shared_minutes(moments)

    def _ended(self) -> set[str] | None:
        if not self.host.knows_jobs:
            return None
        return {job.id for job in self.host.state.jobs if job.kind == KIND and job.state.over}

    def draw(self) -> None:
        """Draw what is known; ask anew if a deletion has ended since, or the language was switched."""
        ended = self._ended()
        if self._over is None:
            self._over = ended
        if (ended is not None and ended - (self._over or set())) or self._language != i18n.language():
            self.look()
        width = self.app.size.width
        said = [(line, tone) for text, tone in self._summary() for line in wrapped(text, width - 2)]
        summary = self.lines("summary")
        summary.styles.height = max(min(len(said), self.app.size.height - _OTHERS), 1)
        summary.show([[(" ", ""), one] for one in said])
        self._draw_rows(width)
        self.lines("bottom-rule").show([frame.rule(width)])
        self._draw_told()
        self.draw_frame()

    def _draw_rows(self, width: int) -> None:
        """Draw what would go, copies and then records, and beneath it what stays, each under its heading."""
        keys, rows, shared = list(self._rows), list(self._rows.values()), self._shared

        def row(index: int) -> list[Span]:
            one = rows[index]
            if isinstance(one, str):
                return [(f" {one}", "strong")]
            if isinstance(one, Record):
                return pruning.record_row(one, width)
            return pruning.row(one, width, seconds=labels.minute(one.backup.moment) in shared)

        heading = pruning.heading_of_records if rows and isinstance(rows[0], Record) else pruning.heading
        self.lines("heading").show([[(heading(width), "dim")]] if rows else [[]])
        shown = self.query_one(VirtualList)
        shown.passed_over = {key for key, one in self._rows.items() if isinstance(one, str)}
        shown.show_rows(keys, row)
        if shown.key in shown.passed_over:
            shown.go_to(shown.index + 1)

    def _summary(self) -> list[Span]:
        if self._trouble is not None:
            return [
                (f"✖ {self._trouble.title}", "bad"),
                *((one, "") for one in self._trouble.hint.split("\n")),
            ]
        if self._would is None:
            return [(_("Looking which backups retention no longer keeps …"), "dim")]
        return self._in_all

    def _draw_told(self) -> None:
        told, width = self.lines("told"), self.app.size.width - 2
        told.styles.height = _OF_ONE
        one = self._rows.get(self.query_one(VirtualList).key)
        said = pruning.told_of_record(one) if isinstance(one, Record) else []
        if isinstance(one, Verdict):
            said = pruning.told(one)
        lines = cut_to([line for text in said for line in wrapped(text, width)], _OF_ONE, width, "[enter]")
        told.show([[(" " + line, "")] for line in [*lines, *[""] * (_OF_ONE - len(lines))]])

    def _no_details(self) -> str:
        one = self._rows.get(self.query_one(VirtualList).key)
        if one is None or isinstance(one, str):
            return _("No copy is chosen.")
        if isinstance(one, Verdict) and self.host.state.inventory is None:
            return _("Looking which backups retention no longer keeps …")
        return ""

    def open_details(self) -> None:
        """Open the backup of the chosen copy, or say all that there is of a record."""
        one = self._rows[self.query_one(VirtualList).key]
        if isinstance(one, Verdict):
            self.host.open_screen(Details(one.backup))
        elif isinstance(one, Record):
            self.host.open_screen(Said(one.path.name, pruning.details_of_record(one)))

    def _no_deleting(self) -> str:
        if why := read_only(self):
            return why
        host = self.host
        if running := host.state.running(KIND, host.database):
            return _("It is running already: job {id}.").format(id=running.id)
        if self._trouble is not None:
            return self._trouble.title
        if self._would is None:
            return _("Looking which backups retention no longer keeps …")
        return _("Nothing would be deleted.") if self._would.is_empty else ""

    def ask_to_delete(self) -> None:
        """Ask whether what is shown is to be deleted, and start the job."""
        assert self._would is not None  # noqa: S101 - why_not has looked
        host, name = self.host, labels.job(KIND)

        def chosen(agreed: bool | None) -> None:
            if agreed:
                host.start_job([KIND], name)

        title = _("Run it now: {job}?").format(job=name)
        said = [text for text, _tone in self._in_all]
        if not self._would.survey.expired:
            title = _("Delete old logs and records?")
            said.append(
                _("No backup is old enough. If that is too little room, remove other files from the disk.")
            )
        said.append(
            _("The job looks once more, and deletes what is past its days then. mtn can't bring it back.")
        )
        answers = [Answer(_("Not now"), False), Answer(_("Delete them"), True)]
        host.open_screen(Ask(title, said, answers), chosen)


def _rows(would: Preview) -> dict[str, _Row]:
    """What would go before what stays; no heading is the first row, which that of the columns is above."""
    rows: dict[str, _Row] = {":".join(one.place): one for one in would.survey.expired}
    if rows and would.records:
        rows["records"] = _("Old logs and records that would be deleted")
    rows |= {str(one.path): one for one in would.records}
    if rows and would.kept:
        rows["kept"] = _("Kept")
    return rows | {":".join(one.place): one for one in would.kept}
