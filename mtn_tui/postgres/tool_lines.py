"""Filters the stderr of PostgreSQL's programs line by line, removing statements and rows.

``pg_dump`` repeats a failed statement, which may span lines, with the server's DETAIL and CONTEXT.
"""

from __future__ import annotations

import re

from mtn_tui.core.redact import redact
from mtn_tui.postgres.server_errors import context_of, without_last_value
from mtn_tui.postgres.statement_kind import kind_of

_STATEMENT = re.compile(r"(.*\b(?:query|command|statement) was: ?)(.*)", re.IGNORECASE)
_FIELD = re.compile(
    r"(DETAIL|CONTEXT|HINT|STATEMENT|QUERY|LOCATION|DETALLE|CONTEXTO|SENTENCIA|CONSULTA|PISTA):\s*(.*)"
)
_ROWS = ("DETAIL", "DETALLE")
_STATEMENTS = ("STATEMENT", "QUERY", "SENTENCIA", "CONSULTA")
_HINTS = ("HINT", "PISTA", "LOCATION")


class ToolLines:
    """Call it with each line in turn; it returns what may be shown, or None.

    ``tool`` is the name with which the program's own messages begin.
    """

    def __init__(self, tool: str) -> None:
        self._begins = f"{tool}: "
        self._hiding = False

    def __call__(self, line: str) -> str | None:
        if line.startswith(self._begins):
            self._hiding = False
            if found := _STATEMENT.match(line):
                self._hiding = True  # it may continue on the next lines
                return redact(found[1]) + kind_of(found[2])
            return redact(without_last_value(line))
        if found := _FIELD.match(line):
            self._hiding = found[1] not in _HINTS
            if found[1] in _ROWS:
                return None
            if found[1] in _STATEMENTS:
                return f"{found[1]}: {kind_of(found[2])}"
            return f"{found[1]}: {redact(context_of(found[2]) if self._hiding else found[2])}"
        return None if self._hiding else redact(without_last_value(line))
