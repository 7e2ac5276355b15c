"""Step 4: the backup is restored beside production, by a job that outlives this screen."""

from __future__ import annotations

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.state import Incident, Step, StepStatus
from mtn_tui.operations.incident.steps import restore_arguments, staging_of
from mtn_tui.operations.inventory.fallback import earlier_proven
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.step import StepView, about, failure, progress


class Restoring(StepView):
    step = Step.STAGING

    @property
    def incident(self) -> Incident:
        assert self.desk.incident is not None  # noqa: S101 - a step is of an incident
        return self.desk.incident

    @property
    def runs(self) -> bool:
        return self.state.standing is StepStatus.RUNNING and bool(self.state.facts.get("job"))

    def write(self, sheet: PageBuilder) -> None:
        facts = self.incident.steps[Step.CHOOSE].facts
        target = staging_of(self.desk.app.context, self.incident.way)
        if self.runs:
            sheet.title(_("Restoring to {database}").format(database=target))
            progress(sheet, self.desk.job_of(self.step), _("It begins."))
            sheet.gap()
            sheet.say(_("It needs neither this screen nor this terminal: leave, and it goes on."), "dim")
            sheet.say(_("Meanwhile: c marks a call, n adds a note."), "dim")
            return
        sheet.title(_("Restore to {database}?").format(database=target))
        failure(sheet, self.state)
        sheet.fact(_("Backup"), str(facts.get("name") or "—"))
        expected = facts.get("expected_seconds")
        takes = _("It is not known; its progress is shown.")
        if isinstance(expected, int | float):
            takes = _("About {time}, by earlier restores.").format(time=labels.clock(expected))
        about(
            sheet,
            does=_(
                "Loads it into {database}, read-only, and counts its rows. Production is not touched."
            ).format(database=target),
            takes=takes,
            wrong=_("A damaged backup, a full disk: it is said, and nothing is left half-made."),
            back=_("backspace, then a in step 3: choose another backup."),
        )

    @property
    def _does_not_hold(self) -> bool:
        """Whether no copy of the backup can be relied upon, and an earlier one is proven."""
        app, handle = self.desk.app, self.incident.steps[Step.CHOOSE].facts.get("backup")
        inventory = app.state.whole
        if self.state.standing is not StepStatus.FAILED or inventory is None:
            return False
        damaged = next((one for one in inventory.backups if one.handle == handle), None)
        if damaged is None or damaged.sound:
            return False
        return bool(earlier_proven(inventory, damaged, app.database))

    def next(self) -> str:
        if self.runs:
            return ""
        if self._does_not_hold:
            return _("back to step 3, to choose another backup")
        return _("restore again") if self.state.standing is StepStatus.FAILED else _("restore it")

    def enter(self) -> None:
        if self.runs:
            return
        if self._does_not_hold:
            self.desk.once_more(Step.CHOOSE)
            return
        desk, context, incident = self.desk, self.desk.app.context, self.incident
        desk.begin_job(Step.STAGING, lambda: restore_arguments(context, incident))
