"""What is known of all checks at one moment, in the order in which people read it.

The checklist, the header and ``mtn check`` show the same picture.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.health.catalogue import CHECKS, WRITES_EVERY, HealthCheck
from mtn_tui.operations.health.last_known import Remembered
from mtn_tui.operations.health.runner import WORST, worst
from mtn_tui.operations.health.sign_off import SignOff


@dataclass(frozen=True)
class Row:
    """One check, and what is known of it."""

    check: HealthCheck
    known: Remembered | None = None
    """None if it was never looked at."""
    looking: bool = False
    """Whether it is being looked at, or will be at once."""

    @property
    def status(self) -> Status:
        """What it last came to; unknown if it was never looked at."""
        return self.known.result.status if self.known else Status.UNKNOWN

    @property
    def well(self) -> bool:
        """Whether it is known to be ok."""
        return self.status is Status.OK

    def fresh(self, now: datetime) -> bool:
        """Whether its result is no older than its pace explains."""
        if self.known is None:
            return False
        pace = WRITES_EVERY if self.check.writes else self.check.every
        return now - self.known.result.at <= timedelta(seconds=2 * pace + self.check.limit)


@dataclass(frozen=True)
class Picture:
    """All checks, in the order of the catalogue."""

    rows: tuple[Row, ...]
    signed: SignOff | None = None
    """Who has signed the morning off last."""

    @classmethod
    def of(
        cls,
        known: Mapping[str, Remembered],
        looking: Collection[str] = (),
        signed: SignOff | None = None,
        checks: Iterable[HealthCheck] = CHECKS,
    ) -> Picture:
        """``known`` and ``looking`` by the ids of the checks."""
        return cls(tuple(Row(one, known.get(one.id), one.id in looking) for one in checks), signed)

    def row(self, check_id: str) -> Row | None:
        """The row of this check; None if there is no such check."""
        return next((one for one in self.rows if one.check.id == check_id), None)

    def signed_now(self, now: datetime) -> SignOff | None:
        """Who has signed off, if that still holds."""
        return self.signed if self.signed is not None and self.signed.holds(now) else None

    @property
    def morning(self) -> list[Row]:
        """Those of runbook 4.1, the worst first."""
        return worst_first(one for one in self.rows if one.check.morning)

    @property
    def others(self) -> list[Row]:
        """What is watched besides, the worst first."""
        return worst_first(one for one in self.rows if not one.check.morning)

    @property
    def overall(self) -> Status:
        """The overall status, by runbook 6.2: of the checks that decide."""
        return worst(
            found
            for one in self.rows
            if one.check.decides and one.known
            for found in one.known.result.findings
        )

    def seems_well(self, now: datetime) -> bool:
        """Whether the database answered just now, and nothing that decides has failed."""
        server = self.row("server")
        answers = server is not None and server.well and server.fresh(now)
        return answers and self.overall is not Status.FAIL

    @property
    def statuses(self) -> dict[str, Status]:
        """By the ids of the checks that were ever looked at."""
        return {one.check.id: one.status for one in self.rows if one.known}

    def looked_at(self) -> datetime | None:
        """When the oldest of the morning's results was found out; None if one of them is missing."""
        moments = [one.known.result.at if one.known else None for one in self.morning]
        known = [one for one in moments if one is not None]
        return min(known, default=None) if len(known) == len(moments) else None


def worst_first(rows: Iterable[Row]) -> list[Row]:
    """The same rows, the worst first; those not looked at yet come before those that are well."""

    def rank(row: Row) -> int:
        if row.known is None:
            return len(WORST)
        return WORST.index(row.status) if row.status in WORST else len(WORST) + 1

    return sorted(rows, key=rank)
