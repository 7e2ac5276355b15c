"""Loads the script inside a backup: rows in parallel, keys as soon as their table is in.

Where there is a manifest the sections are read in any order by several
connections; a legacy file is played from its start by one.
"""

from __future__ import annotations

import os
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import chain

from mtn_tui.archive import statements
from mtn_tui.archive.manifest import Manifest, Section
from mtn_tui.archive.reader import Archive
from mtn_tui.archive.rows import CopyDone, CopyRows
from mtn_tui.archive.sections import Part
from mtn_tui.archive.statements import CopyIn, Event, PsqlCommand, Statement
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import NotABackup
from mtn_tui.core.i18n import _
from mtn_tui.engine.tasks import Task, run_tasks
from mtn_tui.postgres.load import Closer, Closing, LoadConnection, closer, is_setting

CONNECTIONS = min((os.cpu_count() or 1) + 1, 4)
"""One more than cores, for one often waits for the disk. Each holds a section in memory."""

_HARMLESS = (b"\\restrict", b"\\unrestrict")

Open = Callable[[], LoadConnection]
_Load = Task[LoadConnection]


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
                    _("The script holds a psql command, which is never obeyed: {line!r}").format(
                        line=event.line[:80].decode(errors="backslashreplace")
                    )
                )


def _copy(events: Iterator[Event], connection: LoadConnection, statement: bytes) -> None:
    with connection.copy(statement) as write:
        for event in events:
            if isinstance(event, CopyDone):
                return
            assert isinstance(event, CopyRows)  # noqa: S101 - statements.read gives nothing else here
            write(event.data)


def play_legacy(
    pieces: Iterable[bytes], open_connection: Open, token: CancelToken, advance: Callable[[int], None]
) -> None:
    """Play a whole script, given in pieces of SQL, on one connection."""
    with closing(open_connection()) as connection, token.calling(connection.cancel):
        play(statements.read(_counted(pieces, token, advance)), connection)


def _counted(pieces: Iterable[bytes], token: CancelToken, advance: Callable[[int], None]) -> Iterator[bytes]:
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
) -> None:
    """Load all of a backup into the empty database that ``open_connection`` leads to.

    ``advance`` gets bytes of SQL. Once all rows are in, ``on_rows_loaded`` gets
    the number of statements still to come, and ``advance`` counts those. The
    tail, which marks the database, is left out.
    """
    loader = _Loader(archive, token, _Progress(advance, on_rows_loaded))
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(open_connection())) for _unused in range(CONNECTIONS)]

        def stop() -> None:
            for connection in connections:
                connection.cancel()

        with token.calling(connections[0].cancel):
            preamble = loader.pre_data(connections[0])
        for connection in connections[1:]:
            connection.under(preamble)
        run_tasks(loader.tasks(), connections, token, stop)


@dataclass(frozen=True)
class _Piece:
    """Sections that are loaded one after the other, in one go."""

    name: str
    sections: tuple[Section, ...]
    whole: bool
    """Whether it is all that there is of a table."""

    @property
    def table(self) -> str:
        return self.sections[0].table

    @property
    def raw(self) -> int:
        return sum(section.raw for section in self.sections)

    @property
    def within_rows(self) -> bool:
        """Whether it begins among a table's rows, after the COPY statement."""
        return bool(self.table) and self.sections[0].cut


class _Progress:
    """First of the rows, in bytes, then of the statements that are left. Safe from any thread."""

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
        """One piece of rows is in."""
        with self._lock:
            self._pieces -= 1
            if not self._pieces:
                self._on_rows_loaded(self._statements)

    def closed(self) -> None:
        """One of the statements is done."""
        with self._lock:
            self._statements -= 1
            if not self._pieces:
                self.advance(1)


