"""How chains are listed, and what is odd or unusable about a differential."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.archive.proof import Mark
from mtn_tui.cli import inventory as command
from mtn_tui.cli import output
from mtn_tui.core.models import Rung
from mtn_tui.operations.common import production
from mtn_tui.operations.inventory.chains import chains
from mtn_tui.operations.inventory.fallback import earlier_proven, newer_broken
from mtn_tui.operations.inventory.model import CopyStatus, best
from mtn_tui.operations.inventory.one_server import of_one_server
from mtn_tui.operations.restore.point_in_time import points
from tests.chains import DATABASE, at, inventory, made, minutes
from tests.ui.installed import Installed

DAY = 24 * 60


def suspects(*backups):
    return {minutes(one): one.suspect for one in inventory(*backups).backups if one.suspect}


def accepted(backup):
    name, copy = backup
    return name, replace(copy, proof=replace(copy.proof, accepted=Mark(at(0), "ana")))


def test_a_differential_that_lost_a_table_is_suspect_and_so_are_those_after_it():
    full = made(0, rows=5000)
    backups = full, made(30, full, rows=4990), made(60, full, rows=7), made(90, full, rows=8)
    assert sorted(suspects(*backups)) == [60, 90]
    assert "7 rows, had 4,990" in suspects(*backups)[60]
    assert "8 rows, had 5,000" in suspects(*backups)[90]


def test_what_somebody_has_accepted_is_what_those_after_it_are_compared_with():
    full = made(0, rows=5000)
    backups = full, accepted(made(60, full, rows=7)), made(90, full, rows=8)
    assert suspects(*backups) == {}


def test_what_came_and_went_between_two_differentials_is_seen_too():
    full = made(0, rows=10)
    assert sorted(suspects(full, made(30, full, rows=5000), made(60, full, rows=10))) == [60]


def test_a_small_differential_is_not_suspect():
    full = made(0)
    assert suspects(full, made(30, full, size=10**6), made(60, full, size=9)) == {}


def test_rows_of_another_chain_say_nothing_of_a_differential():
    old, full = made(0, rows=9000), made(DAY)
    assert suspects(old, accepted(full), made(DAY + 30, full)) == {}


def test_on_a_suspect_full_a_differential_is_suspect_until_the_full_is_accepted():
    old, full = made(0, size=10**6), made(DAY, size=10)
    found = suspects(old, full, made(DAY + 30, full))
    assert sorted(found) == [DAY, DAY + 30]
    assert found[DAY + 30] == f"its full is suspect: {found[DAY]}"
    assert suspects(old, accepted(full), made(DAY + 30, full)) == {}


def test_a_chain_is_proven_as_far_as_its_weakest():
    full = made(0, rung=Rung.HASHED)
    one, _full = inventory(full, made(30, full, rung=Rung.RESTORED)).backups
    assert (one.rung, one.proven) == (Rung.HASHED, False)
    better = made(0, rung=Rung.COMPLETE)
    one, _full = inventory(better, made(30, better, rung=Rung.RESTORED)).backups
    assert (one.rung, one.proven) == (Rung.COMPLETE, True)


@pytest.mark.parametrize(
    ("full", "reason"),
    [
        (None, "its full f00000x0 is not there"),
        (made(0, failed="cut short"), "can't be restored"),
        (made(0, standing=CopyStatus.BROKEN), "is not there"),
    ],
)
def test_a_differential_without_its_full_is_unusable_and_the_list_says_why(full, reason, monkeypatch):
    found = inventory(*([full] if full else []), made(30, made(0)))
    one = found.backups[0]
    assert reason in one.unusable
    assert one.usable == ()
    tables = []
    monkeypatch.setattr(output, "table", lambda _head, rows, **_more: tables.extend(rows))
    command._print_list([one], ())
    assert f"UNUSABLE: {one.unusable}" in tables[0][-1]
    facts = command.facts(one)
    assert (facts["unusable"], facts["trusted"]) == (one.unusable, False)
    assert facts["base"]["id"] == one.manifest.base


def test_from_a_differential_that_does_not_hold_one_falls_back_to_the_point_before_it():
    old, full = made(0), made(DAY)
    broken = made(DAY + 60, full, failed="cut short")
    found = inventory(old, made(30, old), full, made(DAY + 30, full), broken)
    last = found.backups[0]
    told = [minutes(one) for one in earlier_proven(found, last, DATABASE)]
    assert told == [DAY + 30, DAY, 30, 0]
    assert newer_broken(found, found.backups[1], kind=None) == last
    assert newer_broken(found, found.backups[1], kind=None, until=at(DAY + 59)) is None
    assert newer_broken(found, found.backups[2]) is None, "of fulls none is newer"


@pytest.mark.parametrize(
    ("marks", "taken"),
    [
        ([{}, {}], 2),
        ([{}, {"refused": True}], 1),
        ([{"refused": True}, {"refused": True}], 2),
        ([{}, {"rung": Rung.PRESENT}], 1),
        ([{"rung": Rung.PRESENT}, {"rung": Rung.PRESENT}], 2),
        ([{"rung": Rung.PRESENT}, {"refused": True}], 2),
        ([{"rows": 5000}, {"rows": 7}], 1),
    ],
)
def test_of_several_the_newest_that_is_trusted_is_taken_else_the_newest_that_is_proven(marks, taken):
    full = made(0, rows=5000)
    differentials = [made(minute, full, **({"rows": 5000} | one)) for minute, one in enumerate(marks, 1)]
    found = [one for one in inventory(full, *differentials).backups if one.base]
    assert minutes(best(found)) == taken


def test_what_builds_on_a_full_that_was_refused_or_is_not_proven_is_trusted_no_more_than_the_full():
    for marks in ({"refused": True}, {"rung": Rung.PRESENT}):
        full, other = made(0, **marks), made(-5)
        first, _full, second, _other = inventory(full, made(9, full), other, made(-3, other)).backups
        assert (first.trusted, second.trusted) == (False, True)
        assert best([first, second]) == second


def test_a_newer_differential_whose_full_is_broken_is_told():
    old, full = made(0), made(DAY, failed="cut short")
    found = inventory(old, made(30, old), full, made(DAY + 30, full))
    used = next(one for one in found.backups if minutes(one) == 30)
    assert minutes(newer_broken(found, used, kind=None)) == DAY + 30


def listed(backups):
    return [(minutes(one.head), [minutes(diff) for diff in one.differentials]) for one in chains(backups)]


def test_differentials_stand_below_their_full_newest_first():
    old, full = made(0), made(DAY)
    found = inventory(old, made(30, old), made(60, old), full, made(DAY + 5, old), made(DAY + 30, full))
    assert listed(found.backups) == [(DAY, [DAY + 30]), (0, [DAY + 5, 60, 30])]


def test_a_differential_whose_full_is_not_listed_stands_by_itself():
    old = made(0)
    found = inventory(old, made(30, old), made(DAY + 30, made(DAY)))
    assert listed(found.backups) == [(DAY + 30, []), (0, [30])]
    assert listed(one for one in found.backups if minutes(one)) == [(DAY + 30, []), (30, [])]


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 3)), unique=True, max_size=20), st.data())
def test_chains_leave_none_out_and_change_no_order(drawn, data):
    fulls = {number: made(number * 400) for number in range(3)}
    diffs = [made(number * 400 + after + 0.5, fulls.get(number) or made(9999)) for after, number in drawn]
    found = inventory(*fulls.values(), *diffs).backups
    shown = [one for one in found if data.draw(st.booleans())]
    told = [one for chain in chains(shown) for one in (chain.head, *chain.differentials)]
    assert Counter(one.name for one in told) == Counter(one.name for one in shown)
    heads = [chain.head for chain in chains(shown)]
    assert heads == [one for one in shown if one in heads]
    for chain in chains(shown):
        assert all(one.base.name == chain.head.name for one in chain.differentials)
        assert list(chain.differentials) == [one for one in shown if one in chain.differentials]


def test_what_other_servers_keep_in_the_same_store_is_no_point_of_ours(tmp_path):
    context = Installed(tmp_path).context
    production.remember(context, 1)
    ours, theirs = made(0), made(10, server=2)
    backups = ours, made(30, ours), theirs, made(40, theirs, server=2)
    left = of_one_server(context, inventory(*backups)).inventory
    assert [minutes(one) for one in points(left, DATABASE)] == [0, 30]
