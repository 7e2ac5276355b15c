"""Time comes from here, so that tests can choose it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that only ever grow."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def local_stamp(moment: datetime) -> str:
    """``YYYYMMDD_HHMMSS`` in local time, as every file name of ours carries it."""
    return moment.astimezone().strftime("%Y%m%d_%H%M%S")
