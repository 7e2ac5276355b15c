"""A check as data: what was looked at, what it says, what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mtn_tui.core.errors import MtnError, ServerLost


class Status(StrEnum):
    """What a check came to."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    STOP = "stop"
    """What was asked for can't be done. Nothing else need be wrong."""
    UNKNOWN = "unknown"
    """It could not be looked at, and so does not count as ok."""

    @property
    def glyph(self) -> str:
        """The status as one character."""
        return {Status.OK: "✔", Status.WARN: "⚠", Status.UNKNOWN: "?"}.get(self, "✖")


@dataclass(frozen=True)
class Check:
    """What one check has found."""

    id: str
    """Its name in JSON; never translated."""
    status: Status
    says: str
    hint: str = ""
    """The fix; empty if all is well."""
    runbook: str = ""
    fix: tuple[str, ...] = ()
    """The ``mtn`` command that mends it, as a job; empty if no single command does."""
    figures: Mapping[str, float] = field(default_factory=dict, compare=False)
    """What was measured, by names that end in their unit: for metrics and trends."""
    of: str = field(default="", compare=False)
    """What the figures are of (a filesystem), where that may be another the next time: a trend ends there."""
    since: datetime | None = field(default=None, compare=False)
    """Since when it is so, in UTC, where what was looked at tells, as of a limit passed unseen."""
    aged: datetime | None = field(default=None, compare=False)
    """The moment, in UTC, whose age it tells first of all."""
    age: str = field(default="", compare=False)
    """That age as it is written in what it says and in short: later the one of then takes its place."""
    short: str = ""
    """What matters of it in a row of 40 cells; empty if what it says does as it is."""
    error: MtnError | None = field(default=None, compare=False, repr=False)
    """The error that a restore fails with, if the check stops it."""

    @classmethod
    def stop(cls, name: str, error: MtnError) -> Check:
        """A check that stops, with the title, hint and runbook section of ``error``."""
        return cls(name, Status.STOP, error.title, error.hint, error.runbook, error=error)

    @property
    def line(self) -> str:
        """Its status, its id and what it says, as an incident keeps them."""
        return f"{self.status.value} {self.id}".rstrip() + f": {self.says}"

    @classmethod
    def of_line(cls, line: str) -> Check:
        """Read such a line back. The status of a line in any other form is unknown."""
        head, _colon, says = line.partition(": ")
        status, _blank, name = head.partition(" ")
        if status in [one.value for one in Status] and " " not in name:
            return cls(name, Status(status), says)
        return cls("", Status.UNKNOWN, line)

    def facts(self) -> dict[str, str]:
        """For ``--json``."""
        return {
            "id": self.id,
            "status": self.status.value,
            "says": self.says,
            "hint": self.hint,
            "runbook": self.runbook,
        }


def looked(name: str, look: Callable[[], Check]) -> Check:
    """Run a check; an error that it raises becomes a check that stops. Raises only ServerLost."""
    try:
        return look()
    except ServerLost:
        raise
    except MtnError as error:
        return Check.stop(name, error)


def each_once(checks: Iterable[Check]) -> list[Check]:
    """The checks for a reader: where several say the same (nothing is known of a file), the first of them."""
    said: dict[tuple[Status, str], Check] = {}
    for check in checks:
        said.setdefault((check.status, check.says), check)
    return list(said.values())


def raise_first(checks: Iterable[Check]) -> None:
    """Raise the error of the first check that stops."""
    for check in checks:
        if check.error is not None:
            raise check.error


def exit_code(checks: Sequence[Check]) -> int:
    """2 if something stops, 0 if all is ok, else 1."""
    if any(check.status is Status.STOP for check in checks):
        return 2
    return 0 if all(check.status is Status.OK for check in checks) else 1
