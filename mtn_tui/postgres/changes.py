"""What has changed in tables since a full: found by one scan of each, and read in one consistent moment.

A row is *new* if the transaction that wrote it is not older than the full's
horizon. Rows that a transaction wrote which was running then may be in the
full as well: they are deleted and inserted again. Of the *old* rows there are as many as the
full has if none was deleted or updated since.

Whoever locks a table is who reads it, in one transaction a table: a session that
held the lock for another of ours would make that one wait behind the
application's TRUNCATE, which waits for the first. Where a table was truncated or rewritten
after the snapshot, and would be read as empty, its file is another than
the snapshot says: then all is begun anew (``Moved``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

import psycopg

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import PostgresError, ServerLost
from mtn_tui.core.i18n import _
from mtn_tui.postgres import server_errors
from mtn_tui.postgres.bulk import LOCK_SECONDS, SETTINGS
from mtn_tui.postgres.connection import Connection, explained
from mtn_tui.postgres.giving_way import CANCELLED
from mtn_tui.postgres.leaf_tables import Table
from mtn_tui.postgres.load_advice import lacks_a_name
from mtn_tui.postgres.snapshot import reading
from mtn_tui.postgres.tools import Child

WINDOW = 1 << 31
"""Transactions after which their ids of 32 bits begin to repeat."""

_TOGETHER = 50
"""Tables that are locked and counted in one transaction, if they are small."""
_PAGES_TOGETHER = 1000

_BULK = 5_000
"""Rows above which psql reads them."""

_REWRITTEN = """
    SELECT c.oid::bigint FROM pg_class AS c
    WHERE c.oid = ANY (%s::oid[]) AND pg_relation_filenode(c.oid) IS DISTINCT FROM c.relfilenode
"""


MOST_GONE = 200_000
"""Rows that went, above which a table is written whole: their keys are held in memory."""


class Mode(StrEnum):
    """How a table's changes are told."""

    SAME = "same"
    ADDED = "added"
    """Rows came, none went."""
    REPLACED = "replaced"
    """All its rows, in place of those that it had."""
    MERGED = "merged"
    """The keys of the rows that went, and those that came."""


class Moved(Exception):
    """A table was truncated, rewritten, altered or dropped after the snapshot, or stays locked."""


class Interrupted(Moved):
    """What was being read was cancelled: somebody waited for its table (``giving_way``)."""


class Broken(Exception):
    """The counts contradict each other, so the full can't be the base."""


@dataclass(frozen=True)
class Change:
    """What has become of one table."""

    table: Table
    label: str
    """Its name as pg_dump writes it."""
    mode: Mode
    base_rows: int
    """In the full."""
    new: int
    """Rows that came since."""
    now: int
    """Rows that it has."""
    gone: tuple[bytes, ...] = ()
    """Keys of the rows that went, if they are merged: lines of COPY's text."""

    @property
    def shipped(self) -> int:
        """Rows that the differential holds of it."""
        return {Mode.SAME: 0, Mode.REPLACED: self.now}.get(self.mode, self.new)


@dataclass(frozen=True)
class Base:
    """One table in the full."""

    label: str
    rows: int
    oid: int
    has_keys: bool = False


