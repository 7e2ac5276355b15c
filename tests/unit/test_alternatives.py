"""Which backup was before which, where one of them can't be believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mtn_tui.archive import summary as summaries
from mtn_tui.archive.proof import Proof
from mtn_tui.core.models import Rung
from mtn_tui.operations.inventory.fallback import earlier_proven, newer_broken
from mtn_tui.operations.inventory.model import Backup, Copy, CopyStatus, Inventory
from mtn_tui.storage.local import LocalStorage
from tests.bench.many import made_up

DISK = LocalStorage(Path("/disk"))


def backup(begun: float, snapshot: float, standing: CopyStatus = CopyStatus.WHOLE) -> Backup:
    """By its seconds after another; a broken one is without a manifest."""
    one = made_up(0)
    name = replace(one.name, stamp=one.name.stamp.replace(microsecond=0) + timedelta(seconds=int(begun)))
    at = one.name.stamp.astimezone() + timedelta(seconds=snapshot)
    summary = summaries.summary(replace(one, snapshot_at=at))
    proof = Proof("").climbed(Rung.COMPLETE, at)
    whole = standing is CopyStatus.WHOLE
    return Backup(name, (Copy(DISK, str(name), 1, standing, summary if whole else None, proof),))


@pytest.mark.parametrize("snapshot", [0.4, 1.4])
def test_a_broken_one_is_newer_by_when_it_was_begun(snapshot):
    """Its snapshot is not known; that of the one before it may be of a later second than it was begun."""
    older, broken = backup(0.2, snapshot), backup(1.9, 2.1, CopyStatus.BROKEN)
    inventory = Inventory((broken, older))
    assert newer_broken(inventory, older) is broken
    assert earlier_proven(inventory, broken, "Admisión_MTN_DB") == (older,)
    assert newer_broken(inventory, broken) is None
    assert earlier_proven(inventory, older, "Admisión_MTN_DB") == ()


def test_two_that_can_be_believed_are_ordered_by_their_snapshots():
    first, second = backup(1, 2), backup(0, 3)
    assert earlier_proven(Inventory((second, first)), second, "") == (first,)
    assert earlier_proven(Inventory((second, first)), first, "") == ()
