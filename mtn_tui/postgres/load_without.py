"""Loads a script without some of its extensions, and without its statements about their objects.

A dump creates everything it refers to, except the objects of extensions. So a missing object that it
fills, or grants privileges on, belongs to an extension that was left out.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.postgres.load import LoadConnection, Refused
from mtn_tui.postgres.load_advice import UNRESOLVED
from mtn_tui.postgres.statement_kind import kind_of, unquoted

_PATH = rb'(?:"(?:[^"]|"")+"|[^\s".(]+)(?:\.(?:"(?:[^"]|"")+"|[^\s".(]+))*'
_EXTENSION = re.compile(
    rb"(?:CREATE|ALTER|COMMENT ON|SECURITY LABEL .* ON) EXTENSION (?:IF NOT EXISTS )?(%b)" % _PATH, re.DOTALL
)
_COPY = re.compile(rb"COPY (%b)" % _PATH)
_ABOUT_ITS_OBJECTS = re.compile(
    rb"GRANT |REVOKE |ALTER DEFAULT PRIVILEGES |CREATE POLICY |SECURITY LABEL |"
    rb"ALTER [A-Z ]+ \S+ (?:OWNER TO|(?:ENABLE|FORCE) ROW LEVEL SECURITY)|"
    rb"ALTER PUBLICATION .* ADD |SELECT pg_catalog\.setval\(",
    re.DOTALL,
)
_NOT_THERE = ("42P01", "42883", "3F000")
"""SQLSTATEs for a missing table or sequence, function, or schema."""


@dataclass(frozen=True)
class Without:
    """The extensions to leave out, and what was left out with them. Thread-safe."""

    extensions: frozenset[str]
    statements: list[str] = field(default_factory=list)
    """Statements left out, by kind and object."""
    tables: list[str] = field(default_factory=list)
    """Tables whose rows were not loaded, named as pg_dump does."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def went(self, statement: bytes) -> None:
        """Record a statement as left out."""
        _once(self.statements, kind_of(statement), self._lock)

    def table_went(self, table: bytes) -> None:
        """Record a table as left out."""
        _once(self.tables, table.decode(errors="surrogateescape"), self._lock)


def _once(found: list[str], one: str, lock: threading.Lock) -> None:
    with lock:
        if one not in found:
            found.append(one)


class LoadWithout(LoadConnection):
    """A LoadConnection that leaves out extensions and their objects."""

    def __init__(self, without: Without, *arguments: Any) -> None:  # as LoadConnection's
        super().__init__(*arguments)
        self._without = without

    def execute(self, statement: bytes, *, alone: bool = False) -> None:
        """Execute a statement, unless it is about an extension that is left out."""
        if not self._keeps(statement):
            return
        try:
            super().execute(statement, alone=alone)
        except PostgresError as error:
            if error.sqlstate in UNRESOLVED:
                text = _("Left out: {names}. What depends on it can't be made.")
                names = ", ".join(sorted(self._without.extensions))
                error.hint = f"{text.format(names=names)} {error.hint}".strip()
            raise

    def execute_all(self, statements: Iterable[bytes], refused: Refused | None = None) -> None:
        """Execute statements, except those about extensions that are left out."""
        super().execute_all(filter(self._keeps, statements), refused)

    def _keeps(self, statement: bytes) -> bool:
        found = _EXTENSION.match(statement)
        if found is None or unquoted(found[1]) not in self._without.extensions:
            return True
        self._without.went(statement)
        return False

    def _execute(self, statement: bytes, alone: bool) -> None:
        try:
            super()._execute(statement, alone)
        except PostgresError as error:
            missing = error.sqlstate in _NOT_THERE and not error.in_a_function
            if not (missing and _ABOUT_ITS_OBJECTS.match(statement)):
                raise
            self._without.went(statement)

    @contextmanager
    def copy(self, statement: bytes) -> Iterator[Callable[[bytes], None]]:
        """Open COPY; rows of a table that is left out are discarded."""
        found = _COPY.match(statement)
        if found and self._is_gone(found[1]):
            yield lambda _rows: None
            return
        with super().copy(statement) as write:
            yield write

    @contextmanager
    def filling(self, table: bytes) -> Iterator[None]:
        """Load all rows of ``table``; does nothing for one that is left out."""
        if self._is_gone(table):
            yield
            return
        with super().filling(table):
            yield

    def analyze(self, tables: Sequence[bytes]) -> None:
        """Gather statistics on the tables that exist."""
        if there := [table for table in tables if not self._is_gone(table)]:
            super().analyze(there)

    def _is_gone(self, table: bytes) -> bool:
        if self.absent([table]):
            self._without.table_went(table)
            return True
        return False


def load_connection(without: Without, *arguments: Any) -> LoadConnection:  # as LoadConnection's
    """Return a connection that leaves out the extensions of ``without``, if any."""
    return LoadWithout(without, *arguments) if without.extensions else LoadConnection(*arguments)
