"""Which backup is named in place of one that has fewer rows than another."""

from __future__ import annotations

import pytest

from mtn_tui.core.models import Rung
from mtn_tui.operations.restore.fuller import Fuller, fuller
from tests.chains import at, inventory, made, minutes

APPLICATIONS, VISITS = "public.applications", "public.visits"


def judged(chosen: float, until: float | None, *rows, **more) -> Fuller | None:
    """Of backups an hour apart, with so many applications and visits each, and with ``more`` the last."""
    known = [dict(zip((APPLICATIONS, VISITS), one, strict=True)) for one in rows]
    last = len(known) - 1
    backups = [made(60 * hour, rows=one, **(more if hour == last else {})) for hour, one in enumerate(known)]
    offered = sorted(inventory(*backups).backups, key=lambda one: one.moment, reverse=True)
    one = next(one for one in offered if minutes(one) == 60 * chosen)
    return fuller(offered, one, None if until is None else at(60 * until))


def said(found: Fuller | None) -> tuple[float, str, int, bool] | None:
    return found and (minutes(found.backup) / 60, found.table, found.lacks, found.later)


@pytest.mark.parametrize(
    ("chosen", "until", "rows", "named"),
    [
        (2, 2, [(100, 9), (120, 9), (60, 9)], (1, APPLICATIONS, 60, False)),
        (2, 2, [(100, 9), (120, 9), (115, 9)], None),
        (0, 2, [(100, 9), (110, 9), (120, 9)], (2, APPLICATIONS, 20, True)),
        (0, 1, [(100, 9), (110, 9), (120, 9)], (1, APPLICATIONS, 10, True)),
        (0, 2, [(100, 9), (120, 9), (60, 90)], (1, APPLICATIONS, 20, True)),
        (0, 2, [(100, 9), (120, 9), (119, 9)], (1, APPLICATIONS, 20, True)),
        (0, 2, [(100, 9), (99, 9), (120, 9)], (2, APPLICATIONS, 20, True)),
        (0, 2, [(100, 100), (120, 95), (130, 20)], (1, APPLICATIONS, 20, True)),
        (0, 2, [(100, 9), (100, 9), (100, 9)], None),
        (0, None, [(100, 9), (120, 9), (130, 9)], None),
        (1, 2, [(100, 9), (40, 9), (50, 9)], (0, APPLICATIONS, 60, False)),
        (1, 2, [(100, 9), (100, 9), (140, 10)], (2, APPLICATIONS, 40, True)),
        (1, 1, [(1000, 9), (980, 2)], (0, VISITS, 7, False)),
    ],
    ids=[
        "an earlier one, from before the loss",
        "a few rows fewer are daily life",
        "the newest later one",
        "not beyond the moment",
        "not one from after the loss, though another table has more",
        "not one that has lost a single row of a main table",
        "one that has all, though one between has not",
        "visits are cleaned up, but not most of them",
        "none has more",
        "later ones only where there was a loss",
        "an earlier one before a later one",
        "the table that differs most",
        "a table that lost most of its rows, not one that lost a few more",
    ],
)
def test_the_one_to_take_is_named(chosen, until, rows, named):
    assert said(judged(chosen, until, *rows)) == named


def test_a_later_one_that_is_not_proven_is_not_named():
    rows = (100, 9), (120, 9), (130, 9)
    assert said(judged(0, 2, *rows, rung=Rung.PRESENT)) == (1, APPLICATIONS, 20, True)


@pytest.mark.parametrize("until", [2, 3])
def test_the_one_that_is_named_names_no_other(until):
    rows = [(100, 90), (120, 90), (130, 85), (50, 90)]
    for chosen in range(4):
        found = judged(chosen, until, *rows)
        if found is not None:
            assert said(judged(minutes(found.backup) / 60, until, *rows)) is None
