"""A backup that is whole may still be of a database that somebody emptied."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mtn_tui.archive.manifest import Manifest, Section
from mtn_tui.archive.sections import Part
from mtn_tui.core.identity import DatabaseProperties, ServerIdentity
from mtn_tui.core.models import Kind
from mtn_tui.operations.inventory.anomalies import why_suspect

AT = datetime(2026, 9, 1, 6, tzinfo=UTC)
SERVER = ServerIdentity(1, 2, 1, "18.1", 180001, "UTF8", "c", "C", "C", "")


def manifest(size=1000, *, kind=Kind.FULL, database="school", **rows):
    """A backup of ``size`` bytes, with so many rows in each table."""
    return Manifest(
        id="abcdefgh",
        kind=kind,
        database=database,
        host="db",
        payload=f"admision_mtn_{kind}_db_20260901_020000.sql.gz.gpg",
        snapshot_at=AT,
        started_at=AT,
        ended_at=AT,
        lsn="0/1",
        horizon=1,
        server=SERVER,
        properties=DatabaseProperties("admin"),
        tools={},
        roles=(),
        extensions=(),
        schema_hash="",
        size=size,
        sha256="",
        salt="",
        key="",
        sections=tuple(
            Section(Part.TABLE, 0, 0, 0, count, "", f"public.{table}") for table, count in rows.items()
        ),
    )


def test_the_first_backup_is_compared_with_nothing():
    assert why_suspect(manifest(1), []) == ""


def test_a_database_of_that_name_on_another_server_is_another():
    there = replace(manifest(1000), server=replace(SERVER, system_identifier=9))
    assert why_suspect(manifest(1), [there]) == ""
    assert why_suspect(manifest(1), [there, manifest(1000)]) != ""


def test_half_the_usual_size_is_suspect_and_a_byte_more_is_not():
    assert why_suspect(manifest(499), [manifest(1000)]) == "50 % smaller than the 1 before it"
    assert why_suspect(manifest(500), [manifest(1000)]) == ""


def test_one_odd_backup_among_seven_does_not_change_what_is_usual():
    earlier = [manifest(10), *[manifest(1000)] * 6]
    assert "smaller" in why_suspect(manifest(400), earlier)


def test_only_the_last_seven_count():
    earlier = [*[manifest(100)] * 7, *[manifest(10_000)] * 20]
    assert why_suspect(manifest(90), earlier) == ""


def test_growing_is_never_suspect():
    assert why_suspect(manifest(10**9, users=5), [manifest(1000, users=5)]) == ""


@pytest.mark.parametrize(
    ("before", "now", "suspect"),
    [
        (1001, 0, True),
        (1001, 100, True),
        (2000, 200, True),
        (2000, 201, False),
        (1000, 0, False),
        (1000, 1000, False),
    ],
)
def test_a_table_of_over_a_thousand_rows_that_lost_nine_of_ten(before, now, suspect):
    reason = why_suspect(manifest(users=now), [manifest(users=before)])
    assert bool(reason) is suspect
    if suspect:
        assert reason == f"public.users has {now:,} rows, had {before:,}"


def test_a_table_that_is_gone_is_suspect():
    assert "public.users has 0 rows" in why_suspect(manifest(visits=5), [manifest(users=5000, visits=5)])


def test_a_new_table_is_not():
    assert why_suspect(manifest(users=5000, visits=5), [manifest(users=5000)]) == ""


def test_rows_are_compared_with_the_last_backup_alone():
    earlier = [manifest(users=5000), manifest(users=10**6)]
    assert why_suspect(manifest(users=4900), earlier) == ""


def test_other_kinds_and_databases_say_nothing():
    earlier = [manifest(10**6, kind=Kind.DIFF, users=10**6), manifest(10**6, database="other", users=10**6)]
    assert why_suspect(manifest(100, users=1), earlier) == ""


def test_a_table_in_several_sections_counts_once():
    parts = [Section(Part.TABLE, 0, 0, 0, 800, "", "public.users") for _ in range(3)]
    split = manifest()
    object.__setattr__(split, "sections", tuple(parts))
    assert why_suspect(manifest(users=2300), [split]) == ""
    assert "had 2,400" in why_suspect(manifest(users=240), [split])
