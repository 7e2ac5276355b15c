"""Durations in words: nobody takes minutes for hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mtn_tui.operations.common import labels


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (11.6, "12 s"),
        (59.7, "1 min"),
        (60, "1 min"),
        (411, "6 min 51 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (7501, "2 h 5 min"),
        (4 * 3600, "4 h"),
        (86400, "1 d"),
        (3 * 86400 + 4 * 3600 + 59, "3 d 4 h"),
        (86400 + 60, "1 d"),
    ],
)
def test_a_duration_names_its_units(seconds, said):
    assert labels.duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"), [(0, "<1 min"), (62, "62 min"), (125, "2 h 5 min"), (605640, "420 d 14 h")]
)
def test_many_minutes_are_told_by_hours_or_days(count, said):
    assert labels.minutes(count) == said


def test_moments_beside_each_other_have_their_seconds_where_they_share_a_minute():
    at = datetime(2026, 11, 24, 5, 0, 11, tzinfo=UTC)
    same, other = at + timedelta(seconds=29), at + timedelta(minutes=1)
    first, second, third = labels.told_apart(at, same, other)
    assert (":00:11 " in first, ":00:40 " in second) == (True, True)
    assert third == labels.moment(other)
    assert labels.told_apart(at, at, other) == [labels.moment(at)] * 2 + [third], "one moment, shown twice"
    assert labels.clock_after(same, at).endswith(":00:40")
    assert labels.clock_after(other, at).endswith(":01")
