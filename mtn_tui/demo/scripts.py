"""The commands that an installation has of its own: for the services, and to start the server again."""

from __future__ import annotations

import shlex
from pathlib import Path


def write(folder: Path, start_line: str, stopped: Path) -> dict[str, str]:
    """Write them into ``folder``; returns the configuration's keys and lines.

    ``start_line`` starts the server; the services are stopped while there is a
    file ``stopped``.
    """
    mark = shlex.quote(str(stopped))
    texts = {
        "DATABASE_START_COMMAND": ("start-database", start_line),
        "SERVICES_STOP_COMMAND": ("stop-services", f"touch {mark} && echo stopped"),
        "SERVICES_RESTART_COMMAND": ("start-services", f"rm -f {mark} && echo started"),
    }
    lines = {}
    for key, (name, text) in texts.items():
        path = folder / f"{name}.sh"
        path.write_text(text + "\n")
        lines[key] = shlex.join(["sh", str(path)])
    return lines
