"""Servers that take no changes, and what a hot standby can't give a backup."""

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
    """Why a server takes no changes from us."""

    standby: bool
    source: str
    """Where ``default_transaction_read_only`` is set, by pg_settings' words."""


def read_only(connection: Connection) -> ReadOnly | None:
    """None where it takes changes."""
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
    """Unlogged tables, where this is a standby: it has none of their rows."""
    with translated():
        rows = connection.execute(_ROWLESS).fetchall()
    return tuple(str(name) for (name,) in rows)


def cuts_short(connection: Connection) -> bool:
    """Whether a hot standby ends a long dump once changes of its primary have to wait for it."""
    with translated():
        row = connection.execute(
            """
            SELECT pg_is_in_recovery() AND current_setting('max_standby_streaming_delay') <> '-1'
                AND current_setting('hot_standby_feedback') = 'off'
            """
        ).fetchone()
    return bool(row and row[0])
