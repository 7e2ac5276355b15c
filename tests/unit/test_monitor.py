"""A run of the monitor: judged as runbook 6.2 says, and written as its readers read it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mtn_tui.core.settings import Settings
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import Stores, open_stores
from mtn_tui.operations.health import last_known, monitor, nagios, prometheus, report
from mtn_tui.operations.health.catalogue import BY_ID, CHECKS
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.monitor import Run
from mtn_tui.operations.health.registry import LOOKS
from mtn_tui.operations.health.runner import Result, examine
from mtn_tui.storage.base import Entry
from mtn_tui.storage.local import LocalStorage
from tests.plugin_output import Malformed, exposition, plugin

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
DATABASE = 'Admisión "MTN"\\DB\n'


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def context(tmp_path: Path) -> Context:
    settings = Settings(
        db_name=DATABASE, db_user="admin", backup_dir=tmp_path / "backups", encryption_key_file=tmp_path / "k"
    )
    (tmp_path / "backups").mkdir()
    (tmp_path / "k").write_text("correct horse\n")
    return Context(settings, open_stores(settings), tmp_path / "state", "ana", "db1", Clock())


def result(
    name: str, status: Status, says: str = "it is so", at: datetime = NOON, **figures: float
) -> Result:
    found = Check(name, status, says, "" if status is Status.OK else "do | that\nand this", figures=figures)
    return Result(BY_ID[name], (found,), at, 0.25)


def healthy(**statuses: Status) -> list[Result]:
    return [
        result("full", statuses.get("full", Status.OK), full_age_seconds=7200.0),
        result("differentials", statuses.get("differentials", Status.OK), differential_age_seconds=720.5),
        result(
            "objectives",
            statuses.get("objectives", Status.OK),
            rpo_seconds=720.0,
            rpo_target_seconds=3600.0,
            rto_seconds=540.0,
            rto_target_seconds=14400.0,
        ),
        result("alerts", statuses.get("alerts", Status.OK)),
    ]


def run_of(results: list[Result]) -> Run:
    return Run(tuple(results), NOON)


# How a run is judged


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ({}, 0),
        ({"differentials": Status.WARN}, 1),
        ({"full": Status.FAIL, "differentials": Status.WARN}, 2),
        ({"full": Status.UNKNOWN, "differentials": Status.WARN}, 3),
        ({"full": Status.UNKNOWN, "objectives": Status.FAIL}, 2),
        ({"alerts": Status.FAIL}, 0),
    ],
)
def test_the_exit_code_is_that_of_the_worst_check_that_decides(statuses, code):
    run = run_of(healthy(**statuses))
    assert run.exit_code == code
    assert plugin("\n".join(nagios.lines(run)) + "\n").status == code


def test_a_run_of_which_nothing_is_known_is_unknown_and_not_ok():
    run = run_of([result("alerts", Status.OK)])
    assert (run.exit_code, plugin(nagios.lines(run)[0]).status) == (3, 3)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the checks that were looked at, in place of looking."""
    seen: list[str] = []

    def of(name: str) -> Callable[[Inspection], list[Check]]:
        def look(_inspection: Inspection) -> list[Check]:
            seen.append(name)
            return [Check(name, Status.OK, "fine")]

        return look

    monkeypatch.setattr(monitor, "LOOKS", {one.id: of(one.id) for one in CHECKS})
    return seen


WRITING = {one.id for one in CHECKS if one.writes}


def test_a_quick_run_looks_only_at_what_decides_and_puts_nothing_into_a_store(context, looks):
    run = monitor.watch(Inspection(context), quick=True)
    assert sorted(looks) == sorted(one.id for one in CHECKS if one.decides and not one.writes)
    assert {one.check.id for one in run.results} == set(looks)


def test_what_writes_is_looked_at_once_a_day_and_is_shown_with_its_age_meanwhile(context, looks):
    assert WRITING
    last_known.keep(context, monitor.watch(Inspection(context)).results)
    assert set(looks) == {one.id for one in CHECKS}
    looks.clear()
    context.clock.at += timedelta(hours=23)
    run = monitor.watch(Inspection(context))
    assert WRITING.isdisjoint(looks)
    assert {one.check.id for one in run.results} == {one.id for one in CHECKS}
    assert "Bucket rights: fine (looked at 23 h ago)" in report.text(context, run)
    looks.clear()
    context.clock.at += timedelta(hours=1)
    monitor.watch(Inspection(context))
    assert set(looks) >= WRITING


def test_a_clock_that_was_set_back_does_not_keep_what_writes_from_being_looked_at(context, looks):
    last_known.keep(context, monitor.watch(Inspection(context)).results)
    looks.clear()
    context.clock.at -= timedelta(days=300)
    monitor.watch(Inspection(context))
    assert set(looks) >= WRITING


def test_without_leave_to_write_nothing_that_writes_is_looked_at_however_old(context, looks):
    run = monitor.watch(Inspection(context), writes=False)
    assert WRITING.isdisjoint(looks)
    assert WRITING.isdisjoint(one.check.id for one in run.results)


