"""``mtn monitor``, with thousands of backups in both stores, as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median

from tests.bench.measure import STOPWATCH, Finished
from tests.bench.stage import Stage
from tests.bench.table import Budget

_RUNS = 3


def monitor(ready: Stage, count: int) -> list[Budget]:
    """A full run that also tries the bucket, as once a day, then full and quick ones."""
    daily = _timed(ready)
    full = [_timed(ready) for _run in range(_RUNS)]
    quick = [_timed(ready, "--quick") for _run in range(_RUNS)]
    peak = max(one.peak for one in (daily, *full, *quick))
    return [
        Budget(
            f"mtn monitor with {count:,} backups in both stores",
            median(one.seconds for one in full),
            "<=",
            5,
            "s",
            f"{daily.seconds:.1f} s the one that tries the bucket,"
            f" {median(one.seconds for one in quick):.1f} s with --quick",
        ),
        Budget("its peak memory", peak / 1e6, "<=", 200, "MB"),
    ]


def _timed(ready: Stage, *options: str) -> Finished:
    """Its exit code tells the state of the backups, and not whether it ran."""
    figures = ready.folder / "stopwatch.json"
    command = [sys.executable, "-I", "-S", STOPWATCH, figures, *ready.mtn("monitor", *options)]
    done = subprocess.run(
        command, env=ready.environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.stdout.startswith(b"MTN "), done.stderr
    return Finished(**json.loads(figures.read_text()), said=done.stdout)
