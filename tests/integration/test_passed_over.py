"""Whatever keeps the nearest backup from being the one that is restored is told beside the one that is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mtn_tui.archive.proof import Tried
from mtn_tui.core.models import Rung
from mtn_tui.operations.inventory.marks import accept
from mtn_tui.operations.verify.verify import record_tried
from tests.aged import NOW, aged
from tests.operation_fixtures import Practice

HOUR = 1 / 24

WAYS = {"the latest": ["--latest"], "a moment": ["--at", NOW.isoformat()]}


@pytest.fixture
def practice(pg18, new_database, practise) -> Practice:
    made: Practice = practise(new_database(pg18, script="SELECT 1"), MINIO_ENDPOINT="")
    return made


def said(practice: Practice, *options: str) -> str:
    done = practice.here("restore", *options, "--target", "other", "--dry-run", check=None)
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_newer_one_that_is_suspect_is_passed_over_and_named(practice, way):
    taken = aged(practice, 3 * HOUR)
    suspect = aged(practice, 2 * HOUR, size=7)
    told = said(practice, *way)
    assert f"Backup {taken.id}" in told
    assert f"{suspect.payload}, of" in told
    assert "is passed over, for it is suspect: 89 % smaller" in told
    assert f"mtn accept {suspect.id}" in told
    practice.here("accept", suspect.id, "--note", "it is right")
    assert f"Backup {suspect.id}" in said(practice, *way)
    assert "passed over" not in said(practice, *way)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_newer_one_that_is_not_proven_is_passed_over_and_named(practice, way):
    taken = aged(practice, 3 * HOUR)
    newer = aged(practice, 2 * HOUR, rung=Rung.PRESENT)
    told = said(practice, *way)
    assert f"Backup {taken.id}" in told
    assert f"{newer.payload}, of" in told
    assert "is passed over, for it is not proven" in told
    assert f"mtn verify {newer.id}" in told


def test_what_is_after_the_moment_is_not_passed_over(practice):
    aged(practice, 3 * HOUR)
    aged(practice, 1 * HOUR, size=7)
    assert "passed over" not in said(practice, "--at", "2h ago")


def test_of_one_that_is_suspect_and_named_the_plan_says_so(practice):
    aged(practice, 3 * HOUR)
    suspect = aged(practice, 2 * HOUR, size=7)
    for told in (said(practice, suspect.id), said(practice, "--file", suspect.payload)):
        assert "⚠ It is suspect: 89 % smaller than the 1 before it." in told
        assert f"mtn accept {suspect.id}" in told


def test_of_one_whose_restore_failed_the_plan_says_so_and_so_it_does_of_what_builds_on_it(practice):
    taken, full = aged(practice, 3 * HOUR), aged(practice, 2 * HOUR)
    practice.run(
        "test",
        lambda job: record_tried(
            job,
            practice.context,
            practice.inventory.find(full.id),
            lambda proof: replace(proof, refused=Tried(NOW, "here", "it can't be loaded")),
        ),
    )
    assert "failed, " in said(practice, full.id)
    assert "it can't be loaded" in said(practice, full.id)
    differential = aged(practice, 1 * HOUR, full)
    practice.run("test", lambda job: accept(practice.context, practice.inventory.find(differential.id), ""))
    assert f"⚠ Restoring {full.payload} failed, " in said(practice, differential.id)
    told = said(practice, "--latest")
    assert f"Backup {taken.id}" in told
    assert f"{differential.payload}, of" in told
    assert "is passed over: restoring its full failed (it can't be loaded)" in told


SET_BACK = {
    "the one before it was made after it": (3 * HOUR, "0/2000", 2 * HOUR, "0/1000", "was made after it"),
    "of two that differ by high bytes": (3 * HOUR, "10/0", 2 * HOUR, "F/FFFFFFFF", "was made after it"),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("case", SET_BACK.values(), ids=SET_BACK)
def test_dates_that_the_servers_log_contradicts_are_told(practice, case, way):
    first, lsn, second, other_lsn, words = case
    other = aged(practice, first, lsn=lsn)
    taken = aged(practice, second, lsn=other_lsn)
    told = said(practice, *way)
    assert f"Backup {taken.id}" in told
    assert f"by the server's log {other.payload}, of" in told
    assert words in told


def test_a_moment_that_the_clock_showed_twice_is_told(practice):
    """After the newer of both its clock was set back: what was made then is dated before it."""
    newer = aged(practice, 1 * HOUR, lsn="0/1000")
    taken = aged(practice, 2 * HOUR, newer, lsn="0/2000")
    told = said(practice, "--at", (taken.snapshot_at).isoformat())
    assert f"Backup {taken.id}" in told
    assert f"by the server's log {newer.payload}, of" in told
    assert "was made before it: a clock" in told


def test_dates_and_a_log_that_agree_are_told_nothing_of(practice):
    full = aged(practice, 3 * HOUR, lsn="F/FFFFFFFF")
    aged(practice, 2 * HOUR, full, lsn="10/0")
    assert "set back" not in said(practice, "--latest")
    # Two machines whose clocks differ by some minutes, or a standby that lags behind.
    aged(practice, 2 * HOUR - 1 / 1440, full, lsn="F/FFFFFFFF")
    assert "set back" not in said(practice, "--latest")
