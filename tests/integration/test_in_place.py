"""Where the disk can't hold both: the present one is backed up, proven, dropped, and can be had back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mtn_tui.core.errors import ConfigError, PostgresError
from mtn_tui.operations.inventory.model import Backup
from tests.swap_fixtures import Live


def restore(live: Live, backup: Backup):
    return live.practice.restore(live.database.name, backup, drop=True, in_place=True, confirm=live.words)


def test_the_present_one_is_backed_up_before_it_goes(live):
    options = ["--drop", "--in-place", "--confirm", live.words]
    done = live.practice.here(
        "restore", "--latest", "--target", live.database.name, *options, "--json", check=1
    )
    facts = json.loads(done.stdout)
    assert live.rows == 50
    assert live.kept == []
    safety = live.practice.inventory.find(facts["safety"])
    assert safety.rung.proven
    assert (facts["replaced"], facts["kept"]) == (True, "")
    live.practice.restore("mtn_had_back", safety)
    assert "mtn_had_back" in live.practice.databases()
    assert safety.manifest.rows()["public.applications"] == 53


def test_the_latest_is_chosen_before_the_safety_backup_is_made(live):
    chosen = live.practice.inventory.latest()
    restore(live, chosen)
    assert live.practice.job.result["backup"] == chosen.id
    assert live.practice.inventory.latest().id == live.practice.job.result["safety"]


def test_a_load_that_fails_says_how_to_get_the_present_one_back(live):
    backup = live.practice.inventory.latest()
    wrong = replace(
        backup.manifest, counts={table: rows + 1 for table, rows in backup.manifest.rows().items()}
    )
    broken = Backup(backup.name, tuple(replace(copy, manifest=wrong) for copy in backup.copies))
    with pytest.raises(PostgresError) as failed:
        restore(live, broken)
    safety = live.practice.job.result["safety"]
    command = f"mtn restore {safety} --target {live.database.name}"
    assert command in failed.value.hint
    assert live.database.name not in live.practice.databases()
    live.practice.here(*command.split()[1:])
    assert live.rows == 53


def test_without_a_safety_backup_nothing_is_dropped(live):
    backup = live.practice.inventory.latest()
    live.practice.configure(PG_DUMP="/nowhere/pg_dump")
    with pytest.raises(ConfigError):
        restore(live, backup)
    assert live.rows == 53
