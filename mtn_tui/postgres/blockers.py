"""Finds out who holds the lock for which one of our sessions waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.postgres.connection import Connection, translated
from mtn_tui.postgres.statement_kind import kind_of

# The session that blocks us may be blocked itself: the one at the head of the queue matters. Process 0
# is a prepared transaction. Without the privilege, what others do is hidden.
_BLOCKED = """
    WITH RECURSIVE waiting AS (
        SELECT a.pid, l.relation::regclass::text AS what
        FROM pg_stat_activity AS a JOIN pg_locks AS l ON l.pid = a.pid AND NOT l.granted
        WHERE a.application_name = %s AND a.pid <> pg_backend_pid() AND l.relation IS NOT NULL
    ), queue(what, pid, place) AS (
        SELECT what, unnest(pg_blocking_pids(pid)), 1 FROM waiting
        UNION
        SELECT what, unnest(pg_blocking_pids(pid)), place + 1 FROM queue WHERE pid <> 0 AND place < 8
    )
    SELECT q.what, q.pid, coalesce(a.usename, ''), coalesce(a.state, ''), a.xact_start,
        coalesce(nullif(a.query, '<insufficient privilege>'), ''),
        coalesce(a.backend_type = 'startup', false)
    FROM queue AS q LEFT JOIN pg_stat_activity AS a ON a.pid = q.pid ORDER BY place DESC LIMIT 1
"""


@dataclass(frozen=True)
class Blocker:
    """Another session, and the table that it keeps from us."""

    what: str
    """The table, as this session would write its name."""
    pid: int
    """0 for a prepared transaction."""
    user: str
    state: str
    since: datetime | None
    """When its transaction began; None if hidden from us."""
    kind: str
    """Kind and object of its present or last statement; empty if hidden from us."""
    replays: bool = False
    """Whether it replays the changes of the primary, on a hot standby."""

    def __str__(self) -> str:
        if self.replays:
            return _("a session of the primary (process {pid} here replays its changes)").format(pid=self.pid)
        if not self.pid:
            return _("a prepared transaction (see pg_prepared_xacts)")
        facts = [
            _("process {pid}").format(pid=self.pid),
            _("user {user}").format(user=self.user) if self.user else "",
            _("since {time}").format(time=self.since.isoformat(sep=" ", timespec="seconds"))
            if self.since
            else "",
            self.kind,
            self.state if self.state.startswith("idle") else "",
        ]
        return ", ".join(fact for fact in facts if fact)


def blocker(connection: Connection, application: str) -> Blocker | None:
    """Return who keeps another session called ``application`` from a table; None if nobody does."""
    with translated():
        row = connection.execute(_BLOCKED, [application]).fetchone()
    if row is None:
        return None
    what, pid, user, state, since, query, replays = row
    assert since is None or isinstance(since, datetime)  # noqa: S101 - for the type checker
    kind = kind_of(str(query)) if query else ""
    return Blocker(str(what), int(str(pid)), str(user), str(state), since, kind, bool(replays))


def stayed_locked(by: Blocker, seconds: int) -> PostgresError:
    """The error of a table that ``by`` kept locked for so long."""
    if by.replays:
        hint = _("On the primary, pg_locks shows which session holds it. Wait for that session, or end it.")
    elif by.pid:
        hint = _("Wait for that session, or end it: SELECT pg_terminate_backend({pid}); then start again.")
    else:
        hint = _("Commit it or roll it back; then start again.")
    return PostgresError(
        _("The table {table} stayed locked for {seconds} s: {who}").format(
            table=by.what, seconds=seconds, who=by
        ),
        hint.format(pid=by.pid),
    )
