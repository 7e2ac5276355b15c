"""Step 8: tells people that it is over, writes the report, and closes the incident."""

from __future__ import annotations

from collections.abc import Mapping

from mtn_tui.core.contacts import Call
from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.incident.file import IncidentFile
from mtn_tui.operations.incident.loss import Loss, in_production, losses
from mtn_tui.operations.incident.messages import last_alert
from mtn_tui.operations.incident.report import took
from mtn_tui.operations.incident.state import Incident, RecoveryMode, Step, StepStatus
from mtn_tui.operations.incident.steps import write_report
from mtn_tui.ui.wizard.notifying import addresses, on_duty, people, words_of
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.session import IncidentSession
from mtn_tui.ui.wizard.step import StepView, about, ask_whether, cut_short, failure


class Reporting(StepView):
    """The last alert, and the time that it took."""

    step = Step.REPORT

    counting = False
    """Whether the main tables are being counted."""
    rows: Mapping[str, int] | None = None
    """How many rows each has; None until it is known."""

    def entered(self) -> None:
        """Forget what was counted: rows may have come back since."""
        self.rows = None

    def opens(self) -> None:
        """Count the main tables again, if step 1 has found that they had lost rows."""
        if self.lost and self.rows is None and not self.counting and not self.state.standing.over:
            self.look()

    def look(self) -> None:
        """Count them again."""
        session, context, operations = self.session, self.session.host.context, self.session.operations
        if not self.lost:
            super().look()
            return
        self.counting, self.rows = True, None

        def came(rows: Mapping[str, int]) -> None:
            self.counting, self.rows = False, rows
            session.view.changed()

        def failed(error: MtnError) -> None:
            came({})
            session.host.show_error(error)

        session.run_in_background(lambda: operations.recount(context), came, failed=failed)

    @property
    def lost(self) -> tuple[Loss, ...]:
        """The main tables that had lost rows."""
        return losses(self.session.present)

    @property
    def counted(self) -> list[Check]:
        """Whether each has them again; empty until it is known."""
        return in_production(self.lost, self.rows) if self.rows is not None else []

    @property
    def quietly(self) -> bool:
        """Whether nobody is told: nobody was, and nothing was restored."""
        incident = self.session.present
        skipped = incident.steps[Step.NOTIFY].standing is StepStatus.SKIPPED
        return skipped and incident.way is RecoveryMode.LEAVE and not incident.called

    @property
    def told(self) -> tuple[Call, ...]:
        """Those on duty who know of the incident: they got its alert, or were called."""
        incident = self.session.present
        listed = incident.steps[Step.NOTIFY].facts.get("recipients")
        wrote = listed if isinstance(listed, list) else []
        return tuple(
            call
            for call in on_duty(self.session)
            if call.person.email in wrote or call.person.key in incident.called
        )

    def write(self, sheet: PageBuilder) -> None:
        """Write the time taken, the last alert, who gets it, and what closing means."""
        session, incident = self.session, self.session.present
        if self.quietly:
            self._write_quietly(sheet)
            return
        alert = last_alert(session.host.context, incident, self.counted)
        sheet.title(_("Tell people, and close the incident?"))
        failure(sheet, self.state)
        cut_short(sheet, self)
        about(
            sheet,
            does=_("Sends this, writes the report and closes."),
            takes=_("Seconds; half a minute at most."),
            wrong=_("What fails is retried later by itself."),
            back=_("None: what is closed stays closed."),
        )
        sheet.gap()
        sheet.say(against_target(session, incident), "strong")
        self._write_counted(sheet)
        sheet.gap()
        words_of(sheet, alert)
        sheet.gap()
        people(sheet, session, self.told)

    def _write_quietly(self, sheet: PageBuilder) -> None:
        sheet.title(_("Close the incident?"))
        failure(sheet, self.state)
        about(
            sheet,
            does=_("Writes the report and closes; sends nothing."),
            takes=_("Less than a second."),
            wrong=_("A full disk: it is said, and stays open."),
            back=_("None: what is closed stays closed."),
        )
        sheet.say(against_target(self.session, self.session.present), "strong")
        self._write_counted(sheet)
        sheet.gap()
        sheet.say(_("Nobody was told of it, and nothing was restored: nobody is told that it is over."))

    def _write_counted(self, sheet: PageBuilder) -> None:
        if self.counting:
            sheet.say(_("Counting the rows again …"), "dim")
        for check in self.counted:
            sheet.check(check)

    def next(self) -> str:
        """Send the alert, unless nobody knows of it, and close; nothing while rows are counted."""
        if self.counting:
            return ""
        if self.missing:
            return _("close it, though rows are missing")
        return _("write the report and close") if self.quietly else _("send it, write the report and close")

    @property
    def missing(self) -> list[Check]:
        """The tables of which rows are still missing."""
        return [one for one in self.counted if one.status is Status.FAIL]

    def enter(self) -> None:
        """Close the incident; asks first if lost rows are still missing."""
        if self.counting:
            return
        if not self.missing:
            self._close()
            return
        said = [one.says for one in self.missing]
        if self.session.present.way is RecoveryMode.LEAVE:
            said.append(_("[backspace] goes back to step 1: there [a] looks again, and proposes what to do."))
        else:
            said.append(_("[backspace] goes back: in step 3, [a] chooses a backup from before the loss."))
        ask_whether(
            self.session, _("Rows are still missing."), said, _("Stay"), _("Close it anyway"), self._close
        )

    def _close(self) -> None:
        """Write the report, send the alert, and close the incident, in the background."""
        session, context, operations, to = (
            self.session,
            self.session.host.context,
            self.session.operations,
            addresses(self.told),
        )
        quietly = self.quietly
        checks = self.counted
        counted = [one.line for one in checks]

        def change(file: IncidentFile) -> Incident:
            begun = file.begin(Step.REPORT)
            alert, outcome = last_alert(context, begun, checks), against_target(session, begun)
            try:
                path = write_report(context, begun)  # what can fail comes before the mail
            except MtnError as error:
                file.failed(Step.REPORT, error)
                raise
            sent = {} if quietly else operations.send(context, alert, to)
            file.done(Step.REPORT, path=str(path), **({"findings": counted} if counted else {}), **sent)
            closed = file.close(outcome)
            write_report(context, closed).replace(path)  # now it also says how it ended
            return closed

        session.write(change, busy="" if quietly else _("Sending. That may take half a minute."))


def against_target(session: IncidentSession, incident: Incident) -> str:
    """How long it took, and whether that is within the RTO."""
    passed = took(incident, session.host.context.clock.now()).total_seconds()
    target = session.host.context.settings.target_rto_hours * 3600
    text = _("It took {time}, within the RTO of {target}.")
    if passed > target:
        text = _("It took {time}, over the RTO of {target}.")
    return text.format(time=labels.duration(passed), target=labels.duration(target))
