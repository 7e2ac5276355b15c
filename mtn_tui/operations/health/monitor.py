"""``mtn monitor``: one run of the health checks, judged as a whole.

A full run looks at everything. What puts something into a store is looked at once a
day at most; the others of its results are the last known ones. A quick run looks only
at what runbook 6.2 calls critical or a warning, and takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from mtn_tui.core.errors import Locked
from mtn_tui.core.i18n import _
from mtn_tui.engine.locks import FileLock, Holder, lock_path
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health import last_known
from mtn_tui.operations.health.catalogue import CHECKS, WRITES_EVERY, HealthCheck
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.registry import LOOKS
from mtn_tui.operations.health.runner import EXIT, Result, examine, worst

_HOLDS = timedelta(hours=1)
"""For how long what was found is taken for what is so: a quick run is due every 15 minutes."""


@dataclass(frozen=True)
class Run:
    """What a run came to. Some of its results may be older than it is."""

    results: tuple[Result, ...]
    """In the catalogue's order."""
    at: datetime
    quick: bool = False

    @property
    def deciding(self) -> tuple[Result, ...]:
        """Those that the overall status goes by."""
        return tuple(one for one in self.results if one.check.decides)

    @property
    def also(self) -> tuple[Result, ...]:
        """The others: shown, and no reason to wake anybody."""
        return tuple(one for one in self.results if not one.check.decides)

    @property
    def status(self) -> Status:
        """The overall status; unknown if nothing is known that decides."""
        if not self.deciding:
            return Status.UNKNOWN
        return worst(found for one in self.deciding for found in one.findings)

    @property
    def exit_code(self) -> int:
        """As Nagios reads it."""
        return EXIT[self.status]

    def result(self, check: str) -> Result | None:
        """What that check came to; None if it is not part of the run."""
        return next((one for one in self.results if one.check.id == check), None)

    @property
    def figures(self) -> dict[str, float]:
        """All that was measured, by name."""
        measured: dict[str, float] = {}
        for result in self.results:
            for found in result.findings:
                measured = {**found.figures, **measured}
        return measured


def watch(inspection: Inspection, *, quick: bool = False, writes: bool = True) -> Run:
    """Look at the checks of a run. Without ``writes``, nothing is put into a store. Keeps nothing."""
    wanted = [one for one in CHECKS if not quick or _is_quick(one)]
    known = last_known.load(inspection.context)
    now = inspection.now
    old = {
        one.id: known[one.id].result
        for one in wanted
        if one.writes and one.id in known and (not writes or _is_of_today(known[one.id].result, now))
    }
    looked_at = [one for one in wanted if one.id not in old and (writes or not one.writes)]
    found = {one.check.id: one for one in examine(inspection, looked_at, LOOKS)} | old
    return Run(tuple(found[one.id] for one in wanted if one.id in found), now, quick)


def last(context: Context, *, quick: bool = False) -> Run:
    """The last known results as a run, for whoever finds another run under way.

    What decides and was looked at over an hour ago is unknown: the other run does not get on.
    """
    known, now = last_known.load(context), context.clock.now()
    wanted = [one for one in CHECKS if one.id in known and (not quick or _is_quick(one))]
    return Run(tuple(_as_of_now(known[one.id].result, now) for one in wanted), now, quick)


def _as_of_now(result: Result, now: datetime) -> Result:
    if not result.check.decides or abs(now - result.at) <= _HOLDS:
        return result
    text = _("Last looked at {moment}; another run of the monitor has not got past it since.")
    hint = _("See what hangs, and end it: ps -ef | grep “mtn.*monitor”. Then: mtn monitor")
    found = Check(result.check.id, Status.UNKNOWN, text.format(moment=labels.moment(result.at)), hint)
    return Result(result.check, (found,), result.at, result.seconds)


@contextmanager
def only_one(context: Context, *, quick: bool) -> Iterator[bool]:
    """Yields whether no other run of this kind is under way; none begins in the block.

    A quick run and a full one don't keep each other from running. Raises StorageError.
    """
    if context.locks is None:
        yield True
        return
    kind = "monitor-quick" if quick else "monitor"
    database = context.settings.db_name
    now = context.clock.now()
    holder = Holder(kind, database, "", context.operator, context.host, 0, now)
    lock = FileLock(lock_path(context.locks, database, kind), holder)
    try:
        lock.acquire()
    except Locked:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _is_quick(check: HealthCheck) -> bool:
    return check.decides and not check.writes


def _is_of_today(result: Result, now: datetime) -> bool:
    return timedelta(0) <= now - result.at < timedelta(seconds=WRITES_EVERY)
