"""Tells the tables of a differential apart, and leaves out what its full was loaded without."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mtn_tui.archive.statements import CopyIn, Event, Statement
from mtn_tui.postgres.load import LoadConnection
from mtn_tui.postgres.load_without import Without
from mtn_tui.postgres.statement_kind import parts

_FROM_TABLE = re.compile(rb'\bFROM (?:ONLY )?("(?:[^"]|"")+"\."(?:[^"]|"")+")')
_COUNTS = b"pg_catalog.count(*) FROM "
_SETVAL = re.compile(rb"SELECT pg_catalog\.setval\('((?:[^']|'')+)'")


def by_table(events: Iterable[Event]) -> Iterator[tuple[bytes, Event]]:
    """Name with each event of a differential the table that it is about, as it stands there; b"" for none.

    The script holds one run of statements and rows of each table: it begins where
    the table's rows are deleted or come, and ends where they are counted.
    """
    table = b""
    for event in events:
        table = table or _begun(event)
        yield table, event
        if isinstance(event, Statement) and _COUNTS in event.sql:
            table = b""


def _begun(event: Event) -> bytes:
    if isinstance(event, CopyIn):
        return table_of(event.sql)
    found = _FROM_TABLE.search(event.sql) if isinstance(event, Statement) else None
    return found[1] if found else b""


class LeftOut:
    """What is not there of a differential's tables."""

    def __init__(self, tables: Iterable[str], connection: LoadConnection, without: Without) -> None:
        """``tables`` are all of the differential, named as pg_dump does."""
        self._connection = connection
        self._without = without
        absent = connection.absent([table.encode(errors="surrogateescape") for table in tables])
        for table in absent:
            without.table_went(table)
        self._absent = {parts(table.decode(errors="surrogateescape")) for table in absent}

    def kept(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass on what is not about them."""
        for table, event in by_table(events):
            if table and self._is_absent(table):
                continue
            if isinstance(event, Statement) and self._is_of_sequence(event.sql):
                self._without.went(event.sql)
            else:
                yield event

    def _is_absent(self, table: bytes) -> bool:
        return parts(table.decode(errors="surrogateescape")) in self._absent

    def _is_of_sequence(self, statement: bytes) -> bool:
        """Whether it sets a sequence that is not there."""
        found = _SETVAL.match(statement)
        return found is not None and bool(self._connection.absent([found[1].replace(b"''", b"'")]))


def table_of(copy: bytes) -> bytes:
    """The table of a differential's COPY statement, as it stands there."""
    name = copy.removeprefix(b"COPY ").removesuffix(b" FROM stdin")
    return name.rsplit(b" (", 1)[0] if name.endswith(b")") else name
