"""The scene of a practice incident: a school that is backed up while it works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.header import decode_header, make_header

from mtn_tui.demo import school
from mtn_tui.demo.school_life import live_on, work
from mtn_tui.demo.stack import DATABASE, Stack
from mtn_tui.operations.common.context import Context
from mtn_tui.postgres.compare import table_digests

FULLS = 2
AT_ONCE = 4
"""Of each kind of work, between two backups of a day."""
DIFFERENTIALS = 2
"""After the full of a day."""
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

    def without(self, other: Held) -> dict[str, tuple[int, int]]:
        """By table, how many more rows this has than ``other``, and the difference of their digests.

        A digest is a sum over rows, so that is of those rows alone if no other has changed.
        """
        return {
            name: (rows - other.tables[name][0], int(digest) - int(other.tables[name][1]))
            for name, (rows, digest) in self.tables.items()
        }

    def plus(self, more: Mapping[str, tuple[int, int]]) -> Held:
        """Add what ``without`` has returned."""
        return Held(
            {
                name: (rows + more[name][0], str(int(digest) + more[name][1]))
                for name, (rows, digest) in self.tables.items()
            }
        )

    def missing(self, other: Held) -> int:
        """Return how many rows fewer than ``other`` this has, summed over the tables that have fewer."""
        return sum(
            max(0, rows - self.tables.get(name, (0, ""))[0]) for name, (rows, _digest) in other.tables.items()
        )


@dataclass(frozen=True)
class Point:
    """A backup, and the contents of production when it was made."""

    name: str
    """Name of its payload."""
    held: Held


@dataclass(frozen=True)
class Scene:
    """The stack, its backups, and the contents of production before the incident."""

    stack: Stack
    context: Context
    points: tuple[Point, ...]
    """Newest first."""
    held: Held
    """Contents that production would have if nothing had happened."""
    back_up_changes: Callable[[], str]
    """Makes a differential and returns the name of its payload."""
    deleted: frozenset[str] = frozenset()
    """Tables that rows were deleted from."""
    said: Callable[[], str] = lambda: ""
    """What is known of the incident besides its kind, for the operator, in the language in use."""


def fill(stack: Stack, rows: int, now: datetime) -> int:
    """Create the school with about ``rows`` rows, the newest at ``now``; return how many there are."""
    stack.postgres.create_database(DATABASE)
    return school.build(stack.postgres.conninfo(DATABASE), rows=rows, newest=now)


def set_up(
    stack: Stack, context: Context, back_up: Callable[[], str], back_up_changes: Callable[[], str]
) -> Scene:
    """Back the school up twice, changing it after each. Raises what ``back_up`` raises.

    ``back_up`` and ``back_up_changes`` make a backup, full or differential, and return the name of
    its payload.
    """
    points = []
    for _number in range(FULLS):
        held = holds(context)
        points.append(Point(back_up(), held))
        live_on(stack.postgres.conninfo(DATABASE), APPLICATIONS)
    return Scene(stack, context, tuple(reversed(points)), holds(context), back_up_changes)


def live_a_day(
    stack: Stack, context: Context, back_up: Callable[[], str], back_up_changes: Callable[[], str]
) -> Scene:
    """Back the school up as a day does, a full and differentials, with work between them.

    After the last one nothing is written. Takes what ``set_up`` takes.
    """
    points = [Point(back_up(), holds(context))]
    for _number in range(DIFFERENTIALS):
        work_on(stack)
        held = holds(context)
        points.append(Point(back_up_changes(), held))
    return Scene(stack, context, tuple(reversed(points)), points[-1].held, back_up_changes)


def work_on(stack: Stack, only: frozenset[int] | None = None) -> None:
    """Let families apply, ``only`` those of some students, and the staff do its work."""
    live_on(stack.postgres.conninfo(DATABASE), AT_ONCE, only)
    work(stack.postgres.conninfo(DATABASE), AT_ONCE)


def holds(context: Context) -> Held:
    """Return the present contents of production. Raises PostgresError or ServerLost."""
    return Held(table_digests(context.server, DATABASE))


def subjects(stack: Stack) -> Counter[str]:
    """Return the subjects of all mails that have arrived."""
    return Counter(
        str(make_header(decode_header(str(message["Subject"])))) for message in stack.mail.messages()
    )
