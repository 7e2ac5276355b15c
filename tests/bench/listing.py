"""Thousands of backups, listed by a process that has a cache and by one that has none."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.bench.stage import Stage
from tests.bench.table import Budget

_RUNS = 3

_ONCE = """
import json, sys, time
from mtn_tui.cli.session import Session
from mtn_tui.operations.inventory.scan import take_inventory
context = Session(config=None, lang=None, no_input=True).quiet_context
key = context.key
key.mac
laps = [time.perf_counter()]
context.stores.bucket
laps.append(time.perf_counter())
for _again in range(2):
    found = take_inventory(context.stores, key, context.cache)
    laps.append(time.perf_counter())
print(json.dumps([after - before for before, after in zip(laps, laps[1:])]))
assert not found.unreachable, found.unreachable
assert all(len(one.copies) == 2 and one.rung.proven for one in found.backups)
assert len(found.backups) == int(sys.argv[1])
"""


def listing(ready: Stage, count: int) -> list[Budget]:
    """Each in a process of its own, whose start is left out, and with it the loading of the S3 library."""
    cold, *warm = (_seconds(ready, count) for _ in range(1 + _RUNS))
    load, listed, again = (sorted(each)[_RUNS // 2] for each in zip(*warm, strict=True))
    return [
        Budget(
            f"{count:,} backups in both stores listed",
            listed,
            "<=",
            1,
            "s",
            f"{again:.2f} s again in the same process, {cold[1]:.1f} s without a cache;"
            f" the S3 library's loading takes {load:.2f} s before",
        )
    ]


def _seconds(ready: Stage, count: int) -> list[float]:
    """Of loading the library, of listing, of listing again."""
    command = [sys.executable, "-c", _ONCE, str(count)]
    said = subprocess.run(command, env=ready.environment(), capture_output=True, text=True, check=True)
    seconds: list[float] = json.loads(said.stdout)
    return seconds
