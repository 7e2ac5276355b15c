"""Evaluates a practice incident by the state of things at its end, not by what was claimed."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.demo.incidents import PracticeIncident
from mtn_tui.demo.scene import Held, Point, Scene, holds, subjects
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.checks.full import full
from mtn_tui.operations.health.checks.objectives import objectives
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.incident.file import incidents
from mtn_tui.operations.incident.memory import findings_of
from mtn_tui.operations.incident.state import Incident, RecoveryMode, Step, StepStatus
from mtn_tui.operations.schedule.description import runs
from mtn_tui.operations.services.health import health

TARGET = timedelta(minutes=5)
"""Target time of a practice, since the school is small."""

_LITTLE_ROOM = 0.1
"""Part of the disk; with less it counts as full (runbook 8.2)."""


class Production(StrEnum):
    """What production has, compared with what it should have."""

    EQUAL = "equal"
    CHANGED = "changed"
    """All that it should have, and later changes."""
    MISSING = "missing"
    GONE = "gone"
    """It does not answer."""


@dataclass(frozen=True)
class Took:
    """A step of the incident; ``seconds`` since the end of the step before, including time of people."""

    step: Step
    standing: StepStatus
    seconds: float | None


@dataclass(frozen=True)
class Backups:
    """The backups once the operator has left."""

    troubles: tuple[str, ...]
    """What is still wrong, in words."""
    since: datetime | None
    """When the first was done that was made after the incident and is proven."""
    lost: tuple[str, ...]
    """Names of those from before that can't be restored any more."""
    is_scheduled: bool
    """Whether something starts the next ones. No practice asks for it: that would change this machine."""


@dataclass(frozen=True)
class Seen:
    """The state of things once the operator has left."""

    now: datetime
    incident: Incident | None
    held: Held | None
    """Contents of production; None if it does not answer."""
    healthy: int
    services: int
    mails: Sequence[str]
    """Subjects of the mails that have arrived since the incident."""
    backups: Backups | None = None
    """State of the backups, where it is these that are in trouble."""


@dataclass(frozen=True)
class Evaluation:
    """How a practice incident went."""

    name: str
    seconds: float | None
    """Seconds from the incident until all was healthy; None if it is not."""
    target: timedelta
    rto: timedelta
    healthy: int
    services: int
    production: Production
    rows: int
    way: RecoveryMode | None
    """The mode chosen in step 1; None if that was not completed."""
    right_way: RecoveryMode
    other_way: bool
    """Whether the mode chosen was not the best, but one that repairs it too."""
    restored: str
    """The backup in production; empty if it is as before the incident, or unknown."""
    right_backup: str
    """The backup that should be restored; empty if none."""
    lost: int
    """Rows lost since just before the incident."""
    needless: int
    """Lost rows that the right mode would have kept."""
    alert: bool
    """Whether the message of step 2 has arrived."""
    all_clear: bool
    """Whether the message of step 8 has arrived."""
    mails: int
    steps: tuple[Took, ...]
    """Empty if no incident was opened."""
    closed: bool
    backups: Backups | None = None
    """State of the backups, where it is these that had to be mended; then nothing counts but they."""

    @property
    def recovered(self) -> bool:
        """Whether all is healthy again."""
        return self.seconds is not None

    def facts(self) -> dict[str, object]:
        """Return a mapping for ``--json``."""
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
    """Look at the scene and evaluate it. ``mails`` are the subjects that had arrived when it ``happened``."""
    rto = timedelta(hours=scene.context.settings.target_rto_hours)
    seen = look(scene, happened, mails)
    if practised.of_backups:
        seen = replace(seen, backups=look_at_backups(scene, happened))
    return judge(practised, scene.points, scene.held, rto, happened, seen, scene.deleted)


def look(scene: Scene, happened: datetime, mails: Counter[str]) -> Seen:
    """Return the present state of things; ``mails`` are the subjects to leave out."""
    context = scene.context
    try:
        held = holds(context)
    except MtnError:
        held = None
    answers = health(context.settings.service_health_urls)
    return Seen(
        context.clock.now(),
        _worked_on(incidents(context.state), happened),
        held,
        sum(one.healthy for one in answers),
        len(answers),
        tuple((subjects(scene.stack) - mails).elements()),
    )


def look_at_backups(scene: Scene, happened: datetime) -> Backups:
    """Return the present state of the backups, by the checks that watch over them."""
    context = scene.context
    inspection = Inspection(context)
    found = [*full(inspection), *objectives(inspection), *_room(context.settings.backup_dir)]
    made = [
        one.manifest.ended_at
        for one in inspection.ours
        if one.manifest is not None and one.proven and one.moment > happened
    ]
    troubles = [one.says for one in found if one.status is Status.FAIL]
    if not made:
        troubles.append(_("No proven backup has been made since."))
    restorable = {str(one.name) for one in inspection.ours if one.usable and one.proven}
    lost = tuple(point.name for point in scene.points if point.name not in restorable)
    found_runs = inspection.scheduled.runs if inspection.scheduled is not None else {}
    is_scheduled = all(run.id in found_runs for run in runs(context.settings))
    return Backups(tuple(troubles), min(made, default=None), lost, is_scheduled)


