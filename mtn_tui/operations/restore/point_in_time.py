"""The moments that a database can be restored to: each full, and each differential on its full.

A moment is always a backup's ``snapshot_at``, never its name or when a file was
written. The scripts' differentials are no such points: each is a dump of its own.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from mtn_tui.archive.manifest import About
from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.moments import AHEAD
from mtn_tui.operations.common import labels
from mtn_tui.operations.inventory.model import Backup, Inventory


@dataclass(frozen=True)
class Gap:
    """A stretch without any point, between two of them."""

    start: datetime
    end: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies between its ends."""
        return self.start < moment < self.end


def points(inventory: Inventory, database: str) -> tuple[Backup, ...]:
    """Every backup of the database that can be restored to its own moment, oldest first.

    Those that are unproven, suspect or refused are among them: ``Backup.trusted``
    tells. Where servers share a store, the inventory has to be that of one of them
    (``one_server.of_one_server``).
    """
    usable = [one for one in inventory.backups if one.usable and one.may_be_of(database) and one.is_point]
    return tuple(sorted(usable, key=_order))


def _order(one: Backup) -> tuple[datetime, object]:
    return one.moment, one.name


def point_at(points: Iterable[Backup], moment: datetime) -> Backup | None:
    """The newest trusted point that is not after ``moment``; None if there is none."""
    return max((one for one in points if one.trusted and one.moment <= moment), key=_order, default=None)


def in_minute(points: Iterable[Backup], asked: datetime) -> Backup | None:
    """The first trusted point within the minute ``asked``, or the second, which is later than its beginning.

    It may be what was meant, for lists show no more of a moment, but is never taken unasked. None where
    fractions of a second were asked for, or there is none in it.
    """
    if asked.microsecond:
        return None
    end = asked + (timedelta(seconds=1) if asked.second else timedelta(minutes=1))
    within = [one for one in points if one.trusted and asked < one.moment < end]
    return min(within, key=_order, default=None)


def no_point(points: Sequence[Backup], moment: datetime) -> UsageError:
    """Why ``point_at`` has found none: what the first point is, and what there is before the moment."""
    asked = labels.moment(moment)
    before = [one for one in points if one.moment <= moment]
    trusted = [one for one in points if one.trusted]
    if not points:
        return UsageError(
            _("There is no backup that can be restored."), _("mtn list shows what there is."), "5.2"
        )
    hint = ""
    if trusted:
        first = min(trusted, key=_order)
        hint = _("The first moment that can be restored is {moment}: {handle}.").format(
            moment=labels.moment(first.moment, seconds=labels.moment(first.moment) == asked),
            handle=first.handle,
        )
    if not before:
        return UsageError(_("There is no backup of {moment} or before.").format(moment=asked), hint, "5.2")
    newest = max(before, key=_order)
    text = _("No backup of {moment} or before is proven and free of doubts; the newest is {name}.")
    looked = _("See how far it holds: mtn verify {name}").format(name=shlex.quote(newest.handle))
    return UsageError(text.format(moment=asked, name=newest.name), f"{hint} {looked}".strip(), "5.2")


def is_gap(between: timedelta, every: timedelta) -> bool:
    """Whether a backup is missing between two, where one should be made every so often.

    Two that are up to half as much further apart are neighbours: a run takes its time.
    """
    return between > every * 1.5


def out_of_order(points: Iterable[Backup], backup: Backup) -> Backup | None:
    """The nearest point that is dated before ``backup`` and was made after it, or the other way round.

    The server's log tells: a clock was set back, or the server was. None where the log agrees with the
    dates, but for the minutes by which clocks may differ.
    """
    here = backup.manifest
    if here is None:
        return None
    found = [
        (abs(one.moment - backup.moment), one.name, one)
        for one in points
        if one.manifest is not None
        and one.manifest.server.system_identifier == here.server.system_identifier
        and one.manifest.server.timeline == here.server.timeline
        and abs(one.moment - backup.moment) > AHEAD
        and (one.moment > backup.moment) == (_place(one.manifest) < _place(here))
        and _place(one.manifest) != _place(here)
    ]
    return min(found)[-1] if found else None


def _place(manifest: About) -> int:
    """Bytes from the beginning of the server's log."""
    high, _slash, low = manifest.lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def gaps(points: Sequence[Backup], every: timedelta) -> tuple[Gap, ...]:
    """Where a backup is missing that should have been made every so often; ``points`` are oldest first."""
    return tuple(
        Gap(one.moment, other.moment)
        for one, other in pairwise(points)
        if is_gap(other.moment - one.moment, every)
    )


def minutes_before(at: datetime, backup: Backup) -> int:
    """Whole minutes between a backup and a later moment."""
    return max(int((at - backup.moment).total_seconds() // 60), 0)
