"""How long the phases of a run took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mtn_tui.core.clock import Clock


class Stopwatch:
    """``seconds`` fills up, by name, as phases end; a phase that failed counts too."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timing(self, phase: str) -> Iterator[None]:
        began = self._clock.monotonic()
        try:
            yield
        finally:
            self.seconds[phase] = self._clock.monotonic() - began

    def rounded(self) -> dict[str, float]:
        """The same to the millisecond, for files."""
        return {phase: round(value, 3) for phase, value in self.seconds.items()}
