"""Keeps looking at the health checks, each at its own pace, for a screen that shows them live.

Each look runs on a thread of its own. One that hangs past its limit is unknown,
and is not started again until its thread has ended; it holds up no other. Checks
that write are never run here: what doctor and monitor last found is shown.
``turn`` never waits for a look.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

from mtn_tui.core import i18n
from mtn_tui.core.errors import StorageError
from mtn_tui.core.settings_file import Loaded
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health import last_known
from mtn_tui.operations.health.catalogue import CHECKS, MINUTE, HealthCheck
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.last_known import Remembered
from mtn_tui.operations.health.picture import Picture
from mtn_tui.operations.health.runner import AT_ONCE, Look, Result, begin, too_slow
from mtn_tui.operations.health.sign_off import SignOff, last_sign_off
from mtn_tui.operations.inventory.taking import SHARED_FOR, Inventories

KEEP_AFTER, KEEP_SOON = 60.0, 1.0
"""Seconds until results are kept; and until those are of which the status has changed."""

ANEW_AFTER = 300.0
"""Seconds between two looks at a check only because others tell of it in another language."""


class Watch:
    """``turn`` is for one thread; ``recheck``, ``job_ended`` and ``wake`` are for any."""

    def __init__(
        self,
        context: Context,
        looks: Callable[[], Mapping[str, Look]],
        loaded: Loaded | None = None,
        *,
        checks: Sequence[HealthCheck] = CHECKS,
        keeps: bool = True,
    ) -> None:
        """``looks`` is called at the first turn. Without ``keeps`` nothing is written."""
        self._context, self._looks, self._loaded, self._keeps = context, looks, loaded, keeps
        self._all = checks
        self.inventories = Inventories(context)
        """For others too, who want one at the same time."""
        self._checks = {one.id: one for one in checks if not one.writes}
        self._known: dict[str, Remembered] = {}
        self._stamp: tuple[int, int] | None = None
        self._signed: SignOff | None = None
        self._due = dict.fromkeys(self._checks, 0.0)
        """By ids: the monotonic time from which on it is to be looked at."""
        self._limits: dict[str, float] = {}
        """Those that run, and the monotonic time at which each is given up."""
        self._looked: dict[str, float] = {}
        """When a look at each was last begun here."""
        self._hanging: set[str] = set()
        """Those that were given up, and whose threads have not ended."""
        self._again: set[str] = set()
        """Those that were asked for while they ran: what they saw may be older than that."""
        self._answers: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._asked: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._wake = threading.Event()
        self._inspection: Inspection | None = None
        self._inspected = float("-inf")
        self._unkept: dict[str, Result] = {}
        self._keep_at = 0.0

    @property
    def _now(self) -> float:
        return self._context.clock.monotonic()

    @property
    def picture(self) -> Picture:
        """What is known by now."""
        due = {name for name, at in self._due.items() if at <= self._now and name not in self._hanging}
        return Picture.of(self._known, {*self._limits, *due}, self._signed, self._all)

    def recheck(self, check_id: str | None = None) -> None:
        """Look at this one at once, or at all."""
        self._ask(self._checks if check_id is None else [check_id])

    def job_ended(self) -> None:
        """Look at all that it may have changed: there may be another backup, or one less."""
        self._ask(one.id for one in self._checks.values() if one.by_jobs)

    def _ask(self, names: Iterable[str]) -> None:
        self.inventories.outdate()
        for name in names:
            self._asked.put(name)
        self._wake.set()

    def wait(self, seconds: float) -> None:
        """Wait until there is something to do, or so long."""
        self._wake.wait(seconds)
        self._wake.clear()

    def wake(self) -> None:
        """End a wait."""
        self._wake.set()

    def look_back(self) -> bool:
        """Take in what others have found out since, and who has signed off; whether that is anything new."""
        signed, self._signed = self._signed, self._last_signed()
        stamp = last_known.stamp(self._context)
        if stamp == self._stamp:
            return signed != self._signed
        self._stamp = stamp
        newer = {
            name: one
            for name, one in last_known.load(self._context).items()
            if name not in self._known or one.result.at > self._known[name].result.at
            if not self._says_the_same(name, one)
        }
        self._known |= newer
        for name, one in newer.items():
            known = self._checks.get(name)
            if known and known.every >= MINUTE and name not in self._again:  # others may be over in seconds
                if one.result.language == i18n.language() or self._looked_lately(name):
                    self._put_off(name, one)
                else:
                    self._due[name] = 0.0
        return bool(newer) or signed != self._signed

    def _says_the_same(self, name: str, one: Remembered) -> bool:
        """Whether it says in another language what is known in the operator's own.

        That stays on the screen then, and is looked at again at its own pace.
        """
        known = self._known.get(name)
        if known is None or name not in self._checks:
            return False
        foreign = one.result.language != i18n.language() == known.result.language
        return foreign and one.result.status is known.result.status

    def _looked_lately(self, name: str) -> bool:
        return self._now - self._looked.get(name, float("-inf")) < ANEW_AFTER

    def turn(self) -> bool:
        """Take in what has come, give up what hangs, start what is due; whether anything has changed."""
        changed = self.look_back()
        self._take_wishes()
        results = [*self._take_answers(), *self._give_up()]
        if results:
            self._take_in(results)
        self._keep()
        return self._start() or bool(results) or changed

    def _last_signed(self) -> SignOff | None:
        try:
            return last_sign_off(self._context)
        except StorageError:
            return self._signed  # signing off itself says what is wrong

    def _put_off(self, name: str, known: Remembered) -> None:
        """It is due again once its result is as old as its pace."""
        age = (self._context.clock.now() - known.result.at) / timedelta(seconds=1)
        self._due[name] = self._now + max(self._checks[name].every - max(age, 0.0), 0.0)

    def _take_wishes(self) -> None:
        while not self._asked.empty():
            name = self._asked.get()
            self._inspected = float("-inf")
            if name in self._limits:
                self._again.add(name)
            elif name in self._checks:
                self._due[name] = 0.0

    def _take_answers(self) -> list[Result]:
        came = []
        while not self._answers.empty():
            result = self._answers.get()
            name = result.check.id
            if name in self._hanging:  # what it says is as old as its look
                self._hanging.discard(name)
                self._due[name] = 0.0
            else:
                del self._limits[name]
                came.append(result)
        return came

    def _give_up(self) -> list[Result]:
        late = [name for name, limit in self._limits.items() if limit <= self._now]
        for name in late:
            del self._limits[name]
            self._hanging.add(name)
        return [too_slow(self._context.clock, self._checks[name]) for name in late]

    def _take_in(self, results: Sequence[Result]) -> None:
        before = self._known
        self._known = last_known.merged(before, results)
        for result in results:
            name = result.check.id
            self._put_off(name, self._known[name])
            if name in self._again:
                self._again.discard(name)
                self._due[name] = 0.0
            same = name in before and before[name].result.status is result.status
            if not self._unkept:
                self._keep_at = self._now + KEEP_AFTER
            if not same:
                self._keep_at = min(self._keep_at, self._now + KEEP_SOON)
            self._unkept[name] = result

    def _keep(self) -> None:
        if self._keeps and self._unkept and self._now >= self._keep_at:
            kept = last_known.keep(self._context, self._unkept.values())
            self._known |= {name: one for name, one in kept.items() if not self._says_the_same(name, one)}
            self._unkept = {}

    def _start(self) -> bool:
        now = self._now
        due = [one for one in self._checks.values() if self._due[one.id] <= now]
        ready = [one for one in due if one.id not in self._limits and one.id not in self._hanging]
        ready.sort(key=lambda one: (one.every, not one.morning))
        ready = ready[: max(AT_ONCE - len(self._limits), 0)]
        if ready and (self._inspection is None or now - self._inspected > SHARED_FOR):
            self._inspection = Inspection(self._context, self._loaded, inventories=self.inventories)
            self._inspected = now
        for check in ready:
            assert self._inspection is not None  # noqa: S101 - made above
            self._begin(self._inspection, check)
        return bool(ready)

    def _begin(self, inspection: Inspection, check: HealthCheck) -> None:
        self._limits[check.id] = self._now + check.limit
        self._looked[check.id] = self._now
        self._due[check.id] = float("inf")
        how = self._looks()[check.id]

        def put(result: Result) -> None:
            self._answers.put(result)
            self._wake.set()

        begin(inspection, check, how, put)
