"""The clock, as an interface, so that tests can set the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A source of the current time."""

    def now(self) -> datetime:
        """Return the current time in UTC, timezone-aware."""

    def monotonic(self) -> float:
        """Return the seconds of a clock that never goes back."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current time in UTC, timezone-aware."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return ``time.monotonic()``."""
        return time.monotonic()


def local_stamp(moment: datetime) -> str:
    """Format ``moment`` as ``YYYYMMDD_HHMMSS`` in local time, as file names contain it."""
    return moment.astimezone().strftime("%Y%m%d_%H%M%S")
