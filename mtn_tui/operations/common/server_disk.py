"""The disk that the database server writes to, where it is this machine's."""

from __future__ import annotations

import shutil

from mtn_tui.postgres.connection import Connection
from mtn_tui.postgres.identity import data_directory

_LOCAL = ("localhost", "127.0.0.1", "::1")


def disk_of(host: str, connection: Connection) -> tuple[int, int] | None:
    """Bytes free and in all; None unless ``host`` is this machine and shows where its data is.

    Raises PostgresError.
    """
    if host not in _LOCAL and not host.startswith("/"):
        return None
    folder = data_directory(connection)
    try:
        found = shutil.disk_usage(folder) if folder else None
    except OSError:
        return None
    return (found.free, found.used + found.free) if found else None
