"""The moments that an operator may choose from: of which backups, and what they look like on an axis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind
from mtn_tui.core.moments import with_offset
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.model import Backup, Inventory
from mtn_tui.operations.inventory.one_server import of_one_server
from mtn_tui.operations.restore.point_in_time import in_minute, no_point, point_at, points
from mtn_tui.ui.text import timeline
from mtn_tui.ui.text.cells import Span
from mtn_tui.ui.text.timeline import Point

_ALIKE = timedelta(seconds=2)
"""Moments that are nearer than this read alike, or as if one were the other."""


class Points:
    """The points of one inventory, the newest first, and the moment that was asked for."""

    def __init__(self, context: Context, inventory: Inventory) -> None:
        """Offer those of our database and server. Raises MtnError if it can't be told which server's."""
        of_one = of_one_server(context, inventory)
        self.doubt = of_one.doubt
        """A warning about backups of other servers; empty if there are none."""
        found = points(of_one.inventory, context.settings.db_name)
        self._every = timedelta(minutes=context.settings.diff_every_minutes)
        self.offered = tuple(one for one in reversed(found) if one.sound)
        self._marks = [_point(one) for one in self.offered]

    @property
    def best(self) -> int:
        """The newest that may be used without asking; else the newest that is proven, else the newest."""
        ranked = [(one.trusted, one.proven, -index) for index, one in enumerate(self.offered)]
        return -max(ranked)[2] if ranked else 0

    def nearest(self, moment: datetime) -> Backup:
        """The newest trusted one that is not after ``moment``; if none is, the newest that can be restored.

        Raises UsageError if there is none at all.
        """
        before = [one for one in self.offered if one.moment <= moment]
        if not before:
            raise no_point(self.offered[::-1], moment)
        return point_at(before, moment) or before[0]

    def in_minute(self, asked: datetime) -> Backup | None:
        """The first trusted one within the minute ``asked``; None where it has seconds, or there is none."""
        return in_minute(self.offered, asked)

    def nearer(self, chosen: Backup, moment: datetime) -> Backup | None:
        """The newest that is nearer to ``moment`` than the chosen one; None if there is none."""
        return next((one for one in self.offered if chosen.moment < one.moment <= moment), None)

    def drawn(
        self, chosen: Backup, asked: datetime | None, now: datetime, width: int, zoom: int
    ) -> Sequence[Sequence[Span]]:
        """The axis, in three lines."""
        on = timeline.axis(width, chosen.moment, asked, now, zoom)
        cell = on.cell(chosen.moment)
        there = [one for one in reversed(self.offered) if one.moment in on and on.cell(one.moment) == cell]
        place = there.index(chosen) + 1, len(there)
        return timeline.draw(on, self._marks, _point(chosen), asked, now, self._every, place=place)


def _point(one: Backup) -> Point:
    return Point(one.moment, one.kind is Kind.FULL, "" if one.trusted else "warn")


def made_of(one: Backup) -> str:
    """What a point is restored from."""
    return _("full + 1 differential") if one.base is not None else _("full")


def told_apart(one: Backup) -> str:
    """What tells a point from another of the same minute: its id, or the file of the scripts."""
    return f"ID {one.id}" if one.id else str(one.name)


def beside(one: Backup, other: Backup) -> str:
    """The moment of a point that is named beside another: with what tells them apart if both read alike.

    Where a manifest is lost its moment is the stamp of its name, a second away from what it was.
    """
    said = labels.moment(one.moment, seconds=True)
    return f"{said} ({told_apart(one)})" if abs(one.moment - other.moment) < _ALIKE else said


def standing(one: Backup) -> str:
    """What is proven of a point: of the weaker one, if it is two backups."""
    if any(backup.suspect for backup in one.chain):
        return "⚠ " + _("suspect")
    rung = min(backup.sound[0].rung for backup in one.chain)
    return ("✔ " if one.proven else "? ") + labels.rung(rung)


def why_not(one: Backup) -> str:
    """Why a point is not taken without asking."""
    for backup in one.chain:
        if backup.refused:
            return _("restoring it failed: {reason}").format(reason=backup.refused.reason)
        if backup.suspect:
            return backup.suspect
    return _("it has not been proven.")


def both_clocks(moment: datetime) -> str:
    """A moment in the operator's zone, and its time in UTC; with the day there, if that is another."""
    utc, local = moment.astimezone(UTC), moment.astimezone()
    another_day = "" if utc.date() == local.date() else f"{utc:%m-%d} "
    return f"{with_offset(moment)} ({another_day}{utc:%H:%M} UTC)"
