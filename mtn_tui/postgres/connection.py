"""Connects to the server, and translates errors into plain words."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import MtnError, NoSpace, PostgresError, ServerLost
from mtn_tui.core.i18n import _
from mtn_tui.core.redact import redact
from mtn_tui.core.values import LONGEST_NAME
from mtn_tui.postgres import pooler, recovery_conflicts, server_errors
from mtn_tui.postgres.connect_errors import Attempt, database_missing, explain, kind_of
from mtn_tui.postgres.server import CONNECT_SECONDS, Server
from mtn_tui.postgres.their_words import reported, server_said

MAINTENANCE = "postgres"
"""The database to connect to if the one in question may not exist or must not be in use."""

# A server that vanishes is detected after about 30 s, even during long commands.
_KEEPALIVE: dict[str, Any] = {  # libpq's parameters, any of psycopg.connect's
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
}

_NO_CONNECTION = (psycopg.OperationalError, UnicodeError)
"""UnicodeError is raised for an impossible host name (``db..example.cl``), which is not looked up."""

_ASK_EVERY = 0.2
_ASK_SECONDS = 5


class Connection(psycopg.Connection[tuple[object, ...]]):
    """A connection whose waiting can be interrupted when a job is asked to stop."""

    _leave: ExitStack | None = None

    def obey(self, token: CancelToken | None) -> None:
        """Cancel whatever this connection waits for once ``token`` is cancelled; None turns that off.

        The statement then raises as any cancelled one does; the job, which was asked
        to stop, ends as cancelled.
        """
        if self._leave is not None:
            self._leave.close()
            self._leave = None
        if token is not None:
            self._leave = leave = ExitStack()
            leave.enter_context(token.calling(lambda: self._stop_waiting(leave)))

    def close(self) -> None:
        """Stop obeying the token, and close the connection."""
        self.obey(None)
        super().close()

    def _stop_waiting(self, asked: ExitStack) -> None:
        threading.Thread(target=self._ask_to_stop, args=[asked], name="mtn-ask", daemon=True).start()

    def _ask_to_stop(self, asked: ExitStack) -> None:
        """Send the request repeatedly: one that arrives between two statements is lost."""
        while self._leave is asked and not self.closed:
            self.interrupt()
            time.sleep(_ASK_EVERY)

    def interrupt(self) -> None:
        """Have the statement that another thread waits for raise; does nothing between two statements."""
        if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
            try:
                self.cancel_safe(timeout=_ASK_SECONDS)
            except psycopg.Error:
                # The server is gone, or too busy to answer: closing the socket ends the wait as well.
                self.pgconn.finish()


def connect(
    server: Server,
    database: str,
    application: str = "mtn",
    *,
    own_session: bool = False,
    token: CancelToken | None = None,
) -> Connection:
    """Open an autocommitting connection, or raise a PostgresError with a hint.

    ``application`` is shown in pg_stat_activity. Timeouts from the server's
    configuration are turned off: a dump or load takes as long as it takes. Commits
    don't wait for a standby, which may never confirm: data made here is proven
    before it counts. Row security never leaves rows out: where it applies it raises
    an error (InsufficientPrivilege) instead. Once ``token`` is cancelled, waiting
    ends. ``own_session`` refuses a pooler that shares sessions among its clients;
    without it such a connection is returned as it is, with no settings changed.
    """
    try:
        connection = _open(server, database, application)
    except _NO_CONNECTION as error:
        raise _explained(server, database, error) from None
    with translated():
        if pooler.is_pooled(connection):
            connection.prepare_threshold = None
            if pooler.shares_sessions(connection, lambda: _open(server, database, application)):
                if own_session:
                    with connection:
                        raise pooler.refusal(connection, f"{server.host}:{server.port}")
                return connection
        connection.execute(
            "SELECT set_config(name, CASE name WHEN 'synchronous_commit' THEN 'local'"
            " WHEN 'row_security' THEN 'off' ELSE '0' END, false)"
            " FROM pg_settings WHERE name IN"
            " ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout',"
            " 'idle_session_timeout', 'lock_timeout', 'synchronous_commit', 'row_security')"
        )
    connection.obey(token)
    return connection


def beside(connection: Connection, database: str) -> Connection:
    """Open another connection to the same server as the same user, to ``database``. Raises PostgresError."""
    info = connection.info
    server = Server(info.host, info.port, info.user, info.password or None)
    return connect(server, database, info.parameter_status("application_name") or "mtn", own_session=True)


def _open(server: Server, database: str, application: str) -> Connection:
    return Connection.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname=database,
        application_name=application,
        connect_timeout=CONNECT_SECONDS,
        client_encoding="UTF8",
        autocommit=True,
        **_KEEPALIVE,
    )


def _explained(server: Server, database: str, error: Exception) -> PostgresError:
    words = " ".join(redact(str(error)).split())
    attempt = Attempt(f"{server.host}:{server.port}", server.user, database, words)
    if kind_of(words) == "silent" and _database_missing(server, database):
        return database_missing(attempt)  # reported in an unknown language
    return explain(attempt)


def _database_missing(server: Server, database: str) -> bool:
    if database == MAINTENANCE:
        return False
    try:
        with _open(server, MAINTENANCE, "mtn") as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
            return found.fetchone() is None
    except _NO_CONNECTION:
        return False


def application(kind: str, job: str, host: str = "") -> str:
    """Return the application name of a job's sessions; without ``host``, its beginning."""
    return f"mtn {kind} {job}@{host}"[:LONGEST_NAME]


@contextmanager
def translated(doing: str = "") -> Iterator[None]:
    """Translate psycopg's errors into ours within the block. ``doing`` names the work, for the message."""
    try:
        yield
    except psycopg.Error as error:
        raise explained(error, doing) from error


def explained(error: psycopg.Error, doing: str = "") -> MtnError:
    """Translate a psycopg error: server lost, disk full, or refused, with the server's message.

    Whatever it contains of rows is in ``private`` only.
    """
    said = server_errors.read(error)
    words = f"{said.says} ({said.context})" if said.context else said.says
    theirs = server_said(words) if error.diag.message_primary else reported(words)
    state = error.sqlstate or ""
    ours = error.diag.severity_nonlocalized != "ERROR"  # else our server is up and has lost another one
    gone = state.startswith(("57P", "08")) or (not state and isinstance(error, psycopg.OperationalError))
    made: MtnError
    if gone and ours:
        made = ServerLost(
            _title(_("The connection to PostgreSQL broke"), doing, theirs),
            _("See whether the server runs, and its log; then start this again."),
        )
    elif state == "53100":
        made = NoSpace(
            _title(_("PostgreSQL's disk is full"), doing, theirs),
            _("Make room on the database server's disk, then start this again."),
        )
    else:
        made = PostgresError(_title(_("PostgreSQL refused"), doing, theirs))
        if recovery_conflicts.is_one(error):
            made.hint = recovery_conflicts.hint()
        made.sqlstate, made.in_a_function = state, server_errors.in_a_function(error)
    if said.hint:
        advice = _("The server's advice: {words}").format(words=said.hint)
        made.hint = f"{made.hint} {advice}".strip()
    made.private = said.private
    return made


def _title(ours: str, doing: str, theirs: str) -> str:
    """Ours first, what was being done next, and theirs at the end."""
    return f"{ours}: {doing}. {theirs}" if doing else f"{ours}. {theirs}"
