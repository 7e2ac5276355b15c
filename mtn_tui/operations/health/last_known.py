"""The last known state of each check, since when it is so, and what it was before.

``<state>/health/<database>.json``, written whole. A screen that opens shows it
at once, with its age; whoever looks anew keeps the result here, so that all
operators of a machine see the same. A file that can't be read counts as empty.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from mtn_tui.core.errors import MtnError
from mtn_tui.core.moments import read_moment
from mtn_tui.core.redact import redact
from mtn_tui.engine.locks import slug, turn
from mtn_tui.engine.statefiles import open_found, write_whole
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health.catalogue import BY_ID
from mtn_tui.operations.health.runner import Result

CHANGES = 20
"""Changes of status that are kept of each check."""

SERIES = 300
"""Measurements that are kept of each figure, at most one in five minutes: more than a day."""

_APART = 300.0

_SET_BACK = timedelta(hours=1)
"""By how much a result may be newer than another that is kept after it. If it is more, it was dated by
a clock that has been set right since."""


@dataclass(frozen=True)
class Change:
    """A status that a check took on."""

    at: datetime
    status: Status
    says: str


@dataclass(frozen=True)
class Remembered:
    """A check's last result, and what led to it."""

    result: Result
    since: datetime
    """Since when it has this status, in UTC."""
    changes: tuple[Change, ...] = ()
    """The newest last."""
    series: Mapping[str, tuple[tuple[datetime, float], ...]] | None = None
    """Measurements by the names of the figures, the newest last."""
    of: Mapping[str, str] | None = None
    """What was measured (a filesystem), by the names of those figures that may be of another."""

    @property
    def is_first_seen(self) -> bool:
        """Whether ``since`` is only when somebody first looked: it may have been so for longer."""
        return self.result.leading.since is None and [one.at for one in self.changes] == [self.since]


def load(context: Context) -> dict[str, Remembered]:
    """What is remembered, by the ids of the checks. Raises nothing."""
    try:
        with os.fdopen(open_found(_path(context)), encoding="utf-8") as file:
            found = json.load(file)
        return {name: _read(name, one) for name, one in found["checks"].items() if name in BY_ID}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def stamp(context: Context) -> tuple[int, int] | None:
    """Changes whenever something is kept, by whomever; None if nothing is. Raises nothing."""
    try:
        found = _path(context).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def keep(context: Context, results: Iterable[Result]) -> dict[str, Remembered]:
    """Remember these results beside those of other checks, and return all.

    Where they can't be written they are returned all the same: a full disk is what
    some check has just found.
    """
    try:
        with turn(context.locks, f"{context.settings.db_name} health"):
            known = merged(load(context), results)
            data = {"checks": {name: _record(one) for name, one in known.items()}}
            write_whole(_path(context), json.dumps(data, ensure_ascii=False).encode() + b"\n")
            return known
    except (OSError, MtnError):
        return merged(load(context), results)


def merged(known: Mapping[str, Remembered], results: Iterable[Result]) -> dict[str, Remembered]:
    """``known`` after these results; one that is older than what is known changes nothing."""
    known = dict(known)
    for result in results:
        before = known.get(result.check.id)
        if before is not None and timedelta(0) < before.result.at - result.at < _SET_BACK:
            continue  # somebody else has looked since
        known[result.check.id] = _after(before, result)
    return known


def _after(before: Remembered | None, result: Result) -> Remembered:
    status = result.status
    if before is None or before.result.status is not status:
        change = Change(result.at, status, result.leading.says)
        changes = (*(before.changes if before else ()), change)[-CHANGES:]
        since = result.at
    else:
        changes, since = before.changes, min(before.since, result.at)
    if result.leading.since is not None:
        since = min(result.leading.since, result.at)
    series = dict(before.series or {}) if before else {}
    of = dict(before.of or {}) if before else {}
    for finding in result.findings:
        named = {name: finding.of for name in finding.figures if finding.of}
        others = {of[name] for name in named if of.get(name, finding.of) != finding.of}
        series = {name: measured for name, measured in series.items() if of.get(name) not in others}
        of |= named
        for name, value in finding.figures.items():
            past = tuple(one for one in series.get(name, ()) if one[0] <= result.at)
            series[name] = _with(past, result.at, value)
    return Remembered(result, since, changes, series, of)


def _with(
    measured: tuple[tuple[datetime, float], ...], at: datetime, value: float
) -> tuple[tuple[datetime, float], ...]:
    """With one more, in place of the last if that came within five minutes of the one before it."""
    if len(measured) > 1 and (measured[-1][0] - measured[-2][0]).total_seconds() < _APART:
        measured = measured[:-1]
    return (*measured, (at, value))[-SERIES:]


def _path(context: Context) -> Path:
    return context.state / "health" / f"{slug(context.settings.db_name)}.json"


def _record(one: Remembered) -> dict[str, object]:
    result = one.result
    return {
        "at": result.at.isoformat(),
        "seconds": round(result.seconds, 3),
        "language": result.language,
        "since": one.since.isoformat(),
        "findings": [
            {
                **found.facts(),
                "says": redact(found.says),
                "hint": redact(found.hint),
                "short": redact(found.short),
                "fix": list(found.fix),
                "since": found.since and found.since.isoformat(),
                "aged": found.aged and found.aged.isoformat(),
                "age": found.age,
                "figures": dict(found.figures),
            }
            for found in result.findings
        ],
        "changes": [[c.at.isoformat(), c.status.value, redact(c.says)] for c in one.changes],
        "series": {
            name: [[at.isoformat(), value] for at, value in measured]
            for name, measured in (one.series or {}).items()
        },
        "of": dict(one.of or {}),
    }


def _read(name: str, record: Mapping[str, Any]) -> Remembered:
    findings = tuple(
        Check(
            str(one["id"]),
            Status(one["status"]),
            str(one["says"]),
            str(one["hint"]),
            str(one["runbook"]),
            fix=tuple(str(word) for word in one["fix"]),
            figures={str(figure): float(value) for figure, value in one["figures"].items()},
            short=str(one.get("short", "")),
            since=read_moment(one["since"]) if one.get("since") else None,
            aged=read_moment(one["aged"]) if one.get("aged") else None,
            age=str(one.get("age", "")),
        )
        for one in record["findings"]
    )
    if not findings:
        raise ValueError(name)
    at, seconds = read_moment(record["at"]), float(record["seconds"])
    result = Result(BY_ID[name], findings, at, seconds, str(record.get("language", "")))
    changes = tuple(
        Change(read_moment(at), Status(status), str(says)) for at, status, says in record["changes"]
    )
    series = {
        str(figure): tuple((read_moment(at), float(value)) for at, value in measured)
        for figure, measured in record["series"].items()
    }
    of = {str(figure): str(what) for figure, what in record.get("of", {}).items()}
    return Remembered(result, read_moment(record["since"]), changes, series, of)
