"""What an operator waits for at the screen, beside its budgets."""

from __future__ import annotations

import subprocess
import sys

from tests.bench import many
from tests.bench.listing import listing
from tests.bench.logs import logs
from tests.bench.monitor import monitor
from tests.bench.screens import screens
from tests.bench.stage import Stage
from tests.bench.table import print_budgets

COUNT = 5000


def run(ready: Stage) -> None:
    """The stage needs a bucket."""
    context = ready.context()
    subprocess.run(
        ready.mtn("backup", "full"), env=ready.environment(), check=True, stdout=subprocess.DEVNULL
    )
    print(f"putting {COUNT:,} backups into a folder and a bucket", file=sys.stderr, flush=True)
    many.fill(context, COUNT)
    print_budgets(
        [
            *listing(ready, COUNT + 1),
            *monitor(ready, COUNT),
            *screens(ready),
            *logs(ready.folder / "gigabyte"),
        ]
    )
