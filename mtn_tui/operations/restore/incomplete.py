"""What a restore that goes on past errors could not make, and the database that it leaves of the rest.

The database is kept beside the target as ``<target>__incomplete_<job>``, read-only. Its comment says
since when, of which backup, and what it lacks, by kind and object, so that its users see that from any
machine. Rows are written to the job's own file only.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from mtn_tui.core.clock import Clock
from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import Figure, _
from mtn_tui.core.identity import DatabaseProperties
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common.beside import read_only
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.restore.request import Request
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, Connection, beside, connect, translated
from mtn_tui.postgres.identity import database_properties
from mtn_tui.postgres.offending import query_for
from mtn_tui.postgres.swap import swap

INCOMPLETE = "incomplete"
_NAME = re.compile(rf"(?P<of>.*)__{INCOMPLETE}_(?P<job>[a-z2-7]{{8}})", re.DOTALL)
_HEAD = "mtn: since {since}, of {backup}"
_HEADED = re.compile(r"mtn: since (?P<since>\S+), of (?P<backup>.*)\n?")
"""The comment's first line."""
_LISTED = 100
"""Lines that follow it."""

_READERS = """
    WITH RECURSIVE reading (oid) AS (
        SELECT pg_catalog.to_regclass(%s)::oid UNION
        SELECT ev_class FROM reading JOIN pg_depend AS d ON d.refobjid = reading.oid
            AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_rewrite'::regclass
        JOIN pg_rewrite AS r ON r.oid = d.objid)
    SELECT c.oid::regclass::text FROM reading JOIN pg_class AS c ON c.oid = reading.oid
    WHERE relkind IN ('v', 'm') ORDER BY 1
"""
"""Views of a table, and views of those."""


@dataclass(frozen=True)
class Failure:
    """One thing that could not be restored."""

    says: str
    """By kind and object, for everybody."""
    private: str
    """The statement, rows, and the query that shows them all."""
    table: str = ""
    """Whose rows are missing, as pg_dump names it."""


class Incomplete(PostgresError):
    """Some of a backup could not be restored; the rest is kept."""

    def __init__(self, name: str, failures: list[Failure]) -> None:
        listed = "\n".join(f"- {one.says}" for one in failures)
        super().__init__(
            _("Things of the backup not restored: {count}. The rest is in {name}, read-only.").format(
                count=Figure(len(failures)), name=name
            ),
            _(
                "What is missing there:\n{listed}\nLook into it before it is used. It is listed by: mtn kept"
            ).format(listed=listed),
        )
        self.private = "\n\n".join(f"{one.says}\n{one.private}".strip() for one in failures)
        self.facts = {"incomplete": name, "missing": [one.says for one in failures]}


@dataclass
class Failures:
    """Collects what could not be made. Safe from any thread."""

    found: list[Failure] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, error: PostgresError, statement: bytes) -> None:
        """Add a ``statement`` that the server refused."""
        sql = statement.decode(errors="backslashreplace")
        parts = [f"{sql};", error.private, query_for(sql)]
        self._add(Failure(error.title, "\n".join(part for part in parts if part)))

    def add_rows(self, error: PostgresError, table: str, rows: int, *, whole: bool) -> None:
        """Add rows of a table that were not loaded: all of them (``whole``), or those of one part."""
        text = _("None of its rows are there ({rows:,}).")
        if not whole:
            text = _("{rows:,} of its rows are not there: they are loaded in parts, and one is left out.")
        self._add(Failure(f"{error.title} {text.format(rows=Figure(rows))}", error.private, table))

    def _add(self, failure: Failure) -> None:
        with self._lock:
            self.found.append(failure)


def advise(error: PostgresError) -> None:
    """Name --keep-going in the error's hint, if the server refused something of a backup."""
    if error.sqlstate:
        way = _("--keep-going lists all that can't be restored, and keeps the rest in a separate database.")
        error.hint = f"{error.hint} {way}".strip()


@dataclass(frozen=True)
class IncompleteDatabase:
    """A database that an incomplete restore has left."""

    name: str
    of: str
    """The target; cut short if it was too long and is not among the known names."""
    since: datetime | None
    """None if its comment was taken away."""
    backup: str
    """Its file; empty if its comment was taken away."""
    size: int | None
    """Bytes; None if we may not see it."""
    missing: tuple[str, ...]


def is_incomplete(name: str) -> bool:
    """Whether this is the name of a database that an incomplete restore left."""
    return _NAME.fullmatch(name) is not None


def facts_of(facts: Mapping[str, object]) -> dict[str, object]:
    """The facts about an incomplete database in an error's facts or a job's result; else empty."""
    return {key: facts[key] for key in ("incomplete", "missing") if key in facts}


def leave(
    job: Job,
    server: Connection,
    other: Connection,
    clock: Clock,
    scratch: str,
    request: Request,
    properties: DatabaseProperties,
    found: list[Failure],
) -> Incomplete:
    """Keep ``scratch``, read-only, under an incomplete database's name; return the error to raise."""
    name = databases.scratch_name(request.target, INCOMPLETE, job.id)
    failures = _with_readers(server, scratch, found)
    error = Incomplete(name, failures)
    head = _HEAD.format(since=clock.now().isoformat(timespec="seconds"), backup=request.backup.name)
    lines = [head, *(one.says for one in failures[:_LISTED])]
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


def _with_readers(server: Connection, scratch: str, failures: list[Failure]) -> list[Failure]:
    """Name in each failure that lacks rows the views that lack them too."""
    if not any(one.table for one in failures):
        return failures
    said = []
    with beside(server, scratch) as inside, translated():
        for one in failures:
            rows = inside.execute(_READERS, [one.table]).fetchall() if one.table else []
            if rows:
                names = ", ".join(str(view) for (view,) in rows)
                text = _("Views that lack them too: {names}.").format(names=names)
                said.append(replace(one, says=f"{one.says} {text}"))
            else:
                said.append(one)
    return said


def incomplete_databases(server: Connection, known: Iterable[str] = ()) -> list[IncompleteDatabase]:
    """All incomplete databases on the server. ``known`` are names that databases have or had."""
    names = databases.names(server)
    known = [*known, *names]
    found = []
    for name in names:
        match = _NAME.fullmatch(name)
        described = databases.describe(server, name) if match else None
        if match is None or described is None:
            continue
        comment = database_properties(server, name).comment
        head = _HEADED.match(comment)
        of = [one for one in known if databases.scratch_name(one, INCOMPLETE, match["job"]) == name]
        found.append(
            IncompleteDatabase(
                name,
                (of or [match["of"]])[0],
                _moment(head["since"]) if head else None,
                head["backup"] if head else "",
                described.size,
                tuple(comment[head.end() if head else 0 :].splitlines()),
            )
        )
    return found


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        return None


def missing_in(server: Connection, name: str) -> list[str]:
    """What an incomplete database lacks, one line each."""
    return [line for one in incomplete_databases(server) if one.name == name for line in one.missing]


def look_at_missing(context: Context, name: str) -> list[str]:
    """As ``missing_in``, with a connection of its own; empty for a database of any other name."""
    if not is_incomplete(name):
        return []
    with connect(context.server, MAINTENANCE, "mtn promote") as server:
        return missing_in(server, name)
