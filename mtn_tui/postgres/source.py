"""Collects everything that is recorded about a database before it is dumped."""

from __future__ import annotations

from dataclasses import dataclass

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.identity import DatabaseProperties, Extension, ServerIdentity
from mtn_tui.postgres import identity, search_path, standby
from mtn_tui.postgres.connection import connect
from mtn_tui.postgres.databases import describe
from mtn_tui.postgres.server import Server


@dataclass(frozen=True)
class Source:
    """What is recorded about a database before it is dumped."""

    server: ServerIdentity
    properties: DatabaseProperties
    extensions: tuple[Extension, ...]
    roles: tuple[str, ...]
    search_path: tuple[str, ...]
    """Schemas on the search paths of its sessions."""
    without_rows: tuple[str, ...]
    """Unlogged tables, if the server is a standby."""
    size: int
    """Bytes on the server's disk; 0 if unknown."""


def read_source(server: Server, database: str, application: str, token: CancelToken | None = None) -> Source:
    """Query all of it. Raises PostgresError, also once ``token`` is cancelled."""
    with connect(server, database, application, own_session=True, token=token) as connection:
        described = describe(connection, database)
        return Source(
            identity.server_identity(connection),
            identity.database_properties(connection),
            identity.extensions(connection),
            identity.roles_named(connection),
            search_path.of_source(connection),
            standby.without_rows(connection),
            (described.size if described else 0) or 0,
        )
