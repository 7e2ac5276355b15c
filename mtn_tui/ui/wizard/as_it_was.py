"""``t`` on the list of backups: the database as it was at a moment, restored beside production to be read."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.widget import Widget

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.state import RecoveryMode
from mtn_tui.operations.incident.steps import look_arguments, staging_of
from mtn_tui.operations.restore.plan import Plan, Target
from mtn_tui.ui.actions import Action, AnyAction, read_only, shown_key
from mtn_tui.ui.host import AS_IT_WAS, BACKUPS
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.widgets.lines import LineView
from mtn_tui.ui.wizard.actions import stepping
from mtn_tui.ui.wizard.page import Page, PageBuilder
from mtn_tui.ui.wizard.picking import Picking

if TYPE_CHECKING:
    from mtn_tui.ui.wizard.session import IncidentSession


class AsItWas(Framed):
    """The timeline, and what a restore of the chosen point would be; no incident is needed."""

    where = AS_IT_WAS
    tab = BACKUPS
    not_in_footer = ("jobs", "command")

    def __init__(self, session: IncidentSession) -> None:
        super().__init__()
        self.picking = Picking(session)

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
                footer=True,
                why_not=lambda screen: read_only(screen) or screen.not_ready(),
            ),
            *stepping(lambda screen: screen.picking, lambda _screen: ""),
        )

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
        sheet = PageBuilder(self.app.size.width - 2)
        sheet.say(_("The database as of which moment?"), "strong")
        picking.write_points(sheet)
        sheet.gap()
        sheet.say(_("It is restored beside production, read-only, for inspection:"), "dim")
        sheet.code(self._command())
        sheet.lines = [[(" ", ""), *line] for line in sheet.lines]
        page = self.query_one(Page)
        page.show_page(sheet, picking.index)
        said = _("restore it into {database}").format(database=self._database)
        shown = (said, "strong") if picking.ready else ("—", "dim")
        self.lines("next").show([[(f" {shown_key('enter')} ", "strong"), shown]])
        self.draw_frame()

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
            lambda: host.run_in_background(
                lambda: operations.target(context, name, backup), lambda found: self._found(made, found)
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
        said = _("{database} exists already: {size}, sessions: {sessions}. It is dropped.").format(
            database=found.name, size=labels.size(existing.size), sessions=existing.sessions
        )
        answers = [Answer(_("Leave it as it is"), False), Answer(_("Replace it"), True)]
        host.open_screen(Ask(_("Replace {database}?").format(database=found.name), [said], answers), agreed)
