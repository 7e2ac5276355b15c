"""A server on a data folder of ours that somebody else started: how, how it is found, how it is ended."""

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
"""A shell command that crashes the server of the data folder ``$1``, and nobody who has its number by now."""


def start_line(binaries: Path, data: Path, port: int, account: pwd.struct_passwd | None) -> str:
    """A shell line that starts the server of ``data`` on ``port``, as ``account`` where there is one.

    It has ended once the server lets people in. The server outlives it.
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
        # -m keeps SHELL, since the account's own shell may be one that lets nobody in.
        command = f"SHELL=/bin/sh su -m {shlex.quote(account.pw_name)} -c {shlex.quote(command)}"
    return f"cd {shlex.quote(str(data.parent))} && umask 077 && LC_ALL=C {command}"


def running_in(data: Path) -> psutil.Process | None:
    """The server of the folder ``data``, by the file in which it leaves its number; None where none runs."""
    try:
        process = psutil.Process(int((data / _PID_FILE).read_text().split("\n", 1)[0]))
        ours = str(data) in " ".join(process.cmdline())
    except (OSError, ValueError, psutil.Error):
        return None
    return process if ours and not dead(process) else None


def dead(process: psutil.Process) -> bool:
    """Gone, or waiting for init to collect it: its memory and files are free either way."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
