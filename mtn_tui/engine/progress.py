"""Progress, rate and remaining time.

The rate is that of at most the last two minutes, so that it follows the present
speed; the remaining time is unknown until the rate has been steady.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from mtn_tui.core.clock import Clock

WINDOW = 120.0
"""Seconds that the rate looks back."""

BUCKET = 1.0
"""Seconds between remembered samples."""

RATE_AFTER = 1.0
"""Seconds of samples before there is a rate."""

STEADY_AFTER = 5.0
"""Seconds of samples before there may be a remaining time."""

STEADY_RATIO = 2.0
"""The two halves of the window may differ by this factor and still be steady."""


@dataclass(frozen=True)
class Progress:
    """A snapshot of a phase.

    ``done`` and ``total`` count ``unit`` (``bytes``, ``rows`` or ``items``);
    ``total`` is None if unknown, or if ``done`` went beyond it. ``rate`` is in
    units per second, ``eta`` in seconds; None while unknown.
    """

    phase: str
    done: int = 0
    total: int | None = None
    unit: str = "bytes"
    rate: float | None = None
    eta: float | None = None


class Window:
    """Samples of a growing number, interpolated linearly.

    Times are seconds of one monotonic clock.
    """

    def __init__(self, now: float, done: int = 0) -> None:
        self._samples = deque([(now, done)])
        self._last = (now, done)

    def sample(self, now: float, done: int) -> None:
        """Add a sample; those older than the window are dropped."""
        self._last = (now, done)
        if now - self._samples[-1][0] >= BUCKET:
            self._samples.append(self._last)
        while len(self._samples) > 1 and self._samples[1][0] <= now - WINDOW:
            self._samples.popleft()

    def rate(self) -> float | None:
        """Return units per second over the window; None while it is shorter than RATE_AFTER."""
        start = self._start()
        now, done = self._last
        if now - start < RATE_AFTER:
            return None
        return max(0.0, (done - self._at(start)) / (now - start))

    def steady(self) -> bool:
        """Return whether the speed was about the same in both halves of the window."""
        start = self._start()
        now, done = self._last
        if now - start < STEADY_AFTER:
            return False
        middle = self._at((start + now) / 2)
        early, late = middle - self._at(start), done - middle
        return 0 < early <= STEADY_RATIO * late and late <= STEADY_RATIO * early

    def _start(self) -> float:
        return max(self._samples[0][0], self._last[0] - WINDOW)

    def _at(self, moment: float) -> float:
        after = self._last
        for before in reversed(self._samples):
            if before[0] <= moment:
                span = after[0] - before[0]
                share = (moment - before[0]) / span if span > 0 else 0.0
                return before[1] + share * (after[1] - before[1])
            after = before
        return self._samples[0][1]


class Meter:
    """Measures one phase. Not thread-safe: the owner serializes calls."""

    def __init__(self, phase: str, *, total: int | None, unit: str, clock: Clock) -> None:
        self.phase = phase
        self.done = 0
        self.total = total
        self.unit = unit
        self._clock = clock
        self._window = Window(clock.monotonic())

    def snapshot(self) -> Progress:
        """Take a sample and return the progress."""
        self._window.sample(self._clock.monotonic(), self.done)
        rate = self._window.rate()
        total = None if self.total is not None and self.done > self.total else self.total
        return Progress(self.phase, self.done, total, self.unit, rate, self._eta(total, rate))

    def _eta(self, total: int | None, rate: float | None) -> float | None:
        if total is None:
            return None
        if self.done == total:
            return 0.0
        if not rate or not self._window.steady():
            return None
        return (total - self.done) / rate
