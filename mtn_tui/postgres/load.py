"""Connections into which a script is loaded.

The script is given statement by statement; rows are sent by COPY in chunks of
64 KiB to 1 MiB. Archives are read elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import psycopg
from psycopg.pq import TransactionStatus

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import Cancelled, PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.postgres import server_errors, statistics
from mtn_tui.postgres.connection import connect, explained, translated
from mtn_tui.postgres.load_advice import advice
from mtn_tui.postgres.load_chunks import EMPTY_PATH, in_chunks, in_messages
from mtn_tui.postgres.load_queries import (
    ARE_THERE,
    CHECKS_THAT_CALL,
    FOR_LOADING,
    MAY_BE_EMPTIED,
    MUCH_CHANGED,
    TABLES_OF_EXTENSIONS,
)
from mtn_tui.postgres.search_path import SearchPath
from mtn_tui.postgres.server import Server
from mtn_tui.postgres.statement_kind import kind_of, parts
from mtn_tui.postgres.subscriptions import unattached

_SET = re.compile(rb"SET\s|SELECT pg_catalog\.set_config\(", re.IGNORECASE)

# Statements that an ordinary owner of a database may be refused without harm to the data.
_OWNERS_ONLY = re.compile(
    rb"COMMENT ON (?:EXTENSION|SCHEMA public)\b|ALTER SCHEMA public OWNER|"
    rb"(?:GRANT|REVOKE) .* ON SCHEMA public\b|ALTER DEFAULT PRIVILEGES\b|COMMENT ON EVENT TRIGGER\b|"
    rb"CREATE SUBSCRIPTION\b",
    re.DOTALL,
)

# Statements about a subscription that could not be made.
_OF_SUBSCRIPTION = re.compile(rb"(?:ALTER|COMMENT ON|SECURITY LABEL .* ON) SUBSCRIPTION\b", re.DOTALL)

# Ownership and privileges. A password or name could contain any of these words, but not at the beginning of
# a statement.
_OF_ROLES = re.compile(
    rb"ALTER [A-Z ]+ .* OWNER TO \S+\Z|GRANT |REVOKE |ALTER DEFAULT PRIVILEGES |CREATE POLICY ", re.DOTALL
)

# How a table is stored: what this server does not have is replaced by its default.
_PLACE = re.compile(rb"SET default_(?:tablespace|table_access_method|toast_compression)\b")

# Until PostgreSQL 11 tables could have a hidden column of OIDs, which dumps leave out.
_WITH_OIDS = re.compile(rb"SET default_with_oids = true\Z")

_DEADLOCK_TRIES = 5
_NOT_THERE = ("42P01", "3F000")
"""SQLSTATEs of statistics of what was left out."""


def is_setting(statement: bytes) -> bool:
    """Return whether a statement only configures the session."""
    return _SET.match(statement) is not None


Refused = Callable[[PostgresError, bytes], None]
"""Called with the error and the statement that the server refused."""


class LoadConnection:
    """A connection into the database being loaded. Not thread-safe, except ``cancel``.

    ``skipped`` is called with a description of each statement that the server
    refuses and that changes no data: unknown settings, comments on objects of a
    superuser. ``disowned``, if given, is called for statements about roles that are
    missing here or for which we may not act: their objects become ours.
    """

    def __init__(
        self,
        server: Server,
        database: str,
        application: str,
        skipped: Callable[[str], None],
        disowned: Callable[[str], None] | None = None,
        path: SearchPath | None = None,
        token: CancelToken | None = None,
    ) -> None:
        self._path = path or SearchPath()
        self._connection = connect(server, database, application, own_session=True, token=token)
        self._skipped = skipped
        self._disowned = disowned
        self._connection.prepare_threshold = None  # hardly a statement comes twice
        self._connection.execute(FOR_LOADING)
        self._cancelled = False
        self._under: tuple[bytes, ...] = ()
        self._copy_options = b""

    def on_the_path(self, work: Callable[[], None], *, told: bool = True) -> None:
        """Run ``work``; if a function doesn't find a name, run it again with the search path.

        With ``told``, that it was needed is passed on.
        ``work`` must be repeatable; a transaction that it had begun is rolled back first.
        """
        try:
            work()
            return
        except PostgresError as error:
            if not self._path.helps(error):
                raise
            cause = error
        if self._connection.info.transaction_status is not TransactionStatus.IDLE:
            self._connection.execute("ROLLBACK")
        with self._searching():
            work()
        if told:
            self._path.used(cause.doing)

    @contextmanager
    def _searching(self) -> Iterator[None]:
        ((before,),) = self.rows(b"SELECT current_setting('search_path')")
        self._set_path(self._path.value)
        try:
            yield
        except PostgresError as error:
            error.hint = error.hint.replace(advice(error), "")
            error.hint = f"{error.hint} {self._path.in_vain(error)}".strip()
            raise
        finally:
            if self._connection.info.transaction_status is TransactionStatus.IDLE:
                self._set_path(str(before))

    def _set_path(self, value: str) -> None:
        with translated():
            self._connection.execute("SELECT pg_catalog.set_config('search_path', %s, false)", [value])

    def under(self, settings: tuple[bytes, ...]) -> None:
        """Apply these SET statements to what follows."""
        if settings != self._under:
            for setting in settings:
                self.execute(setting)
            self._under = settings

    def execute_one(self, statement: bytes) -> None:
        """Like ``execute``, but the server refuses text that it parses as several statements."""
        self.execute(statement, alone=True)

    def execute(self, statement: bytes, *, alone: bool = False) -> None:
        """Execute a statement; subscriptions are made disabled, and harmless refusals are skipped.

        Raises PostgresError, with advice, and other MtnErrors. With ``alone``, text with
        several statements is refused.
        """
        statement = unattached(statement)
        if self._path.always and EMPTY_PATH.match(statement):
            self._set_path(self._path.value)
        elif self._connection.info.transaction_status is TransactionStatus.IDLE:
            self._execute(statement, alone)
        else:
            self._try(statement, alone)

    def _execute(self, statement: bytes, alone: bool) -> None:
        of_statistics = statistics.are_set(statement)  # what they need the rows have needed, and that is told
        try:
            self.on_the_path(lambda: self._try(statement, alone), told=not of_statistics)
        except PostgresError as error:
            idle = self._connection.info.transaction_status is TransactionStatus.IDLE
            if not (of_statistics and idle) or self._cancelled:
                raise
            if error.sqlstate not in _NOT_THERE:
                self._skipped(f"{kind_of(statement)}: {error.title}")

    def _try(self, statement: bytes, alone: bool) -> None:
        for left in reversed(range(_DEADLOCK_TRIES)):
            try:
                # A binary result uses the extended protocol, which allows a single statement only.
                with self._apart(statement):
                    self._connection.execute(statement, binary=alone)
            except psycopg.errors.DeadlockDetected:
                if left:
                    continue
                raise
            except (psycopg.errors.UndefinedObject, psycopg.errors.InvalidParameterValue) as error:
                if self._disowned and _OF_ROLES.match(statement):
                    self._disowned(kind_of(statement))
                    return
                unknown = isinstance(error, psycopg.errors.UndefinedObject)
                forgone = is_setting(statement) or _OF_SUBSCRIPTION.match(statement)
                if not (forgone if unknown else _PLACE.match(statement)):
                    raise _failed(statement, error) from error
                self._skip(statement, error)
            except (
                psycopg.errors.InsufficientPrivilege,
                psycopg.errors.ProhibitedSqlStatementAttempted,  # a subscription without a password
            ) as error:
                if self._disowned and _OF_ROLES.match(statement):
                    self._disowned(kind_of(statement))
                    return
                if not _OWNERS_ONLY.match(statement):
                    raise _failed(statement, error) from error
                self._skip(statement, error)
            except psycopg.errors.FeatureNotSupported as error:
                if not _WITH_OIDS.match(statement):
                    raise _failed(statement, error) from error
                self._skip(statement, error)
            except psycopg.Error as error:
                raise _failed(statement, error) from error
            return

    def _apart(self, statement: bytes) -> AbstractContextManager[object]:
        """A savepoint, where a refusal is to be skipped within a transaction."""
        within = self._connection.info.transaction_status is TransactionStatus.INTRANS
        forgone = within and self._disowned is not None and _OF_ROLES.match(statement)
        return self._connection.transaction() if forgone else nullcontext()

    def execute_all(self, statements: Iterable[bytes], refused: Refused | None = None) -> None:
        """Execute statements in order, many per round trip and transaction.

        If such a group fails, its statements are executed one by one, as ``execute``
        does; ``refused``, if given, is called for each that fails, and the next one
        follows. Raises Cancelled once ``cancel`` was called.
        """
        for chunk in in_chunks(map(unattached, statements)):
            if self._cancelled:
                raise Cancelled(_("Cancelled: it was asked to stop."))
            if len(chunk) > 1 and self._go_through(b"\n;\n".join(chunk)):
                continue
            for statement in chunk:
                try:
                    self.execute(statement)
                except PostgresError as error:
                    if refused is None or not self.goes_on():
                        raise
                    refused(error, statement)

    def goes_on(self) -> bool:
        """Return whether the connection is usable after an error; rolls back a failed transaction."""
        if self._connection.closed or self._cancelled:
            return False
        if self._connection.info.transaction_status is not TransactionStatus.IDLE:
            self._connection.execute("ROLLBACK")
        return True

    def _go_through(self, statements: bytes) -> bool:
        """Return whether the server accepted them all; if not, none has an effect."""
        if self._connection.info.transaction_status is not TransactionStatus.IDLE:
            return False  # a failure would abort the open transaction
        try:
            self._connection.execute(statements)
        except psycopg.Error as error:
            if self._connection.closed or self._cancelled:
                raise _failed(statements, error) from error
            return False
        return True

    def analyze(self, tables: Sequence[bytes]) -> None:
        """Gather statistics. Failures are passed to ``skipped``, since they harm no data."""
        try:
            self._connection.execute(b"ANALYZE " + b", ".join(tables))
        except psycopg.Error as error:
            if self._connection.closed or self._cancelled:
                raise _failed(b"ANALYZE", error) from error
            if len(tables) > 1:
                for table in tables:
                    self.analyze([table])
                return
            try:
                self.execute(b"ANALYZE " + tables[0])
            except PostgresError as trouble:
                if self._connection.closed or self._cancelled:
                    raise
                self._skipped(f"ANALYZE {tables[0].decode(errors='backslashreplace')}: {trouble.title}")

    def analyze_changed(self, rows: Mapping[bytes, int]) -> None:
        """Gather statistics of tables of which so many rows have changed since, by autovacuum's measure."""
        names = [table.decode(errors="surrogateescape") for table in rows]
        with translated("ANALYZE"):
            much = self._connection.execute(MUCH_CHANGED, [names, list(rows.values())]).fetchall()
        if tables := [str(name).encode(errors="surrogateescape") for (name,) in much]:
            self.analyze(tables)

    def _skip(self, statement: bytes, error: psycopg.Error) -> None:
        # The value of a place is the name of a tablespace or method; other values may be confidential.
        said = error.diag.message_primary if _PLACE.match(statement) else server_errors.read(error).says
        self._skipped(f"{kind_of(statement)}: {said}")

    @contextmanager
    def filling(self, table: bytes) -> Iterator[None]:
        """Load all rows of ``table``, and nothing else, within the block.

        Its pages are written in their final state: the table isn't read and rewritten
        later to freeze its rows, and with minimal wal_level the WAL is skipped. The
        server requires that the table was truncated in the same transaction; a table
        that has rows, or that this user may not truncate, is loaded normally.
        """
        self.execute(b"BEGIN ISOLATION LEVEL READ COMMITTED")
        literal = table.replace(b"'", b"''")
        if self.rows(MAY_BE_EMPTIED % (table, literal))[0][0]:
            self.execute(b"TRUNCATE ONLY " + table)
            self._copy_options = b" WITH (FREEZE)"
        try:
            yield
        finally:
            self._copy_options = b""
        self.execute(b"COMMIT")

    def together(self, work: Callable[[], None]) -> bool:
        """Run ``work`` in one transaction; returns False, with no effect, if any of it is refused."""
        self.execute(b"BEGIN ISOLATION LEVEL READ COMMITTED")
        try:
            work()
            self.execute(b"COMMIT")
        except PostgresError:
            if self._connection.closed or self._cancelled:
                raise
            self.execute(b"ROLLBACK")
            return False
        return True

    @contextmanager
    def copy(self, statement: bytes) -> Iterator[Callable[[bytes], None]]:
        """Open ``COPY … FROM STDIN`` and yield the function that sends rows."""
        try:
            with self._connection.cursor() as cursor, cursor.copy(statement + self._copy_options) as copy:

                def send(rows: bytes) -> None:
                    for message in in_messages(rows):
                        copy.write(message)

                yield send
        except psycopg.Error as error:
            raise _failed(statement, error) from error

    def rows(self, query: bytes) -> list[tuple[object, ...]]:
        """Return the rows of a query. Raises PostgresError and other MtnErrors."""
        try:
            return self._connection.execute(query).fetchall()
        except psycopg.Error as error:
            raise _failed(query, error) from error

    def values(self, queries: Sequence[bytes]) -> Sequence[object]:
        """Return the results of queries with one value each, in one round trip."""
        if len(queries) == 1:
            return self.rows(queries[0])[0]
        return self.rows(b"SELECT " + b", ".join(b"(%b)" % query for query in queries))[0]

    def tables_of_extensions(self, tables: Iterable[str]) -> set[str]:
        """Return those of ``tables``, named as pg_dump does, that belong to an extension."""
        found = self.rows(TABLES_OF_EXTENSIONS)
        return {table for table in tables if parts(table) in found} if found else set()

    def absent(self, tables: Sequence[bytes]) -> list[bytes]:
        """Return those of ``tables``, named as pg_dump does, that do not exist."""
        names = b", ".join(b"'%b'" % table.replace(b"'", b"''") for table in tables)
        found = self.rows(ARE_THERE % names)
        return [table for table, (there,) in zip(tables, found, strict=True) if not there]

    @property
    def takes_statistics(self) -> bool:
        """Whether this server takes the planner's statistics from a script."""
        return self._connection.info.server_version >= statistics.SINCE * 10_000

    def checks_call_functions(self) -> bool:
        """Return whether any check constraint calls a function of the database, which may read any table."""
        return bool(self.rows(CHECKS_THAT_CALL)[0][0])

    def cancel(self) -> None:
        """Interrupt the connection, from any thread; ``execute_all`` then raises Cancelled."""
        self._cancelled = True
        try:
            self._connection.cancel_safe(timeout=5)
        except psycopg.Error:
            # The server is gone, or too busy to answer: closing the socket ends the wait as well.
            self._connection.pgconn.finish()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _failed(statement: bytes, error: psycopg.Error) -> Exception:
    made = explained(error, kind_of(statement))
    if type(made) is PostgresError:
        made.doing = kind_of(statement)
        # A view stores resolved names, so an unresolved name must come from a function that it calls.
        made.in_a_function |= made.doing.startswith("REFRESH MATERIALIZED VIEW ")
        made.hint = f"{made.hint} {advice(made)}".strip()
    return made
