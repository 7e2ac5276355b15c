"""Read-only servers, and what a backup from a hot standby lacks."""

from __future__ import annotations

from dataclasses import dataclass

from mtn_tui.postgres.connection import Connection, translated

_ROWLESS = """
    SELECT quote_ident(nspname) || '.' || quote_ident(relname)
    FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE pg_is_in_recovery() AND relkind = 'r' AND relpersistence = 'u' ORDER BY 1
"""


@dataclass(frozen=True)
class ReadOnly:
    """Why a server is read-only."""

    standby: bool
    source: str
    """Source of ``default_transaction_read_only`` according to pg_settings."""


def read_only(connection: Connection) -> ReadOnly | None:
    """Return why the server is read-only; None if it is not."""
    with translated():
        row = connection.execute(
            """
            SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on',
                (SELECT source FROM pg_settings WHERE name = 'default_transaction_read_only')
            """
        ).fetchone()
    assert row is not None  # noqa: S101 - a query of one row
    standby, refuses, source = row
    return ReadOnly(bool(standby), str(source)) if standby or refuses else None


def without_rows(connection: Connection) -> tuple[str, ...]:
    """Return the unlogged tables if this is a standby, which has none of their rows."""
    with translated():
        rows = connection.execute(_ROWLESS).fetchall()
    return tuple(str(name) for (name,) in rows)


def cuts_short(connection: Connection) -> bool:
    """Return whether a hot standby would cancel a long dump that delays changes of its primary."""
    with translated():
        row = connection.execute(
            """
            SELECT pg_is_in_recovery() AND current_setting('max_standby_streaming_delay') <> '-1'
                AND current_setting('hot_standby_feedback') = 'off'
            """
        ).fetchone()
    return bool(row and row[0])
