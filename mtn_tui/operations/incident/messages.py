"""The alerts that are sent in steps 2 and 8 of an incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mtn_tui.core.contacts import Severity
from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.core.moments import read_moment, with_offset
from mtn_tui.operations.alerts.delivery import State
from mtn_tui.operations.alerts.message import Level
from mtn_tui.operations.alerts.notify import notify
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.incident import report
from mtn_tui.operations.incident.assess import Assessment
from mtn_tui.operations.incident.escalation import severity_of
from mtn_tui.operations.incident.memory import amiss_at_first, done_to_mend, over_since
from mtn_tui.operations.incident.remains import set_aside
from mtn_tui.operations.incident.state import Facts, Incident, RecoveryMode, Step
from mtn_tui.operations.incident.steps import staging_of
from mtn_tui.postgres.their_words import split

_DOWN = {"server", "database", "tables", "services"}
"""Findings of step 1 with which people can't work; a full disk, or no proven backup, is none."""


@dataclass(frozen=True)
class Alert:
    """The text of an alert."""

    level: Level
    subject: str
    body: str


def first_alert(context: Context, assessment: Assessment, incident: Incident | None = None) -> Alert:
    """The alert of step 2, in the runbook's words where they fit; of ``incident``, what it remembers."""
    over = over_since(incident, assessment.findings) if incident else ()
    subjects = {
        RecoveryMode.RESTORE: _("Database Down"),
        RecoveryMode.BESIDE: _("Rows are missing"),
        RecoveryMode.LEAVE: _("The admission system is down"),
    }
    proposal = assessment.proposal
    failed = {one.id for one in assessment.findings if one.status is Status.FAIL}
    if not failed & _DOWN:
        # A server that was started by now, or something that can't be seen from here.
        subject = _("An incident of the admission system")
        if "disk" in failed:
            subject = _("The database server's disk is full")
        elif any(one.id in _DOWN for one in over):
            subject = _("The admission system was down")
        subjects[RecoveryMode.LEAVE] = subjects[RecoveryMode.RESTORE] = subject
    short = any(one.id == "tables" and one.status is Status.WARN for one in assessment.findings)
    if short and not failed & (_DOWN - {"services"}):
        subjects = dict.fromkeys(RecoveryMode, subjects[RecoveryMode.BESIDE])
    next_step = {
        RecoveryMode.RESTORE: _("A full restore comes next. Nothing is replaced before it is validated."),
        RecoveryMode.BESIDE: _("A backup is restored beside it; production is left as it is."),
        RecoveryMode.LEAVE: proposal.instead,
    }
    lines = [proposal.why, next_step[proposal.way], ""]
    if incident and over:
        lines += [_("When the incident was opened:"), *_lines(over), *done_to_mend(incident), "", _("Now:")]
    lines += _lines(assessment.findings)
    lines += ["", _("In charge: {operator} on {host}.").format(operator=context.operator, host=context.host)]
    severity = report.severity(severity_of(incident) if incident else Severity.CRITICAL).upper()
    return Alert(Level.ERROR, f"{severity}: {subjects[proposal.way]}", _theirs_last(lines))


def last_alert(context: Context, incident: Incident, counted: Sequence[Check] = ()) -> Alert:
    """The alert of step 8: what was done, how long it took, and by name what had been wrong.

    ``counted``: whether each table that had lost rows has them again.
    """
    alert = _done(context, incident)
    wrong = [] if incident.way is RecoveryMode.LEAVE else [*_broken(incident), *_at_first(incident)]
    alert = replace(alert, body=_theirs_last([*alert.body.splitlines(), *_lines(counted), *wrong]))
    if not any(one.status is Status.FAIL for one in counted):
        return alert
    return replace(alert, level=Level.WARNING, subject=_("Rows are still missing"))


