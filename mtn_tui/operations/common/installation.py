"""Which installation of this program made something, where several share a bucket or a folder.

An installation is a state folder: its journals tell what became of its jobs.
It has a random id, kept in the state folder; host names, users and
configurations may be the same elsewhere. What is put into a bucket bears a
mark, kept as the object's metadata, from which its installation, database and
job can be told.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from mtn_tui.core.errors import Locked, StorageError
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import slug, turn
from mtn_tui.engine.statefiles import open_found, write_whole
from mtn_tui.operations.common.context import Context

_FILE = "installation"
_MACHINE = Path("/etc/machine-id")
_LONGEST = 64


@dataclass(frozen=True)
class Mark:
    """Says who put an object into a bucket. Its text is plain ASCII, for an HTTP header."""

    installation: str
    database: str
    """Its ``slug``."""
    job: str

    def __str__(self) -> str:
        return f"{self.installation}/{self.database}/{self.job}"

    @classmethod
    def parse(cls, text: str) -> Mark | None:
        """Read a mark's text; None if it is not a mark of this program."""
        parts = text.split("/")
        return cls(*parts) if len(parts) == 3 and all(parts) else None


def mark_of(job: Job, context: Context) -> Mark:
    """The mark for what this job puts into a bucket."""
    return Mark(installation_id(context), slug(context.settings.db_name), job.id)


def installation_id(context: Context) -> str:
    """The id of this state folder, made and kept with the first call.

    Where it can't be kept it is made of the machine's id and the folder's path,
    which may be another installation's too: on a clone of this machine.
    """
    path = context.state / _FILE
    try:
        if found := _read(path):
            return found
        with turn(context.locks, _FILE):
            if not _read(path):
                write_whole(path, secrets.token_hex(16).encode("ascii") + b"\n")
        return _read(path)
    except (OSError, StorageError, Locked):
        machine = _MACHINE.read_bytes() if _MACHINE.exists() else b""
        return hashlib.sha256(machine + os.fsencode(context.state.absolute())).hexdigest()[:32]


def _read(path: Path) -> str:
    """The id in the file; empty if there is none."""
    try:
        with os.fdopen(open_found(path), "rb") as file:
            text = file.read(_LONGEST).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return ""
    return text if text.isalnum() else ""
