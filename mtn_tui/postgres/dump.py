"""One run of pg_dump in one consistent moment, and what else is dumped beside it.

The order lets no change pass unnoticed: a snapshot is exported, the tables are
listed in it, pg_dump takes it over and locks the tables, and then they are listed
again. What differs was emptied or rewritten before it was locked, and would read
as empty: all of it is begun anew. The first byte that pg_dump writes says that it has its
locks, and has read all but the rows: until then nothing is handed on, so there is nothing to take back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import chain

import psycopg

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import PostgresError, ServerLost
from mtn_tui.core.i18n import _
from mtn_tui.postgres.blockers import Blocker, blocker, stayed_locked
from mtn_tui.postgres.connection import MAINTENANCE, Connection, connect
from mtn_tui.postgres.server import Server
from mtn_tui.postgres.snapshot import (
    Definitions,
    Relations,
    Snapshot,
    altered,
    can_be_read,
    definitions,
    exported,
    redefined,
    relations,
)
from mtn_tui.postgres.statement_kind import parts
from mtn_tui.postgres.tools import Child, Tool, beside

_LOCK_SECONDS = 60
_BEFORE_A_DEADLOCK = 0.8
"""Seconds: less than deadlock_timeout, which is one unless somebody has set it."""

_LOOK_SECONDS = 1.0
"""Between two looks at who keeps pg_dump waiting."""

_CATALOGUE_SECONDS = 10
"""How long a look may wait for PostgreSQL's own catalogues: VACUUM FULL locks them, and then waits for us."""

_TRIES = 5
"""After so many a table that was emptied before it could be locked is dumped as it is, and told."""

_MOST_TRIES = 25
"""After so many it is given up: pg_dump can't run, because what it has just read of is gone each time."""

# Of the server's internal errors, which no translation touches, and of pg_dump's own.
_GONE_MEANWHILE = (
    "cache lookup failed for",
    "could not open relation with OID",
    "could not find tuple for",
    "returned no data",
    "appears to be empty",
    "failed sanity check",
    "deadlock",  # with who locks tables in another order
    "timeout expired",  # at connecting: a catalogue is locked
)


@dataclass(frozen=True)
class Dumper:
    """Runs pg_dump on one database, quietly or not."""

    tool: Tool
    server: Server
    database: str
    application: str
    verbose: bool = False
    on_line: Callable[[str], None] | None = None

    def run(self, snapshot_name: str) -> Child:
        """All sections, in one script."""
        return self._child(f"--snapshot={snapshot_name}")

    def statistics(self, snapshot_name: str) -> Child:
        """What ``pg_dump --statistics-only`` writes, from PostgreSQL 18 on.

        It locks the tables as well, so it gives up before it could be part of a deadlock.
        """
        moment = f"--snapshot={snapshot_name}"
        return self._child("--statistics-only", moment, lock_seconds=_BEFORE_A_DEADLOCK)

    def schema(self, snapshot_name: str = "", lock_seconds: int | None = None) -> Child:
        """What ``pg_dump --schema-only`` writes, now or in a snapshot; it waits so long for a table."""
        moment = [f"--snapshot={snapshot_name}"] if snapshot_name else []
        return self._child("--schema-only", *moment, lock_seconds=lock_seconds)

    def _child(self, *options: str, lock_seconds: float | None = None) -> Child:
        command = [
            str(self.tool.path),
            "--format=plain",
            "--encoding=UTF8",
            "--no-password",
            f"--lock-wait-timeout={1000 * (lock_seconds or _LOCK_SECONDS):.0f}ms",
            *(["--verbose"] if self.verbose else []),
            *options,
        ]
        environment = {**self.server.environment(self.database), "PGAPPNAME": self.application}
        return Child(command, environment, self.on_line)


@dataclass(frozen=True)
class Dump:
    """A pg_dump that has its locks and has begun to write."""

    snapshot: Snapshot
    altered: tuple[str, ...]
    """Tables that were emptied or altered before they were locked, and functions, types, views and their like
    that were altered before they were read, each time that it was tried."""
    pieces: Iterator[bytes]
    """The script; raises PostgresError where pg_dump fails."""
    child: Child
    relations: Relations
    """What there was at the snapshot."""

    def oids(self, tables: Iterable[str]) -> dict[str, int]:
        """The oids of tables, named as pg_dump names them."""
        known = {(one.schema, one.name): oid for oid, one in self.relations.items()}
        return {table: known[schema, name] for table in tables for schema, name in [parts(table)]}

    def kill(self) -> None:
        """End it, from any thread, and so a blocked read."""
        self.child.kill()


