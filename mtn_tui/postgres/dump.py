"""One consistent moment of a database, and what pg_dump writes of it.

Order matters (DESIGN §7): the tables are listed, then locked, then the snapshot
is taken, then they are listed again. A snapshot taken before the lock would
read a table that is truncated in between as empty.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.postgres import server_errors
from mtn_tui.postgres.connection import MAINTENANCE, Connection, connect, translated
from mtn_tui.postgres.server import Server
from mtn_tui.postgres.tools import Child, Tool, beside

_LOCK_SECONDS = 60
_TRIES = 5
_LOCKED_AT_ONCE = 500

_TABLES = """
    SELECT c.oid::bigint, nspname, relname, relfilenode::bigint,
           (SELECT array_agg(attnum || ' ' || attname || ' ' || atttypid ORDER BY attnum)
            FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND relpersistence <> 't'
      AND nspname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY 1
"""


@dataclass(frozen=True)
class Snapshot:
    """A consistent moment that other sessions can be in."""

    name: str
    """For ``pg_dump --snapshot``; good while the context lasts."""
    at: datetime
    """By the server's clock, UTC."""
    lsn: str
    horizon: int
    """``pg_snapshot_xmin``: every transaction before it is seen whole."""
    tables: int


@contextmanager
def snapshot(
    server: Server, database: str, application: str, token: CancelToken | None = None
) -> Iterator[Snapshot]:
    """Open a snapshot in which no table can be dropped or truncated until the block ends.

    ``token`` ends the waiting for locked tables, with Cancelled or a PostgresError.
    """
    token = token or CancelToken()
    with connect(server, database, application) as connection:
        with token.calling(lambda: _interrupt(connection)):
            opened = _opened(connection, database, token)
        try:
            yield opened
        except PostgresError:
            # Once the session that holds the snapshot is gone, all that others say of it is a consequence.
            with translated(_("keeping the consistent moment")):
                connection.execute("SELECT 1")
            raise
        with translated(_("closing the consistent moment")):
            connection.execute("ROLLBACK")


def _interrupt(connection: Connection) -> None:
    with suppress(psycopg.Error):  # it is gone, and with it what was to be ended
        connection.cancel_safe(timeout=5)


def _opened(connection: Connection, database: str, token: CancelToken) -> Snapshot:
    for left in reversed(range(_TRIES)):
        with translated(_("opening a consistent moment")):
            opened = _open(connection, token)
            if opened is None:
                connection.execute("ROLLBACK")
        if opened:
            break
        if not left:
            raise PostgresError(
                _("The tables of {database} changed {tries} times while they were being locked.").format(
                    database=database, tries=_TRIES
                ),
                _("Something is creating or altering tables. Wait for it, then start the backup again."),
            )
        time.sleep(0.2)
    assert opened  # noqa: S101 - else it was raised above
    return opened


def _open(connection: Connection, token: CancelToken) -> Snapshot | None:
    before = connection.execute(_TABLES).fetchall()
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{_LOCK_SECONDS}s")))
    try:
        for start in range(0, len(before), _LOCKED_AT_ONCE):
            names = [
                sql.SQL("ONLY {}").format(sql.Identifier(str(row[1]), str(row[2])))
                for row in before[start : start + _LOCKED_AT_ONCE]
            ]
            token.check()  # a request to end what is going on is lost where nothing is
            connection.execute(
                sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(sql.SQL(", ").join(names))
            )
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.InvalidSchemaName,
        psycopg.errors.DeadlockDetected,
    ):
        return None
    except psycopg.errors.LockNotAvailable as error:
        raise PostgresError(
            _("A table stayed locked for {seconds} s: {words}").format(
                seconds=_LOCK_SECONDS, words=server_errors.read(error).says
            ),
            _("Somebody is altering or truncating it. pg_stat_activity shows who; then start again."),
        ) from error
    row = connection.execute(
        """
        SELECT pg_export_snapshot(), clock_timestamp() AT TIME ZONE 'UTC',
               pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
               CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                    ELSE pg_current_wal_insert_lsn() END::text
        """
    ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    if connection.execute(_TABLES).fetchall() != before:
        return None
    name, at, horizon, lsn = row
    assert isinstance(at, datetime)  # noqa: S101 - for the type checker
    return Snapshot(str(name), at.replace(tzinfo=UTC), str(lsn), int(str(horizon)), len(before))


@dataclass(frozen=True)
class Dumper:
    """Runs pg_dump on one database, quietly or not."""

    tool: Tool
    server: Server
    database: str
    application: str
    verbose: bool = False
    on_line: Callable[[str], None] | None = None

    def run(self, section: str, snapshot_name: str) -> Child:
        """``section`` is pre-data, data or post-data."""
        return self._child(f"--section={section}", f"--snapshot={snapshot_name}")

    def schema(self, snapshot_name: str = "") -> bytes:
        """What ``pg_dump --schema-only`` writes, as of now or of a snapshot."""
        moment = [f"--snapshot={snapshot_name}"] if snapshot_name else []
        with self._child("--schema-only", *moment) as child:
            return b"".join(child)

    def _child(self, *options: str) -> Child:
        command = [
            str(self.tool.path),
            "--format=plain",
            "--encoding=UTF8",
            "--no-password",
            f"--lock-wait-timeout={_LOCK_SECONDS}s",
            *(["--verbose"] if self.verbose else []),
            *options,
        ]
        environment = {**self.server.environment(self.database), "PGAPPNAME": self.application}
        return Child(command, environment, self.on_line)


def schema_hash(text: bytes) -> str:
    """SHA-256 of a schema's text, less what differs from run to run: comments and \\restrict lines."""
    lines = (
        line
        for line in text.split(b"\n")
        if line and not line.startswith((b"--", b"\\restrict ", b"\\unrestrict "))
    )
    hashed = hashlib.sha256()
    for line in lines:
        hashed.update(line + b"\n")
    return hashed.hexdigest()


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
