"""kill -9 while backups are copied, and a bucket that fails meanwhile: nothing half-made looks whole."""

from __future__ import annotations

import io
import random
import time

import pytest

from mtn_tui.core.models import ROLES
from mtn_tui.engine.locks import slug
from mtn_tui.operations.common.installation import Mark, installation_id
from mtn_tui.operations.inventory.model import CopyStatus
from mtn_tui.operations.sync.copy_backup import BackupCopy
from tests.aged import aged, names, objects
from tests.faults.aftermath import begin
from tests.faults.behind_a_proxy import kills, practice, proxy
from tests.faults.proxy import FaultProxy
from tests.operation_fixtures import Practice

__all__ = ["practice", "proxy"]

EACH = 3
"""Backups that each store lacks."""


def put_some(practice: Practice) -> None:
    aged(practice, 0)
    for number in range(EACH):
        aged(practice, 1 + number, stores=["disk"], size=200_000)
        aged(practice, 10 + number, stores=["bucket"], size=200_000)


def assert_whole_or_unfinished(practice: Practice) -> None:
    for one in practice.inventory.backups:
        for copy in one.copies:
            assert copy.condition in (CopyStatus.WHOLE, CopyStatus.UNFINISHED), copy
            if copy.standing is CopyStatus.WHOLE:
                with copy.store.open(copy.key) as stream:
                    assert len(stream.read()) == copy.size


def assert_all_in_both(practice: Practice) -> None:
    there = names(practice)
    assert len(there) == 2 * (2 * EACH + 1)
    assert {store for store, _id in there} == {"disk", "bucket"}
    assert not list(practice.backups.glob("*.part"))


@kills
def test_a_sync_killed_at_any_moment_leaves_nothing_that_looks_whole_and_the_next_finishes(
    practice: Practice, proxy: FaultProxy, kills: int
) -> None:
    seed = time.time_ns()
    print(f"random.Random({seed})")  # shown with a failure, to look at the same moments again
    chance = random.Random(seed)
    for turn in range(kills):
        put_some(practice)
        proxy.delay(0.01)  # what takes no time at all is never met half way
        running = begin(practice, "sync")
        share = (turn + chance.random()) / kills
        running.has_lines(running.journal.count("\n") + int(3 * EACH * share))
        time.sleep(chance.uniform(0, 0.1))
        running.kill()
        proxy.heal()
        assert_whole_or_unfinished(practice)
        practice.here("sync")
        remove_parts(practice)
        assert_all_in_both(practice)
        for store in practice.context.stores:
            for _store, key in objects(practice):
                store.delete(key)


@pytest.mark.parametrize("suffix", ["", ROLES])
def test_what_a_killed_run_sent_last_may_come_to_the_bucket_while_the_next_one_sends(
    practice: Practice, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    practice.here("sync")
    (over,) = [job for job in practice.jobs if job.kind == "sync"]
    context = practice.context
    mark = Mark(installation_id(context), slug(context.settings.db_name), over.id)
    put_some(practice)
    claim, late = BackupCopy._claim, []

    def claiming(copy: BackupCopy, roles: bytes) -> None:
        bucket, key = context.stores.bucket, copy._key + suffix
        if copy.missing.store.name == "bucket" and key not in late:
            assert bucket is not None
            late.append(key)
            bucket.put(key, io.BytesIO(b"late"), 4, mark=str(mark))
        claim(copy, roles)

    monkeypatch.setattr(BackupCopy, "_claim", claiming)
    practice.here("sync")
    assert len(late) == EACH
    assert_whole_or_unfinished(practice)
    assert_all_in_both(practice)


def remove_parts(practice: Practice) -> None:
    """As the next backup does, which knows by the journal whose they are."""
    for part in practice.backups.glob("*.part"):
        part.unlink()


def test_a_bucket_that_fails_at_times_gets_the_rest_with_the_next_run(
    practice: Practice, proxy: FaultProxy
) -> None:
    put_some(practice)
    proxy.answer(503, every=5, of=lambda method, _path: method == "PUT")
    said = practice.here("sync", check=1).stderr
    assert "was not copied into the bucket" in said
    assert_whole_or_unfinished(practice)
    proxy.heal()
    practice.here("sync")
    assert_all_in_both(practice)
