"""Checks that a new database holds what was backed up, before it gets its name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from mtn_tui.archive.manifest import About
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import Figure, _
from mtn_tui.engine.tasks import Task
from mtn_tui.operations.restore.load import CONNECTIONS, Open, open_several, run_on
from mtn_tui.postgres.load import LoadConnection
from mtn_tui.postgres.statement_kind import parts

_INVALID = b"""
    SELECT string_agg(indexrelid::regclass::text, ', ') FROM pg_catalog.pg_index
    JOIN pg_catalog.pg_class ON oid = indexrelid WHERE NOT indisvalid AND relkind = 'i'
"""

_KINDS = b"""
    SELECT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE classid = 'pg_catalog.pg_class'::regclass
                   AND objid = c.oid AND deptype = 'e'),
           relkind = 'p',
           row_security_active(c.oid) OR NOT has_any_column_privilege(c.oid, 'SELECT')
    FROM unnest(%b) WITH ORDINALITY AS given (oid, number) JOIN pg_catalog.pg_class AS c USING (oid)
    ORDER BY number
"""

_FED_BY_SEQUENCES = b"""
    SELECT a.attrelid::regclass::text, quote_ident(a.attname),
           coalesce(pg_catalog.pg_sequence_last_value(s.seqrelid), s.seqstart)
    FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = d.objid
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i') AND s.seqincrement > 0
      AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
      AND NOT row_security_active(a.attrelid) AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
"""


_SMALL, _AT_ONCE = 10_000, 100
"""Tables of up to so many rows are counted together, so many in one query."""


class OtherRows(PostgresError):
    """What was loaded is not what was backed up."""


@dataclass(frozen=True)
class Loaded:
    """What was counted in a database that was loaded."""

    rows: int
    tables: int
    behind: tuple[str, ...]
    """Columns that are past the sequence that feeds them, as they were in the source."""
    not_counted: tuple[str, ...] = ()
    """Tables whose policies, or missing rights, keep us from seeing every row."""


def check_loaded(
    manifest: About,
    open_connection: Open,
    token: CancelToken,
    advance: Callable[[int], None],
    most: int = CONNECTIONS,
    without: Collection[str] = (),
    known: Collection[tuple[str, ...]] = (),
) -> Loaded:
    """Count every table, look at indexes and sequences. Raises PostgresError if something is missing.

    Nothing is counted through a policy: what is there but hidden would count as lost.
    ``most``: connections to use, fewer where the server has no more. ``without``:
    tables that were left out, of which nothing is asked. ``known``: tables, by schema and name,
    that have been counted since they were written.
    """
    expected = {table: rows for table, rows in manifest.rows().items() if table not in without}
    advance(len(manifest.rows()) - len(expected))
    with ExitStack() as stack:
        return check_rows(expected, open_several(stack, open_connection, most), token, advance, known=known)


def check_rows(
    expected: Mapping[str, int],
    connections: Sequence[LoadConnection],
    token: CancelToken,
    advance: Callable[[int], None],
    known: Collection[tuple[str, ...]] = (),
) -> Loaded:
    """As ``check_loaded``, over open connections, against the rows that each table should have."""
    counted: dict[str, int] = {}

    def count(tables: Sequence[str], connection: LoadConnection) -> None:
        values = connection.values([queries[table] for table in tables])
        counted.update((table, int(str(value))) for table, value in zip(tables, values, strict=True))
        advance(len(tables))

    queries, hidden = _queries(expected, connections[0])
    counted.update((table, expected[table]) for table in queries if parts(table) in known)
    advance(len(expected) - len(queries) + len(counted))
    tasks = [
        Task(tables[0], partial(count, tables), weight=sum(expected[table] for table in tables))
        for tables in _groups(expected, [table for table in queries if table not in counted])
    ]
    run_on(connections, tasks, token)
    invalid = connections[0].rows(_INVALID)[0][0]
    behind = _behind_their_columns(connections[0])
    wrong = [
        _("{table}: {now:,} instead of {then:,} rows").format(
            table=table, now=Figure(counted[table]), then=Figure(rows)
        )
        for table, rows in expected.items()
        if counted.get(table, rows) != rows
    ]
    if invalid:
        wrong.append(_("invalid indexes: {names}").format(names=invalid))
    if wrong:
        raise OtherRows(
            _("What was loaded is not what was backed up: {differences}.").format(
                differences="; ".join(wrong)
            ),
            _("The new database was removed. The log has the details; try the backup before this one."),
            "5.3",
        )
    return Loaded(sum(counted.values()), len(counted), tuple(behind), tuple(hidden))


def _groups(expected: Mapping[str, int], tables: Iterable[str]) -> Iterator[Sequence[str]]:
    """Large tables one by one, many small ones in one query."""
    small: list[str] = []
    for table in tables:
        if expected[table] > _SMALL:
            yield [table]
        else:
            small.append(table)
    for start in range(0, len(small), _AT_ONCE):
        yield small[start : start + _AT_ONCE]


def _queries(tables: Collection[str], connection: LoadConnection) -> tuple[dict[str, bytes], list[str]]:
    """The queries that count each table's rows, and the tables whose rows we may not all see.

    Without the tables of extensions: those were filled when the extension was
    made, and the dump holds only what was added since.
    """
    oids = b"ARRAY[%b]::regclass[]" % b", ".join(
        b"'%b'" % _bytes(name).replace(b"'", b"''") for name in tables
    )
    queries, hidden = {}, []
    for table, (of_extension, partitioned, partly) in zip(
        tables, connection.rows(_KINDS % oids), strict=True
    ):
        if of_extension and not partitioned:
            continue
        if partly:
            hidden.append(table)
        elif partitioned:
            # pg_dump writes some partitions' rows for the whole table, to be sorted anew.
            queries[table] = b"SELECT count(*) FROM %b WHERE tableoid <> ALL (%b)" % (_bytes(table), oids)
        else:
            queries[table] = b"SELECT count(*) FROM ONLY %b" % _bytes(table)
    return queries, hidden


def _bytes(name: str) -> bytes:
    return name.encode(errors="surrogateescape")


def _behind_their_columns(connection: LoadConnection) -> list[str]:
    """Columns that a sequence feeds and whose values are past it: the next INSERT would collide."""
    behind = []
    fed = connection.rows(_FED_BY_SEQUENCES)
    for start in range(0, len(fed), _AT_ONCE):
        some = fed[start : start + _AT_ONCE]
        values = connection.values(
            [f"SELECT max({column}) FROM ONLY {table}".encode() for table, column, _last in some]  # noqa: S608 - quoted by the server
        )
        for (table, column, last), newest in zip(some, values, strict=True):
            if newest is not None and int(str(newest)) > int(str(last)):
                behind.append(f"{table}.{column}")
    return behind
