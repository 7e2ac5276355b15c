"""A job's private file for text that contains rows of a database: ``<state>/jobs/<id>.rows``, mode 0600.

The journal, the log and everything derived from them may be read by every operator, mailed and kept for
years. What a server says about single rows goes here, for the job's operator only, for 30 days.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from mtn_tui.core.redact import redact
from mtn_tui.engine.statefiles import make_folder, open_found, refusal

SUFFIX = ".rows"

_KEPT_SECONDS = 30 * 86400
_LONGEST = 1 << 20
"""Maximum bytes to read."""


def private_path(folder: Path, job_id: str) -> Path:
    """Return the path of a job's private file."""
    return folder / f"{job_id}{SUFFIX}"


def keep(folder: Path, job_id: str, text: str) -> Path:
    """Append ``text``; delete the expired files of older jobs. Raises StorageError."""
    path = private_path(folder, job_id)
    try:
        make_folder(folder)
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.fchmod(fd, 0o600)
            os.write(fd, redact(text).rstrip().encode(errors="backslashreplace") + b"\n")
        finally:
            os.close(fd)
        _sweep(folder)
    except OSError as error:
        raise refusal(error, path) from error
    return path


def read(folder: Path, job_id: str) -> str:
    """Return a job's private text; empty if there is none, or if it is another user's."""
    try:
        fd = open_found(private_path(folder, job_id))
    except OSError:
        return ""
    with os.fdopen(fd, "rb") as file:
        return file.read(_LONGEST).decode(errors="backslashreplace").rstrip()


def _sweep(folder: Path) -> None:
    for path in folder.glob(f"*{SUFFIX}"):
        try:
            if time.time() - path.lstat().st_mtime > _KEPT_SECONDS:
                path.unlink(missing_ok=True)
        except (FileNotFoundError, PermissionError):
            continue  # gone meanwhile, or another operator's
