"""In which tablespace a restored database is made."""

from __future__ import annotations

from mtn_tui.core.settings import Settings
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import Connection


def place_for(settings: Settings, server: Connection, target: str) -> str:
    """The tablespace that the target lies in; for a staging that is not there, production's. Else empty."""
    place = databases.tablespace_of(server, target)
    if not place and target == settings.staging_db_name:  # it may be promoted
        place = databases.tablespace_of(server, settings.db_name)
    return place
