"""``g``: how severe the incident is. A lower one calls fewer people: it asks, and says what it did."""

from __future__ import annotations

from mtn_tui.core.contacts import Severity
from mtn_tui.core.i18n import _
from mtn_tui.operations.incident import report
from mtn_tui.operations.incident.escalation import severity_of
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.wizard.session import IncidentSession


def ask(session: IncidentSession) -> None:
    """Ask which severity it has, and say for each whom it calls now."""
    present = severity_of(session.present)

    def say(severity: Severity) -> None:
        said = _("Severity changed to {severity}")
        session.host.show_status(said.format(severity=_calling(session, severity)), "warn")

    def chosen(severity: Severity | None) -> None:
        if severity is not None and severity is not present:
            session.write_answer(lambda file: file.severe(severity), lambda: say(severity))

    answers = [Answer(_("Leave it {severity}").format(severity=_calling(session, present)), present)]
    answers += [Answer(_calling(session, one), one) for one in Severity if one is not present]
    said = [_("It decides whom to call, and when, and stands in the alert and in the report.")]
    session.host.open_screen(Ask(_("How severe is it?"), said, answers), chosen)


def _calling(session: IncidentSession, severity: Severity) -> str:
    """A severity, and whom it has called now."""
    name, calls = report.severity(severity), session.calls(severity)
    if calls is None:
        return name
    now = ", ".join(call.person.called for call in calls.due) or _("nobody")
    return _("{severity}: call now: {names}").format(severity=name, names=now)
