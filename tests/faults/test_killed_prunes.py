"""kill -9 while old backups are deleted, and a bucket that fails meanwhile: what is kept stays whole."""

from __future__ import annotations

import random
import time

from mtn_tui.core.models import Kind
from mtn_tui.operations.inventory.model import CopyStatus
from mtn_tui.operations.retention.prune import prune
from tests.aged import aged, context_of, names, objects
from tests.faults.aftermath import begin
from tests.faults.behind_a_proxy import kills, practice, proxy
from tests.faults.proxy import FaultProxy
from tests.operation_fixtures import Practice

__all__ = ["practice", "proxy"]

OLD = 4
COPIES = 4 * OLD
"""Copies that have to go: of each a full and a differential, in both stores."""


def recent(practice: Practice) -> set[tuple[str, str]]:
    """What has to stay, in both stores."""
    head = aged(practice, 2)
    for made in (head, aged(practice, 1, head), aged(practice, 0)):
        assert made
    return objects(practice)


def put_old(practice: Practice) -> None:
    for number in range(OLD):
        aged(practice, 100 + 2 * number, aged(practice, 101 + 2 * number))


def assert_usable(practice: Practice, stay: set[tuple[str, str]]) -> None:
    """All that has to stay is there, and what is listed is whole and usable."""
    assert stay <= objects(practice)
    inventory = practice.inventory
    assert not inventory.unreachable
    for one in inventory.backups:
        assert all(copy.condition is CopyStatus.WHOLE for copy in one.copies)
        assert one.unusable == ""


@kills
def test_a_prune_killed_at_any_moment_leaves_both_stores_usable_and_the_next_finishes(
    practice: Practice, proxy: FaultProxy, kills: int
) -> None:
    seed = time.time_ns()
    print(f"random.Random({seed})")  # shown with a failure, to look at the same moments again
    chance = random.Random(seed)
    stay = recent(practice)
    for turn in range(kills):
        put_old(practice)
        proxy.delay(0.01)  # what takes no time at all is never met half way
        running = begin(practice, "prune")
        running.has_lines(running.journal.count("\n") + int(COPIES * (turn + chance.random()) / kills))
        time.sleep(chance.uniform(0, 0.05))
        running.kill()
        proxy.heal()
        assert_usable(practice, stay)
        practice.here("prune")
        assert objects(practice) == stay


def test_a_bucket_that_fails_at_times_keeps_what_it_needs_and_the_next_run_finishes(
    practice: Practice, proxy: FaultProxy
) -> None:
    stay = recent(practice)
    put_old(practice)
    proxy.answer(503, every=7, of=lambda method, _path: method == "DELETE")
    said = practice.here("prune", check=1).stderr
    assert "could not be deleted" in said
    assert_usable(practice, stay)
    assert stay < objects(practice)
    proxy.heal()
    practice.here("prune")
    assert objects(practice) == stay


def test_a_user_who_may_not_delete_is_told_which_right_is_lacking(
    practice: Practice, proxy: FaultProxy
) -> None:
    stay = recent(practice)
    put_old(practice)
    proxy.answer(403, "AccessDenied", of=lambda method, _path: method == "DELETE")
    said = practice.here("prune", check=1).stderr
    assert f"{OLD} copies could not be deleted" in said  # the differentials: their fulls stay for them
    assert "s3:DeleteObject" in said
    assert_usable(practice, stay)
    # Those fulls that lie on disk are not needed.
    assert {store for store, _id in names(practice)} == {"disk", "bucket"}
    assert len(names(practice)) == 6 + 2 * OLD


def test_a_bucket_that_goes_silent_half_way_is_asked_once(practice: Practice, proxy: FaultProxy) -> None:
    stay = recent(practice)
    put_old(practice)
    proxy.answer(503, of=lambda method, _path: method == "DELETE")
    practice.here("prune", check=1)
    assert [method for method, _path in proxy.requests].count("DELETE") == 1
    assert_usable(practice, stay)
    proxy.heal()
    practice.here("prune")
    assert objects(practice) == stay


def test_the_disk_is_not_held_up_by_a_bucket_that_goes_silent_half_way(
    practice: Practice, proxy: FaultProxy
) -> None:
    """It keeps the fulls that would have to come from the bucket."""
    stay = recent(practice)
    put_old(practice)
    context = context_of(practice)

    def waits() -> None:
        if practice.jobs and practice.jobs[0].phase == "delete":
            proxy.refuse()

    done = practice.run("prune", lambda job: prune(job, context, waits), context)
    assert [(one.copy.store.name, one.backup.kind) for one in done.deleted] == [("disk", Kind.DIFF)] * OLD
    proxy.heal()
    assert_usable(practice, stay)
    practice.here("prune")
    assert objects(practice) == stay
