"""Which backup holds the database as it was at a moment."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.core.models import Rung
from mtn_tui.operations.inventory.model import CopyStatus
from mtn_tui.operations.restore.point_in_time import Gap, gaps, in_minute, no_point, point_at, points
from tests.chains import DATABASE, at, inventory, made, minutes

DAY = 24 * 60


def all_points(*backups):
    return points(inventory(*backups), DATABASE)


def chosen(moment, *backups):
    """The minute of the point for that moment; None if there is none."""
    found = point_at(all_points(*backups), at(moment))
    return None if found is None else minutes(found)


def test_fulls_and_differentials_are_points_oldest_first():
    first, second = made(0), made(DAY)
    told = all_points(second, made(60, first), made(DAY + 30, second), first, made(30, first))
    assert [minutes(one) for one in told] == [0, 30, 60, DAY, DAY + 30]


def test_the_newest_point_that_is_not_after_the_moment_is_taken():
    full = made(0)
    backups = full, made(30, full), made(60, full)
    assert [chosen(one, *backups) for one in (0, 29.9, 30, 45, 60, 5000)] == [0, 0, 30, 30, 60, 60]
    assert chosen(-0.1, *backups) is None


def test_the_first_moment_is_told_with_its_seconds_where_its_minute_was_asked_for():
    found = all_points(made(10.5))
    assert f"{at(10.5).astimezone():%H:%M:30}: " in no_point(found, at(10)).hint
    assert f"{at(10.5).astimezone():%H:%M %z}"[:-2] in no_point(found, at(5)).hint


def test_the_snapshot_decides_and_not_the_name():
    """A full that ran for hours is named by when it began; a differential took its snapshot meanwhile."""
    old, slow = made(0), made(600, named=480)
    backups = old, slow, made(540, old)
    assert chosen(599, *backups) == 540
    assert chosen(600, *backups) == 600
    assert chosen(530, *backups) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"rung": Rung.HASHED},
        {"failed": "it does not hold"},
        {"refused": True},
        {"standing": CopyStatus.BROKEN},
        {"standing": CopyStatus.UNFINISHED},
        {"standing": CopyStatus.LEGACY, "rung": Rung.PRESENT},
        {"database": "another"},
    ],
    ids=str,
)
def test_one_that_is_not_to_be_trusted_is_passed_over_with_all_that_builds_on_it(wrong):
    old = made(0)
    assert chosen(50, old, made(30, old), made(40, old, **wrong)) == 30
    full = made(DAY, **wrong)
    named = made(DAY)  # of the same id, for the differential to name
    database = wrong.get("database", DATABASE)
    assert chosen(DAY + 50, old, made(30, old), full, made(DAY + 30, named, database=database)) == 30


def test_one_whose_table_lost_its_rows_is_passed_over():
    old = made(0, rows=5000)
    assert chosen(50, old, made(30, old, rows=4900), made(40, old, rows=3)) == 30


def test_a_differential_without_its_full_is_no_point():
    assert [minutes(one) for one in all_points(made(0), made(DAY + 30, made(DAY)))] == [0]


def test_doubtful_ones_are_points_all_the_same():
    assert [minutes(one) for one in all_points(made(0), made(5, rung=Rung.PRESENT))] == [0, 5]


def test_without_a_point_the_first_that_there_is_is_named():
    told = all_points(made(0), made(DAY))
    error = no_point(told, at(-10))
    assert "no backup of 2026-09-01 " in error.title
    assert told[0].id in error.hint
    assert told[1].id not in error.hint


def test_without_a_proven_point_the_one_that_could_be_proven_is_named():
    told = all_points(made(0, rung=Rung.PRESENT), made(DAY))
    assert point_at(told, at(10)) is None
    error = no_point(told, at(10))
    assert str(told[0].name) in error.title
    assert f"mtn verify {told[0].id}" in error.hint
    assert told[1].id in error.hint


def test_without_any_point_it_says_so():
    assert "no backup that can be restored" in no_point((), at(0)).title


def test_a_gap_is_where_a_run_is_missing():
    full = made(0)
    told = all_points(full, made(31, full), made(60, full), made(120, full), made(150.2, full))
    assert gaps(told, timedelta(minutes=30)) == (Gap(at(60), at(120)),)
    (gap,) = gaps(told, timedelta(minutes=30))
    assert [gap.holds(at(one)) for one in (60, 60.1, 119, 120)] == [False, True, True, False]
    assert gaps(told[:1], timedelta(minutes=30)) == ()


RUNGS = st.sampled_from([Rung.PRESENT, Rung.COMPLETE, Rung.RESTORED])
DIFFS = st.lists(st.tuples(st.integers(1, 2000), RUNGS, st.booleans()), max_size=6)
FULLS = st.lists(st.tuples(st.integers(0, 2000), RUNGS, st.booleans(), DIFFS), max_size=4)


@given(FULLS, st.integers(-5, 2005))
def test_no_better_point_is_ever_passed_over(fulls, moment):
    """Against the rule written out over what was made, without chains, ids and orders."""
    every, good, taken = [], [], set()
    for start, rung, refused, diffs in fulls:
        if start in taken:
            continue
        taken.add(start)
        full = made(start, rung=rung, refused=refused)
        every.append(full)
        holds = rung.proven and not refused
        good += [start] * holds
        for later, rung_of_diff, refused_diff in diffs:
            end = start + later
            if (start, end) in taken or end in taken:
                continue
            taken.add(end)
            every.append(made(end, full, rung=rung_of_diff, refused=refused_diff))
            good += [end] * (holds and rung_of_diff.proven and not refused_diff)
    expected = max((one for one in good if one <= moment), default=None)
    assert chosen(moment, *every) == expected


def test_a_second_as_lists_show_it_names_the_point_within_it():
    """Lists tell no fractions: the moment that one shows is before its backup by some of a second."""
    full = made(0)
    found = points(inventory(full, made(10 + 15.6 / 60, full), made(10 + 16.1 / 60, full)), DATABASE)
    shown = at(10) + timedelta(seconds=15)
    assert in_minute(found, shown).moment == at(10 + 15.6 / 60)
    assert point_at(found, shown).moment == at(0)
    assert in_minute(found, shown + timedelta(microseconds=1)) is None
    assert in_minute(found, shown - timedelta(seconds=1)) is None


def test_a_minute_without_seconds_names_the_first_point_within_it_and_takes_none_that_is_later():
    full = made(0)
    found = points(
        inventory(full, made(10.5, full), made(10.75, full), made(12, full, rung=Rung.PRESENT)), DATABASE
    )
    assert in_minute(found, at(10)).moment == at(10.5)
    assert point_at(found, at(10)).moment == at(0)
    for asked in (at(9), at(10.25), at(11), at(12)):  # none, none in that second, none, the point itself
        assert in_minute(found, asked) is None
    assert in_minute(found, at(0)) is None, "it is the minute's beginning"
