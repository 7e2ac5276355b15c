"""Loads the script inside a backup: rows in parallel, keys as soon as their table is in.

Where there is a manifest the sections are read in any order by several
connections; a legacy file is played from its start by one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from itertools import chain, groupby

from mtn_tui.archive import statements
from mtn_tui.archive.allowed import shown_command
from mtn_tui.archive.manifest import Section
from mtn_tui.archive.reader import Archive
from mtn_tui.archive.rows import CopyDone, CopyRows
from mtn_tui.archive.sections import Part
from mtn_tui.archive.statements import CopyIn, Event, PsqlCommand, Statement
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import NoSlots, NotABackup, PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.engine.tasks import Task, run_tasks
from mtn_tui.operations.restore.incomplete import Failures, advise
from mtn_tui.operations.restore.pieces import Piece, filled_by, pieces_of
from mtn_tui.operations.restore.post_data import ClosingTasks
from mtn_tui.postgres.closers import refreshes
from mtn_tui.postgres.load import LoadConnection, Refused, is_setting
from mtn_tui.postgres.statistics import are_set

CONNECTIONS = min((os.cpu_count() or 1) + 1, 4)
"""One more than cores, for one often waits for the disk. Each holds a section in memory."""

_FIRST = "tables of extensions"

_OF_CHECKS = ("23514", "P0")
"""SQLSTATEs of a check that is violated, and of what a function raises."""

_HARMLESS = (b"\\restrict", b"\\unrestrict")

Open = Callable[[], LoadConnection]
_Load = Task[LoadConnection]


def open_several(stack: ExitStack, open_connection: Open, most: int) -> list[LoadConnection]:
    """As many connections as are of use, up to ``most``, and at least one; ``stack`` closes them.

    Raises NoSlots if the server has none free.
    """
    first = stack.enter_context(closing(open_connection()))
    return [first, *open_more(stack, open_connection, most)]


def open_more(stack: ExitStack, open_connection: Open, most: int) -> list[LoadConnection]:
    """Those besides a first one that are of use, up to ``most`` with it; ``stack`` closes them."""
    connections: list[LoadConnection] = []
    with suppress(NoSlots):  # others were quicker: it goes on with those it has
        while len(connections) + 1 < min(most, CONNECTIONS):
            connections.append(stack.enter_context(closing(open_connection())))
    return connections


def run_on(connections: Sequence[LoadConnection], tasks: Sequence[_Load], token: CancelToken) -> None:
    """Run tasks, each on one of these connections; the first error interrupts what the others do."""

    def stop() -> None:
        for connection in connections:
            connection.cancel()

    run_tasks(tasks, connections, token, stop)


def play(events: Iterator[Event], connection: LoadConnection) -> None:
    """Execute a script on one connection. psql's commands are refused, save those that only protect psql."""
    for event in events:
        match event:
            case Statement():
                connection.execute(event.sql)
            case CopyIn():
                _copy(events, connection, event.sql)
            case PsqlCommand() if not event.line.startswith(_HARMLESS):
                raise NotABackup(
                    _("The script holds a psql command, which is never run: {command}").format(
                        command=shown_command(event.line)
                    )
                )


def _play_own(events: Iterator[Event], connection: LoadConnection, refused: Refused | None = None) -> None:
    """As ``play``, for a script of our own, whose statements go to the server many in one go.

    ``refused``, if given, is called for each statement that fails, and the next one follows.
    """
    for several, run in groupby(events, lambda event: isinstance(event, Statement)):
        if several:
            connection.execute_all((event.sql for event in run if isinstance(event, Statement)), refused)
        else:
            play(run, connection)


def _copy(events: Iterator[Event], connection: LoadConnection, statement: bytes) -> None:
    with connection.copy(statement) as write:
        for event in events:
            if isinstance(event, CopyDone):
                return
            assert isinstance(event, CopyRows)  # noqa: S101 - statements.read gives nothing else here
            write(event.data)


