"""Health checks run side by side: none holds up another, none is green that was not looked at."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import StorageError
from mtn_tui.core.settings import Settings
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import open_stores
from mtn_tui.operations.health import last_known
from mtn_tui.operations.health.catalogue import BY_ID, CHECKS, HealthCheck
from mtn_tui.operations.health.checks.configuration import configuration
from mtn_tui.operations.health.checks.errors import errors
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.registry import LOOKS
from mtn_tui.operations.health.runner import AT_ONCE, Result, examine, worst
from mtn_tui.operations.health.sign_off import sign
from mtn_tui.operations.health.watch import Watch

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    settings = Settings(db_name="colegio", db_user="admin", backup_dir=tmp_path / "backups")
    (tmp_path / "backups").mkdir()
    return Context(settings, open_stores(settings), tmp_path / "state", "ana", "db1", SystemClock())


def checks(*names: str, limit: float = 20.0) -> list[HealthCheck]:
    return [HealthCheck(name, lambda: "A check", limit=limit) for name in names]


def says(status: Status, text: str = "so"):
    return lambda _inspection: [Check("x", status, text)]


def of(name: str, status: Status, at: datetime, **figures: float) -> Result:
    return Result(
        BY_ID[name], (Check(name, status, "says", "hint", fix=("drill",), figures=figures),), at, 0.1
    )


def test_every_check_of_the_catalogue_has_a_look_and_no_look_is_left_over():
    assert [one.id for one in CHECKS] == list(LOOKS)
    assert all(one.title() for one in CHECKS)


def test_results_come_in_the_order_of_the_checks_and_each_is_told_as_it_comes(context):
    told = []
    looks = {"a": says(Status.OK), "b": says(Status.WARN), "c": says(Status.FAIL)}
    results = examine(Inspection(context), checks(*looks), looks, told.append)
    assert [(one.check.id, one.status) for one in results] == [
        ("a", Status.OK),
        ("b", Status.WARN),
        ("c", Status.FAIL),
    ]
    assert {one.check.id for one in told} == {"a", "b", "c"}


def test_what_throws_or_says_nothing_is_unknown_and_the_others_hold(context):
    def fault(_inspection):
        raise ZeroDivisionError("by nought")

    def silent(_inspection):
        raise StorageError("The disk is gone.", "Mount it.", "7.1")

    looks = {"fault": fault, "silent": silent, "nothing": lambda _inspection: [], "fine": says(Status.OK)}
    found = {one.check.id: one for one in examine(Inspection(context), checks(*looks), looks)}
    assert {name: one.status for name, one in found.items()} == {
        "fault": Status.UNKNOWN,
        "silent": Status.UNKNOWN,
        "nothing": Status.UNKNOWN,
        "fine": Status.OK,
    }
    assert "ZeroDivisionError" in found["fault"].leading.says
    assert ("The disk is gone." in found["silent"].leading.says, found["silent"].leading.runbook) == (
        True,
        "7.1",
    )


def test_what_hangs_is_unknown_after_its_limit_and_holds_up_no_other(context):
    freed = threading.Event()

    def hangs(_inspection):
        freed.wait()
        return [Check("x", Status.OK, "too late")]

    slow = [f"slow{number}" for number in range(AT_ONCE + 1)]
    looks = {name: hangs for name in slow} | {"fine": says(Status.OK)}
    try:
        all_of = [*checks(*slow, limit=0.05), *checks("fine")]
        found = {one.check.id: one.status for one in examine(Inspection(context), all_of, looks)}
    finally:
        freed.set()
    assert found.pop("fine") is Status.OK
    assert set(found.values()) == {Status.UNKNOWN}


def test_what_the_system_gives_no_thread_is_unknown_and_no_fault_of_the_program(context, monkeypatch):
    given = threading.Thread.start
    left = [2]

    def start(thread: threading.Thread) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("can't start new thread")
        given(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    looks = {name: says(Status.OK) for name in "abcd"}
    found = examine(Inspection(context), checks(*looks), looks)
    assert [one.status for one in found] == [Status.OK, Status.OK, Status.UNKNOWN, Status.UNKNOWN]
    assert "can't start new thread" in found[-1].leading.says
    watch = Watch(context, lambda: looks, checks=checks(*looks), keeps=False)
    watch.turn()
    watch.turn()
    assert {row.status for row in watch.picture.rows} == {Status.UNKNOWN}


@pytest.mark.parametrize(
    ("every", "hours", "status"),
    [
        (30, 1.0, Status.OK),
        (60, 1.0, Status.WARN),
        (59, 1.0, Status.OK),
        (30, 0.5, Status.WARN),
        (15, 0.5, Status.OK),
        (30, 0.25, Status.WARN),
        (240, 4.0, Status.WARN),
        (240, 5.0, Status.OK),
    ],
)
def test_an_rpo_that_the_differentials_can_t_keep_is_named(context, every, hours, status):
    values = {"diff_every_minutes": every, "target_rpo_hours": hours}
    changed = replace(context, settings=context.settings.model_copy(update=values))
    (found,) = configuration(Inspection(changed))
    assert (found.status, "can't be kept" in found.says) == (status, status is Status.WARN)


def test_the_overall_status_is_that_of_the_worst():
    def overall(*statuses: Status) -> Status:
        return worst([Check("x", one, "") for one in statuses])

    assert overall() is Status.OK
    assert overall(Status.OK, Status.WARN) is Status.WARN
    assert overall(Status.WARN, Status.UNKNOWN, Status.OK) is Status.UNKNOWN
    assert overall(Status.UNKNOWN, Status.FAIL, Status.WARN) is Status.FAIL


def test_the_trend_of_a_disk_ends_where_its_folder_is_on_another(context):
    def look(hours, of, **figures):
        finding = Check("disk", Status.OK, "so", figures=figures, of=of)
        last_known.keep(context, [Result(BY_ID["disk"], (finding,), NOON + timedelta(hours=hours), 0.1)])
        return last_known.load(context)["disk"].series

    look(0, "/ 1", disk_free_bytes=55e9, disk_growth_per_day_bytes=1e9)
    before = look(1, "/ 1", disk_free_bytes=54e9, disk_growth_per_day_bytes=1e9)
    assert [value for _at, value in before["disk_free_bytes"]] == [55e9, 54e9]
    gone = Check("disk", Status.UNKNOWN, "It can't be looked at.")
    last_known.keep(context, [Result(BY_ID["disk"], (gone,), NOON + timedelta(hours=2), 0.1)])
    after = look(3, "/mnt 2", disk_free_bytes=20e6)
    assert {name: [value for _at, value in measured] for name, measured in after.items()} == {
        "disk_free_bytes": [20e6]
    }


def test_the_last_known_state_says_since_when_and_what_changed(context):
    last_known.keep(context, [of("full", Status.OK, NOON, age=1.0)])
    last_known.keep(context, [of("full", Status.OK, NOON + timedelta(hours=1), age=2.0)])
    last_known.keep(context, [of("full", Status.FAIL, NOON + timedelta(hours=2), age=3.0)])
    last_known.keep(context, [of("server", Status.OK, NOON)])
    known = last_known.load(context)
    assert set(known) == {"full", "server"}
    full = known["full"]
    assert (full.result.status, full.since) == (Status.FAIL, NOON + timedelta(hours=2))
    assert (full.result.leading.fix, full.result.leading.hint) == (("drill",), "hint")
    assert [(one.at, one.status) for one in full.changes] == [
        (NOON, Status.OK),
        (NOON + timedelta(hours=2), Status.FAIL),
    ]
    assert [value for _at, value in full.series["age"]] == [1.0, 2.0, 3.0]


def test_an_older_result_does_not_replace_a_newer_one(context):
    last_known.keep(context, [of("full", Status.FAIL, NOON)])
    last_known.keep(context, [of("full", Status.OK, NOON - timedelta(minutes=1))])
    assert last_known.load(context)["full"].result.status is Status.FAIL


def test_the_record_does_not_grow_without_end(context):
    known = {}
    for minute in range(30):
        status = Status.OK if minute % 2 else Status.FAIL
        known = last_known.keep(context, [of("full", status, NOON + timedelta(minutes=minute), age=minute)])
    assert len(known["full"].changes) == last_known.CHANGES
    assert len(known["full"].series["age"]) == 7, "one in five minutes, and the newest"
    assert known["full"].series["age"][-1][1] == 29


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"checks": {"full": {}}}', b"\xff"])
def test_a_record_that_is_damaged_counts_as_empty_and_is_written_anew(context, content):
    last_known.keep(context, [of("full", Status.OK, NOON)])
    (path,) = (context.state / "health").iterdir()
    path.write_bytes(content)
    assert last_known.load(context) == {}
    last_known.keep(context, [of("full", Status.OK, NOON)])
    assert set(last_known.load(context)) == {"full"}


def test_a_record_that_cannot_be_written_is_no_reason_to_fail(context):
    context.state.parent.mkdir(exist_ok=True)
    context.state.write_bytes(b"a file where the folder should be")
    kept = last_known.keep(context, [of("full", Status.FAIL, NOON)])
    assert kept["full"].result.status is Status.FAIL


def test_since_when_there_are_no_errors_names_the_sign_off_where_it_counts_from_one(context):
    context.settings.log_dir.mkdir(parents=True, exist_ok=True)
    (before,) = errors(Inspection(context))
    assert "sign-off" not in before.says
    signed, _trouble = sign(context, "Ana", "", {})
    (found,) = errors(Inspection(context))
    assert found.says == f"No errors since the sign-off of {labels.moment(signed.at)}."
