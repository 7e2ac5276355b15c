"""The scene of a practice incident: a school that was backed up twice and goes on working."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.header import decode_header, make_header

from mtn_tui.demo import school
from mtn_tui.demo.school_life import live_on
from mtn_tui.demo.stack import DATABASE, Stack
from mtn_tui.operations.common.context import Context
from mtn_tui.postgres.compare import table_digests

FULLS = 2
APPLICATIONS = 40
"""New applications after each backup."""


@dataclass(frozen=True)
class Held:
    """The contents of a database: rows and digest by table."""

    tables: Mapping[str, tuple[int, str]]

    @property
    def rows(self) -> int:
        """The number of rows in all tables."""
        return sum(rows for rows, _digest in self.tables.values())

    def missing(self, other: Held) -> int:
        """Return how many rows fewer than ``other`` this has, summed over the tables that have fewer."""
        return sum(
            max(0, rows - self.tables.get(name, (0, ""))[0]) for name, (rows, _digest) in other.tables.items()
        )


@dataclass(frozen=True)
class Full:
    """A full backup, and the contents of production when it was made."""

    name: str
    """Name of its payload."""
    held: Held


@dataclass(frozen=True)
class Scene:
    """The stack, its backups, and the contents of production before the incident."""

    stack: Stack
    context: Context
    fulls: tuple[Full, ...]
    """Newest first."""
    held: Held
    """Contents of production just before the incident."""


def fill(stack: Stack, rows: int, now: datetime) -> int:
    """Create the school with about ``rows`` rows, the newest at ``now``; return how many there are."""
    stack.postgres.create_database(DATABASE)
    return school.build(stack.postgres.conninfo(DATABASE), rows=rows, newest=now)


def set_up(stack: Stack, context: Context, back_up: Callable[[], str]) -> Scene:
    """Back the school up twice, changing it after each. Raises what ``back_up`` raises.

    ``back_up`` makes a full backup and returns the name of its payload.
    """
    fulls = []
    for _number in range(FULLS):
        held = holds(context)
        fulls.append(Full(back_up(), held))
        live_on(stack.postgres.conninfo(DATABASE), APPLICATIONS)
    return Scene(stack, context, tuple(reversed(fulls)), holds(context))


def holds(context: Context) -> Held:
    """Return the present contents of production. Raises PostgresError or ServerLost."""
    return Held(table_digests(context.server, DATABASE))


def subjects(stack: Stack) -> Counter[str]:
    """Return the subjects of all mails that have arrived."""
    return Counter(
        str(make_header(decode_header(str(message["Subject"])))) for message in stack.mail.messages()
    )
