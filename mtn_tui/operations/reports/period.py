"""The week or month that a report is of, in local time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

_DAY = timedelta(days=1)


class Span(StrEnum):
    """How much time a report is of."""

    WEEK = "week"
    """Monday to Sunday."""
    MONTH = "month"


@dataclass(frozen=True)
class Period:
    """Whole days of local time, one after the other. A day may have 23 or 25 hours."""

    span: Span
    first: date
    last: date
    zone: tzinfo | None = None
    """None: the machine's own."""

    @property
    def start(self) -> datetime:
        """The first moment, in UTC."""
        return _midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The moment after the last, in UTC."""
        return _midnight(self.last + _DAY, self.zone)

    @property
    def days(self) -> Iterator[tuple[date, datetime, datetime]]:
        """Each day with its first moment and the one after its last."""
        for number in range((self.last - self.first).days + 1):
            day = self.first + number * _DAY
            yield day, _midnight(day, self.zone), _midnight(day + _DAY, self.zone)

    def holds(self, moment: datetime | None) -> bool:
        """Whether a moment lies in it."""
        return moment is not None and self.start <= moment < self.end

    def is_of(self, stamped: str) -> bool:
        """Whether a file name that ends in ``_YYYYMMDD_HHMMSS`` is of it."""
        return f"{self.first:%Y%m%d}" <= stamped[-15:-7] <= f"{self.last:%Y%m%d}"

    @property
    def name(self) -> str:
        """``2026-11-16 – 2026-11-22``."""
        return f"{self.first} – {self.last}"


def last_full(span: Span, now: datetime, zone: tzinfo | None = None) -> Period:
    """The last week, or month, that is over."""
    today = now.astimezone(zone).date()
    if span is Span.WEEK:
        monday = today - today.weekday() * _DAY
        return Period(span, monday - 7 * _DAY, monday - _DAY, zone)
    last = today.replace(day=1) - _DAY
    return Period(span, last.replace(day=1), last, zone)


def _midnight(day: date, zone: tzinfo | None) -> datetime:
    """Where clocks skip midnight, the moment at which they do."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
