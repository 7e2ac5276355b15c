"""Lets the application through while its tables are read.

``lock_timeout`` limits how long we wait for a lock, not how long others wait for ours: an ALTER or
TRUNCATE that waits for a long scan keeps all that come after it waiting. So a session of its own
looks every second whether somebody waits for a table that one of ours holds; after a few looks it
cancels what ours is doing, which is begun again behind the other.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing

from mtn_tui.core.errors import PostgresError
from mtn_tui.postgres.blockers import Blocker, blocker
from mtn_tui.postgres.connection import Connection, connect, translated
from mtn_tui.postgres.server import Server

_LOOK_SECONDS = 1.0

_GRACE = 3
"""Looks at which somebody waits for one transaction of ours before it is cancelled."""

_MOST = 5
"""Transactions that are cancelled; after them the application has to wait until the tables are read."""

CANCELLED = "57014"
"""The SQLSTATE of a cancelled statement."""

# Who waits for a table that one of our transactions holds, unless that one waits itself, for a few seconds.
_WAITED_FOR = """
    SELECT ours.pid, ours.xact_start::text, min(waiting.pid), min(waiting.relation::regclass::text)
    FROM pg_locks AS waiting CROSS JOIN LATERAL unnest(pg_blocking_pids(waiting.pid)) AS held(pid)
    JOIN pg_stat_activity AS ours ON ours.pid = held.pid
    WHERE NOT waiting.granted AND waiting.locktype = 'relation'
      AND ours.application_name = %s AND ours.pid <> pg_backend_pid()
      AND NOT EXISTS (SELECT FROM pg_locks AS own WHERE own.pid = ours.pid AND NOT own.granted)
    GROUP BY 1, 2
"""


class Lookout:
    """Looks, within its block, who waits for the sessions called ``application``, and for whom they wait.

    ``note`` is a job's: called from a thread when a session is cancelled, when none is any
    more because it has happened too often, and where it can't look.
    """

    def __init__(
        self,
        server: Server,
        database: str,
        application: str,
        note: Callable[..., None],
        *,
        most: int | None = None,
    ) -> None:
        """``most``: how many transactions it cancels; 0 makes it look only."""
        self._to = server, database, application
        self._application = application
        self._note = note
        self._most = _MOST if most is None else most
        self._looks: Counter[tuple[object, object]] = Counter()
        self._given: set[tuple[object, object]] = set()
        self._held_on: set[tuple[object, object]] = set()
        self._blocker: Blocker | None = None
        self._seen = 0.0
        self._left = threading.Event()
        self._stack = ExitStack()

    def __enter__(self) -> Lookout:
        try:
            connection = self._stack.enter_context(closing(connect(*self._to)))
        except PostgresError as error:
            self._note("info", "no-lookout", reason=error.title)
            return self
        thread = threading.Thread(target=self._look_on, args=[connection], name="mtn-lookout", daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(self._left.set)
        return self

    def __exit__(self, *_unused: object) -> None:
        self._stack.close()

    @property
    def cancelled(self) -> bool:
        """Whether a session of ours was cancelled."""
        return bool(self._given)

    @property
    def blocker(self) -> Blocker | None:
        """Who kept one of ours waiting for a table just now; None if nobody did."""
        return self._blocker if time.monotonic() - self._seen < 2 * _LOOK_SECONDS + 1 else None

    def _look_on(self, connection: Connection) -> None:
        try:
            while not self._left.wait(_LOOK_SECONDS):
                self._look(connection)
        except PostgresError as error:
            self._note("info", "no-lookout", reason=error.title)

    def _look(self, connection: Connection) -> None:
        if (found := blocker(connection, self._application)) is not None:
            if found != self._blocker:
                self._note("info", "waiting", table=found.what, who=str(found))
            self._blocker, self._seen = found, time.monotonic()
        with translated():
            for pid, since, other, table in connection.execute(_WAITED_FOR, [self._application]).fetchall():
                ours = pid, since
                self._looks[ours] += 1
                if self._looks[ours] < _GRACE:
                    continue
                if ours not in self._given and len(self._given) >= self._most:
                    if ours not in self._held_on:
                        self._held_on.add(ours)
                        self._note("info", "holds-on", table=table, waiting=other)
                    continue
                if ours not in self._given:
                    self._given.add(ours)
                    self._note("info", "gives-way", table=table, to=other)
                connection.execute("SELECT pg_cancel_backend(%s::int)", [pid])
