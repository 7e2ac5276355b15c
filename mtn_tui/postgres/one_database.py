"""Extensions that a server allows in only one database, and the setting that names it.

Their scripts refuse to run elsewhere, so no restore can create them, since it loads into a new database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.postgres.connection import Connection, translated

_NOT_TOLD = "42501"


@dataclass(frozen=True)
class OneDatabase:
    """An extension that is allowed in only one database."""

    setting: str
    """The setting that names the database, or several separated by commas."""
    schemas: tuple[str, ...]
    """Schemas that belong to the extension, with everything in them."""
    again: Callable[[], str] = lambda: ""
    """Returns advice on recreating what its rows stand for."""


KNOWN = {
    "pg_cron": OneDatabase(
        "cron.database_name",
        ("cron",),
        lambda: _("Its jobs are made again there: SELECT cron.schedule(…);"),
    ),
    "pg_ff3": OneDatabase("ff3.database", ("ff3",)),
}


def named(connection: Connection, setting: str) -> str:
    """Return the database that a setting names; empty if it is unset or hidden from us."""
    try:
        with translated():
            row = connection.execute("SELECT current_setting(%s, true)", [setting]).fetchone()
    except PostgresError as error:
        if error.sqlstate != _NOT_TOLD:
            raise
        return ""
    return str(row[0] or "") if row else ""


def only_in_one(connection: Connection, names: Iterable[str]) -> list[str]:
    """Return those of ``names`` that no new database can have: the known ones and their dependents."""
    names = list(names)
    return with_dependents(connection, [name for name in names if name in KNOWN], names)


def with_dependents(connection: Connection, gone: Collection[str], names: Iterable[str]) -> list[str]:
    """Return those of ``names`` that are in ``gone`` or require one that is, in order."""
    if not gone:
        return []
    names = list(names)
    with translated():
        rows = connection.execute(
            "SELECT v.name::text, v.requires::text[] FROM pg_available_extension_versions AS v"
            " JOIN pg_available_extensions AS a ON a.name = v.name AND a.default_version = v.version"
            " WHERE v.name = ANY(%s)",
            [names],
        ).fetchall()
    required: dict[str, list[str]] = {str(name): list(of or ()) for name, of in rows}  # type: ignore[call-overload]  # text[]
    found = set(gone)
    while more := {name for name, of in required.items() if found.intersection(of)} - found:
        found |= more
    return [name for name in names if name in found]
