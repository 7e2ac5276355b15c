"""Compares two databases: schema, rows, sequences, large objects.

The servers compute digests, so only sums are transferred. A table's digest is
the sum over its rows of ``hashtextextended(row text)``, which does not depend
on the order of the rows; columns are ordered by name, because the position of an
inherited column may change in a restore. The text of a value depends on
settings, so both sides use the same ones.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import Cancelled
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.postgres import search_path, server_errors
from mtn_tui.postgres.connection import Connection, connect, explained
from mtn_tui.postgres.load_advice import UNRESOLVED
from mtn_tui.postgres.server import Server

Progress = Callable[[int, int], None]
"""Called with the bytes of tables done and in total, of both sides, from either side's thread."""

_SETTINGS = {
    "search_path": "",
    "row_security": "off",  # an error instead of rows left out
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "xmlbinary": "base64",
    "lc_monetary": "C",
    "quote_all_identifiers": "off",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "jit": "off",
}

# What pg_dump writes about itself, not the database; the token after \restrict is random.
_ABOUT_THE_DUMP = (
    "\\restrict ",
    "\\unrestrict ",
    "-- Dumped from database version ",
    "-- Dumped by pg_dump version ",
)

# A table of an extension is compared only if it is configuration, and then only the database's own rows,
# as pg_dump does.
_TABLES = """
SELECT n.nspname, c.relname, coalesce(e.condition, ''), pg_relation_size(c.oid),
    array(
        SELECT a.attname FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname COLLATE "C"
    )
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
LEFT JOIN (
    SELECT unnest(extconfig) AS relation, unnest(extcondition) AS condition FROM pg_extension
) e ON e.relation = c.oid
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\\_%'
    AND n.nspname <> 'information_schema' AND (d.objid IS NULL OR e.relation IS NOT NULL)
ORDER BY pg_relation_size(c.oid) DESC, 1, 2
"""
_SEQUENCES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\\_%'
    AND n.nspname <> 'information_schema' ORDER BY 1, 2
