"""A backup that does not hold: the proven one before it is used, or named, and its cost is said."""

from __future__ import annotations

import re

import pytest

from mtn_tui.archive.manifest import FORMAT
from mtn_tui.core.errors import ArchiveError
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database


@pytest.fixture
def two(pg18, new_database, practise) -> tuple[Practice, str, str]:
    """An installation with two proven backups, of 1 and of 2 rows, and their ids, the older first."""
    practice: Practice = practise(new_database(pg18))
    ids = []
    practice.source.psql("CREATE TABLE t (x int)")
    for number in (1, 2):
        practice.source.psql(f"INSERT INTO t VALUES ({number})")
        ids.append(practice.back_up().manifest.id)
    return practice, ids[0], ids[1]


def flip(practice: Practice, backup_id: str) -> None:
    path = practice.payload(practice.inventory.find(backup_id).manifest)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def rows(practice: Practice, target: str) -> int:
    return int(Database(practice.source.server, target).psql("SELECT count(*) FROM t"))


def test_the_latest_that_does_not_hold_gives_way_to_the_one_before_and_its_cost_is_said(two):
    practice, older, newer = two
    flip(practice, newer)
    practice.made.append("mtn_fallen")
    done = practice.here("restore", "--latest", "--target", "mtn_fallen", check=1)
    assert rows(practice, "mtn_fallen") == 1
    name = practice.inventory.find(older).name
    told = rf"{re.escape(str(name))} is used instead, which is (<1|\d+) s older"
    assert re.search(told, " ".join(done.stderr.split()))
    (job,) = [job for job in practice.jobs if job.kind == "restore"]
    assert job.result["backup"] == older
    journal = (practice.root / "state" / "jobs" / f"{job.id}.jsonl").read_text()
    assert '"name": "backup-fallen-back"' in journal
    # It is known by now that the newest does not hold, and that is said again.
    practice.here("restore", "--latest", "--target", "mtn_fallen", "--drop", check=1)
    assert journal != (practice.root / "state" / "jobs" / f"{practice.jobs[0].id}.jsonl").read_text()
    assert any("is used instead" in text for text in practice.jobs[0].warnings)


def test_one_that_was_named_is_never_silently_another(two):
    practice, older, newer = two
    flip(practice, newer)
    for _again in range(2):
        done = practice.here("restore", newer, "--target", "mtn_never", check=2)
        assert f"mtn restore {older} --target mtn_never" in done.stderr
        assert "mtn_never" not in practice.databases()


def test_where_none_before_it_holds_the_last_fault_is_told(two):
    practice, older, newer = two
    for one in (older, newer):
        flip(practice, one)
    done = practice.here("restore", "--latest", "--target", "mtn_never", check=2)
    assert "was changed" in done.stderr
    assert "mtn_never" not in practice.databases()


def test_a_manifest_that_is_broken_counts_as_a_newer_one_that_does_not_hold(two):
    practice, older, newer = two
    path = practice.payload(practice.inventory.find(newer).manifest)
    beside = path.with_name(path.name + ".manifest.json")
    beside.write_bytes(beside.read_bytes().replace(b'"format":%d' % FORMAT, b'"format":%d' % (FORMAT + 1)))
    practice.made.append("mtn_fallen")
    done = practice.here("restore", "--latest", "--target", "mtn_fallen", check=1)
    assert rows(practice, "mtn_fallen") == 1
    assert "is used instead" in done.stderr
    assert practice.jobs[0].result["backup"] == older


def test_the_older_one_alone_is_restored_without_a_word(two):
    practice, older, newer = two
    flip(practice, newer)
    practice.restore("mtn_older", practice.inventory.find(older))
    assert practice.job.warnings == ()
    with pytest.raises(ArchiveError):
        practice.restore("mtn_newer", practice.inventory.find(newer))
