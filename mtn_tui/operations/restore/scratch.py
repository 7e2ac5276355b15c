"""The database that a backup is loaded into, beside all others, and its rows counted in.

A restore then gives it the target's name; a drill queries it and drops it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field

from mtn_tui.archive import legacy
from mtn_tui.archive.manifest import About
from mtn_tui.core.errors import MtnError, NoSpace
from mtn_tui.core.i18n import _
from mtn_tui.core.identity import ServerIdentity
from mtn_tui.core.stopwatch import Stopwatch
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.model import Copy
from mtn_tui.operations.restore import load, unsigned
from mtn_tui.operations.restore.apply_changes import apply_changes
from mtn_tui.operations.restore.count_rows import Loaded, check_loaded, check_rows
from mtn_tui.operations.restore.incomplete import Failures
from mtn_tui.operations.restore.loaders import Loaders
from mtn_tui.operations.restore.preflight import extensions
from mtn_tui.operations.restore.request import Request
from mtn_tui.operations.restore.script_rows import ScriptRows
from mtn_tui.operations.verify.read_through import archive_of
from mtn_tui.postgres import databases, logins, slots
from mtn_tui.postgres.connection import MAINTENANCE, Connection, application, connect
from mtn_tui.postgres.load import LoadConnection
from mtn_tui.postgres.load_without import Without
from mtn_tui.postgres.server import Server

_PATIENCE = 0.5
"""Seconds for a database to be made that is not wanted any more."""


class _Making:
    """``databases.create`` on a thread of its own."""

    def __init__(self, connection: Connection, name: str, like: ServerIdentity, tablespace: str) -> None:
        self.like = like
        self._connection = connection
        maker = ThreadPoolExecutor(1, "mtn-scratch")
        self.said = maker.submit(databases.create, connection, name, like, tablespace)
        maker.shutdown(wait=False)

    def stop(self) -> None:
        """Wait until it is done, but for no other: somebody at template0 may keep it waiting."""
        while wait([self.said], _PATIENCE).not_done:
            self._connection.interrupt()


@dataclass
class Scratch:
    """A database of a job's own. ``name`` is one of ``databases.scratch_name``: a killed job's is swept.

    It is made in ``tablespace``, where that is there and this user may.
    """

    job: Job
    context: Context
    request: Request
    watch: Stopwatch
    name: str
    tablespace: str = ""
    failures: Failures = field(default_factory=Failures)
    """What could not be made, where the request says to go on past that."""
    counted: Loaded | None = None
    """Of a script that nothing signs, what was counted as soon as it was loaded."""
    inserted: Sequence[str] = ()
    """Tables that it fills by INSERT statements, whose rows are not counted."""
    _known: frozenset[tuple[str, ...]] = frozenset()
    """Tables that a differential has changed and counted."""
    _making: _Making | None = None

    def __post_init__(self) -> None:
        without = Without(frozenset(self.request.without))
        self.loaders = Loaders(self.job, self.context, self.application, without=without)

    @property
    def application(self) -> str:
        """The application name of every session of the job."""
        return application(self.job.kind, self.job.id, self.context.host)

    def begin(self, connection: Connection, like: ServerIdentity) -> None:
        """Begin to make it, over a connection that is free until ``fill``, while its copy is still checked.

        Does nothing if it was begun before. What comes of it, an error too, ``fill`` tells.
        """
        if self._making is None:
            self._making = _Making(connection, self.name, like, self.tablespace)

    def _make(self, server: Connection, like: ServerIdentity) -> None:
        if self._making is not None and self._making.like != like:  # for a backup that did not hold
            self._making.stop()
            databases.drop(server, self.name)
            self._making = None
        self._making = self._making or _Making(server, self.name, like, self.tablespace)
        if note := self._making.said.result():
            self.job.warn("locale", _("The server lacks the backup's locale: {note}").format(note=note))

    def fill(self, copies: Sequence[Copy], server: Connection, here: ServerIdentity) -> None:
        """Make it, and load the copies that ``Source.settle`` returned. ``here``: what the server is like."""
        job, manifest = self.job, copies[-1].manifest
        self._make(server, manifest.server if manifest else here)
        with self.watch.timing("load"):
            self._load(copies[0], server, refresh=len(copies) == 1)
        if self.counted is not None:
            self.watch.seconds["load"] -= self.watch.seconds["verify"]
        if len(copies) > 1:
            self._apply(copies[0], copies[1], server)
        if self.loaders.disowned:
            text = _("Statements on owners and rights left out: {count}.")
            job.warn("disowned", text.format(count=len(self.loaders.disowned)))
        if self.request.without:
            extensions.tell(job, self.request, self.loaders.without)

    def _open(self, login: Server | None = None, *, searching: bool = True) -> LoadConnection:
        return self.loaders.open(self.request, self.name, login, searching=searching)

    def _load_unsigned(self, pieces: Iterator[bytes], server: Connection) -> None:
        job, request = self.job, self.request
        loading = unsigned.Loading(
            server,
            self.name,
            job.id,
            lambda login: self._open(login, searching=bool(login) or request.as_operator),
            self.context.server,
            job.warn,
            job.token,
            self._loaded_unsigned,
        )
        counted = load.counted(pieces, job.token, job.advance)
        if request.as_operator:
            loading.by_operator(counted)
        else:
            loading.by_its_own_login(counted)

    def _loaded_unsigned(self, rows: ScriptRows, connection: LoadConnection) -> None:
        """Count what a script's COPY blocks have brought, if the request says so."""
        if not self.request.verify:
            return
        expected, self.inserted = rows.expected(connection)
        if expected:
            self.job.phase("count", total=len(expected), unit="items")
            with self.watch.timing("verify"):
                self.counted = check_rows(expected, [connection], self.job.token, self.job.advance)
            self._tell(self.counted)

    def _load(self, copy: Copy, server: Connection, *, refresh: bool) -> None:
        job = self.job
        if copy.manifest is None:
            job.phase("load", total=None)
            with copy.store.open(copy.key) as stream:
                self._load_unsigned(legacy.sql(stream, self.context.key), server)
            return
        job.phase("load", total=copy.manifest.raw)
        archive = archive_of(copy, self.context.key)
        with ExitStack() as keys:

            def rows_are_in(statements: int) -> None:
                keys.enter_context(self.watch.timing("keys"))
                job.phase("keys", total=statements, unit="items")

            load.load(
                archive,
                self._open,
                job.token,
                job.advance,
                rows_are_in,
                self.failures if self.request.keep_going else None,
                slots.free(server),
                refresh=refresh,
            )

    def _apply(self, full: Copy, differential: Copy, server: Connection) -> None:
        """Apply a differential to its full, which was just loaded."""
        job = self.job
        archive = archive_of(differential, self.context.key)
        assert full.manifest is not None  # noqa: S101 - a differential's full is known by its manifest
        job.phase("changes", total=archive.manifest.raw)
        with self.watch.timing("changes"):
            self._known = apply_changes(
                archive,
                full.manifest.id,
                self._open,
                slots.free(server),
                self.loaders.without,
                job.token,
                job.advance,
            )

    def count(self, manifest: About, server: Connection) -> Loaded:
        """Count its rows against the manifest. Raises OtherRows if they are not those of the backup."""
        job = self.job
        job.phase("count", total=len(manifest.rows()), unit="items")
        with self.watch.timing("verify"):
            counted = check_loaded(
                manifest,
                self._open,
                job.token,
                job.advance,
                slots.free(server),
                self.loaders.without.tables,
                self._known,
            )
        self._tell(counted)
        return counted

    def _tell(self, counted: Loaded) -> None:
        job = self.job
        if counted.behind:
            job.note("warn", "sequences-behind", columns=", ".join(counted.behind))
        if counted.not_counted:
            tables = counted.not_counted
            job.warn("not-counted", labels.not_counted(tables), tables=list(tables))

    def drop(self, error: BaseException) -> None:
        """Remove what ``error`` has left half loaded; where the server is gone, the next job does it."""
        if self._making is None:
            return
        self._making.stop()
        try:
            if isinstance(error, NoSpace):
                # A server whose disk is full may not survive the checkpoint that dropping a database needs.
                databases.drop_tables(self.context.server, self.name, self.application)
            cancelled = self.job.token.cancelled
            token = None if cancelled else self.job.token
            with connect(self.context.server, MAINTENANCE, self.application, token=token) as server:
                if cancelled:
                    databases.hurry(server)
                databases.drop(server, self.name)
                logins.drop(server, self.job.id)
        except MtnError as trouble:
            self.job.note("warn", "scratch-left", name=self.name, reason=trouble.title)
            error.add_note(trouble.title)