def test_a_second_run_of_a_kind_finds_the_first_and_the_other_kind_does_not(context):
    with monitor.only_one(context, quick=False) as first:
        with monitor.only_one(context, quick=False) as second:
            with monitor.only_one(context, quick=True) as quick:
                assert (first, second, quick) == (True, False, True)
    with monitor.only_one(context, quick=False) as again:
        assert again
    last_known.keep(context, healthy(full=Status.FAIL))
    assert monitor.last(context).exit_code == 2


@pytest.mark.parametrize("status", [Status.OK, Status.WARN, Status.FAIL])
@pytest.mark.parametrize("shift", [timedelta(hours=2), timedelta(days=9), timedelta(days=-9)])
def test_what_was_found_before_a_run_that_hangs_is_not_taken_for_what_is_so(context, status, shift):
    last_known.keep(context, healthy(full=status, alerts=Status.FAIL))
    context.clock.at += timedelta(minutes=59)
    assert monitor.last(context, quick=True).result("full").status is status
    context.clock.at = NOON + shift
    run = monitor.last(context)
    assert {one.status for one in run.deciding} == {Status.UNKNOWN}
    assert {one.status for one in run.also} == {Status.FAIL}
    assert plugin(nagios.lines(run)[0]).status == 3


class Slow(LocalStorage):
    """A folder that lists once it is let."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.go_on = threading.Event()

    def list(self, prefix: str = "") -> Iterator[Entry]:
        self.go_on.wait(60)
        return super().list(prefix)


def test_while_no_store_has_answered_nothing_is_said_of_the_backups_and_what_it_says_is_waited_for(context):
    disk = Slow(context.stores.disk.root)
    slow = Inspection(replace(context, stores=Stores(disk, lambda: None)), patience=2.0)
    try:
        found = {one.check.id: one for one in examine(slow, [BY_ID[name] for name in TELLING], LOOKS)}
    finally:
        disk.go_on.set()
    assert {one.status for one in found.values()} == {Status.UNKNOWN}, "it is not that there is none"
    slow.settle(60)
    assert slow._taking.done


TELLING = ("full", "differentials", "objectives", "suspect")


# The output of a plugin


def test_the_first_line_and_its_figures_are_a_plugins():
    read = plugin("\n".join(nagios.lines(run_of(healthy()))) + "\n")
    assert read.text.strip() == "full 2 h old, RPO 12 min"
    assert read.data == {
        "full_age": (7200.0, "s", "", "93600"),
        "differential_age": (720.5, "s", "7200", ""),
        "rpo": (720.0, "s", "", "3600"),
        "rto": (540.0, "s", "14400", ""),
    }
    assert [line.split("]")[0] for line in read.more] == ["[OK"] * 4


def test_what_is_wrong_leads_the_worst_first_and_no_text_breaks_the_line_or_holds_a_bar():
    results = healthy(differentials=Status.WARN)
    results[2] = result("objectives", Status.FAIL, "RPO 3 h\nof | 1 h", rpo_seconds=1e9)
    read = plugin("\n".join(nagios.lines(run_of(results))) + "\n")
    assert read.text.strip() == "RPO and RTO: RPO 3 h of / 1 h; Differentials: it is so"
    assert read.data["rpo"][0] == 1e9
    assert "[WARNING] Differentials: it is so do / that and this" in read.more


# The report and the JSON


OLD_KEYS = """overall_status report_timestamp hostname full_backup_status full_backup_age_hours
    differential_backup_status differential_backup_age_hours rpo_actual_hours rpo_target_hours rpo_status
    rto_estimated_minutes rto_target_hours rto_status full_backups_7days diff_backups_7days s3_status
    retention_compliance"""


def status_of(context: Context, run: Run) -> dict[str, object]:
    facts = report.facts(Inspection(context), run)
    path = report.write(context, run, facts)
    assert re.fullmatch(r"backup-report_[0-9]{8}_[0-9]{6}\.txt", path.name)
    files = list(context.settings.metrics_dir.iterdir())
    assert {one.name for one in files} >= {"backup-status_latest.json"}
    assert len(files) == 2
    whole: dict[str, object] = json.loads(files[0].read_text())
    assert whole == json.loads(files[1].read_text())
    return whole


def test_the_report_and_the_json_have_the_old_names_keys_and_units(context):
    found = status_of(context, run_of(healthy()))
    assert " ".join(found).startswith(" ".join(OLD_KEYS.split()))
    assert {key: found[key] for key in OLD_KEYS.split() if key != "report_timestamp"} == {
        "overall_status": "OK",
        "hostname": "db1",
        "full_backup_status": "FRESH",
        "full_backup_age_hours": 2.0,
        "differential_backup_status": "FRESH",
        "differential_backup_age_hours": 0.2,
        "rpo_actual_hours": 0.2,
        "rpo_target_hours": 1.0,
        "rpo_status": "OK",
        "rto_estimated_minutes": 9.0,
        "rto_target_hours": 4.0,
        "rto_status": "OK",
        "full_backups_7days": 0,
        "diff_backups_7days": 0,
        "s3_status": "NONE",
        "retention_compliance": "UNKNOWN",
    }
    assert [one["id"] for one in found["checks"]] == ["full", "differentials", "objectives", "alerts"]
    (path,) = context.settings.log_dir.glob("backup-report_*.txt")
    lines = path.read_text().splitlines()
    assert lines[0] == "Overall status: OK"
    assert any(line.startswith("[OK] Full backup: it is so") for line in lines)


def test_what_is_stale_missing_exceeded_or_unknown_says_so_in_the_old_words(context):
    stale = [
        result("full", Status.FAIL, full_age_seconds=100_000.0),
        result("differentials", Status.WARN, differential_age_seconds=7300.0),
        result("objectives", Status.FAIL, rpo_seconds=3601.0, rto_seconds=99_999.0),
    ]
    found = status_of(context, run_of(stale))
    words = ("overall_status", "full_backup_status", "differential_backup_status", "rpo_status", "rto_status")
    assert [found[key] for key in words] == ["CRITICAL", "STALE", "STALE", "EXCEEDED", "EXCEEDED"]
    missing = report.facts(
        Inspection(context), run_of([result("full", Status.FAIL), result("differentials", Status.WARN)])
    )
    assert [missing[key] for key in words] == ["CRITICAL", "MISSING", "MISSING", "UNKNOWN", "UNKNOWN"]
    assert missing["full_backup_age_hours"] is None
    unknown = report.facts(Inspection(context), run_of([result("full", Status.UNKNOWN)]))
    assert [unknown[key] for key in words[:3]] == ["UNKNOWN"] * 3


def test_a_fresh_differential_beside_one_that_cannot_be_used_is_still_fresh(context):
    results = [result("differentials", Status.WARN, differential_age_seconds=7200.0)]
    assert report.facts(Inspection(context), run_of(results))["differential_backup_status"] == "FRESH"


def test_the_report_says_what_to_do_and_where_the_runbook_has_it(context):
    told = report.text(context, run_of(healthy(full=Status.FAIL)))
    assert told.splitlines()[0] == "Overall status: CRITICAL"
    assert "[CRITICAL] Full backup: it is so (runbook 4.1)\n    do | that\n    and this\n" in told


# Prometheus


def test_the_exposition_is_one_that_a_strict_parser_takes(context):
    results = healthy(full=Status.FAIL)
    known = {one.check.id: one for one in results}
    text = prometheus.render(prometheus.samples(Inspection(context), run_of(results), known))
    prometheus.write(context, text)
    path = context.settings.metrics_dir / "mtn.prom"
    assert path.stat().st_mode & 0o777 == 0o644, "node_exporter is another user"
    assert [one.name for one in path.parent.iterdir()] == ["mtn.prom"], "nothing is left beside it"
    found = exposition(path.read_text())
    of = ("database", DATABASE)
    assert found["mtn_status"] == {(of,): 2.0}
    assert found["mtn_check_status"][of, ("check", "full")] == 2.0
    assert found["mtn_check_status"][of, ("check", "alerts")] == 0.0
    assert found["mtn_full_age_seconds"] == {(of,): 7200.0}
    assert found["mtn_check_timestamp_seconds"][of, ("check", "full")] == NOON.timestamp()
    assert found["mtn_store_up"] == {(of, ("store", "disk")): 1.0}
    assert found["mtn_backups"][of, ("store", "disk"), ("kind", "full")] == 0.0
    assert all(name.startswith("mtn_") for name in found)


def test_a_figure_that_two_checks_have_measured_is_told_once(context):
    results = [result("full", Status.OK, age_seconds=1.0), result("folders", Status.OK, age_seconds=2.0)]
    samples = prometheus.samples(Inspection(context), run_of(results), {one.check.id: one for one in results})
    assert exposition(prometheus.render(samples))["mtn_age_seconds"] == {(("database", DATABASE),): 1.0}


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "mtn_a 1",
        "mtn_a 1\n",
        "# HELP mtn_a x\n# TYPE mtn_a gauge\nmtn_b 1\n",
        '# HELP mtn_a x\n# TYPE mtn_a gauge\nmtn_a{b="c\\d"} 1\n',
        '# HELP mtn_a x\n# TYPE mtn_a gauge\nmtn_a{b="c"} 1\nmtn_a{b="c"} 2\n',
        "# HELP mtn_a x\n# TYPE mtn_a gauge\nmtn_a one\n",
        "# HELP mtn_a x\n# TYPE mtn_a gauge\nmtn-a 1\n",
    ],
)
def test_the_parser_of_these_tests_is_strict(wrong):
    with pytest.raises(Malformed):
        exposition(wrong)


def test_the_reader_of_plugins_of_these_tests_is_strict():
    for wrong in ("MTN FINE - x", "MTN OK - x | a=1e9s", "MTN OK - x | a=1;2;3;0;9;8", "MTN OK - x\na|b=1"):
        with pytest.raises(Malformed):
            plugin(wrong)
