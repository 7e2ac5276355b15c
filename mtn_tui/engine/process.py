"""Identifies a process by its pid and start time, since pids are reused.

The start is an opaque text to compare. On Linux it is the boot id and the
process's start in clock ticks since boot (``/proc/<pid>/stat``, field 22);
elsewhere it is the output of ``ps -o lstart=``, in UTC.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STAT_START = 22
_DEAD = "ZX"


@dataclass(frozen=True)
class Process:
    """A process of this host. ``start`` is empty if unknown."""

    pid: int
    start: str

    @property
    def gone(self) -> bool:
        """Whether the process has certainly ended: another user's may be hidden from us."""
        if self.pid <= 0:
            return True
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, OverflowError):
            return True
        except PermissionError:
            pass
        found = _look(self.pid)
        if found is None:
            boot, colon, _ticks = self.start.partition(":")
            return bool(colon) and _BOOT_ID.exists() and boot != _boot_id()
        state, start = found
        return state in _DEAD or (bool(self.start) and start != self.start)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process, never to a later one with the same pid.

        Raises ProcessLookupError if it is gone, or can't be told from a later one;
        PermissionError if it is another user's.
        """
        if hasattr(os, "pidfd_open"):
            try:
                fd = os.pidfd_open(self.pid)
            except ProcessLookupError:
                raise
            except OSError:
                pass  # a kernel without it: check, then kill, below is the best there is
            else:
                try:
                    self._must_be_there()
                    signal.pidfd_send_signal(fd, number)
                finally:
                    os.close(fd)
                return
        self._must_be_there()
        os.kill(self.pid, number)

    def _must_be_there(self) -> None:
        if self.gone or not self.start:
            raise ProcessLookupError(self.pid)


def this_process() -> Process:
    """Return the current process."""
    pid = os.getpid()
    found = _look(pid)
    return Process(pid, found[1] if found else "")


def this_terminal() -> str:
    """Return the terminal that this program runs in, as ``ps`` names it (``pts/3``); empty without one."""
    for fd in range(3):
        try:
            return os.ttyname(fd).removeprefix("/dev/")
        except OSError:
            continue
    return ""


def this_host() -> str:
    """Return the host name."""
    return socket.gethostname()


def _look(pid: int) -> tuple[str, str] | None:
    """Return the process's state letter and start; None if it can't be seen."""
    if _BOOT_ID.exists():
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        # The second field is the program's name in brackets and may contain anything, even brackets.
        fields = text.rpartition(")")[2].split()
        ticks = _STAT_START - 3
        return (fields[0], f"{_boot_id()}:{fields[ticks]}") if len(fields) > ticks else None
    return _ask_ps(pid)


def _boot_id() -> str:
    return _BOOT_ID.read_text(encoding="utf-8").strip()


def _ask_ps(pid: int) -> tuple[str, str] | None:
    command = ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)]
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    words = done.stdout.split()
    return (words[0][0], " ".join(words[1:])) if len(words) > 1 else None
