"""Runs one command and writes down what it took; started by ``measure``, as a process of its own.

A child's peak memory is counted from that of the process which forked it, so the
one that forks here is a bare interpreter: the figures begin at about 10 MB.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


def main() -> None:
    """``stopwatch.py FILE COMMAND…``: writes seconds, CPU seconds and the largest process's peak to FILE."""
    figures, *command = sys.argv[1:]
    began = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    _pid, status, usage = os.wait4(child, 0)  # with all its descendants that were waited for
    took = {
        "seconds": time.monotonic() - began,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss * _PEAK_UNIT,
    }
    Path(figures).write_text(json.dumps(took))
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
