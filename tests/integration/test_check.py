"""mtn check: the checklist on the command line, and signing it off."""

from __future__ import annotations

import json

import pytest

from mtn_tui.operations.health import last_known
from mtn_tui.operations.health.catalogue import CHECKS
from mtn_tui.operations.health.checks.bucket import PROBES
from mtn_tui.operations.health.sign_off import last_sign_off


@pytest.fixture
def practice(pg18, new_database, practise, s3):
    database = new_database(pg18)
    database.psql("CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 50) g")
    return practise(database, s3)


def test_it_prints_the_morning_first_with_evidence_and_exits_by_the_overall_status(practice):
    done = practice.here("check", check=2)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Morning checklist · 1 of 5 ok")
    (also,) = (number for number, line in enumerate(lines) if line == "Also watched")
    assert "✖ fail     Full backup" in lines[1]
    assert "There is no full backup yet." in lines[1]
    assert lines[2] == "    Make one: mtn backup full"
    assert any("PostgreSQL 18" in line and line.startswith("✔ ok") for line in lines[also:])
    assert [entry.key for entry in practice.context.stores.bucket.list(PROBES)] == []
    assert any("Not tried yet" in line and "Bucket rights" in line for line in lines)
    known = last_known.load(practice.context)
    assert set(known) == {one.id for one in CHECKS if not one.writes}, "whoever opens the screens sees it"


def test_a_proven_full_is_green_and_json_has_all_that_the_screen_has(practice):
    practice.ready_made()
    told = json.loads(practice.here("check", "--json", check=None).stdout)
    full = next(one for one in told["checks"] if one["check"] == "full")
    assert (full["status"], full["morning"], full["decides"]) == ("ok", True, True)
    (finding,) = full["findings"]
    assert finding["figures"]["full_size_bytes"] > 0
    assert full["since"] <= full["at"]
    assert told["signed_off"] is None


def test_the_morning_is_signed_off_with_a_note_and_what_stood_on_it(practice):
    assert "signed off" not in practice.here("check", check=None).stdout
    said = practice.here("check", "--sign-off", "sin el completo: se está migrando", check=None).stdout
    signed = last_sign_off(practice.context)
    assert f"by {signed.operator}: sin el completo: se está migrando" in said
    assert signed.statuses["full"] == "fail"
    told = json.loads(practice.here("check", "--json", check=None).stdout)
    assert told["signed_off"]["note"] == signed.note


def test_read_only_nothing_is_written(practice):
    practice.here("--read-only", "check", check=None)
    assert last_known.load(practice.context) == {}
    practice.here("--read-only", "check", "--sign-off", "", check=64)
    assert last_sign_off(practice.context) is None
