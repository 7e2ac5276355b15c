"""The command line of the bench."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import time

from tests.bench import backup, differential, restore, ui, verify
from tests.bench.stage import DATABASE, Stage, stage

_ROWS = 1_800_000
_RUNS = 3
_ROUNDS = 10_000_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("what", choices=["backup", "differential", "restore", "verify", "ui"])
    parser.add_argument(
        "--rows", type=int, default=_ROWS, help="of the practice school (default %(default)s)"
    )
    parser.add_argument(
        "--runs", type=int, default=_RUNS, help="of each contender; medians (default %(default)s)"
    )
    parser.add_argument("--system", action="store_true", help="use the machine's own PostgreSQL")
    given = parser.parse_args()
    with stage(given.rows, system=given.system, bucket=given.what == "ui") as ready:
        _print_setting(ready, given.runs)
        before = _pace()
        match given.what:
            case "backup":
                pigz = shutil.which("pigz") is not None
                if not pigz:
                    print("pigz is not installed: its line is left out")
                backup.run(ready, given.runs, pigz)
            case "differential":
                differential.run(ready, given.runs)
            case "restore":
                restore.run(ready, given.runs)
            case "ui":
                ui.run(ready)
            case _:
                verify.run(ready, given.runs)
        if given.rows < _ROWS:
            print(f"\nThe budgets are meant for {_ROWS:,} rows: with fewer, starting up outweighs the work.")
        busy = ", ".join(f"{load:.1f}" for load in os.getloadavg())
        print(f"\nLoad of the machine over the last 1, 5 and 15 minutes: {busy} of {os.cpu_count()} cores")
        print(
            f"Its pace: a Python loop of {_ROUNDS:,} rounds in {before:.2f} s before, {_pace():.2f} s after"
        )


def _pace() -> float:
    """Seconds: runs can be compared by it, where others use the machine too."""
    begun = time.perf_counter()
    for _round in range(_ROUNDS):
        pass
    return time.perf_counter() - begun


def _print_setting(ready: Stage, runs: int) -> None:
    said = subprocess.run(
        ["psql", "-XAtc", f"SELECT version(), pg_size_pretty(pg_database_size('{DATABASE}'))"],
        env=ready.environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    version, _bar, size = said.rpartition("|")
    print(
        f"{version.split(' on ')[0]}, a database of {size}, {os.cpu_count()} cores, {platform.system()},",
        end=" ",
    )
    print(f"medians of {runs} runs in turn", flush=True)


if __name__ == "__main__":
    main()
