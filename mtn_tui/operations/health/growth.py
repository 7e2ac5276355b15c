"""How fast a disk fills up, and when it will be full: from the backups on it, and from what was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mtn_tui.core.models import Kind

WEEK = timedelta(days=7)
FURTHEST = 366
"""Days that are looked ahead."""

_DAY = timedelta(days=1)
_LEAST_MEASURED = timedelta(hours=20)
"""A shorter time is no measure: a full comes, and an old one goes, once a day."""

Measured = Sequence[tuple[datetime, float]]
"""Moments with the bytes that were free then, the newest last."""


@dataclass(frozen=True)
class Stored:
    """A backup on a disk: what it is, when it was made (UTC), its bytes."""

    kind: Kind
    at: datetime
    size: int


def added(stored: Sequence[Stored], now: datetime) -> dict[Kind, float]:
    """Bytes that each kind adds a day: the mean of the last week, or of the days since its first."""
    daily = {}
    for kind in Kind:
        of_kind = [one for one in stored if one.kind is kind]
        lately = sum(one.size for one in of_kind if one.at > now - WEEK)
        begun = (now - min((one.at for one in of_kind), default=now)) // _DAY + 1
        daily[kind] = lately / min(max(begun, 1), WEEK.days)
    return daily


def days_left(free: int, stored: Sequence[Stored], now: datetime, keep: Mapping[Kind, int]) -> int | None:
    """Days until backups fill ``free`` bytes, each kind going after ``keep`` days; None: not in a year."""
    daily = added(stored, now)
    going: Counter[int] = Counter()
    for one in stored:
        going[max((one.at + timedelta(days=keep[one.kind]) - now) // _DAY + 1, 1)] += one.size
    left: float = free
    for day in range(1, FURTHEST):
        left += going[day]
        left -= sum(size for kind, size in daily.items() if day <= keep[kind])  # then as much goes as comes
        if left < 0:
            return day
    return None


def measured_left(free: int, measured: Measured, now: datetime, reserve: int = 0) -> int | None:
    """Days until no more than ``reserve`` bytes are free if it goes on as measured; None if nobody knows."""
    before = next((one for one in measured if one[0] <= now - _LEAST_MEASURED), None)
    if before is None or before[1] <= free:
        return None
    at, was = before
    days = int(max(free - reserve, 0) / ((was - free) / ((now - at) / _DAY)))
    return days if days < FURTHEST else None
