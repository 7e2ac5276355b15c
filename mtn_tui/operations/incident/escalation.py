"""Whom to call now and next, and who is passed over, by the times in runbook 9.2 and 9.3."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mtn_tui.core.contacts import Call, Contacts, Severity, next_escalation, who_to_tell
from mtn_tui.operations.incident.state import Incident


@dataclass(frozen=True)
class EscalationStatus:
    """Whom to call or write to now, and when the next calls are due."""

    due: tuple[Call, ...]
    """To be called now: within their hours, and nobody has called them yet."""
    passed_over: tuple[Call, ...]
    """They would be due, and are outside their hours."""
    to_tell: tuple[Call, ...]
    """To be written to: within their hours, whether or not somebody has called them."""
    next_at: datetime | None
    """When the next calls are due, in UTC; None if none are left."""
    next_calls: tuple[Call, ...]
    """Whom to call then."""


def clock(contacts: Contacts, incident: Incident, now: datetime) -> EscalationStatus:
    """Where escalation stands at ``now``. Once the incident is over, nobody is due."""
    if not incident.is_open or incident.opened_at is None:
        return EscalationStatus((), (), (), None, ())
    calls = who_to_tell(contacts, severity_of(incident), incident.opened_at, now)
    told = [call for call in calls if call.is_due(now)]
    due = [call for call in told if call.person.key not in incident.called]
    at = next_escalation(calls, now)
    return EscalationStatus(
        tuple(call for call in due if call.reachable),
        tuple(call for call in due if not call.reachable),
        tuple(call for call in told if call.reachable),
        at,
        tuple(call for call in calls if call.due == at),
    )


def severity_of(incident: Incident) -> Severity:
    """The incident's severity; critical if another version wrote one that is not known here."""
    try:
        return Severity(incident.severity)
    except ValueError:
        return Severity.CRITICAL
