"""When a disk will be full: from the backups on it, as retention lets them go, and from what was measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mtn_tui.core.models import Kind
from mtn_tui.operations.health.growth import FURTHEST, Stored, added, days_left, measured_left

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
KEEP = {Kind.FULL: 30, Kind.DIFF: 90}


def daily(days: int, size: int, kind: Kind = Kind.FULL) -> list[Stored]:
    return [Stored(kind, NOW - number * DAY - timedelta(hours=1), size) for number in range(days)]


def test_what_a_kind_adds_a_day_is_the_mean_of_its_last_week():
    stored = [*daily(7, 70), Stored(Kind.FULL, NOW - 8 * DAY, 9000), Stored(Kind.DIFF, NOW - DAY / 2, 30)]
    assert added(stored, NOW) == {Kind.FULL: 70, Kind.DIFF: 30}
    assert added([], NOW) == {Kind.FULL: 0, Kind.DIFF: 0}


def test_a_young_store_grows_day_by_day_until_it_is_full():
    assert days_left(350, daily(3, 100), NOW, KEEP) == 4
    assert days_left(0, daily(3, 100), NOW, KEEP) == 1


def test_a_store_that_retention_keeps_level_is_never_full():
    assert days_left(150, daily(30, 100), NOW, KEEP) is None


def test_it_fills_up_where_the_fulls_of_a_month_take_more_than_is_free():
    assert days_left(1900, daily(10, 100), NOW, KEEP) == 20
    assert days_left(2100, daily(10, 100), NOW, KEEP) is None


def test_backups_that_have_grown_do_not_fit_where_the_smaller_ones_were():
    grown = [Stored(one.kind, one.at, 10 if NOW - one.at > 7 * DAY else 100) for one in daily(30, 0)]
    assert days_left(1000, grown, NOW, KEEP) == 12
    assert days_left(3000, grown, NOW, KEEP) is None


@pytest.mark.parametrize(
    ("hours", "before", "days"),
    [(24, 1100, 10), (12, 1100, None), (24, 900, None), (24, 1001, None), (20, 6000, 0)],
)
def test_what_was_measured_tells_what_is_no_backup(hours, before, days):
    measured = [(NOW - timedelta(hours=hours), float(before)), (NOW - timedelta(minutes=5), 1000.0)]
    assert measured_left(1000, measured, NOW) == days
    assert days is None or days < FURTHEST


def test_what_backups_want_to_find_free_ends_the_days_before_the_last_byte():
    measured = [(NOW - timedelta(hours=24), 1100.0), (NOW - timedelta(minutes=5), 1000.0)]
    assert [measured_left(1000, measured, NOW, reserve) for reserve in (0, 400, 1000, 2000)] == [10, 6, 0, 0]
