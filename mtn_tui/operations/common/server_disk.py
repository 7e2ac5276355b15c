"""The disk that the database server writes to, where it is this machine's."""

from __future__ import annotations

import shutil

from mtn_tui.postgres.connection import Connection
from mtn_tui.postgres.identity import data_directory, location

_LOCAL = ("localhost", "127.0.0.1", "::1")


def disk_of(host: str, connection: Connection, tablespace: str = "") -> tuple[int, int] | None:
    """Bytes free and in all; None unless ``host`` is this machine and shows where its data is.

    Of the disk that a ``tablespace`` lies on, or the server's own files.

    Raises PostgresError.
    """
    if host not in _LOCAL and not host.startswith("/"):
        return None
    folder = location(connection, tablespace) or data_directory(connection)
    try:
        found = shutil.disk_usage(folder) if folder else None
    except OSError:
        return None
    return (found.free, found.used + found.free) if found else None
