"""What was seen, chosen and done in an incident, as Markdown: for the ticket, and for the morning after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from mtn_tui.core.contacts import Severity, unbracketed
from mtn_tui.core.i18n import Figure, _
from mtn_tui.core.moments import read_moment, with_offset
from mtn_tui.operations.alerts.delivery import State
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.markdown import escaped
from mtn_tui.operations.incident.memory import done_to_mend, findings_of, wrong_at_first
from mtn_tui.operations.incident.remains import remains
from mtn_tui.operations.incident.state import (
    LOST,
    OID,
    WHOLE,
    Facts,
    Incident,
    Record,
    RecoveryMode,
    Step,
    StepStatus,
)

_SECONDS = "_seconds"


def title(step: Step) -> str:
    """A step's name, in the reader's language."""
    return {
        Step.ASSESS: _("Assess"),
        Step.NOTIFY: _("Notify"),
        Step.CHOOSE: _("Choose backup"),
        Step.STAGING: _("Staging"),
        Step.VALIDATE: _("Validate"),
        Step.PRODUCTION: _("Production"),
        Step.SERVICES: _("Services"),
        Step.REPORT: _("Report"),
    }[step]


def standing(one: StepStatus) -> str:
    """A step's status, in the reader's language."""
    return {
        StepStatus.PENDING: _("not yet"),
        StepStatus.RUNNING: _("under way"),
        StepStatus.DONE: _("done"),
        StepStatus.SKIPPED: _("left out"),
        StepStatus.FAILED: _("failed"),
    }[one]


def way(one: RecoveryMode) -> str:
    """A way of recovery, in the reader's language."""
    return {
        RecoveryMode.RESTORE: _("restore all of it, replacing production"),
        RecoveryMode.BESIDE: _("restore beside it, and copy back what is lost"),
        RecoveryMode.LEAVE: _("no restore: what is wrong is not the data"),
    }[one]


def severity(one: Severity) -> str:
    """A severity, in the reader's language."""
    return {
        Severity.CRITICAL: _("critical"),
        Severity.HIGH: _("high"),
        Severity.MEDIUM: _("medium"),
        Severity.LOW: _("low"),
    }[one]


def to_be_seen() -> dict[str, str]:
    """What people check by hand (Appendix B): its word in the incident's file, and its text."""
    return {"login": _("Users can log in"), "application": _("A new application can be created")}


def report(incident: Incident, now: datetime, target: timedelta) -> str:
    """Markdown. ``target`` is the RTO; ``now`` ends the clock of an incident that is still open."""
    return "\n".join(
        [
            "# "
            + _("Incident {number}: {database}").format(
                number=incident.number, database=escaped(incident.database)
            ),
            "",
            *_summary(incident, now, target),
            "",
            *_steps(incident),
            "",
            *_first_look(incident),
            *_evidence(incident),
            *_people(incident),
            "## " + _("All that happened"),
            "",
            *_table([_("Moment"), _("Who"), _("What")], [_row(record) for record in _each_once(incident)]),
            "",
        ]
    )


def took(incident: Incident, now: datetime) -> timedelta:
    """How long the incident took, until step 8 began to tell people so; or has taken up to ``now``."""
    assert incident.opened_at is not None  # noqa: S101 - the first record opens it
    last = incident.steps[Step.REPORT]
    began = last.began if last.standing in (StepStatus.RUNNING, StepStatus.DONE) else None
    return (began or incident.closed_at or now) - incident.opened_at


def lasted(incident: Incident, step: Step) -> timedelta | None:
    """How long a step took, what its decision took included: since the one before it was over.

    So all together are as long as the incident. None where it is not over, or was not needed.
    """
    state = incident.steps[step]
    if state.began is None or state.ended is None or state.ended < state.began:
        return None
    over = [(one.ended, other) for other, one in incident.steps.items() if one.ended and one.began]
    earlier = [ended for ended, other in over if (ended, other) < (state.ended, step)]
    return state.ended - max(earlier, default=incident.opened_at or state.began)


def _summary(incident: Incident, now: datetime, target: timedelta) -> Iterator[str]:
    assert incident.opened_at is not None  # noqa: S101 - the first record opens it
    first = incident.records[0].who if incident.records else "—"
    passed = took(incident, now)
    yield "- " + _("Opened") + f": {_moment(incident.opened_at)}, {escaped(str(first))}"
    if incident.closed_at is None:
        where = _("at step {step}, {name}").format(step=int(incident.step), name=title(incident.step))
        yield "- " + _("Still open") + f": {where}"
    else:
        yield "- " + _("Closed") + f": {_moment(incident.closed_at)}"
    held = _("within") if passed <= target else _("over")
    yield "- " + _("Took {time}, {held} the RTO of {target}").format(
        time=labels.duration(passed.total_seconds()),
        held=held,
        target=labels.duration(target.total_seconds()),
    )
    yield "- " + _("Way") + f": {way(incident.way)}"
    yield from (f"- {escaped(said)} `{drop}`" for said, drop in remains(incident))


