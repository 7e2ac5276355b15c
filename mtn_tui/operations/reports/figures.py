"""The figures of a report. Pure functions: the same facts come to the same figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median

from mtn_tui.core.models import Kind
from mtn_tui.operations.reports.facts import Facts, Outcome, Ran
from mtn_tui.operations.reports.period import Span

_EARLY = timedelta(minutes=1)
"""By which a run may begin before it is due: clocks are set right meanwhile."""


@dataclass(frozen=True)
class Held:
    """For how long the newest backup was within the RPO, in seconds."""

    held: float = 0.0
    missed: float = 0.0
    unknown: float = 0.0

    @property
    def total(self) -> float:
        """All of the time."""
        return self.held + self.missed + self.unknown

    @property
    def share(self) -> float:
        """The part that it was held for, of all of the time: what is unknown does not count as held."""
        return self.held / self.total if self.total else 0.0


@dataclass(frozen=True)
class Gap:
    """A time without a newer backup."""

    seconds: float
    since: datetime


@dataclass(frozen=True)
class Due:
    """What was due, and whether it was made."""

    due: int = 0
    done: int = 0
    missed: int = 0
    unknown: int = 0


@dataclass(frozen=True)
class Slowest:
    """The backup that took longest."""

    seconds: float
    started: datetime


@dataclass(frozen=True)
class OfKind:
    """The backups of one kind."""

    due: Due
    made: int
    failed: int
    cancelled: int
    passed_over: int
    warned: int
    size: int
    """Bytes of all that were made."""
    usual_size: int | None
    """Median, in bytes."""
    usual_seconds: float | None
    """Median."""
    slowest: Slowest | None


@dataclass(frozen=True)
class Day:
    """One day of the period."""

    day: date
    due: dict[Kind, Due]
    rpo: Held


@dataclass(frozen=True)
class Growth:
    """The last full of the period, beside the last before it or, without that, the first in it."""

    before: int
    after: int
    """Bytes."""
    since: datetime

    @property
    def share(self) -> float:
        """By what part it grew; negative if it shrank."""
        return self.after / self.before - 1 if self.before else 0.0


@dataclass(frozen=True)
class Drills:
    """The drills of the period; times in seconds."""

    passed: int
    failed: int
    usual: float | None
    shortest: float | None
    longest: float | None


@dataclass(frozen=True)
class Figures:
    """What a report tells in numbers."""

    rpo: Held
    gap: Gap | None
    """The longest; None if none is known."""
    kinds: dict[Kind, OfKind]
    days: tuple[Day, ...]
    growth: Growth | None
    drills: Drills
    failed: tuple[Ran, ...]
    """Oldest first."""
    warnings: tuple[tuple[str, int], ...]
    """Each text with how often it was told, the most frequent first."""
    empty: bool
    """Whether nothing is known of the period at all."""
    well: bool
    """Whether all was as it should be, as far as that is known, and all of it is."""

    def facts(self) -> dict[str, object]:
        """For ``--json``."""
        told = asdict(self)
        told["rpo"]["share"] = round(self.rpo.share, 4)
        for one, day in zip(told["days"], self.days, strict=True):
            one["day"] = day.day.isoformat()
            one["due"] = {kind.value: value for kind, value in one["due"].items()}
        told["kinds"] = {kind.value: value for kind, value in told["kinds"].items()}
        return told


def figures(facts: Facts) -> Figures:
    """Make the figures of a report."""
    period = facts.period
    inside = [one for one in facts.runs if period.holds(one.started)]
    points = [one for one in facts.runs if one.counts]
    slots = {kind: list(_slots(facts, kind)) for kind in Kind}
    kinds = {kind: _of_kind(kind, inside, slots[kind]) for kind in Kind}
    days = tuple(
        Day(
            day,
            {kind: _counted(slot for slot in slots[kind] if start <= slot[0] < end) for kind in Kind},
            held(points, start, end, facts.rpo, facts.recorded),
        )
        for day, start, end in period.days
    )
    rpo = held(points, period.start, period.end, facts.rpo, facts.recorded)
    failed = tuple(one for one in inside if one.outcome is Outcome.FAILED)
    drills = _drills(facts)
    return Figures(
        rpo=rpo,
        gap=longest_gap(points, period.start, period.end, facts.recorded),
        kinds=kinds,
        days=days,
        growth=_growth(facts),
        drills=drills,
        failed=failed,
        warnings=tuple(Counter(text for one in inside for text in one.warnings).most_common()),
        empty=not (rpo.held or rpo.missed or inside),
        well=not (
            rpo.missed
            or rpo.unknown
            or failed
            or drills.failed
            or (period.span is Span.MONTH and not drills.passed)
            or facts.unknown
            or facts.emergencies
            or any(one.due.missed or one.due.unknown or one.warned for one in kinds.values())
            or any(one.unsent for one in facts.alerts)
        ),
    )


def held(
    points: Iterable[Ran], start: datetime, end: datetime, target: timedelta, recorded: datetime | None
) -> Held:
    """For how long the newest backup that could be restored was not older than ``target``.

    Before ``recorded`` a time without a backup is unknown: it may have been deleted since.
    """
    good = missed = unknown = 0.0
    for begin, until, newest in _spans(points, start, end):
        fresh = begin if newest is None else min(until, max(begin, newest + target))
        known = until if recorded is None else min(until, max(fresh, recorded))
        good += (fresh - begin).total_seconds()
        unknown += (known - fresh).total_seconds()
        missed += (until - known).total_seconds()
    return Held(good, missed, unknown)


def longest_gap(
    points: Iterable[Ran], start: datetime, end: datetime, recorded: datetime | None
) -> Gap | None:
    """The longest time, of those that touch the period, from what a backup holds until there was a newer.

    As far as it is known: not before ``recorded``.
    """
    if recorded is None:
        return None
    gaps = []
    for _begin, until, newest in _spans(points, start, end):
        since = max(newest or recorded, recorded)
        if since < until:
            gaps.append(Gap((until - since).total_seconds(), since))
    return max(gaps, key=lambda gap: gap.seconds, default=None)


def _spans(
    points: Iterable[Ran], start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime, datetime | None]]:
    """Parts of the time, each with what the newest backup held the database as of; None without one."""
    came = sorted((one.ended or one.started, one.moment) for one in points if one.moment is not None)
    newest: datetime | None = None
    begin = start
    for ready, moment in came:
        if ready >= end:
            break
        if newest is not None and moment <= newest:
            continue
        if ready > begin:
            yield begin, ready, newest
            begin = ready
        newest = moment
    if begin < end:
        yield begin, end, newest


_Slot = tuple[datetime, str]
"""When something was due, and what came of it: ``done``, ``missed`` or ``unknown``."""


def _slots(facts: Facts, kind: Kind) -> Iterator[_Slot]:
    """Each time that a backup was due: it was made if one was at work on it until the next was due."""
    made = sorted(
        (one.started, one.ended or one.started)
        for one in facts.runs
        if one.outcome is Outcome.MADE and kind in (one.kind, one.made)
    )
    place = 0
    for due, following in pairwise(facts.due[kind]):
        begin, until = due - _EARLY, following - _EARLY
        while place < len(made) and made[place][1] < begin:
            place += 1
        if place < len(made) and made[place][0] < until:
            yield due, "done"
        elif facts.recorded is None or due < facts.recorded:
            yield due, "unknown"
        else:
            yield due, "missed"


def _counted(slots: Iterable[_Slot]) -> Due:
    count = Counter(came_of for _due, came_of in slots)
    return Due(count.total(), count["done"], count["missed"], count["unknown"])


def _of_kind(kind: Kind, inside: Sequence[Ran], slots: Iterable[_Slot]) -> OfKind:
    asked = Counter(one.outcome for one in inside if one.kind is kind)
    made = [one for one in inside if one.outcome is Outcome.MADE and one.made is kind]
    sizes = [one.size for one in made if one.size is not None]
    took = [(one.seconds, one.started) for one in made if one.seconds is not None]
    return OfKind(
        due=_counted(slots),
        made=len(made),
        failed=asked[Outcome.FAILED],
        cancelled=asked[Outcome.CANCELLED],
        passed_over=asked[Outcome.PASSED_OVER],
        warned=sum(1 for one in inside if one.kind is kind and one.warnings),
        size=sum(sizes),
        usual_size=round(median(sizes)) if sizes else None,
        usual_seconds=median(seconds for seconds, _started in took) if took else None,
        slowest=Slowest(*max(took)) if took else None,
    )


def _growth(facts: Facts) -> Growth | None:
    fulls = [(one.started, one.size) for one in facts.runs if one.made is Kind.FULL and one.size]
    inside = [one for one in fulls if facts.period.holds(one[0])]
    before = [one for one in fulls if one[0] < facts.period.start]
    known = [*before[-1:], *inside]
    if not inside or len(known) < 2:
        return None
    return Growth(known[0][1], known[-1][1], known[0][0])


def _drills(facts: Facts) -> Drills:
    took = [one.seconds for one in facts.drills if one.passed and one.seconds is not None]
    return Drills(
        passed=sum(1 for one in facts.drills if one.passed),
        failed=sum(1 for one in facts.drills if not one.passed),
        usual=median(took) if took else None,
        shortest=min(took, default=None),
        longest=max(took, default=None),
    )