class _Loader:
    def __init__(self, archive: Archive, token: CancelToken, progress: _Progress) -> None:
        self._archive = archive
        self._token = token
        self._progress = progress

    def _sql(self, sections: Iterable[Section]) -> Iterator[bytes]:
        pieces = chain.from_iterable(self._archive.sql(section) for section in sections)
        return _counted(pieces, self._token, self._progress.advance)

    def _of(self, part: Part) -> list[Section]:
        return [section for section in self._archive.manifest.sections if section.part is part]

    def pre_data(self, connection: LoadConnection) -> tuple[bytes, ...]:
        """Play pre-data; return the settings it begins with, which every session needs."""
        events = statements.read(self._sql(self._of(Part.PRE_DATA)))
        preamble: list[bytes] = []
        for event in events:
            if isinstance(event, PsqlCommand):
                continue
            if not (isinstance(event, Statement) and is_setting(event.sql)):
                connection.under(tuple(preamble))
                play(chain([event], events), connection)
                return tuple(preamble)
            preamble.append(event.sql)
        connection.under(tuple(preamble))
        return tuple(preamble)

    def tasks(self) -> list[_Load]:
        pieces = _pieces(self._archive.manifest)
        rows = [Task(piece.name, partial(self._rows, piece), weight=piece.raw) for piece in pieces]
        by_table: dict[str, list[_Piece]] = defaultdict(list)
        for piece in pieces:
            by_table[piece.table].append(piece)
        closers = [*_closers(statements.read(self._sql(self._of(Part.POST_DATA))))]
        closing = [*_closing_tasks(closers, by_table, self._close)]
        self._progress.expect(len(rows), len(closing))
        return [*rows, *closing]

    def _rows(self, piece: _Piece, connection: LoadConnection) -> None:
        connection.on_the_path(lambda: self._send(piece, connection))
        self._progress.loaded()

    def _send(self, piece: _Piece, connection: LoadConnection) -> None:
        sql = self._sql(piece.sections)
        if piece.within_rows:
            copy = piece.sections[0].copy.removesuffix(";").encode(errors="surrogateescape")
            _copy(statements.read(sql, within_rows=True, open_end=True), connection, copy)
        else:
            table = piece.table.encode(errors="surrogateescape")
            with connection.filling(table) if piece.whole else nullcontext():
                play(statements.read(sql, open_end=bool(table)), connection)

    def _close(self, sql: bytes, settings: tuple[bytes, ...], connection: LoadConnection) -> None:
        if settings:
            connection.under(settings)
        connection.execute(sql)
        self._progress.closed()


def _pieces(manifest: Manifest) -> list[_Piece]:
    """The data run, in pieces that can be loaded at the same time.

    A table stays whole, unless it is so large that the others would be in long before it.
    """
    sizes: Counter[str] = Counter()
    for section in manifest.sections:
        sizes[section.table] += section.raw
    share = manifest.raw // CONNECTIONS
    groups: list[list[Section]] = []
    for section in manifest.sections:
        if section.part in (Part.SQL, Part.TABLE):
            if groups and (section.joined or (section.cut and sizes[section.table] <= share)):
                groups[-1].append(section)
            else:
                groups.append([section])
    pieces = []
    for number, group in enumerate(groups):
        table = group[0].table
        whole = bool(table) and sizes[table] == sum(section.raw for section in group)
        pieces.append(_Piece(f"data {number}", tuple(group), whole))
    return pieces


def _closers(events: Iterable[Event]) -> Iterator[tuple[Closer, tuple[bytes, ...]]]:
    """Post-data's statements, each with the settings that stand before it."""
    settings: dict[bytes, bytes] = {}
    for event in events:
        if not isinstance(event, Statement):
            continue
        if is_setting(event.sql):
            settings[event.sql.partition(b"=")[0]] = event.sql
        else:
            yield closer(event.sql), tuple(settings.values())


def _closing_tasks(
    closers: list[tuple[Closer, tuple[bytes, ...]]],
    by_table: dict[str, list[_Piece]],
    close: Callable[[bytes, tuple[bytes, ...], LoadConnection], None],
) -> Iterator[_Load]:
    """Keys after their table's rows; the rest in its order after all keys, foreign keys side by side.

    ANALYZE fills the gaps between foreign keys, after whatever else would wait
    for its lock or tells it what to gather; what queries the tables waits for
    it. ``close`` executes a statement under its settings.
    """
    sizes = {table: sum(piece.raw for piece in pieces) for table, pieces in by_table.items()}
    keys: dict[str, list[str]] = defaultdict(list)
    barrier = {piece.name for pieces in by_table.values() for piece in pieces}
    for number, (one, settings) in enumerate(closers):
        if one.what is Closing.KEY:
            (table,) = one.tables
            name = f"key {number}"
            keys[table].append(name)
            after = frozenset(piece.name for piece in by_table.get(table, ()))
            yield Task(name, partial(close, one.sql, settings), after, weight=sizes.get(table, 0))
    barrier |= {name for names in keys.values() for name in names}
    analyses = {table: f"analyze {table}" for table in by_table if table}
    analyzed_after: set[str] | None = None
    refreshed = False
    beside: set[str] = set()
    for number, (one, settings) in enumerate(closers):
        name, work = f"close {number}", partial(close, one.sql, settings)
        if one.what in (Closing.FOREIGN_KEY, Closing.REFRESH):
            analyzed_after = analyzed_after or barrier
            refreshed |= one.what is Closing.REFRESH
        if one.what is Closing.FOREIGN_KEY:
            weight = max(sizes.get(table, 0) for table in one.tables)
            yield Task(name, work, frozenset(barrier), frozenset(one.tables), weight)
            beside.add(name)
        elif one.what is not Closing.KEY:
            yield Task(name, work, frozenset([*barrier, *beside, *(analyses.values() if refreshed else ())]))
            barrier, beside = {name}, set()
    for table, name in analyses.items():
        work = partial(close, b"ANALYZE " + table.encode(errors="surrogateescape"), ())
        yield Task(name, work, frozenset(analyzed_after or barrier), frozenset([table]), weight=-1)
