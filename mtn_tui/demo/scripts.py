"""The command scripts of a practice installation: for the services, and to start the server."""

from __future__ import annotations

import shlex
from pathlib import Path


def write(folder: Path, start_line: str, stopped: Path) -> dict[str, str]:
    """Write the scripts into ``folder``; return the keys and values for the configuration.

    ``start_line`` starts the server; the services are stopped while the file ``stopped`` exists.
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
