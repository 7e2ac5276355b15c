"""The state of an incident: steps 1 to 8 of runbook 5.1, and how far each is.

An incident is a list of records, each with its moment and its author. The state
is computed from them, and nothing else is kept. The module ``file`` keeps them
on disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum, StrEnum

from mtn_tui.core.errors import Refused
from mtn_tui.core.i18n import _
from mtn_tui.core.printable import printable

Facts = Mapping[str, object]

OID = "oid"
"""The fact of step 5 that holds the oid of the validated database; not shown to people."""

LOST = "lost"
"""The fact of step 1 that holds which main tables were short of rows; people read it in its findings."""

WHOLE = "whole"
"""The fact of step 1 that holds the handle of the last backup from before that; not shown to people."""


class Step(IntEnum):
    """The steps, by their numbers in the runbook."""

    ASSESS = 1
    NOTIFY = 2
    CHOOSE = 3
    STAGING = 4
    VALIDATE = 5
    PRODUCTION = 6
    SERVICES = 7
    REPORT = 8


class StepStatus(StrEnum):
    """How far a step is."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether the step after it may begin."""
        return self in (StepStatus.DONE, StepStatus.SKIPPED)


class RecoveryMode(StrEnum):
    """What step 1 decides."""

    RESTORE = "restore"
    """All of the database, in production's place."""
    BESIDE = "beside"
    """Into a database beside it, to copy lost rows back from."""
    LEAVE = "leave"
    """No restore: something else is wrong."""


_LEFT_OUT = {
    RecoveryMode.RESTORE: frozenset[Step](),
    RecoveryMode.BESIDE: frozenset[Step](),
    RecoveryMode.LEAVE: frozenset({Step.CHOOSE, Step.STAGING, Step.VALIDATE, Step.PRODUCTION}),
}

_UNTICKS = (Step.PRODUCTION, Step.SERVICES)
"""Their jobs replace the database, or restart the services: what people saw before says nothing any more."""

NEVER_SKIPPED = {RecoveryMode.RESTORE: (Step.CHOOSE, Step.STAGING, Step.VALIDATE, Step.PRODUCTION)}
"""Production is only ever replaced by what was restored beside it and validated."""


@dataclass(frozen=True)
class Actor:
    """An operator at a screen. ``session`` tells two screens of the same person apart.

    It is ``<pid>/<start>/<terminal>-<token>``, with a dot for each slash of the terminal; the terminal
    may be missing. Any other text is only compared.
    """

    operator: str
    host: str
    session: str

    def __str__(self) -> str:
        return f"{self.operator}@{self.host}"

    @property
    def parts(self) -> tuple[str, str, str]:
        """Of its session the process id, the process's start, and the rest; each may be any text."""
        pid, _slash, rest = self.session.partition("/")
        start, _slash, last = rest.rpartition("/")
        return pid, start, last

    @property
    def screen(self) -> str:
        """By what people find this screen: its terminal, else its process; empty if neither is known."""
        pid, start, last = self.parts
        terminal = last.rpartition("-")[0].replace(".", "/")
        if printable(terminal) == terminal != "":
            return terminal
        return f"pid {pid}" if pid.isdecimal() and (start or last) else ""

    @property
    def at_screen(self) -> str:
        """The name, and the screen where it is known."""
        return f"{self} ({self.screen})" if self.screen else str(self)

    def told_to(self, other: Actor) -> str:
        """The name; with the screen, if the other bears the same name."""
        return self.at_screen if str(self) == str(other) else str(self)


@dataclass(frozen=True)
class StepState:
    """One step: its status, its times (UTC) and its evidence."""

    standing: StepStatus = StepStatus.PENDING
    began: datetime | None = None
    ended: datetime | None = None
    who: str = ""
    """Who began it last."""
    facts: Facts = field(default_factory=dict)
    """Evidence: what it has shown. Kept when the step is done again, until it ends."""
    reason: str = ""
    """Why it was skipped, or of what it failed."""

    @property
    def is_under_way(self) -> bool:
        """Whether a job is running for it. A step that only people are at can be left for another."""
        return self.standing is StepStatus.RUNNING and bool(self.facts.get("job"))


