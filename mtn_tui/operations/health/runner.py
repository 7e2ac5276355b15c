"""Runs health checks side by side. One that hangs or throws is unknown, never ok, and holds up no other."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mtn_tui.core.clock import Clock
from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _, language
from mtn_tui.core.traces import text_of
from mtn_tui.engine.pipeline import background
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.catalogue import HealthCheck
from mtn_tui.operations.health.inspection import Inspection

AT_ONCE = 6
"""Checks that are looked at side by side: a server may have few connections left."""

Look = Callable[[Inspection], Iterable[Check]]

WORST = (Status.STOP, Status.FAIL, Status.UNKNOWN, Status.WARN)
"""The worst first; all others are well."""


def worst(findings: Iterable[Check]) -> Status:
    """The overall status: the first of fail, unknown and warn that any check has, else ok."""
    seen = {found.status for found in findings}
    return next((one for one in WORST if one in seen), Status.OK)


EXIT = {Status.OK: 0, Status.WARN: 1, Status.FAIL: 2, Status.STOP: 2, Status.UNKNOWN: 3}
"""The exit code of each overall status, as of a Nagios plugin."""


@dataclass(frozen=True)
class Result:
    """What one check came to."""

    check: HealthCheck
    findings: tuple[Check, ...]
    """At least one, in the order in which they were found."""
    at: datetime
    """When it was looked at, in UTC."""
    seconds: float
    """How long that took."""
    language: str = field(default_factory=language)
    """In which its texts are; empty if that is not known."""

    @property
    def status(self) -> Status:
        """The worst of its findings."""
        return worst(self.findings)

    @property
    def leading(self) -> Check:
        """The finding to show where there is room for one: the first of the worst."""
        return next(one for one in self.findings if one.status is self.status)


def examine(
    inspection: Inspection,
    checks: Sequence[HealthCheck],
    looks: Mapping[str, Look],
    then: Callable[[Result], None] | None = None,
) -> list[Result]:
    """Look at all of ``checks`` and return what they came to, in their order.

    ``then`` gets each result as soon as it is there, on the calling thread. A check
    that takes longer than its limit is left alone: its thread ends when it does.
    """
    answers: queue.Queue[Result] = queue.Queue()
    waiting = list(reversed(checks))
    deadlines: dict[str, float] = {}
    results: dict[str, Result] = {}
    by_id = {one.id: one for one in checks}

    def ended(result: Result) -> None:
        if deadlines.pop(result.check.id, None) is not None:
            results[result.check.id] = result
            if then is not None:
                then(result)

    while waiting or deadlines:
        while waiting and len(deadlines) < AT_ONCE:
            check = waiting.pop()
            deadlines[check.id] = time.monotonic() + check.limit
            begin(inspection, check, looks[check.id], answers.put)
        first = min(deadlines.values())
        try:
            ended(answers.get(timeout=max(first - time.monotonic(), 0.0)))
        except queue.Empty:
            for name in [name for name, deadline in deadlines.items() if deadline <= time.monotonic()]:
                ended(too_slow(inspection.context.clock, by_id[name]))
    return [results[one.id] for one in checks]


def look(inspection: Inspection, check: HealthCheck, how: Look) -> Result:
    """Look at one check, on this thread and without a limit. Raises nothing."""
    began = time.monotonic()
    try:
        findings = tuple(how(inspection))
    except MtnError as error:
        said = _("Not looked at: {reason}").format(reason=error.title)
        findings = (Check(check.id, Status.UNKNOWN, said, error.hint, error.runbook),)
    except Exception as error:  # noqa: BLE001 - a fault in one check must not hide the others
        said = _("This check itself failed: {error}: {text}").format(
            error=type(error).__name__, text=text_of(error)
        )
        findings = (Check(check.id, Status.UNKNOWN, said, _("Report it; the other checks still count.")),)
    if not findings:
        findings = (Check(check.id, Status.UNKNOWN, _("The check gave no result.")),)
    return Result(check, findings, inspection.context.clock.now(), time.monotonic() - began)


def begin(inspection: Inspection, check: HealthCheck, how: Look, put: Callable[[Result], None]) -> None:
    """Look at one check on a thread of its own; ``put`` gets what it came to. Raises nothing."""
    try:
        background(lambda: put(look(inspection, check, how)), f"mtn-check-{check.id}")
    except RuntimeError as error:  # what Python raises where the system gives it no thread
        said = _("Not looked at: {reason}").format(reason=error)
        hint = _("See the limits of processes and memory: “ulimit -a”, and TasksMax of its service.")
        found = Check(check.id, Status.UNKNOWN, said, hint)
        put(Result(check, (found,), inspection.context.clock.now(), 0.0))


def too_slow(clock: Clock, check: HealthCheck) -> Result:
    """What a check comes to that has taken longer than its limit."""
    said = _("No answer within {seconds:.0f} s.").format(seconds=check.limit)
    found = Check(check.id, Status.UNKNOWN, said, _("What it looks at hangs, or this machine is very busy."))
    return Result(check, (found,), clock.now(), check.limit)