def counted(pieces: Iterable[bytes], token: CancelToken, advance: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the pieces and report their bytes to ``advance``. Raises Cancelled once ``token`` is set."""
    for piece in pieces:
        token.check()
        yield piece
        advance(len(piece))


def load(
    archive: Archive,
    open_connection: Open,
    token: CancelToken,
    advance: Callable[[int], None],
    on_rows_loaded: Callable[[int], None],
    failures: Failures | None = None,
    most: int = CONNECTIONS,
    *,
    refresh: bool = True,
) -> None:
    """Load all of a backup into the empty database that ``open_connection`` leads to.

    ``advance`` gets bytes of SQL. Once all rows are in, ``on_rows_loaded`` gets
    the number of statements still to come, and ``advance`` counts those. The
    tail, which marks the database, is left out. With ``failures`` rows and
    statements that the server refuses are put there, and the rest goes on.
    ``most``: connections to use, fewer where the server has no more. ``refresh``: fill
    materialized views; a differential, which is applied afterwards, does so itself.
    """
    loader = _Loader(archive, token, _Progress(advance, on_rows_loaded), failures, refresh=refresh)
    with ExitStack() as stack:
        connections = open_several(stack, open_connection, most)
        with token.calling(connections[0].cancel):
            preamble = loader.pre_data(connections[0])
        for connection in connections[1:]:
            connection.under(preamble)
        run_on(connections, loader.tasks(connections[0]), token)


def _is_any(event: Event, kinds: Iterable[Callable[[bytes], bool]]) -> bool:
    return isinstance(event, Statement) and any(one(event.sql) for one in kinds)


class _Progress:
    """Reports progress: first of rows, in bytes, then of the statements that are left. Thread-safe."""

    def __init__(self, advance: Callable[[int], None], on_rows_loaded: Callable[[int], None]) -> None:
        self.advance = advance
        self._on_rows_loaded = on_rows_loaded
        self._lock = threading.Lock()
        self._pieces = 0
        self._statements = 0

    def expect(self, pieces: int, statements: int) -> None:
        self._pieces, self._statements = pieces, statements
        if not pieces:
            self._on_rows_loaded(statements)

    def loaded(self) -> None:
        """Note that one piece of rows is loaded."""
        with self._lock:
            self._pieces -= 1
            if not self._pieces:
                self._on_rows_loaded(self._statements)

    def closed(self, count: int) -> None:
        """Note that so many statements are done."""
        with self._lock:
            self._statements -= count
            if not self._pieces:
                self.advance(count)


class _Loader:
    def __init__(
        self,
        archive: Archive,
        token: CancelToken,
        progress: _Progress,
        failures: Failures | None,
        *,
        refresh: bool,
    ) -> None:
        self._failures = failures
        self._refresh = refresh
        self._archive = archive
        self._token = token
        self._progress = progress
        self._settings: dict[bytes, bytes] = {}
        """By the text before their value."""
        self._pieces_left = 0
        self._put_off: list[Piece] = []
        self._lock = threading.Lock()

    def _sql(self, sections: Iterable[Section]) -> Iterator[bytes]:
        pieces = chain.from_iterable(self._archive.sql(section) for section in sections)
        return counted(pieces, self._token, self._progress.advance)

    def _of(self, part: Part) -> list[Section]:
        return [section for section in self._archive.manifest.sections if section.part is part]

    def pre_data(self, connection: LoadConnection) -> tuple[bytes, ...]:
        """Play pre-data; return the settings it begins with, which every session needs.

        Those that it ends with hold for what comes after the rows.
        """
        events = self._heeded(statements.read(self._sql(self._of(Part.PRE_DATA))))
        preamble: list[bytes] = []
        for event in events:
            if isinstance(event, PsqlCommand):
                continue
            if not (isinstance(event, Statement) and is_setting(event.sql)):
                connection.under(tuple(preamble))
                with self._advised():
                    _play_own(chain([event], events), connection, self._refused)
                return tuple(preamble)
            preamble.append(event.sql)
        connection.under(tuple(preamble))
        return tuple(preamble)

    @property
    def _refused(self) -> Refused | None:
        return None if self._failures is None else self._failures.add

    @contextmanager
    def _advised(self) -> Iterator[None]:
        """Name --keep-going where the server refuses a statement."""
        try:
            yield
        except PostgresError as error:
            advise(error)
            raise

    def _heeded(self, events: Iterator[Event]) -> Iterator[Event]:
        """Pass a script on, and keep the last value of each setting."""
        for event in events:
            if isinstance(event, Statement) and is_setting(event.sql):
                self._settings[event.sql.partition(b"=")[0]] = event.sql
            yield event

    def tasks(self, connection: LoadConnection) -> list[_Load]:
        """All that comes after pre-data, which ``connection`` has played."""
        manifest = self._archive.manifest
        tables = {section.table for section in manifest.sections if section.table}
        in_turn = connection.tables_of_extensions(tables)
        pieces = pieces_of(manifest, CONNECTIONS, in_turn)
        first = [piece for piece in pieces if not in_turn.isdisjoint(piece.tables)]
        rows: list[_Load] = [
            Task(piece.name, partial(self._rows, piece), weight=piece.raw) for piece in pieces
        ]
        if first:
            # Keys among them are there already, so they come in pg_dump's order, before all others.
            names = {piece.name for piece in first}
            rows = [replace(task, after=(_FIRST,)) for task in rows if task.name not in names]
            rows.append(Task(_FIRST, partial(self._in_turn, first)))
            rows.extend(Task(name, lambda _connection: None, (_FIRST,)) for name in names)
        post_data = statements.read(self._sql(self._of(Part.POST_DATA)))
        leave_out = [] if self._refresh else [refreshes]
        leave_out += [] if connection.takes_statistics else [are_set]
        if leave_out:
            post_data = (one for one in post_data if not _is_any(one, leave_out))
        closing = ClosingTasks(post_data, filled_by(pieces), self._settings)
        self._progress.expect(len(pieces), closing.steps)
        self._pieces_left = len(pieces)
        return [*rows, *closing.tasks(self._close, self._analyze)]

    def _in_turn(self, pieces: Iterable[Piece], connection: LoadConnection) -> None:
        for piece in pieces:
            self._rows(piece, connection)

    def _rows(self, piece: Piece, connection: LoadConnection) -> None:
        if len(piece.sections) > 1 and piece.small:
            self._small(piece, connection)
        else:
            self._alone(piece, connection)
        with self._lock:
            self._pieces_left -= 1
            last = not self._pieces_left
        if last:
            for one in sorted(self._put_off, key=lambda put_off: put_off.sections[0].offset):
                self._alone(one, connection, again=True)
        self._progress.loaded()

    def _alone(self, piece: Piece, connection: LoadConnection, *, again: bool = False) -> None:
        """Load a piece; if a check that may read other tables refuses it, put it off until those are in."""
        try:
            connection.on_the_path(lambda: self._large(piece, connection))
        except PostgresError as error:
            of_a_check = not again and error.sqlstate.startswith(_OF_CHECKS)
            if of_a_check and connection.goes_on() and connection.checks_call_functions():
                self._put_off.append(piece)
                return
            if self._failures is None or not connection.goes_on():
                advise(error)
                raise
            self._tell_rows(error, piece)

    def _tell_rows(self, error: PostgresError, piece: Piece) -> None:
        assert self._failures is not None  # noqa: S101 - else the error was raised
        table = piece.sections[0].table
        if not table:
            self._failures.add(error, b"")
            return
        sections = [one for one in self._archive.manifest.sections if one.table == table]
        rows = sum(section.rows for section in piece.sections)
        self._failures.add_rows(error, table, rows, whole=len(sections) == len(piece.sections))

    def _small(self, piece: Piece, connection: LoadConnection) -> None:
        """Load small tables all together; one by one if that fails."""

        def all_of_them() -> None:
            for sql in self._archive.neighbours(piece.sections):
                self._token.check()
                play(statements.read(sql), connection)

        if connection.together(all_of_them):
            self._progress.advance(piece.raw)
            return
        for section in piece.sections:
            self._alone(replace(piece, sections=(section,)), connection)

    def _large(self, piece: Piece, connection: LoadConnection) -> None:
        """Load one table, a part of one, or SQL."""
        sql = self._sql(piece.sections)
        if piece.within_rows:
            copy = piece.sections[0].copy.removesuffix(";").encode(errors="surrogateescape")
            _copy(statements.read(sql, within_rows=True, open_end=True, to_the_end=True), connection, copy)
            return
        table = piece.sections[0].table.encode(errors="surrogateescape")
        with connection.filling(table) if piece.whole and not piece.small else nullcontext():
            is_table = bool(table)
            _play_own(statements.read(sql, open_end=is_table, to_the_end=is_table), connection)

    def _close(
        self, several: Sequence[bytes], settings: tuple[bytes, ...], connection: LoadConnection
    ) -> None:
        if settings:
            connection.under(settings)
        with self._advised():
            connection.execute_all(several, self._refused)
        self._progress.closed(len(several))

    def _analyze(self, tables: Sequence[str], connection: LoadConnection) -> None:
        connection.analyze([table.encode(errors="surrogateescape") for table in tables])
        self._progress.closed(len(tables))
