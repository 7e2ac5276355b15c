"""What people are told of the health checks: once of each cause, upwards while it lasts, and of its end.

A cause is a finding that is not ok, of a check that decides, as long as its status stays
the same. Who is told, and when, is runbook section 9 as contacts.toml has it: CRITICAL for
a failure, HIGH for a warning, MEDIUM for what can't be looked at. Pure functions of what
is known, what was found and the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mtn_tui.core.contacts import Call, Contacts, Severity, next_escalation, who_to_tell
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.runner import Result, worst

SEVERITY = {
    Status.STOP: Severity.CRITICAL,
    Status.FAIL: Severity.CRITICAL,
    Status.WARN: Severity.HIGH,
    Status.UNKNOWN: Severity.MEDIUM,
}

PATIENCE = {Status.UNKNOWN: timedelta(minutes=10)}
"""How long a status must last before anybody is told: a machine may be busy for one look."""


@dataclass(frozen=True)
class Cause:
    """A finding that is not ok, and who was told of it."""

    check: str
    """The check's id in the catalogue."""
    finding: str
    """The finding's own: ``rpo`` and ``rto`` are two causes of one check."""
    status: Status
    since: datetime
    """When it was first found with this status, in UTC."""
    says: str = ""
    hint: str = ""
    runbook: str = ""
    announced: bool = False
    """Whether an alert of it was sent."""
    heard_of: bool = False
    """Whether one was sent while it had another status, and not ok."""
    told: Mapping[str, str] = field(default_factory=dict)
    """E-mail addresses of the people who were told, by their keys; empty for who has none."""
    before: Mapping[str, str] = field(default_factory=dict)
    """Those who were told while it had another status, and not ok."""

    @property
    def everyone(self) -> dict[str, str]:
        """All who have heard of it, and want to hear of its end."""
        return {**self.before, **self.told}


@dataclass(frozen=True)
class Judged:
    """What comes of a look."""

    causes: tuple[Cause, ...]
    """Those to remember, as they are once the alerts below were sent."""
    alerts: tuple[Cause, ...] = ()
    """To be told of now: what is new, and what others are due to hear of."""
    tell: tuple[Call, ...] = ()
    """Whom to tell of them, besides those who get every alert."""
    also: Mapping[str, str] = field(default_factory=dict)
    """Who was told of one of them when it had another status."""
    off_duty: tuple[Call, ...] = ()
    """Who would be due, and is outside their hours."""
    next_at: datetime | None = None
    """When somebody else is due, unless all is well by then."""
    recovered: tuple[Cause, ...] = ()
    """Well again, of those that people were told of."""


def judge(
    known: Iterable[Cause],
    results: Sequence[Result],
    contacts: Contacts | None,
    now: datetime,
    held: frozenset[str] = frozenset(),
) -> Judged:
    """Compare ``results`` with the ``known`` causes. Those of checks in ``held`` are told of to nobody now.

    Without ``contacts`` only those are told who get every alert.
    """
    causes, over = _looked_at(known, results, now)
    alerts: list[Cause] = []
    tell: dict[str, Call] = {}
    off_duty: dict[str, Call] = {}
    later: list[datetime] = []
    looked_at = {one.check.id for one in results} - held
    for cause in causes.values():
        begins = cause.since + PATIENCE.get(cause.status, timedelta(0))
        if cause.check not in looked_at or now < begins:
            continue
        calls = who_to_tell(contacts, SEVERITY[cause.status], begins, now) if contacts else ()
        due = [one for one in calls if one.is_due(now) and one.person.key not in cause.told]
        reachable = [one for one in due if one.reachable]
        if cause.announced and not reachable:
            continue
        alerts.append(cause)
        tell |= {one.person.key: one for one in reachable}
        off_duty |= {one.person.key: one for one in due if not one.reachable}
        at = next_escalation(calls, now)
        later += [at] if at else []
    also = {key: to for one in alerts if not one.announced for key, to in one.before.items()}
    told = {key: call.person.email for key, call in tell.items()}
    for one in alerts:
        marked = replace(one, announced=True, told={**one.told, **also, **told})
        causes[one.check, one.finding] = marked
    return Judged(
        tuple(causes.values()),
        tuple(alerts),
        tuple(tell.values()),
        {key: to for key, to in also.items() if key not in tell},
        tuple(off_duty.values()),
        min(later, default=None),
        tuple(one for one in over if one.announced or one.heard_of),
    )


_Known = dict[tuple[str, str], Cause]


def _looked_at(
    known: Iterable[Cause], results: Sequence[Result], now: datetime
) -> tuple[_Known, list[Cause]]:
    """The causes after a look, and those that are over."""
    # What a wrong clock has dated in the future would not begin, nor climb, for years.
    causes = {(one.check, one.finding): replace(one, since=min(one.since, now)) for one in known}
    over: list[Cause] = []
    for result in results:
        if not result.check.decides:
            continue
        check = result.check.id
        found: dict[str, list[Check]] = {}
        for one in result.findings:
            found.setdefault(one.id, []).append(one)
        for finding, each in found.items():
            before = causes.get((check, finding))
            after = _after(check, before, each, now)
            if after is not None:
                causes[check, finding] = after
            elif before is not None:
                over.append(causes.pop((check, finding)))
        for key in [key for key in causes if key[0] == check and key[1] not in found]:
            # What was not found this time is over if all is well, or if it only could not be looked at.
            unknown = causes[key].status is Status.UNKNOWN
            if result.status is Status.OK or (unknown and result.status is not Status.UNKNOWN):
                over.append(causes.pop(key))
    return causes, over


def _after(check: str, before: Cause | None, findings: Sequence[Check], now: datetime) -> Cause | None:
    """The cause after a look; None if there is none any more. An unknown is no recovery, and no change."""
    status = worst(findings)
    if status is Status.OK:
        return None
    if status is Status.UNKNOWN and before is not None:
        return before
    leading = next(one for one in findings if one.status is status)
    if before is not None and before.status is status:
        return replace(before, says=leading.says, hint=leading.hint, runbook=leading.runbook)
    return Cause(
        check,
        leading.id,
        status,
        now,
        leading.says,
        leading.hint,
        leading.runbook,
        heard_of=before is not None and (before.announced or before.heard_of),
        before=before.everyone if before is not None else {},
    )
