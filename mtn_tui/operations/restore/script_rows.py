"""How many rows a script that nothing signs brings each table, told while it is loaded.

Its COPY blocks are counted, a line a row. Rows that come as INSERT statements are
not: which tables those are is known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from mtn_tui.archive.borders import IDENTIFIER
from mtn_tui.postgres.load import LoadConnection

_INTO = re.compile(rb"(?:COPY|INSERT INTO) (%b(?:\.%b)?)[ (]" % (IDENTIFIER, IDENTIFIER))

_ITS_OID = b"SELECT pg_catalog.to_regclass(E'%b')::oid"
"""Asked where the statement stands: older dumps name tables by their search_path, in any encoding."""

_NAMES = b"""
    SELECT c.oid, pg_catalog.format('%%I.%%I', nspname, relname)
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = relnamespace
    WHERE c.oid = ANY (ARRAY[%b]::oid[]) AND relkind IN ('r', 'p')
"""


@dataclass
class ScriptRows:
    """What was told so far."""

    _copied: dict[int, int] = field(default_factory=dict)
    """Rows by the table's oid."""
    _inserted: set[int] = field(default_factory=set)
    _last: tuple[bytes, int | None] = (b"", None)
    """The name that was asked for last, as it stands in the script, and its oid: INSERTs come in a row."""

    def copied(self, statement: bytes, rows: int, connection: LoadConnection) -> None:
        """Note a COPY that has brought so many rows."""
        if (oid := self._oid(statement, connection)) is not None:
            self._copied[oid] = self._copied.get(oid, 0) + rows

    def executed(self, statement: bytes, connection: LoadConnection) -> None:
        """Note a statement that was executed, if it is an INSERT."""
        if statement.startswith(b"INSERT") and (oid := self._oid(statement, connection)) is not None:
            self._inserted.add(oid)
        elif not statement.startswith(b"INSERT"):
            self._last = b"", None  # it may have changed what names mean

    def _oid(self, statement: bytes, connection: LoadConnection) -> int | None:
        found = _INTO.match(statement)
        if found is None:
            return None
        if found[1] != self._last[0]:
            name = found[1].replace(b"\\", b"\\\\").replace(b"'", b"''")
            oid = connection.rows(_ITS_OID % name)[0][0]
            self._last = found[1], None if oid is None else int(str(oid))
        return self._last[1]

    def expected(self, connection: LoadConnection) -> tuple[dict[str, int], Sequence[str]]:
        """The rows that each table should have, and the tables of which nobody can tell, by name.

        Leaves the connection in UTF-8 and without a search_path.
        """
        for setting in (b"SET client_encoding = 'UTF8'", b"SET search_path = ''"):
            connection.execute(setting)
        oids = b", ".join(b"%d" % oid for oid in {*self._copied, *self._inserted})
        names = {int(str(oid)): str(name) for oid, name in connection.rows(_NAMES % oids)}
        told = {name: self._copied[oid] for oid, name in names.items() if oid not in self._inserted}
        return told, sorted(names[oid] for oid in self._inserted & names.keys())
