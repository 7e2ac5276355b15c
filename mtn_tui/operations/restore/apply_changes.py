"""Applies a differential to its full, as psql would; where that may be, several tables at the same time.

Alone it is the one transaction that the script says. Shared, each connection plays the whole script but
for the tables that another has taken; the last one to be done with its tables plays the end, which marks
the database. Where one of them fails the database is of no use, and a restore drops it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

from mtn_tui.archive import mark, statements
from mtn_tui.archive.reader import Archive
from mtn_tui.archive.rows import CopyRows
from mtn_tui.archive.statements import CopyIn, Event, PsqlCommand, Statement
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import PostgresError
from mtn_tui.engine.tasks import Task
from mtn_tui.operations.restore.changes_without import LeftOut, by_table, table_of
from mtn_tui.operations.restore.load import Open, counted, open_more, play, run_on
from mtn_tui.postgres.change_script import CAN_BE_SHARED
from mtn_tui.postgres.closers import refreshes
from mtn_tui.postgres.load import LoadConnection
from mtn_tui.postgres.load_chunks import EMPTY_PATH
from mtn_tui.postgres.load_without import Without
from mtn_tui.postgres.statement_kind import parts

_STOPS_AT_ERRORS = b"\\set ON_ERROR_STOP on"
"""The command for psql in a differential: what we do anyway."""

_NOT_FILLED = "55000"
"""SQLSTATE of a query that reads a materialized view which is not filled yet."""

WORTH_SHARING = 1 << 20
"""Bytes of SQL: less is applied before another connection is open."""

_LONGEST_BEGINNING = 50
"""Statements before the first table: what is longer has no tables."""


def apply_changes(
    archive: Archive,
    full: str,
    open_connection: Open,
    most: int,
    without: Without,
    token: CancelToken,
    advance: Callable[[int], None],
) -> frozenset[tuple[str, ...]]:
    """Apply a differential on the full with the id ``full``, which the database was loaded from.

    Returns the tables that were changed, by schema and name: the script has counted their rows.
    ``most``: connections to use, fewer where the server has no more. ``without``: what the full was
    loaded without, and what more is left out. ``advance`` gets bytes of SQL. Raises PostgresError.
    """
    with ExitStack() as stack:
        first = stack.enter_context(closing(open_connection()))
        script = Script(archive, token)
        several = [first]
        with token.calling(first.cancel):
            # A load leaves out the mark, which the differential demands.
            first.execute(mark.statement(full.encode()))
            if without.extensions:
                script.left_out = LeftOut(archive.manifest.rows(), first, without)
            elif archive.manifest.raw >= WORTH_SHARING and may_be_shared(script, first):
                several += open_more(stack, open_connection, most)
        script.play(several, advance)
        with token.calling(first.cancel):
            first.analyze_changed(script.changed)
            _refresh(script.views, first)
    return frozenset(parts(table.decode(errors="surrogateescape")) for table in script.changed)


def may_be_shared(script: Script, connection: LoadConnection) -> bool:
    """Whether tables need nothing that is done, and put back, within one transaction for all of them."""
    beginning: list[Event] = []
    for table, event in by_table(script.events()):
        if table:
            play(iter(beginning), connection)
            ((answer,),) = connection.rows(CAN_BE_SHARED)
            connection.execute(b"ROLLBACK")
            return bool(answer)
        beginning.append(event)
        if len(beginning) > _LONGEST_BEGINNING:
            break
    return False


def _untold(_bytes: int) -> None:
    pass


@dataclass
class Script:
    """A differential, and which of its tables are whose."""

    archive: Archive
    token: CancelToken
    left_out: LeftOut | None = None
    changed: dict[bytes, int] = field(default_factory=dict)
    """Rows that came, by table, as the script names it."""
    views: list[bytes] = field(default_factory=list)
    """What fills materialized views."""
    _players: int = 1
    """Those that are not done with their tables."""
    _last: object = None
    """The player that plays the end."""
    _whose: dict[bytes, object] = field(default_factory=dict)
    """By table, the player that has taken it."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def play(self, several: Sequence[LoadConnection], advance: Callable[[int], None]) -> None:
        """Play it on these connections; ``advance`` is told of what the first of them reads."""
        self._players = len(several)
        told = [advance, *[_untold] * (len(several) - 1)]
        tasks = [Task(f"changes {number}", partial(self._play, one)) for number, one in enumerate(told)]
        run_on(several, tasks, self.token)

    def _play(self, advance: Callable[[int], None], connection: LoadConnection) -> None:
        player, tries = object(), iter((False, True))

        def work() -> None:
            again = next(tries)
            play(self._part(player, _untold if again else advance, again=again), connection)

        connection.on_the_path(work)

    def _part(self, player: object, advance: Callable[[int], None], *, again: bool) -> Iterator[Event]:
        """The beginning, this player's tables and, if it is the last one to be done with them, the end."""
        begun, copied = False, b""
        for table, event in by_table(self.events(advance)):
            begun = begun or bool(table)
            if table and not self._takes(table, player):
                continue
            if isinstance(event, CopyIn):
                copied = table_of(event.sql)
                if copied == table:
                    self.changed[table] = 0
            elif isinstance(event, CopyRows) and copied == table:
                self.changed[table] += event.data.count(b"\n")
            elif begun and not table and not self._is_last(player):
                yield Statement(b"COMMIT")
                return
            if isinstance(event, Statement) and refreshes(event.sql):
                self.views.append(event.sql)
            elif not (again and isinstance(event, Statement) and EMPTY_PATH.match(event.sql)):
                yield event  # but for what would take away the search path that is set for a second try

    def _takes(self, table: bytes, player: object) -> bool:
        """Whether a table is this player's: of who comes to it first. A second try takes the same ones."""
        with self._lock:
            return self._whose.setdefault(table, player) is player

    def _is_last(self, player: object) -> bool:
        """Whether all others are done with their tables, now that this one is."""
        with self._lock:
            if self._last is None:
                self._players -= 1
                self._last = None if self._players else player
            return self._last is player

    def events(self, advance: Callable[[int], None] = _untold) -> Iterator[Event]:
        """All of it that is to be played; ``advance`` is told of the bytes that are read."""
        pieces = chain.from_iterable(self.archive.sql(section) for section in self.archive.manifest.sections)
        told = statements.read(counted(pieces, self.token, advance))
        for event in self.left_out.kept(told) if self.left_out else told:
            if not (isinstance(event, PsqlCommand) and event.line == _STOPS_AT_ERRORS):
                yield event


def _refresh(views: Sequence[bytes], connection: LoadConnection) -> None:
    """Fill materialized views: one that reads another within a function after that, as only trying tells."""
    left = views
    while left:
        unfilled: dict[bytes, PostgresError] = {}
        for view in left:
            try:
                connection.execute(view)
            except PostgresError as error:
                if error.sqlstate != _NOT_FILLED:
                    raise
                unfilled[view] = error
        if len(unfilled) == len(left):
            raise unfilled[left[0]]
        left = list(unfilled)