@dataclass
class Reader:
    """Reads tables in an exported snapshot."""

    connection: Connection
    snapshot: str
    """Its name."""
    horizon: int
    """Of the full."""
    token: CancelToken
    bulk: Callable[[Table, str, str], Child]
    """Starts psql with a query on a table in the same snapshot and a search_path, as ``bulk.read`` does."""
    path: str = ""
    """The search_path of the database's sessions, for functions that name something without its schema."""
    _searching: bool = False
    """Whether one of them was found."""

    def __post_init__(self) -> None:
        self.connection.execute("; ".join(SETTINGS).encode())

    @property
    def is_new(self) -> str:
        """The condition that a row is new, in SQL."""
        return f"pg_catalog.age(xmin) BETWEEN 0 AND pg_catalog.age('{self.horizon % (1 << 32)}'::xid)"

    @contextmanager
    def at_the_moment(self) -> Iterator[None]:
        """One transaction in the snapshot."""
        with _moved(), reading(self.connection, self.snapshot):
            yield

    @contextmanager
    def locked(self, some: Sequence[Table]) -> Iterator[None]:
        """The same, with these tables locked, and seen to be what the snapshot has. Raises Moved."""
        with self.at_the_moment():
            self.connection.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'".encode())
            if path := "".join({self._path_of(table) for table in some}):
                self.connection.execute(f"SET LOCAL search_path = {path}".encode())
            names = ", ".join(table.rows_of for table in some)
            self.connection.execute(f"LOCK TABLE {names} IN ACCESS SHARE MODE".encode())
            files = [file for table in some for file in table.files]
            if self.connection.execute(_REWRITTEN, [files]).fetchone():
                raise Moved(_("a table was truncated or rewritten just now"))
            yield

    def count(self, some: Sequence[Table]) -> list[tuple[int, int]]:
        """The new rows of each table, and all that it has."""
        new = [f"count(*) FILTER (WHERE {self.is_new})" if table.heap else "count(*)" for table in some]
        queries = [
            f"SELECT {number}, {one}, count(*) FROM {table.rows_of} {table.condition}"  # noqa: S608 - quoted
            for number, (table, one) in enumerate(zip(some, new, strict=True))
        ]
        while True:
            try:
                with self.locked(some):
                    rows = self.connection.execute("\nUNION ALL ".join(queries).encode()).fetchall()
                break
            except Interrupted:
                self.token.check()  # else it is counted again, behind who waited
            except PostgresError as error:
                if self._searching or not self.path or not lacks_a_name(error):
                    raise
                self._searching = True
        found = {int(str(number)): (int(str(one)), int(str(all_))) for number, one, all_ in rows}
        return [found[number] for number in range(len(some))]

    def _path_of(self, table: Table) -> str:
        return self.path if self._searching and table.calls else ""

    def rows(self, change: Change) -> Iterator[bytes]:
        """The rows that it holds of a table, as COPY's text. Raises Moved if they are others."""
        table = change.table
        condition = table.condition if change.mode is Mode.REPLACED else f"WHERE {self.is_new}"
        query = f"SELECT {', '.join(table.columns)} FROM {table.rows_of} {condition}"  # noqa: S608 - quoted
        many = change.shipped > _BULK
        count = 0
        for piece in self._in_bulk(table, query) if many else self._one_by_one(table, query):
            self.token.check()
            count += piece.count(b"\n")
            yield piece
        if count != change.shipped:
            raise Moved(_("{table} was read differently the second time").format(table=change.label))

    def old_keys(self, table: Table) -> Iterator[bytes]:
        """The keys of the rows that are left of the full's, in order, as COPY's text. Raises Moved."""
        key = ", ".join(table.key)
        query = f"SELECT {key} FROM {table.rows_of} WHERE NOT ({self.is_new}) ORDER BY {key}"  # noqa: S608 - quoted
        yield from self._in_bulk(table, query)

    def _one_by_one(self, table: Table, query: str) -> Iterator[bytes]:
        copies = f"COPY ({query}) TO STDOUT"
        with self.locked([table]), self.connection.cursor() as cursor, cursor.copy(copies.encode()) as copy:
            for row in copy:
                yield bytes(row)

    def _in_bulk(self, table: Table, query: str) -> Iterator[bytes]:
        try:
            with self.bulk(table, query, self._path_of(table)) as child, self.token.calling(child.kill):
                yield from child
        except ServerLost:
            raise
        except PostgresError as error:
            self.token.check()
            raise Moved(error.title) from error


def together(tables: Sequence[Table]) -> Iterator[list[Table]]:
    """Large tables one by one, many small ones at once."""
    some: list[Table] = []
    pages = 0
    for table in tables:
        if some and (len(some) == _TOGETHER or pages + table.pages > _PAGES_TOGETHER):
            yield some
            some, pages = [], 0
        some.append(table)
        pages += table.pages
    if some:
        yield some


def find(
    reader: Reader, tables: Sequence[Table], base: dict[tuple[str, str], Base], advance: Callable[[int], None]
) -> list[Change]:
    """Scan each table; say what is to be told of it. Raises Moved, and Broken if a count can't be."""
    found = []
    for some in together(tables):
        for table, (new, now) in zip(some, reader.count(some), strict=True):
            reader.token.check()
            found.append(_change(table, base[table.schema, table.name], new, now))
        advance(len(some))
    return found


def _change(table: Table, base: Base, new: int, now: int) -> Change:
    old = now - new
    whole = not table.heap or bool(table.condition) or table.oid != base.oid
    if not table.heap or table.oid != base.oid:
        mode = Mode.REPLACED if now or base.rows else Mode.SAME
    elif old > base.rows:
        raise Broken(
            _("{table} has {old} rows from before the full, which has {rows}").format(
                table=base.label, old=old, rows=base.rows
            )
        )
    elif old == base.rows:
        mode = Mode.ADDED if new else Mode.SAME
    elif old and base.has_keys and not whole and base.rows - old <= MOST_GONE:
        mode = Mode.MERGED
    else:
        mode = Mode.REPLACED
    if mode is Mode.ADDED and (whole or table.partitioned):
        mode = Mode.REPLACED
    return Change(table, base.label, mode, base.rows, new, now)


@contextmanager
def _moved() -> Iterator[None]:
    """Raise Moved for what says that a table is not any more what it was in the snapshot."""
    try:
        yield
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn,
        psycopg.errors.LockNotAvailable,
        psycopg.errors.WrongObjectType,
        psycopg.errors.DeadlockDetected,
        psycopg.errors.InternalError,
    ) as error:
        if server_errors.in_a_function(error):
            raise _explained(error) from error
        raise Moved(str(error.diag.message_primary or error)) from error
    except psycopg.errors.QueryCanceled as error:
        raise Interrupted(_("the application waited for a table that was being read")) from error
    except PostgresError as error:
        if error.sqlstate == CANCELLED:
            raise Interrupted(_("the application waited for a table that was being read")) from error
        raise
    except psycopg.Error as error:
        raise _explained(error) from error


def _explained(error: psycopg.Error) -> Exception:
    made = explained(error, _("reading the tables"))
    assert isinstance(made, Exception)  # noqa: S101 - for the type checker
    return made
