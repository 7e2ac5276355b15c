"""Starts, finds and ends a server on our data folder that another process started."""

from __future__ import annotations

import pwd
import shlex
from pathlib import Path

import psutil

_PID_FILE = "postmaster.pid"

QUIT = (
    f'pid=$(head -n 1 "$1/{_PID_FILE}")'
    ' && { tr "\\0" " " < "/proc/$pid/cmdline" || ps -ww -o args= -p "$pid"; } | grep -qF -- "$1"'
    ' && kill -QUIT "$pid"'
)
"""A shell command that crashes the server of the data folder ``$1``, but no other process with its pid."""


def start_line(binaries: Path, data: Path, port: int, account: pwd.struct_passwd | None) -> str:
    """Return a shell command that starts the server of ``data`` on ``port``, as ``account`` if given.

    It ends once the server accepts connections. The server goes on.
    """
    command = shlex.join(
        [
            str(binaries / "pg_ctl"),
            "start",
            "--wait",
            f"--pgdata={data}",
            f"--log={data.parent / 'restarted.log'}",
            f"--options=-c port={port}",
        ]
    )
    if account is not None:
        # -m keeps SHELL, since the account's own shell may refuse logins.
        command = f"SHELL=/bin/sh su -m {shlex.quote(account.pw_name)} -c {shlex.quote(command)}"
    return f"cd {shlex.quote(str(data.parent))} && umask 077 && LC_ALL=C {command}"


def running_in(data: Path) -> psutil.Process | None:
    """Return the server process of the folder ``data``, by its pid file; None if none runs."""
    try:
        process = psutil.Process(int((data / _PID_FILE).read_text().split("\n", 1)[0]))
        ours = str(data) in " ".join(process.cmdline())
    except (OSError, ValueError, psutil.Error):
        return None
    return process if ours and not dead(process) else None


def dead(process: psutil.Process) -> bool:
    """Return whether a process is gone or a zombie: its memory and files are free either way."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
