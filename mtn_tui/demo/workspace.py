"""The one folder with everything of the practice stack, and its removal."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from mtn_tui.core.errors import ConfigError
from mtn_tui.core.i18n import _


class Lifeline:
    """Runs a shell command when this process has ended, even by SIGKILL.

    A shell in its own session reads from a pipe whose other end only this process
    holds, so the pipe ends when the process does; ``call_off`` writes a line
    instead, and the shell exits without running the command.
    """

    def __init__(self, command: str, *arguments: str) -> None:
        """``command`` gets ``arguments`` as ``$1``, ``$2`` …; they are visible in the list of processes."""
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", f"read _ || {{ {command}; }}", "mtn-demo", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def call_off(self) -> None:
        """Exit without running the command. Repeating it has no effect."""
        if self._shell.returncode is None:
            self._shell.communicate(b"\n")


class Workspace:
    """A temporary folder, removed at the end of the ``with`` block or of the process.

    Other users may pass through it (mode 0711) but not list it: a server that must
    not run as root has its own folder in it, and reads nothing else.
    """

    path: Path

    def __init__(self, parent: Path | None = None, *, keep: bool = False) -> None:
        """``keep`` leaves everything in place for inspection."""
        self.keep = keep
        self.path = Path(tempfile.mkdtemp(prefix="mtn-demo-", dir=parent or _roomy_parent())).resolve()
        self.path.chmod(0o711)
        self._lifeline = None
        if not keep:
            # The servers' own lifelines stop them first; what they write while stopping is removed too.
            self._lifeline = Lifeline('sleep 2; rm -rf -- "$1"', str(self.path))
            atexit.register(self.close)

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def folder(self, name: str) -> Path:
        """Return a private folder in the workspace, created if needed."""
        path = self.path / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def close(self) -> None:
        """Remove the folder with its contents. Repeating it has no effect."""
        if self._lifeline is None:
            return
        atexit.unregister(self.close)
        _remove(self.path)
        self._lifeline.call_off()
        self._lifeline = None


def _roomy_parent() -> Path:
    """Return the folder for temporary files; as root, one that other users can pass through."""
    usual = Path(tempfile.gettempdir()).resolve()
    if os.geteuid() != 0:
        return usual
    for candidate in (usual, Path("/tmp").resolve(), Path("/var/tmp").resolve()):  # noqa: S108 mkdtemp follows
        if candidate.is_dir() and open_to_all(candidate):
            return candidate
    raise ConfigError(
        _("The practice stack found no folder for temporary files that all users can access."),
        _("Set TMPDIR to such a folder, or run the practice stack as an ordinary user."),
    )


def open_to_all(path: Path) -> bool:
    """Return whether any user can reach the contents of the folder ``path`` by name."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _remove(path: Path, attempts: int = 20) -> None:
    """Remove a tree into which a server that is stopping may still write for a moment."""
    for attempt in range(attempts):
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            if not path.exists():
                return
        except OSError:
            if attempt == attempts - 1:
                raise
        else:
            return
        time.sleep(0.1)
