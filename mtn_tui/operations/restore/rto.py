"""How long a restore will take, by the drills that were measured here or, before the first, by restores.

Every screen, plan and check that speaks of the RTO takes it from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil
from statistics import median

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.metrics import past_figures
from mtn_tui.operations.inventory.model import Backup

_PAST = 6
"""Drills, or restores, that an estimate is made from: the last ones."""

_SECONDS = {"drill": "rto_seconds", "restore": "total_duration_seconds"}
"""Where the figures of each have how long it took."""


@dataclass(frozen=True)
class Rto:
    """An estimate, by the median pace of what was measured."""

    seconds: float | None = None
    """None if nothing was measured, or if a backup does not say how large it is."""
    spread: float = 0.0
    """Seconds between the estimate and the one measured that is furthest from it."""
    count: int = 0
    """How many were measured."""
    drills: bool = False
    """Whether they were drills; else restores."""

    @property
    def says(self) -> str:
        """``11 min ± 2, from 6 drills``."""
        if not self.count:
            return _("unknown: no drill and no restore yet (mtn drill)")
        if self.seconds is None:
            return _("unknown: how much a file of the scripts holds is not known")
        text = (
            ngettext("{time}, from {count} drill", "{time}, from {count} drills", self.count)
            if self.drills
            else ngettext(
                "{time}, from {count} restore: no drill yet",
                "{time}, from {count} restores: no drill yet",
                self.count,
            )
        )
        return text.format(time=_with_spread(self.seconds, self.spread), count=self.count)

    def facts(self) -> dict[str, object]:
        """For ``--json``."""
        return {
            "seconds": None if self.seconds is None else round(self.seconds, 1),
            "spread_seconds": round(self.spread, 1),
            "from": ("drills" if self.drills else "restores") if self.count else None,
            "count": self.count,
        }


def rto(context: Context, backup: Backup) -> Rto:
    """How long restoring ``backup`` will take, its full included."""
    kind, paces = "drill", _last(context, "drill")
    if not paces:
        kind, paces = "restore", _last(context, "restore")
    raw = backup.raw
    if not paces or raw is None:
        return Rto(count=len(paces), drills=kind == "drill")
    taken = [raw / pace for pace in paces]
    middle = median(taken)
    return Rto(middle, max(abs(one - middle) for one in taken), len(taken), kind == "drill")


def _last(context: Context, kind: str) -> list[float]:
    return list(islice(_paces(context, kind), _PAST))


def _paces(context: Context, kind: str) -> Iterator[float]:
    """Bytes of SQL a second of the successful ones, the last first."""
    for figures in past_figures(context, kind):
        try:
            pace = figures["raw_size_bytes"] / figures[_SECONDS[kind]]
            if figures["status"] == "success" and pace > 0:
                yield pace
        except (KeyError, TypeError, ZeroDivisionError):
            continue  # the scripts' own


def _with_spread(seconds: float, spread: float) -> str:
    """Both in the unit of the first, so that it is said once; hours with minutes."""
    if seconds >= 7200:
        said, more = labels.duration(seconds), labels.minutes(ceil(spread / 60))
    elif seconds >= 120:
        said, more = labels.minutes(round(seconds / 60)), str(ceil(spread / 60))
    else:
        said, more = labels.duration(seconds), str(ceil(spread))
    return f"{said} ± {more}" if spread else said