def _done(context: Context, incident: Incident) -> Alert:
    chosen = incident.steps[Step.CHOOSE].facts
    passed = labels.duration(report.took(incident, context.clock.now()).total_seconds())
    if incident.way is RecoveryMode.LEAVE:
        told = [*_at_first(incident), *done_to_mend(incident)]
        told.append(_("Nothing had to be restored. It took {time}.").format(time=passed))
        return Alert(Level.SUCCESS, _("The admission system is back"), "\n".join(told))
    rows = incident.steps[Step.PRODUCTION].facts.get("rows")
    if incident.way is RecoveryMode.BESIDE and rows:
        count = int(str(rows))
        text = ngettext(
            "{rows:,} row was copied back from the backup of {moment}. It took {time}.",
            "{rows:,} rows were copied back from the backup of {moment}. It took {time}.",
            count,
        )
        body = [text.format(rows=Figure(count), moment=_moment(chosen), time=passed)]
        if null := incident.steps[Step.PRODUCTION].facts.get("not_linked"):
            text = _("References to them that are still NULL since the deletion: {count:,}.")
            body.append(text.format(count=Figure(int(str(null)))))
        body += _stays(context, incident)
        return Alert(Level.SUCCESS, _("Lost rows are back"), "\n".join(body))
    if incident.way is RecoveryMode.BESIDE:
        text = _("The backup of {moment} is in {database}, beside production. It took {time}.")
        database = staging_of(context, incident.way)
        said = text.format(moment=_moment(chosen), database=database, time=passed)
        body = [said, *_stays(context, incident)]
        return Alert(Level.SUCCESS, _("Lost rows can be recovered"), "\n".join(body))
    text = _("The database was restored from the backup of {moment}. It took {time}.")
    body = [text.format(moment=_moment(chosen), time=passed)]
    body += _given_up(incident)
    if kept := incident.steps[Step.PRODUCTION].facts.get("kept"):
        body.append(_("What was there before is kept as {name} (mtn undo).").format(name=kept))
    body += [line for one in set_aside(incident) for line in one]
    return Alert(Level.SUCCESS, _("Database Restored"), "\n".join(body))


def _at_first(incident: Incident) -> list[str]:
    wrong = amiss_at_first(incident)
    return [_("When the incident was opened:"), *_lines(wrong)] if wrong else []


def _broken(incident: Incident) -> list[str]:
    """The newer backup that could not be used, with the copies of it that are damaged."""
    broken = incident.steps[Step.CHOOSE].facts.get("broken")
    return [_("A newer backup can't be used: {what}").format(what=broken)] if broken else []


def _lines(findings: Sequence[Check]) -> list[str]:
    return [f"{one.status.glyph} {one.says}" for one in findings]


def _theirs_last(lines: Sequence[str]) -> str:
    """The text of an alert: our sentences first, and what the server said whole, once, at its end."""
    ours, theirs = zip(*map(split, lines), strict=True)
    said = dict.fromkeys(filter(None, theirs))
    return "\n".join([*ours, *(["", *said] if said else [])])


def send(context: Context, alert: Alert, to: Sequence[str]) -> dict[str, object]:
    """Send an alert; return the step's facts. May take half a minute. Raises UsageError for a bad address."""
    told = notify(context, alert.level, alert.subject, alert.body, to=to)
    channels = {}
    for one in told.outcomes:
        if one.state is not State.ABSENT:
            channels[f"{one.channel} {one.to}".strip()] = f"{one.state.value} {one.reason}".strip()
    return {"subject": alert.subject, "recipients": list(to), "channels": channels}


def _stays(context: Context, incident: Incident) -> list[str]:
    """What stays beside production, and what drops it."""
    told = [labels.stays(staging_of(context, incident.way)), *set_aside(incident)]
    return [line for one in told for line in one]


def _moment(facts: Facts) -> str:
    try:
        return with_offset(read_moment(str(facts["moment"])))
    except (KeyError, ValueError):
        return "—"


def _was_gone(incident: Incident) -> bool:
    """Whether nobody could write any more when the incident was opened."""
    down = {"server", "database"}
    return any(one.id in down and one.status is Status.FAIL for one in amiss_at_first(incident))


def _given_up(incident: Incident) -> list[str]:
    """What is lost at most: up to when it was counted, or until what people worked with was replaced."""
    chosen, production = incident.steps[Step.CHOOSE].facts, incident.steps[Step.PRODUCTION]
    lost = chosen.get("loses_seconds")
    if not isinstance(lost, int | float):
        return []
    try:
        until, moment = (read_moment(str(chosen[name])) for name in ("lost_until", "moment"))
    except (KeyError, ValueError):
        text = _("What was written after that backup is lost (at most {time}).")
        return [text.format(time=labels.roughly(lost))]
    if production.facts.get("kept") and production.ended is not None:
        until = max(until, production.ended)
    elif incident.opened_at is not None and _was_gone(incident):
        until = max(min(until, incident.opened_at), moment)
    text = _("What was written since is lost (at most {time}, up to {until}).")
    time = labels.roughly((until - moment).total_seconds())
    return [text.format(time=time, until=labels.clock_after(until, moment))]
