"""Draws the moments that can be restored on an axis of time, in any number of cells.

``█`` is a full and ``·`` a differential, ``▲`` the chosen one of them, ``✖`` the
moment that was asked for. Where the next point is farther than it should be, the
axis is empty: no moment in there can be come close to.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from rich.cells import cell_len

from mtn_tui.core.i18n import _
from mtn_tui.operations.common.labels import minute
from mtn_tui.operations.restore.point_in_time import is_gap
from mtn_tui.ui.text.cells import Span

SPANS = (timedelta(hours=6), timedelta(days=1), timedelta(days=7), timedelta(days=35))
"""How long an axis may be."""

DAY = SPANS.index(timedelta(days=1))
"""The usual one of them."""

_STEPS = tuple(timedelta(minutes=minutes) for minutes in (15, 60, 120, 360, 1440))
"""Between two ticks."""

_FINEST = _STEPS[0]

_APART = 2
"""Cells between two labels."""
_LEFT = 0.1
"""Of the axis, at least, before the chosen point if the axis does not end now."""


@dataclass(frozen=True)
class Point:
    """A moment that can be restored."""

    moment: datetime
    full: bool
    tone: str = ""
    """``warn`` for one that should be looked at first."""


@dataclass(frozen=True)
class Axis:
    """What stretch of time is drawn, and in how many cells."""

    start: datetime
    end: datetime
    cells: int

    def cell(self, moment: datetime) -> int:
        """Its cell; the nearest end of the axis for a moment beyond it."""
        share = (moment - self.start) / (self.end - self.start)
        return max(0, min(int(share * self.cells), self.cells - 1))

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment <= self.end


def axis(width: int, chosen: datetime, asked: datetime | None, now: datetime, zoom: int = DAY) -> Axis:
    """The axis that shows the chosen moment: up to now if it can, of ``SPANS[zoom]``.

    It is longer where ``asked`` is later and would be beyond its end. It moves by half its length, so that
    it stands still while somebody steps from point to point.
    """
    last = max(now, chosen)
    cells = max(width - cell_len(_end(at_now=True)) - 1, 1)
    for span in SPANS[zoom:]:
        end = last
        while chosen < end - span * (1 - _LEFT):
            end -= span / 2
        made = Axis(end - span, end, cells)
        if asked is None or min(asked, last) <= end:
            return made
    return made


def draw(
    on: Axis,
    points: Sequence[Point],
    chosen: Point,
    asked: datetime | None,
    now: datetime,
    every: timedelta,
    zone: tzinfo | None = None,
    place: tuple[int, int] = (1, 1),
) -> list[list[Span]]:
    """Three lines: the ticks, the axis, and the times of what is marked on it.

    ``chosen`` is on the axis. Of two marks in one cell the later one moves on by one.
    ``points`` are all there are, in any order; ``every`` is how often there should be one. Times are
    those of ``zone``, which is the machine's own unless given. ``place`` is which of how many points in its
    cell is the chosen one, the oldest first: the mark alone can't show that.
    """
    ordered = sorted(points, key=lambda point: point.moment)
    marks = _line(on, [point.moment for point in ordered], now, every)
    for point in sorted((point for point in ordered if point.moment in on), key=lambda point: point.full):
        marks[on.cell(point.moment)] = ("█" if point.full else "·", point.tone)
    labels: list[tuple[int, Span]] = []
    at, with_date = on.cell(chosen.moment), on.end - on.start > SPANS[DAY]
    seconds = asked is not None and asked != chosen.moment and minute(asked) == minute(chosen.moment)
    if asked is not None and (asked in on or asked > now):
        at_asked = on.cell(asked)
        if at_asked == at and asked < chosen.moment:
            at += 1
        elif at_asked == at:
            at_asked += 1
        marks[at_asked] = ("✖", "bad")
        labels.append((at_asked, (_time(asked, zone, with_date=with_date, seconds=seconds), "bad")))
    marks[at] = ("▲", "strong")
    end = _end(at_now=on.end >= now)
    width = len(marks) + cell_len(_end(at_now=True))
    time = _time(chosen.moment, zone, with_date=with_date, seconds=seconds)
    if place[1] > 1:
        several = time + ", " + _("{place} of {count} points here").format(place=place[0], count=place[1])
        taken = sum(len(text) + _APART for _cell, (text, _tone) in labels)
        time = several if taken + len(several) <= width else time
    labels.append((at, (time, "strong")))
    return [[(_ticks(on, zone), "dim")], [*marks, (end, "dim")], _below(labels, width)]


def _end(*, at_now: bool) -> str:
    return "▶ " + _("now") if at_now else "▶"


def _line(on: Axis, moments: Sequence[datetime], now: datetime, every: timedelta) -> list[Span]:
    """The axis without any marks: a line where points follow each other as they should, else blank.

    It has a cell more than ``on`` tells of: two marks of the last moment need two.
    """
    known = [*moments, max([now, *moments[-1:]])]
    length = (on.end - on.start) / on.cells

    def piece(cell: int) -> Span:
        middle = on.start + length * (cell + 0.5)
        after = bisect_left(known, middle)
        if after in (0, len(known)):
            return " ", ""
        return (" ", "") if is_gap(known[after] - known[after - 1], every) else ("─", "dim")

    pieces = [piece(cell) for cell in range(on.cells)]
    return [*pieces, pieces[-1]]


def _ticks(on: Axis, zone: tzinfo | None) -> str:
    """Hours, and the date where a day begins; as many as there is room for."""
    length = (on.end - on.start) / on.cells
    step = next((one for one in _STEPS if one / length >= _room(one)), _STEPS[-1])
    found = list(_rounds(on, step, zone))
    row = [" "] * on.cells
    for days in (True, False):
        for cell, text, is_day in found:
            around = row[max(cell - 1, 0) : cell + len(text) + 1]
            if is_day is days and cell + len(text) <= on.cells and not "".join(around).strip():
                row[cell : cell + len(text)] = text
    return "".join(row)


def _room(step: timedelta) -> int:
    """Cells that a tick's label needs, and a gap after it."""
    return 7 if step in (_STEPS[0], _STEPS[-1]) else 4


