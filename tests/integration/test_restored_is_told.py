"""That a backup was restored is said wherever it is listed."""

from __future__ import annotations

from mtn_tui.core.models import Rung
from mtn_tui.operations.inventory.filters import parse
from mtn_tui.ui.text import backup as backup_text
from tests.pg_fixtures import Database


def test_a_backup_that_was_restored_says_so_in_the_list_as_in_the_details(pg18, new_school, practise, s3):
    practice = practise(new_school(pg18), s3)
    practice.ready_made()
    practice.restore(Database(pg18, "mtn_restored_once").name)
    practice.made.append("mtn_restored_once")
    inventory = practice.inventory
    (backup,) = inventory.backups
    assert sorted(copy.rung for copy in backup.copies) == [Rung.COMPLETE, Rung.RESTORED]
    now = practice.context.clock.now()
    row = "".join(text for text, _tone in backup_text.row(backup, frozenset(), now, 80))
    assert row.rstrip().endswith("restored")
    said = " ".join(text for text, _tone in backup_text.troubles(backup, inventory))
    assert "The copy in the disk: restored, " in said
    assert "restored" in practice.mtn("list").stdout
    assert "restored" in practice.mtn("show", backup.handle).stdout
    assert parse("proof:restored", now)(backup)
