"""Counts the connections that the server has left."""

from __future__ import annotations

from mtn_tui.postgres.connection import Connection, translated


def free(connection: Connection) -> int:
    """Return how many connections we may still open, without those reserved for superusers; may be negative.

    Limits of databases are ignored: a database being loaded has none.
    """
    with translated():
        row = connection.execute(
            """
            WITH clients AS (
                SELECT usesysid FROM pg_stat_activity
                WHERE usesysid IS NOT NULL AND datid IS NOT NULL
                  AND coalesce(backend_type, 'client backend') = 'client backend'
            )
            SELECT least(
                current_setting('max_connections')::int
                    - current_setting('superuser_reserved_connections')::int
                    - coalesce(current_setting('reserved_connections', true)::int, 0)
                    - (SELECT count(*) FROM clients),
                CASE WHEN rolconnlimit >= 0 AND NOT rolsuper
                    THEN rolconnlimit - (SELECT count(*) FROM clients WHERE usesysid = r.oid) END
            ) FROM pg_roles AS r WHERE rolname = current_user
            """
        ).fetchone()
    assert row is not None  # noqa: S101 - whoever is connected is a role
    return int(str(row[0]))


def held(connection: Connection) -> int:
    """Return the number of connections with the application name and user of this one."""
    with translated():
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = current_setting('application_name')"
            " AND usesysid = (SELECT oid FROM pg_roles WHERE rolname = current_user)"
        ).fetchone()
    assert row is not None  # noqa: S101 - it counts
    return int(str(row[0]))
