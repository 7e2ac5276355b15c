"""How a backup is shown: the screens' list and ``mtn list`` say the same of each copy."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest

from mtn_tui.archive import manifest as manifest_file
from mtn_tui.archive import reader
from mtn_tui.archive.proof import Proof
from mtn_tui.cli import inventory as command
from mtn_tui.cli import output
from mtn_tui.core.models import BackupName, Kind
from mtn_tui.operations.health.checks.suspect import suspect
from mtn_tui.operations.inventory import labels
from mtn_tui.operations.inventory.model import Backup, Copy, CopyStatus, Inventory
from mtn_tui.storage.local import LocalStorage
from mtn_tui.ui.data.state import tally
from mtn_tui.ui.text import backup as screen

NOW = datetime(2026, 9, 15, 12, tzinfo=UTC)


class Bucket(LocalStorage):
    name = "bucket"


def seen(status, failed, store, unreachable, monkeypatch):
    """The glyphs of disk and bucket on the screen, and in the table of the command."""
    name = BackupName(NOW.replace(tzinfo=None), "admision_mtn", Kind.FULL, "db-1")
    backup = Backup(name, (Copy(store, str(name), 10, status, None, Proof("", failed=failed)),), "")
    tables = []
    monkeypatch.setattr(output, "table", lambda _head, rows, **_more: tables.extend(rows))
    command._print_list([backup], unreachable)
    _start, disk, bucket, proven = screen.row(backup, frozenset(unreachable), NOW, 80)
    *_others, in_disk, in_bucket, proof = tables[0]
    return (disk[0].strip(), bucket[0].strip(), proven[0]), (in_disk, in_bucket, proof)


@pytest.mark.parametrize("status", CopyStatus)
@pytest.mark.parametrize("failed", ["", "it does not hold"], ids=["sound", "failed"])
def test_the_list_and_the_screen_judge_each_copy_alike(status, failed, monkeypatch):
    stores = (LocalStorage(Path("/disk")), Bucket(Path("/bucket")))
    for store, unreachable in product(stores, [(), ("disk",), ("bucket",)]):
        shown, told = seen(status, failed, store, unreachable, monkeypatch)
        assert [one.replace("BROKEN", "✖") for one in told[:2]] == list(shown[:2])
        if not failed and status not in (CopyStatus.BROKEN, CopyStatus.WHOLE):
            assert labels.standing(status) in told[2]
            assert labels.standing(status) in shown[2]


@pytest.mark.parametrize("failed", [("bytes changed", "bytes changed"), ("bytes changed", "")])
def test_copies_that_do_not_hold_are_each_named_and_counted_and_no_copy_is_advised_that_does_not_hold(failed):
    name = BackupName(NOW.replace(tzinfo=None), "admision_mtn", Kind.FULL, "db-1")
    stores = (LocalStorage(Path("/disk")), Bucket(Path("/bucket")))
    copies = [
        Copy(store, str(name), 10, CopyStatus.WHOLE, None, Proof("", failed=why))
        for store, why in zip(stores, failed, strict=True)
    ]
    backup = Backup(name, tuple(copies))
    inventory = Inventory((backup,), {})
    (found,) = suspect(SimpleNamespace(ours=(backup,)))
    said = " ".join(text for text, _tone in screen.troubles(backup, inventory))
    counted = tally(inventory)
    if all(failed):
        assert found.says.startswith("1 backup has no copy that can be restored: ")
        assert "Broken: bucket, disk." in found.says
        assert "No copy of it can be restored: take the backup before it." in said
        assert "The copy in the" not in said
        assert counted.unusable == 1
    else:
        assert "Broken: disk." in found.says
        assert "No copy" not in found.says + said
        assert "The copy in the bucket can be restored: [R]." in said
        assert counted.unusable == 0


@pytest.mark.parametrize("hint", [reader._another_copy(), manifest_file._changed().hint])
def test_what_is_said_of_a_damaged_copy_holds_where_the_other_one_is_damaged_too(hint):
    assert "If no other copy of this backup holds" in hint
