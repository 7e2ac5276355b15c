"""Whatever was done between a full and a differential, both together are the source as it was then."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtn_tui.demo.postgres_binaries import system_binaries, wheel_binaries
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.operations.backup import key_file
from mtn_tui.operations.restore import apply_changes
from mtn_tui.postgres import changes, large_objects
from mtn_tui.postgres.compare import compare
from tests.changing_work import OWNER, Work
from tests.integration.test_differential import by_hand, differential
from tests.pg_fixtures import Database, new_place, running

SCHEMA = Path(__file__).parents[1] / "changing_schema.sql"
PLAIN = SCHEMA.with_name("changing_plain.sql")
PASSWORD = "llana-1"

NOT_COMPARED = """
    SELECT year, l, v FROM s.by_level ORDER BY 1, 2, 3;
    SELECT oid, pg_get_userbyid(lomowner), obj_description(oid, 'pg_largeobject'),
        ARRAY(SELECT format('%s %s %s', grantee::regrole, privilege_type, is_grantable)
            FROM aclexplode(coalesce(lomacl, acldefault('L', lomowner))) ORDER BY 1)
    FROM pg_largeobject_metadata ORDER BY oid;
"""
SPREAD = {"s.by_level_2_0", "s.by_level_2_1"}
"""Rows lie in one or the other by their enum's oid, which differs in every database."""


@pytest.fixture(scope="module", params=["18", "system"])
def busy(request, pg_workspace) -> Iterator[PostgresServer]:
    """A server on which transactions can be prepared, and the two databases that others are copies of."""
    binaries = wheel_binaries() if request.param == "18" else system_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed on this machine")
    settings = {"max_prepared_transactions": "20", "wal_level": "logical", "autovacuum": "off"}
    with running(binaries, new_place(pg_workspace, "busy") / "server", settings) as server:
        Database(server, "postgres").psql(f"""
            CREATE ROLE mtn_changing_other NOLOGIN;
            CREATE ROLE {OWNER} LOGIN CREATEDB PASSWORD '{PASSWORD}' IN ROLE mtn_changing_other;
        """)
        for extras in ("true", "false"):
            made = Database(server, f"changing_{extras}")
            server.create_database(made.name)
            made.psql(f"ALTER DATABASE {made.name} OWNER TO {OWNER}")
            made.run("psql", "-X", "-v", f"owner={OWNER}", "-v", f"extras={extras}", "-f", str(SCHEMA))
            work = Work(made, 0)
            work.fill()
            work.close()
        yield server


def assert_same(source: Database, restored: Database) -> None:
    """Schema, rows, sequences and large objects are equal."""
    schemas = tuple(one.dump("--schema-only").decode() for one in (source, restored))
    result = compare(source.login, source.name, restored.name, schemas)  # type: ignore[arg-type]
    assert not [one for one in result.differences if one.name not in SPREAD]
    assert restored.psql(NOT_COMPARED) == source.psql(NOT_COMPARED)


def vary(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Have small tables handled as large ones, or not: which way a change is told depends on sizes."""
    chance = random.Random(seed)
    for module, name, values in (
        (key_file, "_ROWS", [5, 5, 5, 10_000]),
        (changes, "_BULK", [5, 5_000]),
        (changes, "MOST_GONE", [3, 200_000, 200_000]),
        (changes, "_TOGETHER", [3, 50]),
        (large_objects, "_MOST", [5, 10_000, 10_000]),
        (apply_changes, "WORTH_SHARING", [0, 1 << 20]),
    ):
        monkeypatch.setattr(module, name, chance.choice(values))


@pytest.fixture
def shared(monkeypatch) -> list[bool]:
    """Of each differential that was applied, whether its tables may be several connections'."""
    told: list[bool] = []
    may = apply_changes.may_be_shared
    monkeypatch.setattr(apply_changes, "may_be_shared", lambda *given: told.append(may(*given)) or told[-1])
    return told


SEEDS = [0, 3, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 105) if seed != 3)]


@pytest.mark.sample("18-3")
@pytest.mark.parametrize("seed", SEEDS)
def test_full_and_differential_equal_the_source(seed, busy, practise, new_database, monkeypatch, shared):
    """By psql alone and as a superuser; and by our own restore, every second time as a plain owner.

    Of the others every second one has its tables applied over several connections.
    """
    vary(monkeypatch, seed)
    extras = "true" if seed % 2 else "false"
    source = new_database(busy, template=f"changing_{extras}")
    plain = seed % 4 == 3
    if plain:
        monkeypatch.setattr(apply_changes, "WORTH_SHARING", 0)
        source.psql(PLAIN.read_bytes())
    practice = practise(source)
    work = Work(source, seed)
    try:
        work.touch()
        work.transactions(10, left=2)
        with work.going_on():
            full = practice.back_up()
        work.end_some()
        work.transactions(20, left=2)
        made = differential(practice)
        by_psql = by_hand(practice, full, made, into=new_database(busy))
        if extras == "false":
            practice.configure(DB_USER=OWNER, DB_PASSWORD=PASSWORD)
        ours = practice.restore(backup=practice.inventory.find(made.manifest.id))
        for restored in (by_psql, ours):
            assert_same(source, restored)
        assert shared == [True] or not plain
    finally:
        work.close()
