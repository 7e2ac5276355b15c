"""Databases that mtn restored read-only, for inspection or promotion, and the mark by which it knows them.

The mark is the first line of the database's comment, so that it is seen from any machine. It names the
database it was made as: renamed, or in production's place, a database is nobody's to drop any more.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from mtn_tui.core.identity import DatabaseProperties
from mtn_tui.core.moments import read_moment
from mtn_tui.core.settings import Settings
from mtn_tui.operations.common import production
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import Connection
from mtn_tui.postgres.identity import database_properties

READ_ONLY = "default_transaction_read_only=on"

_HEAD = "mtn: restored "
_LINE = re.compile(rf"{_HEAD}(?P<facts>\{{[^\n]*\}})(?:\n|\Z)")


@dataclass(frozen=True)
class Mark:
    """What the comment of a database that was restored read-only says of it."""

    name: str
    """Its name."""
    of: str
    """DB_NAME of the configuration by which it was made."""
    backup: str
    """The file that it was restored from."""
    since: str
    """When, in ISO 8601."""


@dataclass(frozen=True)
class BesideDatabase:
    """A database that mtn restored read-only, and that was neither promoted nor dropped."""

    name: str
    of: str
    since: datetime
    backup: str
    size: int | None
    """Bytes; None if hidden from us."""

    def is_past(self, now: datetime, days: float) -> bool:
        """Whether it is there for longer than ``days``."""
        return (now - self.since).total_seconds() > days * 86400


def writable(properties: DatabaseProperties) -> DatabaseProperties:
    """The same, without what made a database read-only until it is promoted."""
    return replace(properties, settings=tuple(one for one in properties.settings if one != READ_ONLY))


def read_only(properties: DatabaseProperties) -> DatabaseProperties:
    """The same, with sessions read-only by default."""
    return replace(writable(properties), settings=(*writable(properties).settings, READ_ONLY))


def marked(properties: DatabaseProperties, mark: Mark) -> DatabaseProperties:
    """The same, read-only, with the mark before what the comment says."""
    plain = unmarked(properties)
    line = _HEAD + json.dumps(asdict(mark), ensure_ascii=False)
    return replace(read_only(plain), comment="\n".join(filter(None, [line, plain.comment])))


def unmarked(properties: DatabaseProperties) -> DatabaseProperties:
    """The same without a mark, and without being read-only where there was one."""
    found = _LINE.match(properties.comment)
    if found is None:
        return properties
    return replace(writable(properties), comment=properties.comment[found.end() :])


def mark_of(properties: DatabaseProperties, name: str) -> Mark | None:
    """The mark of a database, if it was made under this name and is still read-only."""
    found = _LINE.match(properties.comment)
    if found is None or READ_ONLY not in properties.settings:
        return None
    try:
        mark = Mark(**{key: str(value) for key, value in json.loads(found["facts"]).items()})
        read_moment(mark.since)
    except (ValueError, TypeError, RecursionError):
        return None  # somebody has changed it by hand
    return mark if mark.name == name else None


def databases_beside(server: Connection, settings: Settings) -> list[BesideDatabase]:
    """Those made by this configuration's database, newest first; production is never among them."""
    found = []
    for name in databases.commented(server, _HEAD):
        described = databases.describe(server, name)
        mark = mark_of(database_properties(server, name), name) if described else None
        if described is None or mark is None or mark.of != settings.db_name:
            continue
        if not production.is_production(settings, name):
            found.append(BesideDatabase(name, mark.of, read_moment(mark.since), mark.backup, described.size))
    return sorted(found, key=lambda one: one.since, reverse=True)
