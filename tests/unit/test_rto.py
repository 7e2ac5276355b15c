"""How long a restore will take, as it is estimated and said."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from mtn_tui.operations.inventory.model import Backup, Copy
from mtn_tui.operations.restore.rto import Rto, rto

MB = 10**6


@pytest.fixture
def context(tmp_path):
    return SimpleNamespace(settings=SimpleNamespace(metrics_dir=tmp_path))


def measured(context, kind: str, number: int, seconds: float, raw: int = 100 * MB, status: str = "success"):
    took = {"drill": "rto_seconds", "restore": "total_duration_seconds"}[kind]
    figures = {"status": status, "raw_size_bytes": raw, took: seconds}
    name = f"{kind}_2026110{number}_020000.json"
    (context.settings.metrics_dir / name).write_text(json.dumps(figures))


def of(raw: int) -> Backup:
    """A full of so much SQL."""
    copy = replace(_COPY, manifest=SimpleNamespace(raw=raw))
    return Backup(SimpleNamespace(kind=None), (copy,))


_COPY = Copy(SimpleNamespace(name="disk"), "", 1, None, None, None)


def test_it_is_by_drills_with_their_spread_and_by_sizes(context):
    for number, seconds in enumerate((600, 660, 780), 1):
        measured(context, "drill", number, seconds)
    measured(context, "restore", 9, 5000)
    measured(context, "drill", 8, 1, status="failed")
    found = rto(context, of(100 * MB))
    assert (found.seconds, found.spread, found.count, found.drills) == (660, 120, 3, True)
    assert found.says == "11 min ± 2, from 3 drills"
    assert rto(context, of(200 * MB)).says == "22 min ± 4, from 3 drills"


def test_before_the_first_drill_it_says_so(context):
    assert rto(context, of(MB)).says == "unknown: no drill and no restore yet (mtn drill)"
    measured(context, "restore", 1, 60)
    assert rto(context, of(100 * MB)).says == "1 min, from 1 restore: no drill yet"
    measured(context, "restore", 2, 50)
    assert rto(context, of(100 * MB)).says == "55 s ± 5, from 2 restores: no drill yet"
    assert rto(context, of(100 * MB)).facts() == {
        "seconds": 55.0,
        "spread_seconds": 5.0,
        "from": "restores",
        "count": 2,
    }


def test_only_the_last_six_count_and_what_can_not_be_read_does_not(context):
    for number in range(1, 9):
        measured(context, "drill", number, 1000 if number < 3 else 100)
    (context.settings.metrics_dir / "drill_20261109_020000.json").write_text("{")
    found = rto(context, of(100 * MB))
    assert (found.seconds, found.spread, found.count) == (100, 0, 6)


def test_of_a_file_of_the_scripts_nothing_is_known(context):
    measured(context, "drill", 1, 100)
    legacy = Backup(SimpleNamespace(kind=None), (_COPY,))
    assert rto(context, legacy).seconds is None
    assert "scripts" in rto(context, legacy).says


@pytest.mark.parametrize(
    ("seconds", "spread", "said"),
    [(45, 3.2, "45 s ± 4"), (119, 0, "1 min 59 s"), (120, 1, "2 min ± 1"), (7500, 700, "2 h 5 min ± 12 min")],
)
def test_estimate_and_spread_have_the_unit_of_the_estimate(seconds, spread, said):
    assert Rto(seconds, spread, 6, drills=True).says == f"{said}, from 6 drills"
