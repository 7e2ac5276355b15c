"""A school that has been backed up twice and goes on working: what a practice incident happens to."""

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
"""That come in between two backups, and after the last."""


@dataclass(frozen=True)
class Held:
    """What a database holds, or held: rows and a digest by table."""

    tables: Mapping[str, tuple[int, str]]

    @property
    def rows(self) -> int:
        return sum(rows for rows, _digest in self.tables.values())

    def missing(self, other: Held) -> int:
        """How many rows of ``other`` are not in this, table by table."""
        return sum(
            max(0, rows - self.tables.get(name, (0, ""))[0]) for name, (rows, _digest) in other.tables.items()
        )


@dataclass(frozen=True)
class Full:
    """A backup, and what production held when it was made."""

    name: str
    """Of its payload."""
    held: Held


@dataclass(frozen=True)
class Scene:
    stack: Stack
    context: Context
    fulls: tuple[Full, ...]
    """Newest first."""
    held: Held
    """By production, just before the incident."""


def fill(stack: Stack, rows: int, now: datetime) -> int:
    """Make the school, of about ``rows`` rows, the newest of them of ``now``; returns how many there are."""
    stack.postgres.create_database(DATABASE)
    return school.build(stack.postgres.conninfo(DATABASE), rows=rows, newest=now)


def set_up(stack: Stack, context: Context, back_up: Callable[[], str]) -> Scene:
    """Let the school be backed up twice, and go on working after each. Raises what ``back_up`` raises.

    ``back_up`` makes a full and returns its payload's name.
    """
    fulls = []
    for _number in range(FULLS):
        held = holds(context)
        fulls.append(Full(back_up(), held))
        live_on(stack.postgres.conninfo(DATABASE), APPLICATIONS)
    return Scene(stack, context, tuple(reversed(fulls)), holds(context))


def holds(context: Context) -> Held:
    """What production holds now. Raises PostgresError, ServerLost."""
    return Held(table_digests(context.server, DATABASE))


def subjects(stack: Stack) -> Counter[str]:
    """Of all mail that has arrived."""
    return Counter(
        str(make_header(decode_header(str(message["Subject"])))) for message in stack.mail.messages()
    )
