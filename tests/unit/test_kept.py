"""Names of kept databases: whole in 63 bytes, dated, and told from every other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mtn_tui.core.settings import Settings
from mtn_tui.operations.common import production
from mtn_tui.postgres.kept import kept_name, since

MOMENT = datetime(2026, 11, 24, 5, 2, 11, tzinfo=UTC)


@pytest.mark.parametrize("target", ["Admisión_MTN_DB", "x", "ñ" * 31, "x" * 63, "a__before_20200101_000000"])
def test_a_name_says_since_when_and_fits(target):
    name = kept_name(target, MOMENT)
    assert len(name.encode()) <= 63
    assert since(name) == MOMENT
    if len(target.encode()) < 40:
        assert name.startswith(target + "__before_")


def test_a_name_that_is_taken_is_not_taken_again():
    first = kept_name("db", MOMENT)
    second = kept_name("db", MOMENT, [first])
    assert since(second) == MOMENT + timedelta(seconds=1)
    assert kept_name("db", MOMENT, [first, second]) not in (first, second)


@pytest.mark.parametrize(
    "name",
    ["db", "db__before_", "db__before_20269999_000000", "db__before_20260101_000000x", "db__restoring_x"],
)
def test_other_databases_are_not_taken_for_kept_ones(name):
    assert since(name) is None


@pytest.mark.parametrize(
    ("name", "practice", "is_production"),
    [
        ("Admisión_MTN_DB", False, True),
        ("Matrícula_test", False, True),
        ("Admisión_MTN_DB_staging", True, False),
        ("Admisión_MTN_DB_test", True, False),
        ("Admisión_MTN_DB_test_202611", True, False),
        ("Admisión_MTN_DB_recovery", False, False),
        ("attest", False, False),
        ("a_test_of_mine", False, False),
    ],
)
def test_what_is_production_and_what_is_not_worth_keeping(name, practice, is_production):
    settings = Settings(db_name="Admisión_MTN_DB", db_user="admin", production_databases=("Matrícula_test",))
    assert production.is_practice(settings, name) is practice
    assert production.is_production(settings, name) is is_production