def _room(folder: Path) -> Iterator[Check]:
    usage = shutil.disk_usage(folder)
    if usage.free < usage.total * _LITTLE_ROOM:
        says = _("{free} of {total} are free on the disk of the backups.")
        yield Check(
            "room",
            Status.FAIL,
            says.format(free=labels.size(usage.free), total=labels.size(usage.total)),
        )


def _worked_on(known: Sequence[Incident], happened: datetime) -> Incident | None:
    """The first since then of which anything was done, whatever was opened after it."""
    since = [one for one in reversed(known) if one.opened_at is not None and one.opened_at >= happened]
    for one in since:
        if not one.is_open or any(state.standing.over for state in one.steps.values()):
            return one
    return since[0] if since else None


def judge(
    practised: PracticeIncident,
    points: Sequence[Point],
    before: Held,
    rto: timedelta,
    happened: datetime,
    seen: Seen,
    deleted: Collection[str] = (),
) -> Evaluation:
    """Evaluate. ``points`` are newest first; ``before`` is what production would hold without the incident.

    ``deleted`` are the tables that rows were deleted from: these must hold exactly what they should.
    """
    held, incident = seen.held, seen.incident
    assessed = incident is not None and incident.steps[Step.ASSESS].standing is StepStatus.DONE
    way = incident.way if incident is not None and assessed else None
    right_way = practised.also if practised.also and way is practised.also else practised.way
    right = points[practised.back] if right_way is RecoveryMode.RESTORE else None
    should = right.held if right else before
    lost = held.missing(before) if held else before.rows
    unavoidable = should.missing(before)
    production = _production(held, should, deleted)
    return Evaluation(
        name=practised.name,
        seconds=None if deleted and production is Production.MISSING else _until_healthy(seen, happened),
        target=TARGET,
        rto=rto,
        healthy=seen.healthy,
        services=seen.services,
        production=production,
        rows=held.rows if held else 0,
        way=way,
        right_way=right_way,
        other_way=right_way is not practised.way,
        restored=_restored(held, before, points),
        right_backup=right.name if right else "",
        lost=lost,
        needless=max(0, lost - unavoidable),
        alert=_has_arrived(incident, Step.NOTIFY, seen.mails),
        all_clear=_has_arrived(incident, Step.REPORT, seen.mails) and not _tells_of_trouble(incident),
        mails=len(seen.mails),
        steps=tuple(_took(incident)) if incident is not None else (),
        closed=incident is not None and not incident.is_open,
        backups=seen.backups,
    )


def _until_healthy(seen: Seen, happened: datetime) -> float | None:
    """Return the seconds until the end of step 7, or until now if it was not done."""
    if seen.held is None or seen.healthy < seen.services:
        return None
    if seen.backups is not None:
        since = seen.backups.since
        return None if seen.backups.troubles or since is None else (since - happened).total_seconds()
    step = seen.incident.steps[Step.SERVICES] if seen.incident is not None else None
    done = step.ended if step is not None and step.standing is StepStatus.DONE else None
    return ((done or seen.now) - happened).total_seconds()


def _production(held: Held | None, should: Held, deleted: Collection[str]) -> Production:
    if held is None:
        return Production.GONE
    if held == should:
        return Production.EQUAL
    wrong = any(held.tables.get(name) != should.tables[name] for name in deleted)
    return Production.MISSING if wrong or held.missing(should) else Production.CHANGED


def _restored(held: Held | None, before: Held, points: Sequence[Point]) -> str:
    """Return the backup with the same rows; after later changes, the newest with no row missing."""
    known = [("", before), *((point.name, point.held) for point in points)]
    if held is None:
        return ""
    for name, one in known:
        if held == one:
            return name
    return next((name for name, one in known if not held.missing(one)), "")


def _has_arrived(incident: Incident | None, step: Step, mails: Iterable[str]) -> bool:
    subject = str(incident.steps[step].facts.get("subject", "")) if incident is not None else ""
    return bool(subject) and any(subject in mail for mail in mails)


def _tells_of_trouble(incident: Incident | None) -> bool:
    """Whether the last alert says that rows are still missing."""
    counted = findings_of(incident.steps[Step.REPORT].facts) if incident is not None else ()
    return any(one.status is Status.FAIL for one in counted)


def _took(incident: Incident) -> Iterator[Took]:
    before = incident.opened_at
    for step, state in incident.steps.items():
        if state.standing is not StepStatus.DONE or state.ended is None or before is None:
            yield Took(step, state.standing, None)
            continue
        since = before if before <= state.ended else state.began or state.ended  # one before was done again
        yield Took(step, state.standing, (state.ended - since).total_seconds())
        before = max(before, state.ended)
