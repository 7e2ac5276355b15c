"""The disk that the database server writes to, where it is this machine's."""

from __future__ import annotations

import shutil

from mtn_tui.postgres.connection import Connection
from mtn_tui.postgres.identity import data_directory

LOCAL = ("localhost", "127.0.0.1", "::1")
"""Hosts that are this machine."""


def disk_of(connection: Connection) -> tuple[int, int] | None:
    """Bytes free and in all; None if we may not see the data directory. Raises PostgresError."""
    folder = data_directory(connection)
    try:
        found = shutil.disk_usage(folder) if folder else None
    except OSError:
        return None
    return (found.free, found.total) if found else None
