"""Measures how long the phases of a run take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mtn_tui.core.clock import Clock


class Stopwatch:
    """Measures phases. ``seconds`` maps each phase that has ended, even by an error, to its duration."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timing(self, phase: str) -> Iterator[None]:
        """Measure the block as ``phase``."""
        began = self._clock.monotonic()
        try:
            yield
        finally:
            self.seconds[phase] = self._clock.monotonic() - began

    def rounded(self) -> dict[str, float]:
        """Return the durations rounded to milliseconds, for files."""
        return {phase: round(value, 3) for phase, value in self.seconds.items()}
