"""The live checklist's engine: each check at its own pace, and none that hangs holds up another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mtn_tui.core.settings import Settings
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import Stores
from mtn_tui.operations.health import last_known
from mtn_tui.operations.health.catalogue import BY_ID
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.picture import Picture
from mtn_tui.operations.health.runner import AT_ONCE, Result
from mtn_tui.operations.health.sign_off import last_sign_off, path, sign
from mtn_tui.operations.health.watch import ANEW_AFTER, KEEP_AFTER, KEEP_SOON, Watch
from mtn_tui.operations.inventory import scan
from mtn_tui.operations.inventory.taking import SHARED_FOR, Inventories
from mtn_tui.storage.local import LocalStorage

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
SERVER = BY_ID["server"]


class Hand:
    """A clock that somebody moves."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOON).total_seconds() + 1000

    def on(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def context(tmp_path: Path, clock: Hand) -> Context:
    settings = Settings(db_name="colegio", db_user="admin", backup_dir=tmp_path / "backups")
    stores = Stores(LocalStorage(tmp_path / "backups"), lambda: None)
    return Context(settings, stores, tmp_path / "state", "ana", "db1", clock)


class Looks:
    """What the checks say, and how often each was looked at."""

    def __init__(self, *names: str) -> None:
        self.says = dict.fromkeys(names, Status.OK)
        self.seen: list[str] = []
        self.holds: dict[str, threading.Event] = {}
        self.inspections: list[Inspection] = []

    def __call__(self) -> dict[str, Callable[[Inspection], list[Check]]]:
        return {name: self._look(name) for name in self.says}

    def _look(self, name: str) -> Callable[[Inspection], list[Check]]:
        def look(inspection: Inspection) -> list[Check]:
            self.inspections.append(inspection)
            self.seen.append(name)
            if name in self.holds:
                self.holds[name].wait(30)
            return [Check(name, self.says[name], "so")]

        return look

    def hang(self, name: str) -> threading.Event:
        return self.holds.setdefault(name, threading.Event())


def watching(context: Context, looks: Looks, **options: bool) -> Watch:
    return Watch(context, looks, checks=[BY_ID[name] for name in looks.says], **options)


def settle(watch: Watch, looks: Looks, *, hanging: int = 0) -> None:
    """Turn until nothing is looking but what hangs."""
    end = time.monotonic() + 20
    while True:
        watch.turn()
        if len([one for one in watch.picture.rows if one.looking]) <= hanging:
            return
        assert time.monotonic() < end, (watch.picture, looks.seen)
        watch.wait(0.05)


def test_each_check_is_looked_at_again_at_its_own_pace(context, clock):
    looks = Looks("server", "full", "machine")
    watch = watching(context, looks)
    for _second in range(0, 121, 10):
        settle(watch, looks)
        clock.on(10)
    assert [looks.seen.count(name) for name in looks.says] == [13, 3, 1]


def test_a_check_that_writes_is_never_run_here_and_its_last_result_is_shown(context, clock):
    last_known.keep(context, [Result(BY_ID["bucket"], (Check("bucket", Status.WARN, "slow"),), NOON, 0.1)])
    looks = Looks("bucket", "full")
    watch = watching(context, looks)
    clock.on(3 * 3600)
    settle(watch, looks)
    watch.recheck("bucket")
    settle(watch, looks)
    assert looks.seen == ["full"]
    row = watch.picture.row("bucket")
    assert (row.status, row.known.result.leading.says, row.fresh(clock.now())) == (Status.WARN, "slow", True)
    assert not row.fresh(clock.now() + timedelta(days=3))


def test_what_hangs_is_unknown_after_its_limit_and_is_not_started_again_meanwhile(context, clock):
    looks = Looks("server", "full")
    held = looks.hang("server")
    watch = watching(context, looks)
    try:
        settle(watch, looks, hanging=1)
        assert watch.picture.row("server").known is None
        assert watch.picture.row("full").well
        clock.on(SERVER.limit)
        settle(watch, looks)
        assert watch.picture.row("server").status is Status.UNKNOWN
        clock.on(3600)
        watch.recheck("server")
        settle(watch, looks)
        assert looks.seen.count("server") == 1
    finally:
        held.set()
    settle(watch, looks)
    while looks.seen.count("server") == 1 or not watch.picture.row("server").well:
        watch.turn()
        watch.wait(0.05)
    assert looks.seen.count("server") == 2, "it answers again, and so is looked at anew"


def test_at_most_some_run_at_once_and_those_that_hang_do_not_count(context, clock):
    names = [name for name, one in BY_ID.items() if not one.writes][: AT_ONCE + 2]
    looks = Looks(*names)
    held = [looks.hang(name) for name in names]
    watch = watching(context, looks)
    try:
        watch.turn()
        while len(looks.seen) < AT_ONCE:
            watch.wait(0.01)
        watch.turn()
        assert len(looks.seen) == AT_ONCE
        clock.on(120)
        watch.turn()
        while len(looks.seen) < len(names):
            watch.wait(0.01)
        assert sorted(looks.seen) == sorted(names)
    finally:
        for one in held:
            one.set()


def test_the_end_of_a_job_makes_all_due_and_what_ran_meanwhile_is_looked_at_again(context, clock):
    looks = Looks("full", "objectives")
    watch = watching(context, looks)
    settle(watch, looks)
    watch.recheck()
    held = looks.hang("full")
    watch.turn()
    while looks.seen.count("full") < 2:
        watch.wait(0.01)
    watch.recheck()
    watch.turn()
    held.set()
    settle(watch, looks)
    assert [looks.seen.count(name) for name in looks.says] == [3, 3]


def test_after_a_job_what_it_may_have_changed_is_looked_at_and_nothing_else(context):
    looks = Looks("full", "retention", "permissions", "contacts")
    watch = watching(context, looks)
    settle(watch, looks)
    watch.job_ended()
    settle(watch, looks)
    assert [looks.seen.count(name) for name in looks.says] == [2, 2, 1, 1]


def test_looks_that_start_together_share_an_inspection_until_something_has_changed(context, clock):
    looks = Looks("full", "objectives")
    watch = watching(context, looks)
    settle(watch, looks)
    assert len(set(looks.inspections)) == 1
    watch.recheck("full")
    settle(watch, looks)
    clock.on(SHARED_FOR + 1)
    assert len(set(looks.inspections)) == 2


def test_what_another_process_has_found_out_is_taken_in_and_not_looked_at_again(context, clock):
    looks = Looks("machine")
    clock.on(60)
    found = Result(BY_ID["machine"], (Check("machine", Status.WARN, "theirs"),), clock.now(), 0.1)
    watch = watching(context, looks)
    last_known.keep(context, [found])
    settle(watch, looks)
    assert (looks.seen, watch.picture.row("machine").known.result.leading.says) == ([], "theirs")
    clock.on(BY_ID["machine"].every)
    settle(watch, looks)
    assert looks.seen == ["machine"]
    last_known.keep(context, [replace(found, at=clock.now() + timedelta(seconds=1))])
    assert watch.turn()
    assert watch.picture.row("machine").known.result.leading.says == "theirs"


def theirs(name: str, status: Status, at: datetime, language: str) -> Result:
    return replace(
        result(name, status, at), findings=(Check(name, status, f"in {language}"),), language=language
    )


@pytest.mark.parametrize("language", ["es", ""], ids=["another language", "an earlier version's"])
def test_what_is_kept_in_another_language_is_shown_at_once_and_looked_at_anew_at_once(
    context, clock, language
):
    last_known.keep(context, [theirs("machine", Status.WARN, NOON, language)])
    looks = Looks("machine")
    watch = watching(context, looks)
    watch.look_back()
    row = watch.picture.row("machine")
    assert (row.known.result.leading.says, row.looking) == (f"in {language}", True)
    settle(watch, looks)
    assert (looks.seen, watch.picture.row("machine").known.result.leading.says) == (["machine"], "so")


def test_what_is_known_in_the_own_language_is_not_replaced_by_the_same_in_another(context, clock):
    looks = Looks("machine", "full")
    watch = watching(context, looks)
    settle(watch, looks)
    clock.on(KEEP_AFTER)
    last_known.keep(context, [theirs("machine", Status.OK, clock.now(), "es")])
    settle(watch, looks)  # what was found here is kept, beside what others have kept
    assert last_known.load(context)["machine"].result.language == "es"
    assert (watch.picture.row("machine").known.result.leading.says, looks.seen.count("machine")) == ("so", 1)
    clock.on(BY_ID["machine"].every)
    settle(watch, looks)
    assert looks.seen.count("machine") == 2
    assert watch.picture.row("machine").known.result.language == "en"


def test_screens_of_two_languages_that_find_different_things_do_not_make_each_other_look_all_the_time(
    context, clock
):
    looks = Looks("machine")
    watch = watching(context, looks)
    settle(watch, looks)
    clock.on(ANEW_AFTER)
    for _second in range(60):
        last_known.keep(context, [theirs("machine", Status.WARN, clock.now(), "es")])
        settle(watch, looks)
        clock.on(2)
    assert looks.seen.count("machine") == 2
    assert watch.picture.row("machine").status is Status.WARN


def test_the_database_is_looked_at_here_too_for_what_another_process_saw_may_be_over(context, clock):
    looks = Looks("server")
    last_known.keep(context, [Result(SERVER, (Check("server", Status.OK, "theirs"),), clock.now(), 0.1)])
    watch = watching(context, looks)
    settle(watch, looks)
    assert looks.seen == ["server"]


def test_a_change_is_kept_soon_and_what_is_the_same_later(context, clock):
    looks = Looks("server")
    watch = watching(context, looks)
    settle(watch, looks)
    clock.on(KEEP_SOON)
    watch.turn()
    assert last_known.load(context)["server"].result.at == NOON
    for _look in range(3):
        clock.on(SERVER.every)
        settle(watch, looks)
    assert last_known.load(context)["server"].result.at == NOON
    clock.on(KEEP_AFTER)
    watch.turn()
    assert last_known.load(context)["server"].result.at > NOON


def test_read_only_nothing_is_kept(context, clock):
    looks = Looks("server")
    watch = watching(context, looks, keeps=False)
    settle(watch, looks)
    clock.on(KEEP_AFTER)
    settle(watch, looks)
    assert not context.state.exists()
    assert watch.picture.row("server").well


def test_a_store_that_hangs_is_asked_by_one_thread_only_however_often_it_is_due(context, clock, monkeypatch):
    monkeypatch.setattr(scan, "_SOON", 0.01)
    asked, freed = list[str](), threading.Event()

    class Hanging(LocalStorage):
        name = "bucket"

        def list(self, prefix: str = ""):
            asked.append(prefix)
            freed.wait(30)
            return iter(())

    disk = LocalStorage(context.settings.backup_dir)
    key = context.settings.backup_dir.parent / "key"
    disk.root.mkdir()
    key.write_bytes(b"k" * 32)
    key.chmod(0o600)
    settings = context.settings.model_copy(update={"encryption_key_file": key})
    stores = Stores(disk, lambda: Hanging(disk.root))
    hung = replace(context, settings=settings, stores=stores)
    inventories = Inventories(hung)
    try:
        for _minute in range(3):
            assert "bucket" in Inspection(hung, patience=0.3, inventories=inventories).inventory.unreachable
            clock.on(60)
            inventories.outdate()
        assert asked == [""]
    finally:
        freed.set()


def result(name: str, status: Status, at: datetime = NOON) -> Result:
    return Result(BY_ID[name], (Check(name, status, "so"),), at, 0.1)


def test_the_morning_stands_apart_and_the_worst_is_first_in_its_group():
    known = last_known.merged(
        {},
        [
            result("full", Status.OK),
            result("objectives", Status.FAIL),
            result("server", Status.WARN),
            result("role", Status.UNKNOWN),
            result("key", Status.FAIL),
        ],
    )
    picture = Picture.of(known)
    assert picture.morning[0].check.id == "objectives"
    assert [one.check.id for one in picture.others][:3] == ["key", "role", "server"]
    assert {one.check.morning for one in picture.morning} == {True}


def test_the_overall_status_goes_by_what_decides():
    well = [result(name, Status.OK) for name in ("full", "differentials", "objectives", "server")]
    assert not BY_ID["environment"].decides
    assert Picture.of(last_known.merged({}, well)).overall is Status.OK
    odd = last_known.merged({}, [*well, result("environment", Status.FAIL)])
    assert Picture.of(odd).overall is Status.OK
    bad = last_known.merged({}, [*well, result("server", Status.FAIL)])
    assert Picture.of(bad).overall is Status.FAIL


def test_the_last_sign_off_is_read_back_and_holds_until_the_next_day(context, clock):
    assert last_sign_off(context) is None
    sign(context, "Ana", "first", {})
    clock.on(60)
    sign(context, "", "todo bien", {"full": Status.OK})
    signed = last_sign_off(context)
    assert (signed.at, signed.operator, signed.name, signed.note) == (clock.now(), "ana", "ana", "todo bien")
    assert signed.statuses == {"full": Status.OK}
    assert signed.holds(clock.now())
    assert not signed.holds(clock.now() + timedelta(days=1))


def test_a_torn_line_of_sign_offs_is_passed_over_and_damages_no_other(context, clock):
    sign(context, "Ana", "first", {})
    with path(context).open("ab") as file:
        file.write(b'{"at": "2026')
    assert last_sign_off(context).note == "first"
    sign(context, "Bruno", "second", {})
    assert last_sign_off(context).name == "Bruno"


def test_who_signs_off_elsewhere_is_seen(context, clock):
    looks = Looks("machine")
    watch = watching(context, looks)
    settle(watch, looks)
    sign(context, "Ana", "", {})
    assert watch.turn()
    assert watch.picture.signed.name == "Ana"