def _rounds(on: Axis, step: timedelta, zone: tzinfo | None) -> Iterator[tuple[int, str, bool]]:
    """The round local times on the axis: cell, label, and whether a day begins there.

    A time that clocks skip is none; the first one after it stands for it.
    """
    quarter = _FINEST.total_seconds()
    moment = datetime.fromtimestamp(on.start.timestamp() // quarter * quarter, on.start.tzinfo)
    before = _bucket(moment, step, zone)
    while (moment := moment + _FINEST) <= on.end:
        bucket = _bucket(moment, step, zone)
        if bucket != before:
            local, is_day = moment.astimezone(zone), bucket[0] > before[0]
            hour = f"{local:%H:%M}" if step < _STEPS[1] else f"{local:%H}"
            yield on.cell(moment), f"{local:%m-%d}" if is_day else hour, is_day
        before = bucket


def _bucket(moment: datetime, step: timedelta, zone: tzinfo | None) -> tuple[date, int]:
    local = moment.astimezone(zone)
    since = timedelta(hours=local.hour, minutes=local.minute)
    return local.date(), since // step


def _time(moment: datetime, zone: tzinfo | None, *, with_date: bool, seconds: bool) -> str:
    """The time of a day, with its offset."""
    local = moment.astimezone(zone)
    form = ("%m-%d " if with_date else "") + ("%H:%M:%S" if seconds else "%H:%M")
    return f"{local:{form}} {f'{local:%z}'.removesuffix('00')}"


def _below(labels: list[tuple[int, Span]], width: int) -> list[Span]:
    """Each label beneath its cell, as near as the others allow."""
    ordered = sorted(labels, key=lambda label: label[0])
    starts: list[int] = []
    free = 0
    for cell, (text, _tone) in ordered:
        starts.append(max(cell - len(text) // 2, free))
        free = starts[-1] + len(text) + _APART
    free = width
    for index, (_cell, (text, _tone)) in reversed(list(enumerate(ordered))):
        starts[index] = min(starts[index], free - len(text))
        free = starts[index] - _APART
    line: list[Span] = []
    used = 0
    for start, (_cell, (text, tone)) in zip(starts, ordered, strict=True):
        line += [(" " * (start - used), ""), (text, tone)]
        used = start + len(text)
    return line
