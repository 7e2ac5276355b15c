"""``verify``: a file read through, and nothing kept."""

from __future__ import annotations

import json

from tests.bench.measure import Contender, in_turn, timed
from tests.bench.stage import Stage
from tests.bench.table import Budget, Row, memory, print_budgets, print_table

GUNZIP = "openssl | gunzip > /dev/null"
OURS = "mtn verify"
START = "mtn --version (Python's start)"

_PIPE = 'openssl enc -d -aes-256-cbc -pbkdf2 -iter 100000 -pass "file:$1" -in "$2" | gunzip > /dev/null'


def run(stage: Stage, runs: int) -> None:
    made = json.loads(timed(stage.mtn("backup", "full", "--json"), stage.environment(), stage.folder).said)
    payload, environment = stage.backups / made["name"], stage.environment()
    contenders = [
        Contender(GUNZIP, stage.shell(_PIPE, stage.key_file, payload), environment),
        Contender(OURS, stage.mtn("verify", made["id"]), environment),
        Contender(START, stage.mtn("--version"), environment),
    ]
    results = in_turn(contenders, runs, stage.folder, stage.server_cpu)
    ours = results[OURS]
    megabytes = made["raw_size"] / 1e6
    rows = [Row(name, result.seconds, result) for name, result in results.items()]
    print_table("verify", rows, ours.seconds)
    for result in (results[GUNZIP], ours):
        print(f"{result.name}: {megabytes / result.seconds:,.0f} MB/s of SQL")
    print_budgets([Budget("speed", megabytes / ours.seconds, ">=", 400, "MB/s of SQL"), memory(ours)])