def _steps(incident: Incident) -> list[str]:
    rows = []
    for step, state in incident.steps.items():
        passed = lasted(incident, step)
        told = labels.duration(passed.total_seconds()) if passed is not None else "—"
        # What it took counts from when the one before was over: so each begins where that ended.
        start = state.ended - passed if passed is not None and state.ended else state.began
        began = _clock(start) if start else "—"
        said = standing(state.standing)
        if state.standing is StepStatus.SKIPPED and not state.reason:
            said = _("not needed")
        rows.append([str(int(step)), title(step), said, began, told, state.who or "—"])
    return _table([_("Step"), "", _("State"), _("Began"), _("Took"), _("Who")], rows)


def _first_look(incident: Incident) -> Iterator[str]:
    """What was wrong when the incident was opened, whether or not it still was at the decision of step 1,
    and what was done about it."""
    wrong, done = wrong_at_first(incident), done_to_mend(incident)
    if not incident.looks and not done:
        return
    yield "## " + _("When it was opened")
    yield ""
    yield from (f"- {escaped(f'{one.status.glyph} {one.says}')}" for one in wrong)
    if incident.looks and not wrong:
        yield "- " + _("saw nothing critical")
    yield from (f"- {escaped(one)}" for one in done)
    yield ""


def _evidence(incident: Incident) -> Iterator[str]:
    for step, state in incident.steps.items():
        # The way stands above.
        facts = {name: value for name, value in for_people(state.facts).items() if name != "way"}
        if not facts and not state.reason:
            continue
        yield f"## {int(step)} {title(step)}"
        yield ""
        if state.reason:
            yield f"- {standing(state.standing)}: {escaped(state.reason)}"
        for name, value in facts.items():
            yield from _fact(name, value)
        yield ""


def _people(incident: Incident) -> Iterator[str]:
    if not (incident.ticked or incident.taken_back or incident.called):
        return
    yield "## " + _("What people did")
    yield ""
    for what, who in incident.ticked.items():
        text = to_be_seen().get(what, what)
        yield "- " + _("seen: {what} ({who})").format(what=escaped(text), who=escaped(who))
    for what, who in incident.taken_back.items():
        text = _("seen before production or the services were changed, and not again: {what} ({who})")
        yield "- " + text.format(what=escaped(to_be_seen().get(what, what)), who=escaped(who))
    for person in sorted(incident.called.values()):
        yield "- " + _("called: {person}").format(person=escaped(unbracketed(person)))
    yield ""


