"""``differential``: what changed since a full, against the full itself, and restoring the two."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg

from mtn_tui.core.models import KEYS
from tests.bench.measure import Contender, Result, in_turn, timed
from tests.bench.stage import DATABASE, Stage, remove
from tests.bench.table import Budget, Row, memory, print_budgets, print_table

KEYLESS = "mtn backup full, no keys beside it"
FULL = "mtn backup full, with the keys of its rows"
NOTHING = "mtn backup diff, nothing changed"
CHANGED = "mtn backup diff, 1 % of rows changed"
RESTORE_FULL = "mtn restore of the full"
RESTORE_BOTH = "mtn restore of the full and its differential"

_TARGET = "bench_restored"

_CHILDREN = {
    "documents": "application_id, kind, file_name, storage_key, size_bytes, sha256, status",
    "interviews": "application_id, interviewer_id, kind, scheduled_at, duration, room",
    "evaluations": "application_id, evaluator_id, subject, score, answers",
    "notifications": "user_id, application_id, channel, title, body, payload",
}
"""Tables from which rows are deleted, and what an inserted row is copied from another by."""

_PARENTS = ("users", "guardians", "students", "applications")

_LIFE = "; ".join(f"UPDATE {table} SET updated_at = now() WHERE id % 20 = 5" for table in _PARENTS) + "; "
_LIFE += "; ".join(
    f"DELETE FROM {table} WHERE id % 50 = 6; UPDATE {table} SET updated_at = now() WHERE id % 20 = 5"
    for table in _CHILDREN
)
"""Edits before the full: rows of every age, and counts of what was deleted, by which keys are kept."""

_EDITS = "; ".join(f"UPDATE {table} SET updated_at = now() WHERE id % 100 = 3" for table in _PARENTS) + "; "
_EDITS += "; ".join(
    f"UPDATE {table} SET updated_at = now() WHERE id % 167 = 3; DELETE FROM {table} WHERE id % 500 = 7;"
    f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} WHERE id % 500 = 8"
    for table, columns in _CHILDREN.items()
)
"""One row in a hundred."""


def run(stage: Stage, runs: int) -> None:
    _do(stage, _LIFE)
    _do(stage, "VACUUM ANALYZE")
    results = in_turn(
        [
            _backup(stage, KEYLESS, "full", before=lambda: _do(stage, "SELECT pg_stat_reset()")),
            _backup(stage, FULL, "full", before=lambda: _touch(stage)),
        ],
        runs,
        stage.folder,
        stage.server_cpu,
    )
    _touch(stage)
    full = _made(stage, "full")
    assert (stage.backups / (full["name"] + KEYS)).exists()
    for name, edits in ((NOTHING, "SELECT"), (CHANGED, _EDITS)):
        _do(stage, edits)
        results |= in_turn([_backup(stage, name, "diff")], runs, stage.folder, stage.server_cpu)
    different = _made(stage, "diff")
    results |= in_turn(
        [_restore(stage, RESTORE_FULL, full), _restore(stage, RESTORE_BOTH, different)],
        runs,
        stage.folder,
        stage.server_cpu,
    )
    _print(results)


def _print(results: Mapping[str, Result]) -> None:
    full, changed, nothing = results[FULL], results[CHANGED], results[NOTHING]
    print_table("differential", _rows(results, KEYLESS, FULL, NOTHING, CHANGED), full.seconds)
    print_table("restore", _rows(results, RESTORE_FULL, RESTORE_BOTH), results[RESTORE_FULL].seconds)
    sizes = [one.size or 0 for one in (full, changed, nothing)]
    print_budgets(
        [
            Budget("1 % changed: bytes of the full's", 100 * sizes[1] / sizes[0], "<=", 3, "%"),
            Budget("1 % changed: time of the full's", changed.seconds / full.seconds, "<=", 0.5, "×"),
            Budget("nothing changed: size", sizes[2] / 1000, "<=", 20, "kB"),
            Budget("nothing changed: time", nothing.seconds, "<=", 2, "s"),
            Budget("full with keys against one without", _ratio(results, FULL, KEYLESS), "<=", 1.10, "×"),
            Budget("restore of both", _ratio(results, RESTORE_BOTH, RESTORE_FULL), "<=", 1.1, "×"),
            memory(full, changed, nothing),
        ]
    )


def _rows(results: Mapping[str, Result], *names: str) -> list[Row]:
    rows = []
    for result in (results[name] for name in names):
        rows.append(Row(result.name, result.seconds, result))
        rows += [Row(f"  of it: {phase}", seconds) for phase, seconds in result.parts.items()]
    return rows


def _ratio(results: Mapping[str, Result], one: str, other: str) -> float:
    return results[one].seconds / results[other].seconds


def _backup(stage: Stage, name: str, kind: str, before: Callable[[], None] | None = None) -> Contender:
    """What each run makes is removed; the fulls and differentials of others stay."""
    there: set[Path] = set()

    def settled() -> None:
        there.update(stage.backups.iterdir())
        if before is not None:
            before()
        stage.settle()

    def size() -> int:
        return sum(
            path.stat().st_size for path in set(stage.backups.iterdir()) - there if path.suffix == ".gpg"
        )

    def gone() -> None:
        remove([*(set(stage.backups.iterdir()) - there), stage.folder / "mtn" / "state" / "stores.json"])

    return Contender(
        name,
        stage.mtn("backup", kind, "--json"),
        stage.environment(),
        settled,
        size,
        lambda said: json.loads(said)["seconds"],
        gone,
    )


def _restore(stage: Stage, name: str, made: Mapping[str, str]) -> Contender:
    def gone() -> None:
        stage.server.drop_database(_TARGET)

    def settled() -> None:
        gone()
        stage.settle()

    return Contender(
        name,
        stage.mtn("restore", made["id"], "--target", _TARGET, "--json"),
        stage.environment(),
        settled,
        parts=lambda said: json.loads(said)["seconds"],
        after=gone,
    )


def _made(stage: Stage, kind: str) -> Mapping[str, str]:
    said = timed(stage.mtn("backup", kind, "--json"), stage.environment(), stage.folder).said
    made: Mapping[str, str] = json.loads(said)
    assert made["kind"] == kind, said
    return made


def _touch(stage: Stage) -> None:
    """One row of each table, so that the server counts a change of it."""
    tables = (*_PARENTS, *_CHILDREN)
    _do(stage, "; ".join(f"UPDATE {one} SET updated_at = now() WHERE id = 8" for one in tables))


def _do(stage: Stage, statements: str) -> None:
    with psycopg.connect(stage.server.conninfo(DATABASE), autocommit=True) as connection:
        connection.execute(statements.encode())
