"""When a run is due, as data: what cron, systemd and launchd are told, and what missed runs are told by.

A zone of None is the machine's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_DAY = timedelta(days=1)
_LONGEST = timedelta(days=38)
"""Longer than any time between two that are due."""

_HOURS = tuple(range(24))
_MINUTES_OF_AN_HOUR = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60)
_HOURS_OF_A_DAY = (2, 3, 4, 6, 8, 12, 24)


@dataclass(frozen=True)
class When:
    """The moments of a day, on every day unless a weekday is given."""

    hours: tuple[int, ...] = ()
    """Empty: every hour."""
    minutes: tuple[int, ...] = (0,)
    weekday: int | None = None
    """0 is Monday."""
    first: bool = False
    """Only the first such weekday of a month."""
    again: tuple[int, ...] = ()
    """Hours at which it is started once more, to do what was not done when it was due. Clocks that are put
    forward have no 02:00, and what failed gets a second try."""

    @property
    def apart(self) -> timedelta:
        """From one to the next, of those that are due daily or more often, in equal steps."""
        return _DAY / (len(self.hours or _HOURS) * len(self.minutes))

    def due(self, start: datetime, end: datetime, zone: tzinfo | None) -> list[datetime]:
        """The moments after ``start``, up to and including ``end``, in UTC and in order."""
        day, last = start.astimezone(zone).date() - _DAY, end.astimezone(zone).date() + _DAY
        found: set[datetime] = set()
        while day <= last:
            found.update(moment for moment in self._on(day, zone) if start < moment <= end)
            day += _DAY
        return sorted(found)

    def last(self, now: datetime, zone: tzinfo | None) -> datetime:
        """When it was due last: ``now``, or before."""
        near = self.due(now - _DAY, now, zone)
        return near[-1] if near else self.due(now - _LONGEST, now, zone)[-1]

    def next(self, now: datetime, zone: tzinfo | None) -> datetime:
        """When it is due next, after ``now``."""
        near = self.due(now, now + _DAY, zone)
        return near[0] if near else self.due(now, now + _LONGEST, zone)[0]

    def _on(self, day: date, zone: tzinfo | None) -> Iterator[datetime]:
        if (self.weekday is not None and day.weekday() != self.weekday) or (self.first and day.day > 7):
            return
        for hour in self.hours or _HOURS:
            for minute in self.minutes:
                # What the clocks skip is due at the moment of the change.
                local = datetime.combine(day, time(hour, minute), zone)
                yield local.astimezone(UTC)
                if not self.hours:
                    yield local.replace(fold=1).astimezone(UTC)  # both times of an hour that is repeated


def every(minutes: float) -> When:
    """At most so many minutes apart, at the same times each day: 45 comes to every 30, 90 to every hour."""
    if minutes < 2 * 60:
        step = max((one for one in _MINUTES_OF_AN_HOUR if one <= minutes), default=1)
        return When(minutes=tuple(range(0, 60, step)))
    step = max(one for one in _HOURS_OF_A_DAY if one * 60 <= minutes)
    return When(hours=tuple(range(0, 24, step)))
