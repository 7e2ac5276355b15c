"""What a restore that goes on past errors could not make, and the database that it leaves of the rest.

The database is kept beside the target as ``<target>__incomplete_<job>``, read-only, and
its comment lists what it lacks, by kind and object, so that whoever would use it
sees the list, on whatever machine. Rows stand in the job's own file alone.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mtn_tui.core.clock import Clock
from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import Figure, _
from mtn_tui.core.identity import DatabaseProperties
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.context import Context
from mtn_tui.operations.exchange import read_only
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, Connection, connect, translated
from mtn_tui.postgres.identity import database_properties
from mtn_tui.postgres.offending import query_for
from mtn_tui.postgres.swap import swap

INCOMPLETE = "incomplete"
_NAME = re.compile(rf".*__{INCOMPLETE}_[a-z2-7]{{8}}", re.DOTALL)
_LISTED = 100
"""Lines of the comment."""


@dataclass(frozen=True)
class Failure:
    says: str
    """By kind and object, for everybody."""
    private: str
    """The statement, rows, and the query that shows them all."""


class Incomplete(PostgresError):
    """Some of a backup could not be restored; the rest is kept."""

    def __init__(self, name: str, failures: list[Failure]) -> None:
        listed = "\n".join(f"- {one.says}" for one in failures)
        super().__init__(
            _("{count} things of the backup could not be restored. The rest is in {name}, read-only.").format(
                count=Figure(len(failures)), name=name
            ),
            _("What is missing there:\n{listed}\nUse it all the same: mtn promote {name}").format(
                listed=listed, name=name
            ),
        )
        self.private = "\n\n".join(f"{one.says}\n{one.private}".strip() for one in failures)
        self.facts: Mapping[str, object] = {"incomplete": name, "missing": [one.says for one in failures]}


@dataclass
class Failures:
    """Collects what could not be made. Safe from any thread."""

    found: list[Failure] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, error: PostgresError, statement: bytes = b"", rows: int = 0) -> None:
        """``statement`` was refused, or so many rows were not loaded."""
        says = error.title
        if rows:
            says += " " + _("Rows not loaded: {rows:,}.").format(rows=Figure(rows))
        sql = statement.decode(errors="backslashreplace")
        parts = [sql and f"{sql};", error.private, query_for(sql)]
        with self._lock:
            self.found.append(Failure(says, "\n".join(part for part in parts if part)))


def advise(error: PostgresError) -> None:
    """Say what else can be done where one thing of a backup was refused."""
    if error.sqlstate:
        way = _("--keep-going lists all that can't be restored, and keeps the rest in a database beside.")
        error.hint = f"{error.hint} {way}".strip()


def is_incomplete(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def leave(
    job: Job,
    server: Connection,
    other: Connection,
    clock: Clock,
    scratch: str,
    target: str,
    properties: DatabaseProperties,
    failures: list[Failure],
) -> Incomplete:
    """Keep ``scratch`` under the name that says what it is; return the error to raise."""
    name = databases.scratch_name(target, INCOMPLETE, job.id)
    error = Incomplete(name, failures)
    lines = [one.says for one in failures[:_LISTED]]
    if len(failures) > _LISTED:
        lines.append("…")
    marked = replace(read_only(properties), comment="\n".join(lines))
    for refused in databases.apply_properties(server, scratch, marked):
        job.warn("property", _("Not carried over: {statement}").format(statement=refused))
    swap(server, other, [(scratch, name)], clock)
    for one in failures:
        job.warn("not-restored", one.says)
    job.result(dict(error.facts))
    return error


def missing_in(server: Connection, name: str) -> list[str]:
    """What an incomplete database lacks, one line each."""
    if not is_incomplete(name):
        return []
    with translated():
        return (database_properties(server, name).comment or "").splitlines()


def look_at_missing(context: Context, name: str) -> list[str]:
    """The same, with a connection of its own."""
    if not is_incomplete(name):
        return []
    with connect(context.server, MAINTENANCE, "mtn promote") as server:
        return missing_in(server, name) if databases.oid(server, name) is not None else []
