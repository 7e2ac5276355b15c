"""The axis of time that fulls and differentials stand on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mtn_tui.ui.terminal.ascii import folded
from mtn_tui.ui.text.timeline import DAY, SPANS, Point, axis, draw

SANTIAGO = ZoneInfo("America/Santiago")
HALF_AN_HOUR = timedelta(minutes=30)
NOW = datetime(2026, 11, 24, 17, 2, tzinfo=UTC)
NIGHT = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
"""Two in the morning in Santiago."""
WIDTH = 58


def drawn(points, chosen, asked=None, now=NOW, width=WIDTH, zoom=DAY, zone=SANTIAGO) -> list[str]:
    on = axis(width, chosen.moment, asked, now, zoom)
    lines = draw(on, points, chosen, asked, now, HALF_AN_HOUR, zone)
    return ["".join(text for text, _tone in line) for line in lines]


def a_day(*, but: range = range(0)) -> list[Point]:
    """A full at night and a differential each half hour since, without those of some half hours."""
    halves = (at for at in range(1, 24) if at not in but)
    return [Point(NIGHT, full=True), *(Point(NIGHT + at * HALF_AN_HOUR, full=False) for at in halves)]


def test_a_day_of_a_full_and_differentials():
    points = a_day()
    assert drawn(points, points[-1]) == [
        "    16  18  20   22  11-24    04  06  08   10  12   ",
        "                         █─············─··········▲──▶ now",
        "                                              13:30 -03",
    ]


def test_the_moment_that_was_asked_for_stands_beside_the_chosen_point():
    points = a_day()
    chosen = points[9]
    ticks, line, labels = drawn(points, chosen, asked=chosen.moment + timedelta(minutes=1))
    assert "▲✖" in line
    assert labels.strip() == "06:30 -03  06:31 -03"
    assert drawn(points, chosen, chosen.moment + timedelta(hours=5))[1].index("✖") - line.index("▲") > 8
    assert "✖▲" in drawn(points, points[10], points[10].moment - timedelta(minutes=1))[1]
    assert ticks


def test_where_points_are_missing_the_line_is_too():
    points = a_day(but=range(6, 14))
    line = drawn(points, points[0])[1]
    assert "·" + " " * 9 + "·" in line
    assert " " not in drawn(a_day(), points[0])[1].strip().replace(" now", "")
    assert "  ▶ now" in drawn(points[:4], points[3])[1], "nothing since then"


def test_the_axis_moves_with_the_chosen_point_and_stands_still_while_it_is_in_sight():
    fulls = [Point(NIGHT - timedelta(days=day), full=True) for day in range(20)]
    starts = {axis(WIDTH, NIGHT + half * HALF_AN_HOUR, None, NOW).start for half in range(24)}
    assert starts == {NOW - timedelta(days=1)}
    ticks, line, labels = drawn(fulls, fulls[16])
    assert ("11-08" in ticks, line.count("▲"), "now" in line) == (True, 1, False)
    assert "02:00 -03" in labels


def test_an_asked_moment_long_after_the_last_point_lengthens_the_axis():
    old = Point(NIGHT - timedelta(days=9), full=True)
    _ticks, line, labels = drawn([old], old, asked=NIGHT - timedelta(days=4))
    assert line.index("▲") < line.index("✖")
    assert "11-15 02:00 -03" in labels
    assert "11-20 02:00 -03" in labels


@pytest.mark.parametrize(
    ("now", "labels"),
    [
        (datetime(2026, 9, 6, 6, 30, tzinfo=UTC), ["22", "23", "09-06", "02", "03"]),
        (datetime(2026, 4, 5, 5, 45, tzinfo=UTC), ["21", "22", "23", "04-05", "01"]),
    ],
    ids=["midnight is skipped", "an hour comes twice"],
)
def test_ticks_are_what_the_clocks_showed(now, labels):
    last = Point(now, full=True)
    assert drawn([last], last, now=now, zoom=0)[0].split()[-len(labels) :] == labels


def test_an_hour_that_came_twice_is_told_by_its_offset():
    first = Point(datetime(2026, 4, 5, 2, 30, tzinfo=UTC), full=True)
    second = Point(first.moment + timedelta(hours=1), full=False)
    labels = drawn([first, second], first, asked=second.moment, now=second.moment + HALF_AN_HOUR)[2]
    assert labels.split() == ["23:30", "-03", "23:30", "-04"]


MOMENTS = st.integers(0, 60 * 24 * 40).map(lambda minutes: NOW - timedelta(minutes=minutes))


@given(
    st.lists(st.builds(Point, MOMENTS, st.booleans()), min_size=1, max_size=40),
    st.data(),
    st.none() | MOMENTS,
    st.integers(34, 200),
    st.integers(0, len(SPANS) - 1),
)
def test_an_axis_fits_and_shows_every_point_of_its_stretch_in_order(points, data, asked, width, zoom):
    chosen = data.draw(st.sampled_from(points))
    on = axis(width, chosen.moment, asked, NOW, zoom)
    lines = draw(on, points, chosen, asked, NOW, HALF_AN_HOUR, SANTIAGO, (3, 40))
    texts = ["".join(text for text, _tone in line) for line in lines]
    assert all(cell_len(text) <= width for text in texts)
    line = texts[1]
    assert line.count("▲") == 1
    there = [point for point in points if point.moment in on]
    assert chosen in there
    assert all(line[on.cell(point.moment)] in "█·▲✖" for point in there)
    cells = [on.cell(point.moment) for point in sorted(there, key=lambda point: point.moment)]
    assert cells == sorted(cells)
    assert len([mark for mark in line if mark in "█·"]) <= len(there)
    if "✖" in line and asked != chosen.moment:
        assert (line.index("✖") > line.index("▲")) == (asked > chosen.moment)
    if asked is not None and asked > chosen.moment and asked - chosen.moment < timedelta(days=14):
        assert "✖" in line
    assert folded(line).isascii()
    assert "?" not in folded("".join(texts))
