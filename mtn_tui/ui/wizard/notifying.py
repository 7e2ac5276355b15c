"""Step 2: shows the alert and to whom it will be sent, and sends it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mtn_tui.core.contacts import Call
from mtn_tui.core.i18n import _
from mtn_tui.operations.incident.assess import Assessment, Proposal
from mtn_tui.operations.incident.file import IncidentFile
from mtn_tui.operations.incident.memory import findings_of
from mtn_tui.operations.incident.messages import Alert, first_alert
from mtn_tui.operations.incident.state import Incident, Step, StepStatus
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.session import IncidentSession
from mtn_tui.ui.wizard.step import StepView, about, cut_short, failure


class Notifying(StepView):
    """The first alert."""

    step = Step.NOTIFY

    def write(self, sheet: PageBuilder) -> None:
        """Write who gets the alert, its text, and what sending it means."""
        alert = self.alert()
        sheet.title(_("Tell the team?"))
        failure(sheet, self.state)
        cut_short(sheet, self)
        about(
            sheet,
            does=_("Sends what is below; [n] adds a line."),
            takes=_("Seconds; half a minute at most."),
            wrong=_("What fails is retried later; [c] to call."),
            back=_("None once sent; [s] leaves the step out."),
        )
        sheet.gap()
        calls = self.session.calls()
        people(sheet, self.session, (*calls.to_tell, *calls.passed_over) if calls else ())
        sheet.gap()
        words_of(sheet, alert)

    def alert(self) -> Alert:
        """What was found in step 1, with the notes since."""
        incident = self.session.present
        made = first_alert(self.session.host.context, _told(incident), incident)
        notes = [record.text for record in incident.records if record.event == "note"]
        return replace(made, body="\n".join([made.body, *notes])) if notes else made

    def next(self) -> str:
        """Send the alert."""
        return _("send it")

    def enter(self) -> None:
        """Send the alert in the background, and write down what became of it on every channel."""
        session, alert, to = self.session, self.alert(), addresses(on_duty(self.session))
        context, operations, way = session.host.context, session.operations, session.present.way

        def change(file: IncidentFile) -> Incident:
            file.begin(Step.NOTIFY)
            return file.done(Step.NOTIFY, way=way.value, **operations.send(context, alert, to))

        session.write(change, busy=_("Sending. That may take half a minute."))


def says_otherwise(incident: Incident) -> bool:
    """Whether the alert that was sent told of another way than is gone now."""
    sent, way = incident.steps[Step.NOTIFY], incident.way.value
    return sent.standing is StepStatus.DONE and sent.facts.get("way", way) != way


def words_of(sheet: PageBuilder, alert: Alert) -> None:
    """Write the text of an alert."""
    sheet.say(alert.subject, "strong")
    for line in alert.body.splitlines():
        sheet.say(line)


def on_duty(session: IncidentSession) -> tuple[Call, ...]:
    """Those who are to be told now and are within their hours."""
    calls = session.calls()
    return calls.to_tell if calls else ()


def addresses(calls: Iterable[Call]) -> list[str]:
    """The addresses of those who have one."""
    return [call.person.email for call in calls if call.person.email]


def people(sheet: PageBuilder, session: IncidentSession, calls: Iterable[Call]) -> None:
    """Write who gets an alert, and who of ``calls`` does not."""
    for address in session.host.context.settings.alert_email:
        sheet.item("→", address)
    if session.no_contacts is not None:
        sheet.item("⚠", session.no_contacts.title, "warn", hint=session.no_contacts.hint)
    for call in calls:
        person = call.person
        text = f"{person.called}, {person.role}, {person.email or person.reached_by}"
        if call.reachable:
            sheet.item("→", text)
        else:
            sheet.item("·", text + ": " + _("off duty, is not notified"), "dim")


def _told(incident: Incident) -> Assessment:
    """What step 1 has found and decided, as it was written down."""
    facts = incident.steps[Step.ASSESS].facts
    why, instead = str(facts.get("why") or ""), str(facts.get("hint") or "")
    return Assessment(findings_of(facts), Proposal(incident.way, why, instead))
