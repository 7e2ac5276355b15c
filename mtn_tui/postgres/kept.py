"""Databases that something else took the place of, and that were kept: ``<name>__before_<YYYYMMDD_HHMMSS>``.

The stamp is local time, as in every name of ours. All that is known of one
stands in its name: nothing else could be lost apart from it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mtn_tui.core.clock import local_stamp
from mtn_tui.core.values import scratch_name
from mtn_tui.postgres.connection import Connection, translated

_NAME = re.compile(r"(?P<of>.+)__before_(?P<stamp>[0-9]{8}_[0-9]{6})", re.DOTALL)


@dataclass(frozen=True)
class ReplacedDatabase:
    name: str
    of: str
    """The name it had. Only its beginning where that was too long and nothing known has it."""
    since: datetime
    """When it was taken out of use, aware."""
    size: int | None
    """Bytes; None where we may not be told."""

    @property
    def has_whole_name(self) -> bool:
        """Whether its name was not shortened: otherwise nobody can be sure what it was."""
        return self.name.startswith(f"{self.of}__before_")


def kept_name(target: str, moment: datetime, taken: Collection[str] = ()) -> str:
    """The name for what ``target`` was until ``moment``, or the next second that is not ``taken``.

    It fits PostgreSQL's 63 bytes: where it would not, its beginning is shortened.
    """
    while True:
        name = scratch_name(target, f"__before_{local_stamp(moment)}")
        if name not in taken:
            return name
        moment += timedelta(seconds=1)


def kept_form(target: str) -> str:
    """How such a name will look: its moment is that of the swap, which nobody knows before."""
    return scratch_name(target, "__before_YYYYMMDD_HHMMSS")


def since(name: str) -> datetime | None:
    """When the database of that name was taken out of use; None for any other database's name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        return datetime.strptime(match["stamp"], "%Y%m%d_%H%M%S").astimezone()
    except (ValueError, OverflowError):
        return None


def kept_databases(connection: Connection, known: Iterable[str] = ()) -> list[ReplacedDatabase]:
    """All there are on the server, the newest first. ``known`` are names that databases have or had."""
    with translated():
        rows = connection.execute(
            """
            SELECT datname, CASE WHEN has_database_privilege(oid, 'CONNECT')
                    OR pg_has_role('pg_read_all_stats', 'USAGE') THEN pg_database_size(oid) END
            FROM pg_database WHERE datname NOT IN ('template0', 'template1') ORDER BY datname
            """
        ).fetchall()
    names = [*known, *(str(name) for name, _size in rows)]
    found = [
        ReplacedDatabase(
            str(name), _of(str(name), moment, names), moment, None if size is None else int(str(size))
        )
        for name, size in rows
        if (moment := since(str(name))) is not None
    ]
    return sorted(found, key=lambda one: one.since, reverse=True)


def kept_of(connection: Connection, target: str) -> list[ReplacedDatabase]:
    """Those that had the name ``target``, the newest first."""
    return [one for one in kept_databases(connection, [target]) if one.of == target]


def _of(name: str, moment: datetime, names: Iterable[str]) -> str:
    short, _mark, _stamp = name.rpartition("__before_")
    if short in names:
        return short
    return next((one for one in names if one != name and kept_name(one, moment) == name), short)
