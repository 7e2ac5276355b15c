"""Step 4: restores the backup beside production, by a job that outlives the screen."""

from __future__ import annotations

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.state import Facts, Incident, Step, StepStatus
from mtn_tui.operations.incident.steps import restore_arguments, staging_of
from mtn_tui.operations.inventory.fallback import earlier_proven, why_no_copy
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.step import StepView, about, failure, progress


class Restoring(StepView):
    """What will be restored, or how far that is."""

    step = Step.STAGING

    @property
    def incident(self) -> Incident:
        """The session's incident."""
        return self.session.present

    @property
    def runs(self) -> bool:
        """Whether its job runs."""
        return self.state.standing is StepStatus.RUNNING and bool(self.state.facts.get("job"))

    def write(self, sheet: PageBuilder) -> None:
        """Write what will be restored and where to, or how far the job is."""
        facts = self.incident.steps[Step.CHOOSE].facts
        target = staging_of(self.session.host.context, self.incident.way)
        if self.runs:
            sheet.title(_("Restoring to {database}").format(database=target))
            progress(sheet, self.session.host, self.session.job_of(self.step), _("Starting…"))
            sheet.gap()
            sheet.say(_("It needs neither this screen nor this terminal: leave, and it goes on."), "dim")
            sheet.say(_("Meanwhile: [c] logs a call, [n] adds a note."), "dim")
            return
        damaged, others = self._damaged
        if damaged is not None and others:
            self._no_copy(sheet, damaged, others[0])
            return
        sheet.title(_("Restore to {database}?").format(database=target))
        failure(sheet, self.state)
        write_backup(sheet, facts)
        expected = facts.get("expected_seconds")
        takes = _("It is not known; its progress is shown.")
        if isinstance(expected, int | float):
            takes = _("About {time}, by earlier restores.").format(time=labels.duration(max(expected, 1)))
        about(
            sheet,
            does=_(
                "Loads it into {database}, read-only, and counts its rows. Production is not touched."
            ).format(database=target),
            takes=takes,
            wrong=_("A damaged backup or a full disk is reported; nothing is left half-made."),
            back=_("[backspace], then [a] in step 3: choose another backup."),
        )

    def _no_copy(self, sheet: PageBuilder, damaged: Backup, other: Backup) -> None:
        """Write that every copy of the backup is damaged, and which to take instead."""
        sheet.title(_("No copy of this backup can be restored"))
        for why in why_no_copy(damaged):
            sheet.item("✖", why, "bad")
        sheet.gap()
        sheet.fact(_("Backup"), str(damaged.name))
        text = _("Production was not touched. {name} is proven, and {time} older.")
        older = labels.between(other.moment, damaged.moment)
        sheet.say(text.format(name=other.name, time=older))
        sheet.say(_("[enter] leads back to step 3, which offers it; what is damaged is not offered again."))

    @property
    def _damaged(self) -> tuple[Backup | None, tuple[Backup, ...]]:
        """The backup if every copy of it is damaged, and the earlier ones that are proven."""
        host, handle = self.session.host, self.incident.steps[Step.CHOOSE].facts.get("backup")
        inventory = host.state.whole
        if self.state.standing is not StepStatus.FAILED or inventory is None:
            return None, ()
        damaged = next((one for one in inventory.backups if one.handle == handle), None)
        if damaged is None or damaged.sound:
            return None, ()
        return damaged, earlier_proven(inventory, damaged, host.database)

    @property
    def _does_not_hold(self) -> bool:
        """Whether every copy of the backup is damaged, and an earlier one is proven."""
        return bool(self._damaged[1])

    def next(self) -> str:
        """Restore, or go back to step 3 if the backup is damaged; nothing while the job runs."""
        if self.runs:
            return ""
        if self._does_not_hold:
            return _("back to step 3, to choose another backup")
        return _("restore again") if self.state.standing is StepStatus.FAILED else _("restore it")

    def enter(self) -> None:
        """Start the job, or go back to step 3."""
        if self.runs:
            return
        if self._does_not_hold:
            self.session.view.redo(Step.CHOOSE)
            return
        session, context, incident = self.session, self.session.host.context, self.incident
        session.begin_job(Step.STAGING, lambda: restore_arguments(context, incident))


def write_backup(sheet: PageBuilder, facts: Facts) -> None:
    """Write what is restored: of a differential the full that it stands on too."""
    sheet.fact(_("Backup"), str(facts.get("name") or "—"))
    if base := facts.get("base"):
        sheet.fact(_("On the full"), str(base))
