"""Keeps what several threads send together below a rate."""

from __future__ import annotations

import re
import threading

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.clock import Clock
from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _

_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMG]?)B?(?:/s)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


class Limit:
    """At most ``rate`` bytes a second, on average; None is no limit. Thread-safe."""

    def __init__(self, rate: float | None, clock: Clock, token: CancelToken) -> None:
        self._rate = rate
        self._clock = clock
        self._token = token
        self._lock = threading.Lock()
        self._free_at = clock.monotonic()

    def take(self, count: int) -> None:
        """Wait until ``count`` more bytes may have passed. Raises Cancelled."""
        if self._rate is not None:
            with self._lock:
                now = self._clock.monotonic()
                self._free_at = max(now, self._free_at) + count / self._rate
                seconds = self._free_at - now
            self._token.wait(seconds)
        self._token.check()


def parse_rate(text: str) -> float:
    """Read bytes a second: ``500k``, ``10M``, ``1.5 MB/s``. Raises UsageError."""
    match = _RATE.fullmatch(text.strip())
    rate = float(match[1]) * _UNITS[match[2].lower()] if match else 0
    if rate <= 0:
        raise UsageError(
            _("{text!r} is no rate.").format(text=text), _("Give bytes a second, such as 500k or 10M.")
        )
    return rate
