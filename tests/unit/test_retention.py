"""Which copies retention keeps: rule by rule, and whatever may have happened before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtn_tui.archive.proof import Mark
from mtn_tui.core.errors import StorageUnavailable
from mtn_tui.core.models import BackupName, Kind, Rung
from mtn_tui.core.settings import Settings
from mtn_tui.operations.inventory.model import Copy, CopyStatus, Inventory, inventory_of
from mtn_tui.operations.retention.policy import Known, judge, missing
from mtn_tui.operations.retention.reasons import Reason, Why
from mtn_tui.storage.local import LocalStorage
from tests.chains import BEGIN, DATABASE, DISK, made

DAY = 24 * 60


class Bucket(LocalStorage):
    name = "bucket"


BUCKET = Bucket(Path("/bucket"))
STORES = {"disk": DISK, "bucket": BUCKET}
Made = tuple[BackupName, Copy]


def known(day: float, *, servers=(1,), held=None, blind=None, waits=None, being_made=(), **values) -> Known:
    """What counts besides the backups, so many days after ``BEGIN``."""
    configured = Settings(db_name=DATABASE, db_user="admin", **values)
    now = BEGIN + timedelta(days=day)
    return Known(
        now, configured, "db-1", frozenset(servers), held or {}, blind or {}, waits, frozenset(being_made)
    )


def full(day: float, **more) -> Made:
    return made(day * DAY, **more)


def diff(day: float, on: Made, **more) -> Made:
    return made(day * DAY, on, **more)


def in_store(one: Made, store: str) -> Made:
    name, copy = one
    return name, replace(copy, store=STORES[store], key=name.key if store == "bucket" else str(name))


def everywhere(*backups: Made) -> list[Made]:
    return [in_store(one, store) for one in backups for store in STORES]


def pinned(one: Made) -> Made:
    return one[0], replace(one[1], proof=replace(one[1].proof, pinned=Mark(BEGIN, "ana", "why")))


def told(*backups: Made, silent=()) -> Inventory:
    found: dict[BackupName, list[Copy]] = {}
    for name, copy in backups:
        found.setdefault(name, []).append(copy)
    return inventory_of(found, {store: StorageUnavailable("silent") for store in silent}, frozenset())


def why(inventory: Inventory, given_: Known) -> dict[tuple[str, float], Why]:
    """The reasons by store and day."""
    return {
        (one.copy.store.name, (one.backup.moment - BEGIN).total_seconds() / 86400): one.reason.why
        for one in judge(inventory, given_)
    }


def deleted(inventory: Inventory, given_: Known) -> set[tuple[str, float]]:
    return {place for place, reason in why(inventory, given_).items() if reason is Why.EXPIRED}


def daily(count: int) -> list[Made]:
    return [full(day) for day in range(count)]


def test_fulls_stay_30_days_on_disk_and_90_in_the_bucket():
    gone = deleted(told(*everywhere(*daily(101))), known(100))
    assert gone == {("disk", day) for day in range(70)} | {("bucket", day) for day in range(10)}


def test_the_bucket_keeps_fulls_at_least_as_long_as_the_disk():
    gone = deleted(told(*everywhere(*daily(201))), known(200, full_backup_retention_days=120))
    assert gone == {(store, day) for day in range(80) for store in STORES}


def test_differentials_stay_90_days_in_both_stores():
    head = full(0)
    old, newer = diff(1, head), diff(20, head)
    gone = deleted(told(*everywhere(head, old, newer, full(109), full(110))), known(110))
    assert {place for place in gone if place[1]} == {("disk", 1), ("bucket", 1)}


def test_a_full_on_disk_goes_where_its_differential_can_be_restored_from_the_bucket():
    head = full(0)
    backups = everywhere(head, diff(1, head), full(49), full(50))
    assert deleted(told(*backups), known(50)) == {("disk", 0)}
    (gone,) = [one for one in judge(told(*backups), known(50)) if not one.kept]
    assert gone.instead is not None
    assert gone.instead.store is BUCKET


def test_a_full_stays_on_disk_where_the_bucket_has_none_that_is_proven():
    head = full(0)
    unproven = full(0, rung=Rung.HASHED)
    rest = everywhere(diff(1, head), full(49), full(50))
    for there in ([], [in_store(unproven, "bucket")], [in_store(full(0, failed="bad"), "bucket")]):
        found = why(told(in_store(head, "disk"), *there, *rest), known(50))
        assert found["disk", 0] is Why.BASE


def test_of_a_full_whose_copies_have_all_expired_one_stays_for_a_pinned_differential():
    head = full(0)
    backups = everywhere(head, full(199), full(200)) + everywhere(diff(1, head))[:1]
    backups[-1] = pinned(backups[-1])
    found = why(told(*backups), known(200))
    assert found["disk", 1] is Why.PINNED
    assert (found["bucket", 0], found["disk", 0]) == (Why.BASE, Why.EXPIRED)


def test_a_base_that_is_proven_nowhere_stays_in_both_stores():
    head = full(0, rung=Rung.HASHED)
    backups = [*everywhere(head, full(199), full(200)), pinned(in_store(diff(1, head), "disk"))]
    found = why(told(*backups), known(200))
    assert found["bucket", 0] is found["disk", 0] is Why.BASE


def test_the_last_two_proven_fulls_stay_however_old_in_each_store():
    on_disk = [in_store(full(day), "disk") for day in range(5)]
    in_bucket = [in_store(full(day), "bucket") for day in range(3)]
    new = [in_store(full(day, rung=Rung.HASHED), store) for day in (300, 400) for store in STORES]
    newest = in_store(full(401), "disk")
    found = why(told(*on_disk, *in_bucket, *new, newest), known(401))
    assert {place for place, reason in found.items() if reason is Why.LAST} == {
        ("disk", 4),  # the last but one that is proven
        ("bucket", 2),
        ("bucket", 1),
    }
    assert found["disk", 3] is Why.EXPIRED


def test_days_are_counted_from_the_newest_backup_not_from_the_clock():
    """Where no backups are made any more, or the clock runs away, nothing more grows old."""
    backups = told(*everywhere(*daily(40)))
    assert deleted(backups, known(39)) == deleted(backups, known(4000)) == {("disk", day) for day in range(9)}


def test_backups_of_the_future_stay_and_are_no_measure_of_anything():
    backups = [*daily(40), full(900), full(901)]
    found = why(told(*everywhere(*backups)), known(39))
    assert found["disk", 900] is Why.FUTURE
    assert {place for place, reason in found.items() if reason is Why.EXPIRED} == {
        ("disk", day) for day in range(9)
    }


@pytest.mark.parametrize(
    "newest",
    [
        full(100, rung=Rung.HASHED),
        full(100, failed="bad"),
        full(100, refused=True),
        full(100, rows=0),
        full(100, standing=CopyStatus.BROKEN),
        full(100, standing=CopyStatus.ANOTHER_KEY),
    ],
)
def test_nothing_is_deleted_while_the_newest_backup_is_not_to_be_trusted(newest):
    assert deleted(told(*everywhere(*daily(100), newest)), known(100)) == set()
    future = full(900)
    assert deleted(told(*everywhere(*daily(100), newest, future)), known(101)) == set()


def test_a_backup_that_a_job_is_still_at_is_no_sign_of_trouble():
    newest = full(100, rung=Rung.PRESENT)
    inventory = told(*everywhere(*daily(100), newest))
    assert newest[1].manifest is not None
    assert deleted(inventory, known(100, being_made=[newest[1].manifest.id]))


@pytest.mark.parametrize("standing", [CopyStatus.LEGACY, CopyStatus.UNFINISHED])
def test_the_newest_of_the_scripts_or_one_being_written_says_nothing_of_ours(standing):
    assert deleted(told(*everywhere(*daily(100), full(100, standing=standing))), known(100))


def of_another_host(one: Made) -> Made:
    return replace(one[0], host="db-2"), one[1]


def of_another_prefix(one: Made) -> Made:
    return replace(one[0], prefix="other"), one[1]


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (full(0, database="another"), Why.OTHERS),
        (full(0, server=9), Why.OTHERS),
        (of_another_host(full(0)), Why.OTHERS),
        (of_another_prefix(full(0)), Why.OTHERS),
        (full(0, standing=CopyStatus.LEGACY), Why.LEGACY),
        (full(0, standing=CopyStatus.UNFINISHED), Why.UNFINISHED),
        (full(0, standing=CopyStatus.BROKEN), Why.UNBELIEVED),
        (full(0, standing=CopyStatus.UNCHECKED), Why.UNBELIEVED),
        (full(0, standing=CopyStatus.ANOTHER_KEY), Why.ANOTHER_KEY),
        (pinned(full(0)), Why.PINNED),
    ],
)
def test_what_is_not_ours_not_believed_or_pinned_is_never_deleted(one, reason):
    newer = [full(day) for day in range(300, 340)]
    found = why(told(*everywhere(one, *newer)), known(340))
    assert found["disk", 0] is found["bucket", 0] is reason


def test_a_pin_on_one_copy_keeps_both():
    one = full(0)
    newer = [full(day) for day in (200, 201, 202)]
    found = why(told(in_store(one, "disk"), pinned(in_store(one, "bucket")), *everywhere(*newer)), known(202))
    assert found["disk", 0] is found["bucket", 0] is Why.PINNED


def test_backups_of_a_server_that_this_installation_has_seen_before_are_its_own():
    backups = told(*everywhere(full(0, server=7), *[full(day) for day in range(200, 203)]))
    assert deleted(backups, known(203, servers=(7, 1))) == {("disk", 0), ("bucket", 0)}
    assert deleted(backups, known(203)) == set()


def test_two_backups_of_one_name_are_not_taken_for_one():
    ours, theirs = full(0), full(0)
    assert theirs[1].manifest is not None
    theirs = theirs[0], replace(theirs[1], manifest=replace(theirs[1].manifest, id="another1"))
    newer = everywhere(*[full(day) for day in (200, 201, 202)])
    found = why(told(in_store(ours, "disk"), in_store(theirs, "bucket"), *newer), known(202))
    assert (found["disk", 0], found["bucket", 0]) == (Why.EXPIRED, Why.OTHERS)


def test_one_full_each_is_kept_of_the_last_weeks_and_months():
    backups = told(*[in_store(one, "disk") for one in daily(200)])
    weekly = why(backups, known(200, keep_weekly=10))
    monthly = why(backups, known(200, keep_monthly=4))
    # Of ten weeks the last four or five are within the 30 days anyhow.
    of_weeks = sorted(day for (_store, day), reason in weekly.items() if reason is Why.WEEKLY)
    assert len(of_weeks) in (5, 6)
    assert {later - earlier for earlier, later in pairwise(of_weeks)} == {7.0}
    of_months = [day for (_store, day), reason in monthly.items() if reason is Why.MONTHLY]
    assert 2 <= len(of_months) <= 3
    lasts = [(BEGIN + timedelta(days=day + 1)).astimezone().day for day in of_months]
    assert lasts == [1] * len(lasts)


def test_a_week_is_rather_represented_by_a_full_that_is_proven():
    odd = [full(day, rung=Rung.COMPLETE if day % 7 == 3 else Rung.HASHED) for day in range(60)]
    newer = [full(day) for day in range(120, 125)]
    found = why(told(*[in_store(one, "disk") for one in (*odd, *newer)]), known(125, keep_weekly=5))
    of_weeks = [day for (_store, day), reason in found.items() if reason is Why.WEEKLY]
    assert len(of_weeks) >= 3
    assert all(day % 7 == 3 for day in of_weeks)


def test_nothing_is_deleted_in_a_store_that_is_not_the_one_it_was():
    changed = {"bucket": Reason(Why.STORE, "another")}
    found = why(told(*everywhere(*daily(101))), known(100, blind=changed))
    assert found["bucket", 0] is Why.STORE
    assert found["disk", 0] is Why.ELSEWHERE


def test_while_a_store_is_silent_differentials_go_and_fulls_stay():
    head = full(0)
    on_disk = [in_store(one, "disk") for one in (head, diff(1, head), *daily(201)[100:])]
    found = why(told(*on_disk, silent=["bucket"]), known(200))
    assert found["disk", 1] is Why.EXPIRED
    assert found["disk", 0] is Why.ELSEWHERE
    assert Why.EXPIRED not in [reason for place, reason in found.items() if place[1] != 1]


def test_nothing_is_deleted_while_an_incident_is_open():
    waits = Reason(Why.INCIDENT, "an incident is open")
    found = why(told(*everywhere(*daily(101))), known(100, waits=waits))
    assert found["disk", 0] is Why.INCIDENT
    assert Why.EXPIRED not in found.values()


def test_a_copy_that_is_held_stays_and_so_does_what_it_needs():
    head = full(0)
    one = in_store(diff(1, head), "disk")
    backups = told(*everywhere(head), one, *everywhere(*[full(day) for day in (200, 201, 202)]))
    assert ("disk", 1) in deleted(backups, known(202))
    found = why(backups, known(202, held={("disk", one[1].key): Reason(Why.IN_USE, "read")}))
    assert found["disk", 1] is Why.IN_USE
    assert Why.BASE in (found["disk", 0], found["bucket", 0])


def test_what_a_store_lacks_is_only_what_it_would_keep():
    head = full(45)
    on_disk = [in_store(one, "disk") for one in (*daily(41)[30:], full(99, database="another"))]
    in_bucket = [in_store(one, "bucket") for one in (full(1), head, diff(46, head), full(100), full(101))]
    lacking = {
        (one.store.name, (one.backup.moment - BEGIN).total_seconds() / 86400)
        for one in missing(told(*on_disk, *in_bucket), known(101), STORES.values())
    }
    assert {place for place in lacking if place[0] == "bucket"} == {("bucket", day) for day in range(30, 41)}
    # The full of day 45 is too old for the disk; the differential on it is not, and can use the bucket's.
    assert {place for place in lacking if place[0] == "disk"} == {("disk", day) for day in (46, 100, 101)}


def test_a_store_that_is_silent_or_another_than_before_lacks_nothing():
    on_disk = [in_store(one, "disk") for one in daily(5)]
    assert missing(told(*on_disk, silent=["bucket"]), known(5), STORES.values()) == ()
    changed = known(5, blind={"bucket": Reason(Why.STORE, "another")})
    assert missing(told(*on_disk), changed, STORES.values()) == ()
    assert len(missing(told(*on_disk), known(5), STORES.values())) == 5


# Whatever may have happened


RUNGS = [Rung.PRESENT, Rung.HASHED, Rung.COMPLETE, Rung.COMPLETE, Rung.COMPLETE, Rung.QUERIED]
STANDINGS = [CopyStatus.WHOLE] * 12 + [
    CopyStatus.BROKEN,
    CopyStatus.ANOTHER_KEY,
    CopyStatus.UNFINISHED,
    CopyStatus.LEGACY,
]


@st.composite
def histories(draw) -> list[Made]:
    """Backups of any kind and fate, in one store or both."""
    hours = sorted(draw(st.sets(st.integers(0, 240 * 24), min_size=1, max_size=14)))
    fulls: list[Made] = []
    copies: list[Made] = []
    for hour in hours:
        base = draw(st.sampled_from([None, None, *fulls[-3:]]))
        one = made(hour * 60, base, server=draw(st.sampled_from([1, 1, 1, 1, 2, 3])))
        if base is None:
            fulls.append(one)
        for store in draw(st.sampled_from([["disk"], ["bucket"], ["disk", "bucket"], ["disk", "bucket"]])):
            name, copy = in_store(one, store)
            standing = draw(st.sampled_from(STANDINGS))
            rung = draw(st.sampled_from(RUNGS))
            proof = replace(copy.proof.climbed(rung, BEGIN), rungs={rung: BEGIN})
            proof = replace(proof, failed=draw(st.sampled_from(["", "", "", "", "", "bad"])))
            manifest = copy.manifest if standing is CopyStatus.WHOLE else None
            copy = replace(copy, standing=standing, manifest=manifest, proof=proof)
            copies.append(pinned((name, copy)) if draw(st.integers(0, 9)) == 0 else (name, copy))
    return copies


@st.composite
def circumstances(draw) -> tuple[Known, list[str]]:
    silent = draw(st.sampled_from([[], [], [], ["bucket"], ["disk"]]))
    return known(
        draw(st.integers(-5, 400)),
        servers=draw(st.sampled_from([(1,), (1, 2)])),
        keep_weekly=draw(st.sampled_from([0, 0, 5])),
        keep_monthly=draw(st.sampled_from([0, 0, 3])),
        full_backup_retention_days=draw(st.sampled_from([1, 7, 30, 100])),
        diff_backup_retention_days=draw(st.sampled_from([1, 7, 90])),
    ), silent


def seen(copies: list[Made], silent: list[str]) -> Inventory:
    return told(*[one for one in copies if one[1].store.name not in silent], silent=silent)


def pruned(copies: list[Made], given_: Known, silent: list[str]) -> list[Made]:
    gone = {one.place for one in judge(seen(copies, silent), given_) if not one.kept}
    return [one for one in copies if (one[1].store.name, one[1].key) not in gone]


def proven(copy: Copy) -> bool:
    return copy.standing is CopyStatus.WHOLE and copy.proof.rung.proven and not copy.proof.failed


def every(_copy: Copy) -> bool:
    return True


def ids(copies: list[Made], which: Callable[[Copy], bool]) -> set[str]:
    return {copy.manifest.id for _name, copy in copies if copy.manifest and which(copy)}


def with_ids(copies: list[Made]) -> list[tuple[tuple[str, str], str]]:
    return [((copy.store.name, copy.key), copy.manifest.id) for _name, copy in copies if copy.manifest]


def places(copies: list[Made], which: Callable[[Copy], bool]) -> set[tuple[str, str]]:
    return {(copy.store.name, copy.key) for _name, copy in copies if which(copy)}


def last_proven(copies: list[Made], given_: Known) -> list[BackupName]:
    """The last two proven fulls of the past, and all of the future."""
    fulls = sorted(
        {
            (copy.manifest.snapshot_at, name)
            for name, copy in copies
            if name.kind is Kind.FULL and proven(copy) and copy.manifest
        },
        reverse=True,
    )
    future = [name for at, name in fulls if at > given_.now]
    return future + [name for at, name in fulls if at <= given_.now][:2]


def restorable(copies: list[Made]) -> set[tuple[str, str]]:
    """The copies of differentials that are proven, and whose full is proven in some store."""
    bases = ids(copies, proven)
    return places(
        copies, lambda copy: proven(copy) and copy.manifest is not None and copy.manifest.base in bases
    )


@given(histories(), st.lists(circumstances(), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_nothing_that_must_stay_is_ever_lost(copies, runs):
    for given_, silent in runs:
        left = pruned(copies, given_, silent)
        names, there = {name for name, _copy in left}, places(left, every)
        assert set(last_proven(copies, given_)) <= names
        assert {name for name, copy in copies if copy.proof.pinned} <= names
        assert places(copies, lambda copy: copy.standing is not CopyStatus.WHOLE) <= there
        assert places(copies, lambda copy, silent=silent: copy.store.name in silent) <= there
        assert restorable(copies) & there <= restorable(left)
        # A full that is proven nowhere, and that a differential needs, stays in every store.
        needed = {copy.manifest.base for _name, copy in left if copy.manifest} - ids(copies, proven)
        assert {place for place, one in with_ids(copies) if one in needed} <= there
        copies = left


@given(histories(), circumstances())
@settings(max_examples=60, deadline=None)
def test_a_second_run_deletes_nothing_more(copies, given_):
    known_, silent = given_
    left = pruned(copies, known_, silent)
    assert pruned(left, known_, silent) == left


@given(histories(), circumstances(), st.integers(1, 400))
@settings(max_examples=60, deadline=None)
def test_a_clock_that_went_back_deletes_nothing_that_it_would_not_otherwise(copies, given_, days):
    known_, silent = given_
    earlier = replace(known_, now=known_.now - timedelta(days=days))
    now, then = pruned(copies, known_, silent), pruned(copies, earlier, silent)
    assert places(now, every) <= places(then, every)
