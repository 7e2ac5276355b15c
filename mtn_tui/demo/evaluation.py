"""What went well in a practice incident, and what did not: as seen at its end, not as it was claimed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mtn_tui.core.errors import MtnError
from mtn_tui.demo.incidents import PracticeIncident
from mtn_tui.demo.scene import Full, Held, Scene, holds, subjects
from mtn_tui.operations.incident.file import incidents
from mtn_tui.operations.incident.state import Incident, RecoveryMode, Step, StepStatus
from mtn_tui.operations.services.health import health

TARGET = timedelta(minutes=5)
"""Of a practice: the school is small."""


class Production(StrEnum):
    """What it holds, beside what it should."""

    EQUAL = "equal"
    CHANGED = "changed"
    """All that it should, and somebody has worked since."""
    MISSING = "missing"
    GONE = "gone"
    """It does not answer."""


@dataclass(frozen=True)
class Took:
    """A step of the incident; seconds from the end of the one before it, so with what people took."""

    step: Step
    standing: StepStatus
    seconds: float | None


@dataclass(frozen=True)
class Seen:
    """How things are once the operator has left."""

    now: datetime
    incident: Incident | None
    held: Held | None
    """By production; None where it does not answer."""
    healthy: int
    services: int
    mails: Sequence[str]
    """Subjects of what has arrived since it happened."""


@dataclass(frozen=True)
class Evaluation:
    name: str
    seconds: float | None
    """From the incident until all was healthy; None where it is not."""
    target: timedelta
    rto: timedelta
    healthy: int
    services: int
    production: Production
    rows: int
    way: RecoveryMode | None
    """As step 1 was ended; None where it was not."""
    right_way: RecoveryMode
    restored: str
    """The backup that production holds; empty where it is what it was before, or nobody can tell."""
    right_backup: str
    """The one to be restored; empty where none was."""
    lost: int
    """Rows that were there before it happened, and are gone."""
    needless: int
    """Of those, how many the right way would have kept."""
    alert: bool
    """Whether what step 2 sent has arrived."""
    all_clear: bool
    """The same of step 8."""
    mails: int
    steps: tuple[Took, ...]
    """Empty where no incident was begun."""
    closed: bool

    @property
    def recovered(self) -> bool:
        return self.seconds is not None

    def facts(self) -> dict[str, object]:
        """For ``--json``."""
        return {
            **asdict(self),
            "target": self.target.total_seconds(),
            "rto": self.rto.total_seconds(),
            "steps": {
                str(int(one.step)): {"standing": one.standing, "seconds": one.seconds} for one in self.steps
            },
        }


def evaluate(
    scene: Scene, practised: PracticeIncident, happened: datetime, mails: Counter[str]
) -> Evaluation:
    """Look, and judge. ``mails`` are the subjects that had arrived when it ``happened``."""
    rto = timedelta(hours=scene.context.settings.target_rto_hours)
    return judge(practised, scene.fulls, scene.held, rto, happened, look(scene, mails))


def look(scene: Scene, mails: Counter[str]) -> Seen:
    context = scene.context
    try:
        held = holds(context)
    except MtnError:
        held = None
    answers = health(context.settings.service_health_urls)
    return Seen(
        context.clock.now(),
        next(iter(incidents(context.state)), None),
        held,
        sum(one.healthy for one in answers),
        len(answers),
        tuple((subjects(scene.stack) - mails).elements()),
    )


def judge(
    practised: PracticeIncident,
    fulls: Sequence[Full],
    before: Held,
    rto: timedelta,
    happened: datetime,
    seen: Seen,
) -> Evaluation:
    """``fulls`` newest first; ``before`` is what production held just before it happened."""
    right = fulls[practised.back] if practised.way is RecoveryMode.RESTORE else None
    should = right.held if right else before
    held, incident = seen.held, seen.incident
    assessed = incident is not None and incident.steps[Step.ASSESS].standing is StepStatus.DONE
    lost = held.missing(before) if held else before.rows
    unavoidable = should.missing(before)
    return Evaluation(
        name=practised.name,
        seconds=_until_healthy(seen, happened),
        target=TARGET,
        rto=rto,
        healthy=seen.healthy,
        services=seen.services,
        production=_production(held, should),
        rows=held.rows if held else 0,
        way=incident.way if incident is not None and assessed else None,
        right_way=practised.way,
        restored=_restored(held, before, fulls),
        right_backup=right.name if right else "",
        lost=lost,
        needless=max(0, lost - unavoidable),
        alert=_has_arrived(incident, Step.NOTIFY, seen.mails),
        all_clear=_has_arrived(incident, Step.REPORT, seen.mails),
        mails=len(seen.mails),
        steps=tuple(_took(incident)) if incident is not None else (),
        closed=incident is not None and not incident.is_open,
    )


def _until_healthy(seen: Seen, happened: datetime) -> float | None:
    """By the end of step 7 where it was done, else by now: nobody was looking before."""
    if seen.held is None or seen.healthy < seen.services:
        return None
    step = seen.incident.steps[Step.SERVICES] if seen.incident is not None else None
    done = step.ended if step is not None and step.standing is StepStatus.DONE else None
    return ((done or seen.now) - happened).total_seconds()


def _production(held: Held | None, should: Held) -> Production:
    if held is None:
        return Production.GONE
    if held == should:
        return Production.EQUAL
    return Production.MISSING if held.missing(should) else Production.CHANGED


def _restored(held: Held | None, before: Held, fulls: Sequence[Full]) -> str:
    """The same rows tell; where somebody has worked since, the newest of which none is missing."""
    known = [("", before), *((full.name, full.held) for full in fulls)]
    if held is None:
        return ""
    for name, one in known:
        if held == one:
            return name
    return next((name for name, one in known if not held.missing(one)), "")


def _has_arrived(incident: Incident | None, step: Step, mails: Iterable[str]) -> bool:
    subject = str(incident.steps[step].facts.get("subject", "")) if incident is not None else ""
    return bool(subject) and any(subject in mail for mail in mails)


def _took(incident: Incident) -> Iterator[Took]:
    before = incident.opened_at
    for step, state in incident.steps.items():
        if state.standing is not StepStatus.DONE or state.ended is None or before is None:
            yield Took(step, state.standing, None)
            continue
        yield Took(step, state.standing, (state.ended - before).total_seconds())
        before = state.ended
