"""Where the tests' temporary files are: in memory, if it has room for them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from mtn_tui.demo.workspace import Workspace

_MEMORY = Path("/dev/shm")
_ROOM = 6 << 30
"""Bytes. Four workers at once have used 2 GB."""


def in_memory() -> Workspace | None:
    """Make a folder in memory the one for temporary files, of this process and those that it starts.

    The tests write, sync and remove some hundred thousand small files: on a disk that is a fifth of
    their work. None if TMPDIR names another place, or there is not enough memory.
    """
    if "TMPDIR" in os.environ or _free() < _ROOM:
        return None
    made = Workspace(_MEMORY)
    os.environ["TMPDIR"] = str(made.path)
    tempfile.tempdir = None
    return made


def _free() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        memory = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
        return min(memory, shutil.disk_usage(_MEMORY).free)
    except (OSError, StopIteration):
        return 0
