"""``t`` on the list of backups: the database as it was at a moment, restored beside production to be read."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from textual.widget import Widget

from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.core.moments import with_offset
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.state import RecoveryMode
from mtn_tui.operations.incident.steps import look_arguments, staging_of
from mtn_tui.operations.restore.plan import Plan, Target
from mtn_tui.postgres.kept import kept_form
from mtn_tui.ui.actions import Action, AnyAction, read_only, shown_key
from mtn_tui.ui.host import AS_IT_WAS
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.widgets.lines import LineView
from mtn_tui.ui.wizard.actions import digit_of_moment, stepping
from mtn_tui.ui.wizard.page import Page, PageBuilder
from mtn_tui.ui.wizard.picking import Picking
from mtn_tui.ui.wizard.step import progress
from mtn_tui.ui.wizard.still_there import StillThere
from mtn_tui.ui.wizard.whole_message import whole_message

if TYPE_CHECKING:
    from mtn_tui.operations.inventory.model import Backup
    from mtn_tui.ui.wizard.session import IncidentSession


class AsItWas(Framed):
    """The timeline, and what a restore of the chosen point would be; no incident is needed."""

    where = AS_IT_WAS
    not_in_footer = ("jobs", "command")

    def __init__(self, session: IncidentSession, chosen: Backup | None = None) -> None:
        """Begin with the point of the ``chosen`` backup, if it is one."""
        super().__init__()
        self.picking = Picking(session, chosen)
        self._there = StillThere(session, lambda: self.is_current)
        self._seen: object = None
        """What was said of the last restore: where that changes, the page is read from its beginning."""

    @classmethod
    def own_actions(cls) -> tuple[AnyAction, ...]:
        """Choosing a moment, and restoring it."""
        return (
            Action(
                "next",
                ("enter",),
                _("Next"),
                _("Restores the chosen moment beside production; asks before it replaces anything."),
                cls.restore,
                why_not=lambda screen: read_only(screen) or screen.not_ready(),
            ),
            *stepping(lambda screen: screen.picking, lambda _screen: "", footer=True),
            whole_message(),
        )

    def does_nothing(self, key: str) -> str:
        """Say of a digit, too, which key lets one type a moment."""
        return digit_of_moment(key) or super().does_nothing(key)

    @property
    def page(self) -> Page:
        """The timeline and what is said of the chosen point."""
        return self.query_one(Page)

    def body(self) -> Iterable[Widget]:
        """The page, and below what enter does."""
        yield Page(self._moved, id="page")
        yield LineView(id="next")

    def opened(self) -> None:
        """Give the page the focus."""
        self.set_focus(self.query_one(Page))
        self.draw()

    def _moved(self) -> None:
        self.picking.index = self.query_one(Page).index
        self.picking.moved()
        self.draw()

    def draw(self) -> None:
        """Write the page as of what is known by now."""
        picking = self.picking
        picking.opens()
        self._there.opens(self._names)
        sheet = PageBuilder(self.app.size.width - 2)
        sheet.say(_("The database as of which moment? [t] lets you type it."), "strong")
        if picking.passed_over:
            sheet.item("⚠", picking.passed_over, "warn")
        self._write_last(sheet)
        picking.write_points(sheet)
        if not self._is_restored:
            sheet.say(_("It is restored beside production, read-only, for inspection:"), "dim")
            sheet.code(self._command())
        picking.write_passed(sheet)
        sheet.lines = [[(" ", ""), *line] for line in sheet.lines]
        page = self.query_one(Page)
        page.show_page(sheet, picking.index)
        last = self._last
        seen = (last.id, last.state, self._there.is_gone(self._database)) if last else None
        if seen != self._seen:
            self._seen = seen
            page.top()
        self.draw_keys()
        self.draw_frame()

    def draw_keys(self) -> None:
        """Draw what enter does, and the footer."""
        super().draw_keys()
        said = _("restore it into {database}")
        if self._is_restored:
            said = _("restore it into {database} once more")
        said = said.format(database=self._database)
        shown = (said, "strong") if self.picking.ready else ("—", "dim")
        line = [(f" {shown_key('enter')} ", "strong"), shown]
        self.lines("next").show([[] if self.is_covered else line])

    @property
    def _last(self) -> JobView | None:
        """The last restore into that database; None if none is known."""
        ours = (
            job for job in self.host.state.jobs if job.kind == "restore" and job.subject == self._database
        )
        return next(ours, None)

    @property
    def _is_restored(self) -> bool:
        """Whether the last restore was of the chosen point."""
        last, backup = self._last, self.picking.backup
        done = last is not None and last.state is JobState.SUCCEEDED
        is_of_it = bool(done and last and backup and last.result.get("name") == str(backup.name))
        return is_of_it and not self._there.is_gone(self._database)

    @property
    def _names(self) -> list[str]:
        """The databases that the last restore has left, if it has succeeded."""
        last = self._last
        if last is None or last.state is not JobState.SUCCEEDED:
            return []
        kept = str(last.result.get("kept") or "")
        return [self._database, *([kept] if kept else [])]

    def _write_last(self, sheet: PageBuilder) -> None:
        """Write how far the last restore into that database is, or that it holds the chosen point."""
        last, backup = self._last, self.picking.backup
        if last is not None and not last.state.over:
            progress(sheet, self.host, last, "")
        elif self._names and self._there.is_gone(self._database):
            text = _("{database} was dropped meanwhile. [enter] restores the chosen moment into it anew.")
            sheet.say(text.format(database=self._database), "warn")
            self._write_left(sheet, self._names[1:])
            self._there.write_trouble(sheet)
            sheet.gap()
        elif last is not None and last.ended is not None and backup is not None and self._is_restored:
            text = _("✔ {database} has the data of {moment}. It was restored {time}.")
            of, when = with_offset(backup.moment), labels.moment(last.ended)
            sheet.say(text.format(database=self._database, moment=of, time=when), "good")
            sheet.code(self._command())
            sheet.say(labels.password_of_psql(self.host.context), "dim")
            self._write_left(sheet, self._names)
            self._there.write_trouble(sheet)

    def _write_left(self, sheet: PageBuilder, names: Sequence[str]) -> None:
        """Write which of these databases stay, and what drops each."""
        left = [name for name in names if not self._there.is_gone(name)]
        for name in left:
            said, drop = labels.stays(name) if name == self._database else labels.set_aside(name)
            sheet.say(said, "dim")
            sheet.code(drop)
        if left:
            sheet.say(_("[K] lists them here, and drops one after asking."), "dim")

    @property
    def _database(self) -> str:
        return staging_of(self.host.context, RecoveryMode.BESIDE)

    def _command(self) -> str:
        return shlex.join(["psql", *self.host.context.server.options, "-d", self._database])

    def not_ready(self) -> str:
        """Why the chosen point can't be restored now; empty if it can."""
        return "" if self.picking.ready else _("Not now: the page says why.")

    def restore(self) -> None:
        """Restore the chosen point; asks first if something would be replaced, or left out."""
        made = self.picking.ready
        if made is None:
            return
        host, operations = self.host, self.picking.session.operations
        name, backup, context = made.target.name, made.backup, host.context
        self.picking.agree(
            made,
            lambda: host.look_first(
                _("Looking at what is there …"),
                lambda: operations.target(context, name, backup),
                lambda found: self._found(made, found),
            ),
        )

    def _found(self, made: Plan, found: Target) -> None:
        existing, host = found.existing, self.host

        def start(*, drop: bool) -> None:
            host.start_job(look_arguments(made, drop=drop), labels.job("restore"))

        def agreed(replace: bool | None) -> None:
            if replace:
                start(drop=True)

        if existing is None:
            start(drop=False)
            return
        said = _("{database} exists already: {size}, sessions: {sessions}. It is kept as {kept}.").format(
            database=found.name,
            size=labels.size(existing.size),
            sessions=existing.sessions,
            kept=kept_form(found.name),
        )
        answers = [Answer(_("Leave it as it is"), False), Answer(_("Replace it"), True)]
        host.open_screen(Ask(_("Replace {database}?").format(database=found.name), [said], answers), agreed)
