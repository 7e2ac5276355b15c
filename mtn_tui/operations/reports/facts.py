"""What is known of a period, before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mtn_tui.core.models import Kind
from mtn_tui.operations.reports.period import Period


class Outcome(StrEnum):
    """How a run of a backup ended."""

    MADE = "made"
    FAILED = "failed"
    """Or its process was lost."""
    CANCELLED = "cancelled"
    PASSED_OVER = "passed over"
    """Another run was under way."""


@dataclass(frozen=True)
class Ran:
    """A run of a backup, by its journal, its figures or what it left in the stores. Moments are in UTC."""

    kind: Kind
    """What was asked for."""
    started: datetime
    outcome: Outcome
    ended: datetime | None = None
    """From here on its backup could be restored."""
    made: Kind | None = None
    """A full may be made in place of a differential."""
    moment: datetime | None = None
    """What its backup holds the database as of."""
    counts: bool = False
    """Whether its backup could be restored, as far as is known: proven, and not found to be damaged since."""
    seconds: float | None = None
    size: int | None = None
    """Bytes."""
    warnings: tuple[str, ...] = ()
    reason: str = ""
    """Why it failed."""


@dataclass(frozen=True)
class Drill:
    """A restore drill."""

    at: datetime
    passed: bool
    seconds: float | None = None
    """How long the restore took."""


@dataclass(frozen=True)
class Alert:
    """An alert as the log of alerts has it."""

    at: datetime
    level: str
    """Empty where the log does not say."""
    subject: str
    unsent: tuple[str, ...] = ()
    """Addresses that it did not reach."""


@dataclass(frozen=True)
class Emergency:
    """An incident that was open in the period."""

    number: int
    opened: datetime
    closed: datetime | None
    outcome: str = ""


@dataclass(frozen=True)
class Stored:
    """What a store holds now."""

    store: str
    count: int
    size: int
    """Bytes."""


@dataclass(frozen=True)
class Facts:
    """All of it, oldest first."""

    period: Period
    now: datetime
    database: str
    host: str
    rpo: timedelta
    """The target."""
    rto: timedelta
    due: Mapping[Kind, tuple[datetime, ...]]
    """Moments in the period, and the first after it."""
    recorded: datetime | None = None
    """From when on every run is on record; None if there is no record at all. What was before may have been
    deleted since, with its record."""
    runs: tuple[Ran, ...] = ()
    """Those before the period among them: the first days of it rest on them."""
    drills: tuple[Drill, ...] = ()
    alerts: tuple[Alert, ...] = ()
    emergencies: tuple[Emergency, ...] = ()
    stored: tuple[Stored, ...] = ()
    unknown: tuple[str, ...] = ()
    """What could not be looked at, in words."""
