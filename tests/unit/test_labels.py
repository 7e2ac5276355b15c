"""Durations in words: nobody takes minutes for hours."""

from __future__ import annotations

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
