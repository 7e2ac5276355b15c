"""A week of work with its backups: every half hour of it can be restored, as it was then."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from mtn_tui.core.models import Kind
from mtn_tui.operations.restore.point_in_time import point_at, points
from mtn_tui.postgres.compare import table_digests

HALF_HOUR = timedelta(minutes=30)


@dataclass
class Simulated:
    """A clock that goes on by half hours."""

    at: datetime
    seconds: float = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        self.seconds += 0.001
        return self.seconds


def work(chance: random.Random) -> str:
    """What an application does in half an hour."""
    n = chance.randrange(1, 400)
    return chance.choice(
        [
            f"UPDATE applications SET updated_at = now() WHERE id % 97 = {n % 97}",
            f"DELETE FROM interviews WHERE id = {n}",
            f"UPDATE users SET email = email || 'x' WHERE id % 50 = {n % 50}",
            f"INSERT INTO notes (n, said) SELECT g, 'said ' || g FROM generate_series({n}, {n + 5}) AS g"
            " ON CONFLICT DO NOTHING",
            "TRUNCATE notes",
            "SELECT 1",
        ]
    )


@pytest.mark.parametrize(
    ("halves", "sample"),
    [
        pytest.param(8, 4, marks=pytest.mark.slow),
        pytest.param(7 * 48, 50, marks=[pytest.mark.soak, pytest.mark.timeout(7200)]),
    ],
)
def test_every_half_hour_can_be_restored(halves, sample, pg18, new_school, practise):
    school = new_school(pg18)
    school.psql("CREATE TABLE notes (n int PRIMARY KEY, said text); CREATE TABLE old (n int)")
    practice = practise(school)
    clock = Simulated(datetime(2026, 4, 1, 2, 0, tzinfo=UTC))
    chance = random.Random(halves)
    migration, dropped = halves // 3, 2 * halves // 3
    was, kinds = [], []
    for half in range(halves):
        if half == migration:
            school.psql("ALTER TABLE notes ADD COLUMN who text DEFAULT 'nobody'")
        elif half == dropped:
            school.psql("DROP TABLE old")
        else:
            school.psql(work(chance))
        context = replace(practice.context, clock=clock)
        made = practice.back_up(context) if half % 48 == 0 else practice.back_up_changes(context)
        kinds.append(made.manifest.kind)
        was.append((datetime.now(UTC), table_digests(school.login, school.name)))
        clock.at += HALF_HOUR
    assert kinds.count(Kind.FULL) == -(-halves // 48) + 2, kinds
    there = points(practice.inventory, school.name)
    assert len(there) == halves
    for half in sorted(chance.sample(range(halves), sample)):
        moment, digests = was[half]
        restored = practice.restore(backup=point_at(there, moment))
        assert table_digests(restored.login, restored.name) == digests, half
        pg18.drop_database(restored.name)
