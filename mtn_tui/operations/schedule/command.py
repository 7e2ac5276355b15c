"""The command lines of the runs: this very program, by its full path."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from mtn_tui.core import i18n
from mtn_tui.operations.schedule.description import Run

_USUAL = ("/usr/local/bin", "/usr/bin", "/bin")
_TOOLS = ("pg_dump", "psql")


@dataclass(frozen=True)
class Command:
    """How ``mtn`` is started where nothing of an operator's environment holds."""

    program: tuple[str, ...]
    configuration: Path
    path: str = ":".join(_USUAL)
    """PATH, for the programs of PostgreSQL."""
    language: str = "en"

    @property
    def common(self) -> tuple[str, ...]:
        """The program and the options of every run."""
        language = () if self.language == "en" else ("--lang", self.language)
        return (*self.program, "--config", str(self.configuration), *language)

    def line(self, run: Run) -> tuple[str, ...]:
        """The words of a run's command."""
        return (*self.common, "--scheduled", *run.arguments)


EXAMPLE = Command(("/path/to/.venv/bin/mtn",), Path("/path/to/config/backup.conf"))
"""As in the files of ``config/``."""


def own_command(configuration: Path) -> Command:
    """The command of this installation, and the language in use."""
    return Command(_program(), configuration.absolute(), _path(), i18n.language())


def _program() -> tuple[str, ...]:
    """Not what was typed, which may be a link or a relative path; without the installed command, Python."""
    installed = Path(sysconfig.get_path("scripts")) / "mtn"
    if os.access(installed, os.X_OK):
        return (str(installed),)
    return (sys.executable, "-P", "-m", "mtn_tui")


def _path() -> str:
    """The usual folders and, before them, those where this user has the programs of PostgreSQL."""
    found = [os.path.dirname(tool) for name in _TOOLS if (tool := shutil.which(name))]  # noqa: PTH120 - unresolved
    return ":".join(dict.fromkeys([*(one for one in found if one not in _USUAL and ":" not in one), *_USUAL]))
