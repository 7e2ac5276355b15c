"""When backups were due, by the schedule."""

from __future__ import annotations

from datetime import datetime, timedelta

from mtn_tui.core.models import Kind
from mtn_tui.core.settings import Settings
from mtn_tui.operations.reports.period import Period
from mtn_tui.operations.schedule.description import runs

_JUST_BEFORE = timedelta(seconds=1)


def due(settings: Settings, kind: Kind, period: Period) -> tuple[datetime, ...]:
    """The moments of the period, and the first after it."""
    when = next(one.when for one in runs(settings) if one.job == f"backup-{kind}")
    start, end = period.start - _JUST_BEFORE, period.end - _JUST_BEFORE
    return (*when.due(start, end, period.zone), when.next(end, period.zone))
