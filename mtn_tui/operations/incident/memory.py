"""What an incident remembers: what was wrong when it was opened, and what has mended it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.incident.assess import Assessment
from mtn_tui.operations.incident.file import IncidentFile
from mtn_tui.operations.incident.state import Facts, Incident, Record, RecoveryMode, Step, StepStatus
from mtn_tui.operations.services.health import Errand

STARTS = Errand.START_DATABASE.value
"""The kind of the jobs that start the server; step 1 offers one, and it is no step of its own."""


def findings_of(facts: Facts) -> tuple[Check, ...]:
    """What a look has seen, as it was written down."""
    lines = facts.get("findings")
    return tuple(Check.of_line(str(line)) for line in (lines if isinstance(lines, list) else ()))


def wrong_at_first(incident: Incident) -> tuple[Check, ...]:
    """What was critical when the incident was opened."""
    seen = findings_of(incident.looks[0].facts) if incident.looks else ()
    return tuple(one for one in seen if one.status is Status.FAIL)


def amiss_at_first(incident: Incident) -> tuple[Check, ...]:
    """What was critical when the incident was opened, or a warning, as a store that did not answer is."""
    seen = findings_of(incident.looks[0].facts) if incident.looks else ()
    return tuple(one for one in seen if one.status in (Status.FAIL, Status.WARN))


def is_new(incident: Incident, found: Assessment) -> bool:
    """Whether something else is wrong than at the last look."""
    return not incident.looks or _wrong(found.findings) != _wrong(findings_of(incident.looks[-1].facts))


def over_since(incident: Incident, findings: Iterable[Check]) -> tuple[Check, ...]:
    """What was critical when the incident was opened, unless it is among ``findings`` too."""
    still = _wrong(findings)
    return tuple(one for one in wrong_at_first(incident) if one.line not in still)


def _wrong(findings: Iterable[Check]) -> list[str]:
    return [one.line for one in findings if one.status is Status.FAIL]


def starts(incident: Incident, jobs: Iterable[JobView]) -> list[JobView]:
    """The starts of the server that have succeeded since the incident was opened, and are not in it yet."""
    known, opened = {one.facts.get("job") for one in incident.mended}, incident.opened_at
    return [
        job
        for job in jobs
        if job.kind == STARTS
        and job.state is JobState.SUCCEEDED
        and job.id not in known
        and opened is not None
        and job.started is not None
        and job.started >= opened
    ]


def remember(file: IncidentFile, found: Assessment, started: Iterable[JobView]) -> Incident:
    """Write down these starts, and what was seen, if it is new."""
    for job in started:
        file.mended(job.kind, job.id)
    return file.looked([one.line for one in found.findings]) if is_new(file.state, found) else file.state


def in_view_of(incident: Incident, found: Assessment) -> Assessment:
    """What was found, told by what was wrong at first where nothing is wrong any more."""
    before = wrong_at_first(incident)
    if not before or found.proposal.way is not RecoveryMode.LEAVE or _wrong(found.findings):
        return found
    why = _("It works again. When the incident was opened: {what}")
    return replace(found, proposal=replace(found.proposal, why=why.format(what=before[0].says)))


def done_to_mend(incident: Incident) -> list[str]:
    """What was done that may have mended it, in sentences; without what a restore did."""
    done = [_("PostgreSQL was started ({time}).").format(time=_clock(one)) for one in incident.mended]
    services = incident.steps[Step.SERVICES]
    if services.standing is StepStatus.DONE and services.facts.get("job"):
        done.append(_("The services were restarted."))
    return done


def _clock(one: Record) -> str:
    return f"{one.at.astimezone():%H:%M}"
