"""``backup``: from the database to an encrypted file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tests.bench.measure import Contender, Result, in_turn
from tests.bench.stage import Stage, remove
from tests.bench.table import Budget, Row, memory, print_budgets, print_table

FLOOR = "pg_dump to /dev/null (the floor)"
SCRIPTS = "the scripts: dump, gzip -9, openssl, copy"
GZIP = "pg_dump | gzip -9 | openssl"
PIGZ = "pg_dump | pigz -6 | openssl"
OURS = "mtn backup full, not read back"
PROVEN = "mtn backup full, read back and proven"

_OPENSSL = 'openssl enc -aes-256-cbc -salt -pbkdf2 -iter 100000 -pass "file:$1"'
_FLOOR = "pg_dump --format=plain > /dev/null"
_STEPS = f"""
    pg_dump --format=plain > dump.sql
    gzip -9 < dump.sql > dump.sql.gz
    {_OPENSSL} -in dump.sql.gz -out dump.sql.gz.gpg
    cp dump.sql.gz.gpg copy.sql.gz.gpg
"""


def run(stage: Stage, runs: int, pigz: bool) -> None:
    results = in_turn(_contenders(stage, pigz), runs, stage.folder, stage.server_cpu)
    rows = [
        row
        for result in results.values()
        for row in (Row(result.name, result.seconds, result), *_parts(result))
    ]
    print_table("backup", rows, results[OURS].seconds)
    print_budgets(_budgets(results))


def _parts(result: Result) -> list[Row]:
    if not result.parts:
        return []
    dump, total = result.parts["dump"], result.parts["total"]
    return [
        Row("  of it: the pipeline alone", dump),
        Row("  of it: the rest of the job", total - dump),
        Row("  of it: Python's start and end", result.seconds - total),
    ]


def _contenders(stage: Stage, pigz: bool) -> list[Contender]:
    names = ("dump.sql", "dump.sql.gz", "dump.sql.gz.gpg", "copy.sql.gz.gpg")
    made = [stage.folder / name for name in names]
    rival = partial(_rival, stage, made)
    pipe = "pg_dump --format=plain | {} | " + _OPENSSL + " -out dump.sql.gz.gpg"
    return [
        Contender(FLOOR, stage.shell(_FLOOR), stage.environment(), before=stage.settle),
        rival(SCRIPTS, _STEPS),
        rival(GZIP, pipe.format("gzip -9")),
        *([rival(PIGZ, pipe.format("pigz -6"))] if pigz else []),
        _ours(stage, OURS, ENABLE_POST_BACKUP_VERIFY="false"),
        _ours(stage, PROVEN),
    ]


def _rival(stage: Stage, made: list[Path], name: str, line: str) -> Contender:
    return Contender(
        name,
        stage.shell(line, stage.key_file),
        stage.environment(),
        before=stage.settle,
        size=lambda: made[2].stat().st_size,
        after=lambda: remove(made),
    )


def _ours(stage: Stage, name: str, **settings: str) -> Contender:
    def size() -> int:
        (payload,) = stage.backups.glob("*.sql.gz.gpg")
        return payload.stat().st_size

    return Contender(
        name,
        stage.mtn("backup", "full", "--json"),
        stage.environment(**settings),
        before=stage.settle,
        size=size,
        parts=_phases,
        after=stage.clear_backups,
    )


def _phases(said: bytes) -> Mapping[str, float]:
    seconds: Mapping[str, float] = json.loads(said)["seconds"]
    return seconds


def _budgets(results: Mapping[str, Result]) -> list[Budget]:
    ours, proven = results[OURS], results[PROVEN]

    def faster(name: str, wanted: float) -> Budget:
        rival = results[name].seconds
        also = (
            f"pipeline alone {rival / ours.parts['dump']:.2f}, with reading back {rival / proven.seconds:.2f}"
        )
        return Budget(f"against “{name}”", rival / ours.seconds, ">=", wanted, "×", also)

    pairs: list[tuple[str, float]] = [(SCRIPTS, 5), (PIGZ, 1.7)]
    return [
        *(faster(name, wanted) for name, wanted in pairs if name in results),
        Budget("bytes against gzip -9", (ours.size or 0) / (results[GZIP].size or 1), "<=", 1.02, "×"),
        memory(ours, proven),
    ]