"""
_MATERIALIZED = """
SELECT n.nspname, c.relname, c.relispopulated FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1, 2
"""
_PIECE = 64 << 20  # bytes of a large object that the server holds at once
_STRETCH, _SHOWN = 400, 12  # lines
_LOOK_EVERY = 0.2  # seconds
_LARGE_OBJECTS = """
SELECT oid, length(piece), md5(piece)
FROM (SELECT oid, lo_get(oid, 0, %s) AS piece FROM pg_largeobject_metadata ORDER BY oid OFFSET 0) pieces
"""
_LARGE_OBJECT_PIECE = (
    "SELECT length(piece), md5(piece) FROM (SELECT lo_get(%s, %s, %s) AS piece OFFSET 0) pieces"
)


@dataclass(frozen=True)
class Difference:
    """One difference. ``kind`` is never translated, ``text`` is for people."""

    kind: str
    """One of schema, table, sequence, large_object, materialized_view."""

    name: str
    text: str


@dataclass(frozen=True)
class Comparison:
    """What was compared, counted in the source, and every difference."""

    tables: int
    rows: int
    sequences: int
    large_objects: int
    differences: tuple[Difference, ...]

    @property
    def equal(self) -> bool:
        """Whether there is no difference."""
        return not self.differences


def compare(
    server: Server,
    source: str,
    target: str,
    schemas: tuple[str, str] | None = None,
    *,
    target_server: Server | None = None,
    cancel: CancelToken | None = None,
    progress: Progress = lambda done, total: None,
) -> Comparison:
    """Compare two databases at the same time, each in one snapshot. Writes nothing.

    ``schemas`` are the outputs of ``pg_dump --schema-only`` for the two; without
    them the schema is not compared. ``target`` is on ``server`` too unless
    ``target_server`` is given. The role must be allowed to read everything.

    Raises PostgresError, ServerLost or Cancelled.
    """
    run = _Run(cancel or CancelToken(), progress)
    ours, theirs = run.read((server, source), (target_server or server, target))
    return Comparison(
        tables=len(ours.tables),
        rows=sum(found.count for found in ours.tables.values()),
        sequences=len(ours.sequences),
        large_objects=len(ours.large_objects),
        differences=(
            *(_schema_differences(*schemas) if schemas else ()),
            *_differences("table", ours.tables, theirs.tables),
            *_differences("materialized_view", ours.materialized, theirs.materialized),
            *_differences("sequence", ours.sequences, theirs.sequences),
            *_differences("large_object", ours.large_objects, theirs.large_objects),
        ),
    )


def table_digests(
    server: Server, database: str, cancel: CancelToken | None = None
) -> dict[str, tuple[int, str]]:
    """Return rows and digest of every table, in one snapshot; comparable between servers.

    Raises PostgresError, ServerLost or Cancelled.
    """
    (found,) = _Run(cancel or CancelToken(), lambda done, total: None).read((server, database))
    return {name: (table.count, table.digest) for name, table in found.tables.items()}


def comparable_schema(text: str) -> list[str]:
    """Return the lines of a ``pg_dump --schema-only`` without those about the dump itself."""
    return [line for line in text.split("\n") if not line.startswith(_ABOUT_THE_DUMP)]


@dataclass(frozen=True)
class _Found:
    """The contents of one object: a count (rows, bytes, last value), and a text to compare."""

    count: int
    digest: str


_Named = dict[str, _Found]


@dataclass(frozen=True)
class _Contents:
    tables: _Named
    materialized: _Named
    sequences: _Named
    large_objects: _Named


class _Run:
    """State shared by the sides: progress, and cancellation."""

    def __init__(self, cancel: CancelToken, progress: Progress) -> None:
        self._cancel = cancel
        self._progress = progress
        self._lock = threading.Lock()
        self._done = self._total = 0
        self.stop = CancelToken()
        self.connections: list[Connection] = []

    def add(self, done: int = 0, total: int = 0) -> None:
        with self._lock:
            self._done += done
            self._total += total
            self._progress(self._done, self._total)

    def read(self, *databases: tuple[Server, str]) -> list[_Contents]:
        """The contents of each, read at the same time."""
        with ThreadPoolExecutor(len(databases), "compare") as threads:
            sides = [threads.submit(_contents, server, database, self) for server, database in databases]
            self._watch(sides)
        return [side.result() for side in sides]

    def _watch(self, sides: Iterable[Future[_Contents]]) -> None:
        """Wait for all sides; stop all if one fails or the caller cancels."""
        pending = set(sides)
        failed: list[BaseException] = []
        while pending:
            finished, pending = wait(pending, _LOOK_EVERY, FIRST_COMPLETED)
            failed += [error for side in finished if (error := side.exception())]
            if failed or self._cancel.cancelled:
                self.stop.cancel()
                # Repeated each time: a request that arrives between two commands is lost.
                for connection in self.connections:
                    with suppress(psycopg.Error):  # it has just ended by itself
                        connection.cancel()
        if failed:
            # The cause, not its consequence on the other side.
            raise next((error for error in failed if not isinstance(error, Cancelled)), failed[0])


# The types of the columns are known only from our own queries.
def _rows(connection: Connection, query: LiteralString, values: list[int] | None = None) -> list[Any]:
    return connection.execute(query, values).fetchall()


def _found(connection: Connection, query: sql.Composed) -> _Found:
    row: Any = connection.execute(query).fetchone()  # one row of a count and a digest
    return _Found(*row)


def _found_on_the_path(connection: Connection, query: sql.Composed) -> _Found:
    """As ``_found``, where a function of an index, which is planned in, needs the search path."""
    connection.execute("ROLLBACK TO SAVEPOINT mtn_tables")
    path = search_path.with_catalog(search_path.of_source(connection))
    connection.execute("SELECT set_config('search_path', %s, true)", [path])
    found = _found(connection, query)
    connection.execute("SELECT set_config('search_path', '', true)")
    return found


def _contents(server: Server, database: str, run: _Run) -> _Contents:
    with connect(server, database, "mtn compare") as connection:
        run.connections.append(connection)
        try:
            for name, value in _SETTINGS.items():
                connection.execute("SELECT set_config(%s, %s, false)", [name, value])
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return _Contents(
                tables=_tables(connection, run),
                materialized={
                    _label(schema, name): _Found(populated, "")
                    for schema, name, populated in _rows(connection, _MATERIALIZED)
                },
                sequences=_sequences(connection),
                large_objects=_large_objects(connection, run),
            )
        except psycopg.Error as error:
            run.stop.check()
            raise explained(error, _("Comparing {database}").format(database=database)) from error


def _tables(connection: Connection, run: _Run) -> _Named:
    listed = _rows(connection, _TABLES)
    run.add(total=sum(size for *_rest, size, _columns in listed))
    found: _Named = {}
    connection.execute("SAVEPOINT mtn_tables")
    for schema, name, condition, size, columns in listed:
        run.stop.check()
        row_text = sql.SQL("ROW({})::text").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
        digest = sql.SQL("sum(hashtextextended({}, 0))").format(row_text) if columns else sql.SQL("0")
        query = sql.SQL("SELECT count(*), coalesce({}, 0)::text FROM ONLY {} {}").format(
            digest,
            sql.Identifier(schema, name),
            sql.SQL(cast(LiteralString, condition)),  # from the catalogue, set by the extension
        )
        try:
            one = _found(connection, query)
        except psycopg.Error as error:
            if not (server_errors.in_a_function(error) and error.sqlstate in UNRESOLVED):
                raise
            one = _found_on_the_path(connection, query)
        found[_label(schema, name)] = one
        run.add(done=size)
    return found


def _sequences(connection: Connection) -> _Named:
    query = sql.SQL("SELECT last_value, is_called::text FROM {}")
    return {
        _label(schema, name): _found(connection, query.format(sql.Identifier(schema, name)))
        for schema, name in _rows(connection, _SEQUENCES)
    }


def _large_objects(connection: Connection, run: _Run) -> _Named:
    found: _Named = {}
    for oid, *piece in _rows(connection, _LARGE_OBJECTS, [_PIECE]):
        run.stop.check()
        pieces = [piece]
        while pieces[-1][0] == _PIECE:
            pieces += _rows(connection, _LARGE_OBJECT_PIECE, [oid, len(pieces) * _PIECE, _PIECE])
        found[str(oid)] = _Found(
            sum(size for size, _digest in pieces), " ".join(md5 for _size, md5 in pieces)
        )
    return found


def _label(schema: str, name: str) -> str:
    return ".".join(
        part if re.fullmatch(r"[a-z_][a-z0-9_]*", part) else '"' + part.replace('"', '""') + '"'
        for part in (schema, name)
    )


def _differences(kind: str, source: _Named, target: _Named) -> Iterator[Difference]:
    for name in sorted(source.keys() | target.keys()):
        ours, theirs = source.get(name), target.get(name)
        if ours == theirs:
            continue
        source_holds, target_holds = (found and _holding(kind, found) for found in (ours, theirs))
        if theirs is None:
            text = _("{name} is missing from the copy.")
        elif ours is None:
            text = _("{name} is in the copy only.")
        elif source_holds == target_holds:
            text = _("{name} holds the same amount in both, but other contents: {source}.")
        else:
            text = _("{name}: {source} in the source, {target} in the copy.")
        said = text.format(name=_printable(f"{_kind(kind)} {name}"), source=source_holds, target=target_holds)
        yield Difference(kind, name, said[0].upper() + said[1:])


def _kind(kind: str) -> str:
    return {
        "table": _("table"),
        "materialized_view": _("materialized view"),
        "sequence": _("sequence"),
        "large_object": _("large object"),
    }[kind]


def _holding(kind: str, found: _Found) -> str:
    count = found.count
    if kind == "table":
        return ngettext("{count} row", "{count} rows", count).format(count=count)
    if kind == "materialized_view":
        return _("populated") if count else _("not populated")
    if kind == "sequence":
        called = found.digest == "true"
        return (_("goes on after {value}") if called else _("starts at {value}")).format(value=count)
    return ngettext("{count} byte", "{count} bytes", count).format(count=count)


def _schema_differences(source: str, target: str) -> Iterator[Difference]:
    ours, theirs = comparable_schema(source), comparable_schema(target)
    if ours == theirs:
        return
    start = next(
        (place for place, (one, other) in enumerate(zip(ours, theirs, strict=False)) if one != other),
        min(len(ours), len(theirs)),
    )
    # Only a stretch from the first change on: the time of difflib is quadratic.
    stretch = slice(start, start + _STRETCH)
    changes = [line for line in difflib.unified_diff(ours[stretch], theirs[stretch], lineterm="", n=0)][2:]
    shown = [_printable(line) for line in changes if not line.startswith("@@")][:_SHOWN]
    said = _("The schema differs from line {line} of its dump on:").format(line=start + 1)
    yield Difference("schema", "", "\n".join([said, *shown]))


def _printable(text: str) -> str:
    """Escape control characters, which names may contain."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
