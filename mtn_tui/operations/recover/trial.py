"""Writes rows into the live database, within a transaction that its caller commits or rolls back.

Foreign keys, checks and triggers hold as for anybody. First all is written at once, with what is
deferrable deferred. Where that is refused, the rows that the database refuses are told apart by
halving, and named; the others are written in passes, since a row may need one of a later table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.i18n import _
from mtn_tui.operations.recover.spool import Spool
from mtn_tui.postgres import server_errors
from mtn_tui.postgres.connection import Connection, explained, translated
from mtn_tui.postgres.missing_rows import Missing
from mtn_tui.postgres.references import Reference

MOST_NAMED = 200
"""Rows of a table that are named one by one; the rest of what is refused is named together."""

_OF_A_ROW = ("22", "23", "27", "38", "39", "44", "P0")
"""SQLSTATEs by which the database refuses a row, not us, or for lack of something."""


@dataclass(frozen=True)
class Batch:
    """Rows of one table that one COPY writes."""

    missing: Missing
    start: int
    end: int

    @property
    def rows(self) -> int:
        """How many."""
        return self.end - self.start


@dataclass(frozen=True)
class Conflict:
    """Rows that the database refuses, and why."""

    batch: Batch
    state: str
    """SQLSTATE; empty if a trigger has left the row out without a word."""
    says: str
    """Without values."""
    private: str
    """What the server said of the row's values."""


@dataclass
class Trial:
    """One attempt. Names of ``order`` are the tables, each after those that it refers to."""

    live: Connection
    order: Sequence[Missing]
    spools: Mapping[int, Spool]
    """By number of the table."""
    known: Sequence[Reference]
    token: CancelToken
    advance: Callable[[int], None] = lambda count: None
    batches: list[Batch] = field(default_factory=list)
    """What was written, in that order."""
    conflicts: list[Conflict] = field(default_factory=list)

    def run(self) -> None:
        """Write the rows. Raises PostgresError if it fails for another reason than a row."""
        every = [Batch(one, 0, len(self.spools[one.number])) for one in self.order]
        every = [one for one in every if one.rows]
        with translated():
            self.live.execute("SAVEPOINT mtn_all")
            self.live.execute("SET CONSTRAINTS ALL DEFERRED")
            if self._all(every):
                self.batches = every
                return
            self.live.execute("ROLLBACK TO SAVEPOINT mtn_all")
            self.live.execute("SET CONSTRAINTS ALL IMMEDIATE")
            self._apart(every)

    def _all(self, every: Sequence[Batch]) -> bool:
        try:
            for one in every:
                if self._copy(one) != one.rows:
                    return False
            self.live.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except psycopg.Error as error:
            self._only_a_row(error)
            return False
        return True

    def _apart(self, every: Sequence[Batch]) -> None:
        places = {one.missing.table.oid: place for place, one in enumerate(every)}
        again = any(
            places[one.child] <= places[one.parent]
            for one in self.known
            if one.child in places and one.parent in places
        )
        left: list[Batch] = list(every)
        while True:
            written = sum(one.rows for one in self.batches)
            self.conflicts, named = [], dict.fromkeys((one.missing.number for one in every), 0)
            for batch in left:
                self._place(batch, named)
            left = [one.batch for one in self.conflicts]
            if not left or not again or sum(one.rows for one in self.batches) == written:
                return

    def _place(self, batch: Batch, named: dict[int, int]) -> None:
        """Write what can be written of a batch."""
        try:
            with translated():
                self.live.execute("SAVEPOINT mtn_batch")
            whole = self._copy(batch) == batch.rows
            state, says, private = "", _("a trigger has left it out"), ""
        except psycopg.Error as error:
            self._only_a_row(error)
            whole, said = False, server_errors.read(error)
            state, says = error.sqlstate or "", said.says
            private = said.private
        if not whole:
            self.live.execute("ROLLBACK TO SAVEPOINT mtn_batch")
        self.live.execute("RELEASE SAVEPOINT mtn_batch")
        number = batch.missing.number
        if whole:
            self._wrote(batch)
        elif batch.rows == 1 or named[number] >= MOST_NAMED:
            named[number] += 1
            self.conflicts.append(Conflict(batch, state, says, private))
        else:
            middle = (batch.start + batch.end) // 2
            self._place(Batch(batch.missing, batch.start, middle), named)
            self._place(Batch(batch.missing, middle, batch.end), named)

    def _wrote(self, batch: Batch) -> None:
        """Note it, in one with the one before if they are next to each other."""
        last = self.batches[-1] if self.batches else None
        if last and last.missing is batch.missing and last.end == batch.start:
            self.batches[-1] = Batch(batch.missing, last.start, batch.end)
        else:
            self.batches.append(batch)

    def _copy(self, batch: Batch) -> int:
        """Write a batch; returns how many rows the table took. Raises psycopg.Error."""
        self.token.check()
        with self.live.cursor() as cursor:
            with cursor.copy(f"COPY {batch.missing.target} FROM STDIN".encode()) as copy:
                for piece in self.spools[batch.missing.number].read(batch.start, batch.end):
                    copy.write(piece)
            self.advance(batch.rows)
            return cursor.rowcount

    def _only_a_row(self, error: psycopg.Error) -> None:
        """Raise PostgresError unless the database refuses a row."""
        state = error.sqlstate or ""
        if self.live.closed or not (state.startswith(_OF_A_ROW) or server_errors.in_a_function(error)):
            raise explained(error, _("Copying rows back")) from error