@dataclass(frozen=True)
class Record:
    """One thing that happened. ``at`` is in UTC; ``who`` is not always who holds the incident."""

    at: datetime
    event: str
    who: Actor
    step: Step | None = None
    facts: Facts = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True)
class Incident:
    """What the records add up to. Moments are in UTC."""

    number: int
    database: str = ""
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    holder: Actor | None = None
    """Who is at work on it; anyone may take it over."""
    severity: str = "critical"
    way: RecoveryMode = RecoveryMode.RESTORE
    steps: Mapping[Step, StepState] = field(default_factory=lambda: {step: StepState() for step in Step})
    records: tuple[Record, ...] = ()
    called: Mapping[str, str] = field(default_factory=dict)
    """The people who were called: their keys in contacts.toml, and their names."""
    ticked: Mapping[str, str] = field(default_factory=dict)
    """Checks made by hand (Appendix B): what was seen, and by whom."""
    taken_back: Mapping[str, str] = field(default_factory=dict)
    """Those of before the database was replaced or the services were restarted, and not made again since."""
    looks: tuple[Record, ...] = ()
    """What step 1 saw, the first as the incident was opened; another only where it differs."""
    mended: tuple[Record, ...] = ()
    """Jobs outside the steps that have mended something, such as a start of the server."""

    @property
    def is_open(self) -> bool:
        """Whether it was opened and is not closed yet."""
        return self.opened_at is not None and self.closed_at is None

    @property
    def step(self) -> Step:
        """Where it stands: the first step that is not over."""
        return next((step for step in Step if not self.steps[step].standing.over), Step.REPORT)

    def why_not_begin(self, step: Step) -> str:
        """Why ``step`` can't begin now; empty if it can."""
        if not self.is_open:
            return _("The incident is closed.")
        if step in _LEFT_OUT[self.way]:
            return _("This incident goes another way, without step {step}.").format(step=step.value)
        for before in Step:
            if before == step:
                break
            if not self.steps[before].standing.over:
                return _("Step {before} comes first.").format(before=before.value)
        running = [one for one, state in self.steps.items() if state.is_under_way]
        if running and running != [step]:
            return _("Step {step} is under way.").format(step=running[0].value)
        return ""

    def why_not_skip(self, step: Step) -> str:
        """Why ``step`` can't be left out; empty if it can."""
        if step in NEVER_SKIPPED.get(self.way, ()):
            return _("Step {step} is never left out where all is restored.").format(step=step.value)
        return self.why_not_begin(step)

    def after(self, record: Record) -> Incident:
        """The state once ``record`` has happened, whether or not it may. Raises ValueError if invalid."""
        known = replace(self, records=(*self.records, record))
        move = _MOVES.get(record.event)
        return move(known, record) if move else known


def fold(number: int, records: Iterable[Record]) -> Incident:
    """The state after all ``records``; invalid ones, such as a later version's, are skipped."""
    incident = Incident(number)
    for record in records:
        with suppress(ValueError):
            incident = incident.after(record)
    return incident


def check(incident: Incident, record: Record) -> None:
    """Raise Refused if ``record`` may not happen now, at its step or by its author."""
    if record.event == "opened":
        return
    if not incident.is_open:
        raise Refused(_("The incident is closed."), _("Its report: mtn incident show"))
    holder = incident.holder
    if record.event not in ("took", "note") and holder is not None and record.who.session != holder.session:
        raise Refused(
            _("{who} has taken the incident over.").format(who=holder.told_to(record.who)),
            _("Follow it here; take it over again only once you have talked."),
        )
    if record.step is None:
        return
    why = ""
    if record.event == "began":
        why = incident.why_not_begin(record.step)
    elif record.event == "skipped":
        why = incident.why_not_skip(record.step)
    elif record.event in ("done", "failed"):
        running = incident.steps[record.step].standing is StepStatus.RUNNING
        why = "" if running else _("Step {step} was not begun.").format(step=record.step.value)
    if why:
        raise Refused(why)


def _opened(incident: Incident, record: Record) -> Incident:
    return replace(
        incident,
        opened_at=record.at,
        holder=record.who,
        database=str(record.facts.get("database", "")),
    )


