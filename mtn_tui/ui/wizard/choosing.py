"""Step 3: the operator chooses a moment; says what is lost by it and whether it will restore here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident import loss
from mtn_tui.operations.incident.file import IncidentFile
from mtn_tui.operations.incident.state import Incident, RecoveryMode, Step
from mtn_tui.operations.incident.steps import chosen
from mtn_tui.operations.inventory.fallback import newer_broken
from mtn_tui.operations.restore.plan import Plan
from mtn_tui.ui.data.points import Points, beside, standing
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.picking import Picking
from mtn_tui.ui.wizard.step import StepView, ask_whether, failure


class Choosing(Picking, StepView):
    """The moments on offer on an axis of time, and the plan for the one under the cursor."""

    step = Step.CHOOSE

    @property
    def way(self) -> RecoveryMode:
        """The way that step 1 has chosen."""
        return self.session.present.way

    @property
    def over(self) -> bool:
        """Whether the incident was put away meanwhile."""
        return self.session.incident is None

    def first(self, points: Points) -> int:
        """The newest; where step 1 has found rows lost, the last one that has them."""
        whole = loss.last_whole(self.session.present)
        handles = [one.handle for one in points.offered]
        return handles.index(whole) if whole in handles else points.best

    @property
    def until(self) -> datetime | None:
        """When nothing was lost yet, as far as step 1 or the operator knows; else the newest's moment."""
        offered = self.points.offered if self.points else ()
        known = [one.moment for one in offered if one.handle == loss.last_whole(self.session.present)]
        known += [self.asked] if self.asked else []
        return min(known or [one.moment for one in offered[:1]], default=None)

    @property
    def knows_loss(self) -> bool:
        """Whether step 1 or the operator has said so."""
        return self.asked is not None or bool(loss.last_whole(self.session.present))

    def jumped(self) -> None:
        """Let no Enter count before the point has been seen."""
        self.session.view.changed()

    def write(self, sheet: PageBuilder) -> None:
        """Write the axis, and the plan for the chosen point."""
        lost = loss.losses(self.session.present)
        if lost and self.backup and self.backup.handle == loss.last_whole(self.session.present):
            text = _("★ The last one that still has the rows of: {tables}")
            sheet.say(text.format(tables=", ".join(one.table for one in lost)), "strong")
        else:
            sheet.say(_("Restore to which moment?"), "strong")
        failure(sheet, self.state)
        self.write_points(sheet)
        self.write_passed(sheet)

    def next(self) -> str:
        """Take the chosen backup; nothing while it has no plan, or a check stops it."""
        made = self.ready
        if made is None:
            return ""
        if made.request.no_owner or made.request.without:
            return _("take this one, though parts will be missing")
        return _("take this one; step 4 restores it")

    def enter(self) -> None:
        """Record the chosen backup; asks first if not everything in it can be restored here."""
        made = self.ready
        if made is not None:
            take = partial(self.session.decide, partial(self._take, made))
            self._as_proposed(made, lambda: self.agree(made, take))

    def _as_proposed(self, made: Plan, then: Callable[[], None]) -> None:
        """Do ``then``; where another one than ★ was chosen, ask first, and say in what they differ."""
        offered = self.points.offered if self.points else ()
        handle = loss.last_whole(self.session.present)
        proposed = next((one for one in offered if one.handle == handle), None)
        if proposed is None or made.backup.handle == handle:
            then()
            return
        first, last = sorted((proposed.moment, made.backup.moment))
        text = _("This one, {standing}, is {time} older: what was written up to ★ is not in it.")
        if made.backup.moment > proposed.moment:
            text = _("This one, {standing}, is {time} newer, and may lack the rows that were lost.")
        said = [
            _("★ is of {moment}, {standing}, the last one that still has them.").format(
                moment=beside(proposed, made.backup), standing=standing(proposed)
            ),
            text.format(standing=standing(made.backup), time=labels.between(first, last)),
        ]
        title, back, take = _("Take another one than ★?"), _("Back"), _("Take this one")
        ask_whether(self.session, title, said, back, take, then)

    def _take(self, made: Plan) -> None:
        inventory = self.session.host.state.inventory
        broken = newer_broken(inventory, made.backup, kind=None) if inventory else None
        facts = chosen(made, self.asked, broken)
        if self.way is RecoveryMode.BESIDE:
            del facts["loses_seconds"], facts["lost_until"]  # production stays, with all written since

        def change(file: IncidentFile) -> Incident:
            file.begin(Step.CHOOSE)
            return file.done(Step.CHOOSE, **facts)

        self.session.write(change, self.session.view.follow)