def _fact(name: str, value: object, depth: int = 0) -> Iterator[str]:
    indent = "  " * depth
    label = escaped(fact_name(name))
    if name == "channels" and not value:
        nobody = _("It reached nobody: no channel is configured.")
        yield f"{indent}- {escaped(nobody)}"
    elif isinstance(value, Mapping):
        yield f"{indent}- {label}:"
        for inner, one in value.items():
            if name == "channels":
                _good, *said = delivery(str(inner), one)
                yield f"{indent}  - {escaped(': '.join(filter(None, said)))}"
            else:
                value_of_it = health(one) if name == "services" and isinstance(one, bool) else one
                yield from _fact(str(inner), value_of_it, depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield f"{indent}- {label}:"
        for one in value:
            check = Check.of_line(str(one))
            text = f"{check.status.glyph} {check.says}" if name == "findings" else str(one)
            yield f"{indent}  - {escaped(text)}"
    else:
        yield f"{indent}- {label}: {escaped(fact_value(name, value))}"


def for_people(facts: Facts) -> Facts:
    """The facts that say something, once each, without those that only later steps need."""
    shown = {
        name: value
        for name, value in facts.items()
        if name not in (OID, LOST, WHOLE) and not _is_empty(name, value)
    }
    if "channels" in shown:
        shown.pop("recipients", None)  # each channel says to whom
    if "problems" in facts:
        shown["problems"] = facts["problems"] or _("none")
    return shown


def _is_empty(name: str, value: object) -> bool:
    if name in ("linked", "not_linked") and value == 0:
        return True
    return value in (None, "", [], {}) and name != "channels"


def health(healthy: bool) -> str:
    """A service's health, in the reader's language."""
    return _("healthy") if healthy else _("not healthy")


def fact_name(name: str) -> str:
    """A fact's name, for people. Names that are not ours (a table, an address) stay as they are."""
    known = {
        "way": _("way"),
        "severity": _("severity"),
        "why": _("why"),
        "findings": _("what was found"),
        "subject": _("subject"),
        "recipients": _("to"),
        "channels": _("sent by"),
        "backup": _("backup"),
        "name": _("file"),
        "base": _("on the full"),
        "asked": _("asked for"),
        "moment": _("as of"),
        "broken": _("newer, and not usable"),
        "store": _("from"),
        "loses_seconds": _("what was written after it, and is lost"),
        "lost_until": _("counted up to"),
        "expected_seconds": _("expected to take"),
        "roles": _("roles"),
        "no_owner": _("without owners and rights"),
        "without": _("without the extensions"),
        "job": _("job"),
        "database": _("database"),
        "rows": _("rows"),
        "linked": _("references set again"),
        "not_linked": _("references that are still NULL"),
        "tables": _("tables"),
        "newest": _("newest row"),
        "problems": _("differences"),
        "kept": _("what was there before is kept as"),
        "away_seconds": _("the swap itself took"),
        "without_seconds": _("without a database since the incident was opened"),
        "load_seconds": _("loading took"),
        "command": _("command"),
        "services": _("services"),
        "path": _("report"),
        "hint": _("what to do"),
    }
    return known.get(name, name)


def delivery(name: str, what: object) -> tuple[bool, str, str]:
    """One delivery, from a step's facts: whether it was sent, what became of it in words, and why."""
    way, _blank, to = name.partition(" ")
    state, _blank, reason = str(what).partition(" ")
    said = {State.SENT.value: _("sent"), State.KEPT.value: _("kept, and sent later")}
    became = said.get(state, _("not sent"))
    return state == State.SENT.value, f"{labels.channel(way)} {to}".rstrip() + f": {became}", reason


def fact_value(name: str, value: object) -> str:
    """A fact's value, for people: moments, durations and words of ours in their language."""
    if value is None:
        return "—"
    if name == "away_seconds" and isinstance(value, int | float):
        return labels.seconds(float(value))
    if name == "loses_seconds" and isinstance(value, int | float):
        return _("at most {lost}").format(lost=labels.duration(float(value)))
    if name.endswith(_SECONDS) and isinstance(value, int | float):
        return labels.duration(float(value))
    if name == "way" and value in [one.value for one in RecoveryMode]:
        return way(RecoveryMode(str(value)))
    if name == "severity" and value in [one.value for one in Severity]:
        return severity(Severity(str(value)))
    if name == "store":
        return labels.store(str(value))
    if name in ("asked", "moment", "newest", "lost_until"):
        try:
            return with_offset(read_moment(str(value)))
        except ValueError:
            return str(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int):
        return f"{Figure(value):,}"
    return str(value)


def _each_once(incident: Incident) -> Iterator[Record]:
    """The records; a step that begins while it runs (its job is known by then) stands there once."""
    runs: Step | None = None
    for record in incident.records:
        if record.event == "began" and record.step is runs:
            continue
        if record.step is not None:
            runs = record.step if record.event == "began" else None
        yield record


def _row(record: Record) -> list[str]:
    who = record.who.at_screen if record.event in ("opened", "took") else str(record.who)
    return [_clock(record.at), who, happened(record)]


def happened(record: Record) -> str:
    """One record in words."""
    step = f"{int(record.step)} {title(record.step)}" if record.step is not None else ""
    said = {
        "opened": _("opened the incident"),
        "took": _("took it over"),
        "began": _("began {step}").format(step=step),
        "done": _("done: {step}").format(step=step),
        "skipped": _("left out {step}: {why}").format(step=step, why=record.text),
        "failed": _("failed: {step}: {why}").format(step=step, why=record.text),
        "note": record.text,
        "called": _("called {person}").format(
            person=unbracketed(str(record.facts.get("name") or record.text))
        ),
        "ticked": _("has seen: {what}").format(what=to_be_seen().get(record.text, record.text)),
        "severe": _("severity: {severity}").format(
            severity=fact_value("severity", record.facts.get("severity"))
        ),
        "looked": _looked(record),
        "mended": _("PostgreSQL was started (job {id}).").format(id=record.facts.get("job", "—")),
        "closed": _("closed it: {outcome}").format(outcome=record.text),
    }
    return said.get(record.event, record.event).removesuffix(": ")


def _looked(record: Record) -> str:
    wrong = [one.says for one in findings_of(record.facts) if one.status is Status.FAIL]
    return _("saw: {what}").format(what=" · ".join(wrong)) if wrong else _("saw nothing critical")


def _moment(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S} ({at:%H:%M:%S} UTC)"


def _clock(at: datetime) -> str:
    return f"{at.astimezone():%H:%M:%S}"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *[[escaped(cell) for cell in row] for row in rows]]
    return [f"| {' | '.join(line)} |" for line in lines]
