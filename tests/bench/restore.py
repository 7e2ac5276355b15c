"""``restore``: from an encrypted file to a database."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.bench.measure import Contender, in_turn, timed
from tests.bench.schemas import SCHEMAS, Schema, build
from tests.bench.stage import DATABASE, Stage
from tests.bench.table import Budget, Row, memory, print_budgets, print_table

PSQL = "openssl | gunzip | psql"
PG_RESTORE = "pg_restore -j2 of a directory dump"
_ANALYZED = " + analyze"
OURS = "mtn restore: checked, loaded, analyzed, counted"

_PHASES = {
    "check": "reading every byte first",
    "load": "loading",
    "verify": "counting",
    "swap": "renaming",
}
_TARGET = "bench_restored"
_PIPE = (
    'openssl enc -d -aes-256-cbc -pbkdf2 -iter 100000 -pass "file:$1" -in "$2" | gunzip |'
    " psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --output=/dev/null"
)
_PG_RESTORE = f"pg_restore --jobs=2 --exit-on-error --dbname={_TARGET} directory"
_ANALYZE = f"vacuumdb --jobs=2 --analyze-only --quiet --dbname={_TARGET}"


def run(stage: Stage, runs: int) -> None:
    _school(stage, runs)
    for schema in SCHEMAS:
        _many_small_tables(stage, schema, runs)


def _many_small_tables(stage: Stage, schema: Schema, runs: int) -> None:
    """Against psql, which makes the same of it one statement after the other."""
    stage.server.create_database(schema.name)
    build(stage.server.conninfo(schema.name), schema)
    made = _back_up(stage, schema.name)
    contenders = [one for one in _contenders(stage, made, schema.name) if one.name in (PSQL, OURS)]
    results = in_turn(contenders, runs, stage.folder, stage.server_cpu)
    ours = results[OURS]
    print_table(
        f"restore of {schema.what}",
        [
            *(Row(name, result.seconds, result) for name, result in results.items()),
            *(Row(f"  of it: {words}", ours.parts[phase]) for phase, words in _PHASES.items()),
        ],
        ours.seconds,
    )
    against = results[PSQL].seconds / ours.seconds
    print_budgets([Budget(f"against “{PSQL}”", against, ">=", 1, "×"), memory(ours)])
    stage.server.drop_database(schema.name)


def _back_up(stage: Stage, database: str) -> Mapping[str, str]:
    environment = stage.environment(database, DB_NAME=database)
    made: Mapping[str, str] = json.loads(
        timed(stage.mtn("backup", "full", "--json"), environment, stage.folder).said
    )
    return made


def _school(stage: Stage, runs: int) -> None:
    made = _back_up(stage, DATABASE)
    timed(["pg_dump", "--format=directory", "--file=directory"], stage.environment(), stage.folder)
    results = in_turn(_contenders(stage, made), runs, stage.folder, stage.server_cpu)
    ours = results[OURS]
    rivals = [name for name in results if name != OURS]
    rows = [
        *(Row(name, result.seconds, result) for name, result in results.items()),
        *(Row(f"  of it: {words}", ours.parts[phase]) for phase, words in _PHASES.items()),
    ]
    print_table("restore", rows, ours.seconds)
    print_budgets(
        [
            *(
                Budget(f"against “{name}”", results[name].seconds / ours.seconds, *_wanted(name))
                for name in rivals
            ),
            memory(ours),
        ]
    )


def _wanted(rival: str) -> tuple[str, float, str]:
    return (">=", 1.5, "×") if rival.startswith(PSQL) else (">", 1, "×")


def _contenders(stage: Stage, made: Mapping[str, str], database: str = DATABASE) -> list[Contender]:
    """The rivals find an empty database ready; ours makes its own.

    The rivals leave a database without statistics, so each runs once more with
    what gathers them.
    """

    def gone() -> None:
        stage.server.drop_database(_TARGET)

    def nothing_there() -> None:
        gone()
        stage.settle()

    def empty() -> None:
        gone()
        stage.server.create_database(_TARGET)
        stage.settle()

    target = stage.environment(_TARGET)
    payload = stage.backups / made["name"]
    return [
        *(
            Contender(name + more, stage.shell(line + after, *given), target, empty, after=gone)
            for name, line, given in (
                (PSQL, _PIPE, (stage.key_file, payload)),
                (PG_RESTORE, _PG_RESTORE, ()),
            )
            for more, after in (("", ""), (_ANALYZED, f"; {_ANALYZE}"))
        ),
        Contender(
            OURS,
            stage.mtn("restore", made["id"], "--target", _TARGET, "--json"),
            stage.environment(database, DB_NAME=database),
            nothing_there,
            parts=lambda said: json.loads(said)["seconds"],
            after=gone,
        ),
    ]
