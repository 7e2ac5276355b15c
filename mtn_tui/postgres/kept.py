"""Databases that were replaced and kept, named ``<name>__before_<YYYYMMDD_HHMMSS>``.

The stamp is local time, as in all our names. Everything known about such a
database is in its name, so nothing can be lost separately.
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
    """A database that was replaced and kept."""

    name: str
    of: str
    """Its original name; only the beginning if it was shortened and no known database has it."""
    since: datetime
    """When it was replaced, timezone-aware."""
    size: int | None
    """Bytes; None if hidden from us."""
    renamed: int
    """Transactions since it was renamed or otherwise altered, which no clock can falsify."""

    @property
    def has_whole_name(self) -> bool:
        """Whether its name was not shortened; otherwise ``of`` is uncertain."""
        return self.name.startswith(f"{self.of}__before_")

    def is_past(self, now: datetime, days: float) -> bool:
        """Whether it was kept for longer than ``days``."""
        return now - self.since > timedelta(days=days)


def kept_name(target: str, moment: datetime, taken: Collection[str] = ()) -> str:
    """Return the name for the database called ``target`` until ``moment``, a second later if ``taken``.

    It fits PostgreSQL's 63 bytes: a longer ``target`` is shortened.
    """
    while True:
        name = scratch_name(target, f"__before_{local_stamp(moment)}")
        if name not in taken:
            return name
        moment += timedelta(seconds=1)


def kept_form(target: str) -> str:
    """Return the form of such a name, while the time of the swap is not known yet."""
    return scratch_name(target, "__before_YYYYMMDD_HHMMSS")


def since(name: str) -> datetime | None:
    """Return when the database of this name was replaced; None if it is not such a name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        return datetime.strptime(match["stamp"], "%Y%m%d_%H%M%S").astimezone()
    except (ValueError, OverflowError):
        return None


def kept_databases(connection: Connection, known: Iterable[str] = ()) -> list[ReplacedDatabase]:
    """Return all on the server, newest first. ``known`` are names that databases have or had."""
    with translated():
        rows = connection.execute(
            """
            SELECT datname, CASE WHEN has_database_privilege(oid, 'CONNECT')
                    OR pg_has_role('pg_read_all_stats', 'USAGE') THEN pg_database_size(oid) END, age(xmin)
            FROM pg_database WHERE datname NOT IN ('template0', 'template1') ORDER BY datname
            """
        ).fetchall()
    names = [*known, *(str(name) for name, _size, _age in rows)]
    found = [
        ReplacedDatabase(
            str(name),
            _of(str(name), moment, names),
            moment,
            None if size is None else int(str(size)),
            int(str(age)),
        )
        for name, size, age in rows
        if (moment := since(str(name))) is not None
    ]
    return sorted(found, key=lambda one: one.since, reverse=True)


def kept_of(connection: Connection, target: str) -> list[ReplacedDatabase]:
    """Return those that were called ``target``, newest first."""
    return [one for one in kept_databases(connection, [target]) if one.of == target]


def _of(name: str, moment: datetime, names: Iterable[str]) -> str:
    short, _mark, _stamp = name.rpartition("__before_")
    if short in names:
        return short
    return next((one for one in names if one != name and kept_name(one, moment) == name), short)