@contextmanager
def opened(
    dumper: Dumper,
    token: CancelToken | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> Iterator[Dump]:
    """Start pg_dump and wait until it has its locks; it is ended with the block.

    ``token`` ends the waiting, with Cancelled or a PostgresError. ``note`` is
    told what is waited for and why it is begun anew.
    """
    token = token or CancelToken()
    with ExitStack() as stack:
        with closing(connect(dumper.server, dumper.database, dumper.application, token=token)) as looking:
            looking.execute(f"SET lock_timeout = '{_CATALOGUE_SECONDS}s'".encode())
            dump = _Opening(dumper, looking, token, note).dump(stack)
        yield dump


class _Again(Exception):
    """What was read of changed before it could be locked, or could not be looked at."""

    def __init__(self, error: PostgresError) -> None:
        super().__init__(error.title)
        self.error = error


@dataclass(frozen=True)
class _Opening:
    dumper: Dumper
    looking: Connection
    token: CancelToken
    note: Callable[[str], None]

    def dump(self, stack: ExitStack) -> Dump:
        """A dump that has begun; its child is ended with ``stack``."""
        for tried in range(1, _MOST_TRIES + 1):
            try:
                with ExitStack() as trying:
                    of = self.dumper.server, self.dumper.database, self.dumper.application
                    moment = trying.enter_context(exported(*of))
                    if (dump := self._attempt(moment, trying, last=tried >= _TRIES)) is not None:
                        stack.push(trying.pop_all())  # the snapshot stays, for whatever else is read in it
                        return dump
            except _Again as again:
                self.note(again.error.title)
                if tried >= _TRIES:
                    raise again.error from None
            self.token.wait(0.1 * min(tried, 10))
            self.token.check()
        raise PostgresError(
            _("The tables of {database} changed {tries} times while they were being locked.").format(
                database=self.dumper.database, tries=_MOST_TRIES
            ),
            _("Something is creating or altering tables. Wait for it, then start the backup again."),
        )

    def _attempt(self, moment: Snapshot, stack: ExitStack, *, last: bool) -> Dump | None:
        """None where tables changed; with ``last`` they are dumped as they are, if pg_dump can do it."""
        with ExitStack() as trying, self._looking():
            before, defined = relations(self.looking, moment), definitions(self.looking, moment)
            child = trying.enter_context(self.dumper.run(moment.name))
            trying.enter_context(self.token.calling(child.kill))
            pieces = self._begun(child, before, defined)
            changed = altered(before, relations(self.looking))
            others = redefined(defined, definitions(self.looking))
            tables = {one.quoted for one in changed.values()}
            if others:
                told = _("These definitions changed before they could be read: {names}")
                self.note(told.format(names=", ".join(others)))
                if not last:
                    return None
            if changed:
                told = _("These tables changed before they could be locked: {tables}")
                self.note(told.format(tables=", ".join(sorted(tables))))
                if not last or not self._readable(child, moment, changed):
                    return None
            stack.push(trying.pop_all())
            return Dump(moment, tuple(sorted({*others, *tables})), pieces, child, before)

    def _readable(self, child: Child, moment: Snapshot, changed: Relations) -> bool:
        """Whether pg_dump gets through ``changed``, or is through already."""
        return child.succeeded or can_be_read(self.looking, moment, changed, self.dumper.application)

    @contextmanager
    def _looking(self) -> Iterator[None]:
        try:
            yield
        except PostgresError as error:
            self.token.check()
            if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise _Again(error) from error
            raise

    def _differs(self, before: Relations, defined: Definitions) -> bool:
        """Whether anything is another by now."""
        return relations(self.looking) != before or bool(redefined(defined, definitions(self.looking)))

    def _begun(self, child: Child, before: Relations, defined: Definitions) -> Iterator[bytes]:
        """Wait for the first of what pg_dump writes; give all of it."""
        waits: Blocker | None = None
        nobody = False
        while not child.has_output(_LOOK_SECONDS):
            found = blocker(self.looking, self.dumper.application)
            if found is not None and found != waits:
                self.note(_("Waiting for the table {table}: {who}").format(table=found.what, who=found))
            # A look may come just as pg_dump gives up: only the second one that finds nobody counts.
            if found is not None or nobody:
                waits = found
            nobody = found is None
        pieces = iter(child)
        try:
            first = next(pieces, b"")
        except ServerLost:
            raise
        except PostgresError as error:
            self.token.check()
            if gone_meanwhile(error) or self._differs(before, defined):
                raise _Again(error) from error
            if waits is not None:
                raise stayed_locked(waits, _LOCK_SECONDS) from error
            raise
        return chain([first], pieces)


def gone_meanwhile(error: PostgresError) -> bool:
    """Whether pg_dump failed because what it had just read of was gone, and would not if it began anew."""
    words = error.title.lower()
    return any(gone in words for gone in _GONE_MEANWHILE)


def dump_roles(pg_dump: Tool, server: Server, token: CancelToken | None = None) -> tuple[bytes, bool]:
    """``pg_dumpall --globals-only``: roles, memberships, tablespaces; and whether passwords are in it.

    Reading password hashes takes a superuser; without one they are left out.
    """
    base = [
        str(beside(pg_dump, "pg_dumpall")),
        "--globals-only",
        "--no-password",
        f"--database={MAINTENANCE}",
    ]
    for extra in ([], ["--no-role-passwords"]):
        child = Child([*base, *extra], server.environment(MAINTENANCE))
        with child, (token or CancelToken()).calling(child.kill):
            try:
                return b"".join(child), not extra
            except PostgresError:
                if extra:
                    raise
    raise AssertionError("unreachable")
