"""Thousands of backups, listed by a process that has a cache and by one that has none."""

from __future__ import annotations

import subprocess
import sys

from tests.bench.stage import Stage
from tests.bench.table import Budget

_RUNS = 3

_ONCE = """
import sys, time
from mtn_tui.cli.session import Session
from mtn_tui.operations.inventory import take_inventory
context = Session(config=None, lang=None, no_input=True).quiet_context
key = context.key
key.mac
begun = time.perf_counter()
found = take_inventory(context.stores, key, context.cache)
print(time.perf_counter() - begun)
assert not found.silent, found.silent
assert all(len(one.copies) == 2 and one.rung.proven for one in found.backups)
assert len(found.backups) == int(sys.argv[1])
"""


def listing(ready: Stage, count: int) -> list[Budget]:
    """Each in a process of its own, whose start is left out."""
    cold, *warm = (_seconds(ready, count) for _ in range(1 + _RUNS))
    return [
        Budget(
            f"{count:,} backups in both stores listed",
            sorted(warm)[_RUNS // 2],
            "<=",
            1,
            "s",
            f"{cold:.1f} s without a cache",
        )
    ]


def _seconds(ready: Stage, count: int) -> float:
    command = [sys.executable, "-c", _ONCE, str(count)]
    said = subprocess.run(command, env=ready.environment(), capture_output=True, text=True, check=True)
    return float(said.stdout)