def _took(incident: Incident, record: Record) -> Incident:
    return replace(incident, holder=record.who)


def _began(incident: Incident, record: Record) -> Incident:
    known = incident.steps[_step(record)]
    state = replace(
        known,
        standing=StepStatus.RUNNING,
        began=record.at,
        ended=None,
        who=str(record.who),
        facts={**known.facts, **record.facts},
        reason="",
    )
    return _later_again(_with(_unticked(incident, record), record, state), _step(record))


def _unticked(incident: Incident, record: Record) -> Incident:
    """Take back what was seen by hand, if a job begins that changes what it was seen of."""
    if record.step not in _UNTICKS or not record.facts.get("job"):
        return incident
    return replace(incident, ticked={}, taken_back={**incident.taken_back, **incident.ticked})


def _done(incident: Incident, record: Record) -> Incident:
    step = _step(record)
    known = incident.steps[step]
    kept = {name: value for name, value in known.facts.items() if name != "hint"}  # of a failure before
    state = replace(
        known, standing=StepStatus.DONE, ended=record.at, facts={**kept, **record.facts}, reason=""
    )
    incident = _with(incident, record, state)
    if step is not Step.ASSESS:
        return incident
    way = RecoveryMode(str(record.facts.get("way", RecoveryMode.RESTORE)))
    steps = {
        one: replace(state, standing=StepStatus.SKIPPED, ended=record.at) if one in _LEFT_OUT[way] else state
        for one, state in incident.steps.items()
    }
    severity = str(record.facts.get("severity", incident.severity))
    return replace(incident, way=way, steps=steps, severity=severity)


def _skipped(incident: Incident, record: Record) -> Incident:
    known = incident.steps[_step(record)]
    state = replace(
        known, standing=StepStatus.SKIPPED, ended=record.at, who=str(record.who), reason=record.text
    )
    return _with(incident, record, state)


def _failed(incident: Incident, record: Record) -> Incident:
    known = incident.steps[_step(record)]
    state = replace(
        known,
        standing=StepStatus.FAILED,
        ended=record.at,
        facts={**known.facts, **record.facts},
        reason=record.text,
    )
    return _with(incident, record, state)


def _called(incident: Incident, record: Record) -> Incident:
    name = str(record.facts.get("name") or record.text)
    return replace(incident, called={**incident.called, record.text: name})


def _ticked(incident: Incident, record: Record) -> Incident:
    taken_back = {what: who for what, who in incident.taken_back.items() if what != record.text}
    ticked = {**incident.ticked, record.text: str(record.who)}
    return replace(incident, ticked=ticked, taken_back=taken_back)


def _severe(incident: Incident, record: Record) -> Incident:
    return replace(incident, severity=str(record.facts.get("severity", incident.severity)))


def _looked(incident: Incident, record: Record) -> Incident:
    return replace(incident, looks=(*incident.looks, record))


def _mended(incident: Incident, record: Record) -> Incident:
    return replace(incident, mended=(*incident.mended, record))


def _closed(incident: Incident, record: Record) -> Incident:
    return replace(incident, closed_at=record.at)


_MOVES = {
    "opened": _opened,
    "took": _took,
    "began": _began,
    "done": _done,
    "skipped": _skipped,
    "failed": _failed,
    "called": _called,
    "ticked": _ticked,
    "severe": _severe,
    "looked": _looked,
    "mended": _mended,
    "closed": _closed,
}
"""``note`` changes nothing."""


def _step(record: Record) -> Step:
    if record.step is None:
        raise ValueError("these events are always of a step")
    return record.step


def _with(incident: Incident, record: Record, state: StepState) -> Incident:
    return replace(incident, steps={**incident.steps, _step(record): state})


def _later_again(incident: Incident, step: Step) -> Incident:
    """Reset the steps after ``step``, which depend on it. The alert is kept: nothing changes it."""
    if step is Step.NOTIFY:
        return incident
    left_out = _LEFT_OUT[incident.way] if step is not Step.ASSESS else frozenset()
    again = {
        one: state if one <= step or one in left_out or one is Step.NOTIFY else StepState()
        for one, state in incident.steps.items()
    }
    return replace(incident, steps=again)
