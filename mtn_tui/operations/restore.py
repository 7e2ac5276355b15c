"""``mtn restore``: load beside, verify, then put in place by a rename.

The target is not touched until what replaces it has been loaded and verified.
Whatever goes wrong before that, or kills this process, leaves it as it was; the
half-loaded database beside it is removed now or by the next restore.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime

from mtn_tui.archive import legacy
from mtn_tui.archive.manifest import About
from mtn_tui.archive.reader import check_size
from mtn_tui.core.errors import ArchiveError, MtnError, NoSpace, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.identity import ServerIdentity
from mtn_tui.core.models import JobState, Rung
from mtn_tui.core.stopwatch import Stopwatch
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import list_jobs
from mtn_tui.engine.locks import FileLock, advisory_key, lease, lock_path
from mtn_tui.operations import loaded, preflight, script
from mtn_tui.operations.context import Context
from mtn_tui.operations.inventory import Backup, Copy
from mtn_tui.operations.preflight import Preflight
from mtn_tui.operations.proving import archive_of, prove
from mtn_tui.operations.records import begin_log, write_metrics
from mtn_tui.operations.verify import record, record_fall
from mtn_tui.postgres import databases
from mtn_tui.postgres.advisory import advisory_lock
from mtn_tui.postgres.connection import MAINTENANCE, Connection, connect
from mtn_tui.postgres.identity import server_identity
from mtn_tui.postgres.load import LoadConnection

_RESTORING = "restoring"
_REPLACED = "replaced"


@dataclass(frozen=True)
class Request:
    """What was asked for."""

    backup: Backup
    target: str
    drop: bool = False
    """Replace a database of that name, once the new one is verified."""
    legacy: bool = False
    """Load a file that nothing vouches for."""
    verify: bool = True
    """Count rows afterwards."""


@dataclass(frozen=True)
class Restored:
    target: str
    backup: Backup
    store: str
    """Which copy it came from: ``disk`` or ``bucket``."""
    rows: int | None
    """None for a legacy backup, and where nobody counted."""
    tables: int | None
    replaced: bool
    seconds: dict[str, float]

    def facts(self) -> dict[str, object]:
        """For the journal, and for ``--json``."""
        return {
            "target": self.target,
            "backup": self.backup.id,
            "name": str(self.backup.name),
            "store": self.store,
            "rows": self.rows,
            "tables": self.tables,
            "replaced": self.replaced,
            "seconds": self.seconds,
        }


def restore(job: Job, context: Context, request: Request) -> Restored:
    """Restore into ``request.target``. Raises what stood in the way; the target is then as it was."""
    started = context.clock.now()
    begin_log(job, context, "restore", started)
    run = _Run(job, context, request, Stopwatch(context.clock))
    done: Restored | None = None
    try:
        with run.watch.timing("total"):
            done = run.run()
        job.result(done.facts())
        return done
    finally:
        write_metrics(job, context, "restore", started, _figures(context, started, run, done))


@dataclass
class _Run:
    """One run of the operation."""

    job: Job
    context: Context
    request: Request
    watch: Stopwatch
    skipped: set[str] = field(default_factory=set)
    """Statements that the server would not take."""

    def run(self) -> Restored:
        job, context, request = self.job, self.context, self.request
        job.phase("prepare", unit="items")
        job.files(str(request.backup.name))
        preflight.check_request(context, request.backup, request.target, legacy_allowed=request.legacy)
        with ExitStack() as held:
            held.enter_context(lease(context.locks, str(request.backup.name)))
            path = lock_path(context.locks, request.target, "restore")
            held.enter_context(FileLock(path, job.holder("restore")))
            server = held.enter_context(connect(context.server, MAINTENANCE, self._application))
            here = server_identity(server)
            key = advisory_key(here.system_identifier, request.target, "restore")
            held.enter_context(advisory_lock(context.server, key, self._application))
            found = preflight.check_server(
                server, context, request.backup.manifest, request.target, drop=request.drop
            )
            for doubt in found.doubts:
                job.warn("doubt", doubt)
            copy = self._readable_copy()
            self._clear_leftovers(server)
            return self._restore(server, here, copy, found)

    @property
    def _application(self) -> str:
        return f"{_application(self.job.id)}{self.context.host}"[:63]

    def _readable_copy(self) -> Copy:
        """The first copy that reads back whole; one that does not is passed over, and said."""
        for broken in self.request.backup.copies:
            if broken.trouble is not None:
                self._pass_over(broken, broken.trouble)
        copies = self.request.backup.usable
        for left, copy in zip(reversed(range(len(copies))), copies, strict=True):
            try:
                with self.watch.timing("check"):
                    self._check(copy)
                return copy
            except (ArchiveError, StorageError) as error:
                if isinstance(error, ArchiveError) and copy.manifest is not None:
                    record_fall(self.job, self.context, copy, error)
                if not left:
                    raise
                self._pass_over(copy, error)
        raise AssertionError("unreachable: check_request made sure of a copy")

    def _pass_over(self, copy: Copy, error: MtnError) -> None:
        self.job.warn(
            "copy-passed-over",
            _("The copy in {place} can't be used: {reason} The other one is.").format(
                place=copy.store.place, reason=error.title
            ),
        )

    def _check(self, copy: Copy) -> None:
        """Read every byte before any database is made: size and hash, or a legacy file's own checksums."""
        job = self.job
        job.phase(f"check-{copy.store.name}", total=copy.size)
        if copy.manifest is None:
            prove(copy, self.context.key, job.token, job.advance)
            return
        check_size(copy.store.stat(copy.key).size, copy.manifest)
        archive = archive_of(copy, self.context.key)
        with copy.store.open(copy.key) as stream:
            for piece in archive.pieces(stream):
                job.token.check()
                job.advance(len(piece))

    def _clear_leftovers(self, server: Connection) -> None:
        """Remove what restores into this target left when they were killed; the lock says none is running."""
        views = list_jobs(self.context.jobs, limit=200)
        for view in views:
            if view.state is JobState.LOST and (view.kind, view.subject) == ("restore", self.request.target):
                # The server goes on with what it was told, a CREATE DATABASE for one, though nobody listens.
                databases.end_sessions(server, _application(view.id))
        alive = {view.id for view in views if not view.state.over}
        for purpose in (_RESTORING, _REPLACED):
            for name, job_id in databases.scratch_of(server, self.request.target, purpose).items():
                if job_id not in alive:
                    databases.drop(server, name)
                    self.job.note("info", "swept", what="database", name=name)

    def _restore(self, server: Connection, here: ServerIdentity, copy: Copy, found: Preflight) -> Restored:
        job, request = self.job, self.request
        scratch = databases.scratch_name(request.target, _RESTORING, job.id)
        manifest = copy.manifest
        try:
            note = databases.create(server, scratch, manifest.server if manifest else here)
            if note:
                job.warn("locale", _("The server has not got the backup's locale: {note}").format(note=note))
            with self.watch.timing("load"):
                self._load(copy, scratch)
            counted = self._verify(manifest, scratch)
            with self.watch.timing("swap"):
                self._put_in_place(server, scratch, manifest, replacing=found.existing is not None)
        except BaseException as error:
            self._drop_scratch(scratch, error)
            raise
        if manifest is not None:
            record(job, self.context, copy, Rung.RESTORED)
        return Restored(
            request.target,
            request.backup,
            copy.store.name,
            counted.rows if counted else None,
            counted.tables if counted else None,
            found.existing is not None,
            self.watch.seconds,
        )

    def _open(self, database: str) -> LoadConnection:
        return LoadConnection(self.context.server, database, self._application, self._tell_skipped)

    def _tell_skipped(self, statement: str) -> None:
        """Once, though each connection that loads meets it."""
        if statement not in self.skipped:
            self.skipped.add(statement)
            self.job.warn("skipped", _("The server did not take: {statement}").format(statement=statement))

    def _load(self, copy: Copy, scratch: str) -> None:
        job = self.job
        if copy.manifest is None:
            job.phase("load", total=None)
            with copy.store.open(copy.key) as stream:
                pieces = legacy.sql(stream, self.context.key)
                script.play_legacy(pieces, lambda: self._open(scratch), job.token, job.advance)
            return
        job.phase("load", total=copy.manifest.raw)
        archive = archive_of(copy, self.context.key)
        script.load(
            archive,
            lambda: self._open(scratch),
            job.token,
            job.advance,
            lambda statements: job.phase("keys", total=statements, unit="items"),
        )

    def _verify(self, manifest: About | None, scratch: str) -> loaded.Loaded | None:
        if manifest is None or not self.request.verify:
            return None
        self.job.phase("count", total=len(manifest.rows()), unit="items")
        with self.watch.timing("verify"):
            counted = loaded.check_loaded(
                manifest, lambda: self._open(scratch), self.job.token, self.job.advance
            )
        if counted.behind:
            self.job.note("warn", "sequences-behind", columns=", ".join(counted.behind))
        return counted

    def _put_in_place(
        self, server: Connection, scratch: str, manifest: About | None, *, replacing: bool
    ) -> None:
        self.job.phase("put-in-place", unit="items")
        self.job.token.check()
        target = self.request.target
        old = databases.scratch_name(target, _REPLACED, self.job.id)
        if manifest is not None:
            for refused in databases.apply_properties(server, scratch, manifest.properties):
                self.job.warn("property", _("Not carried over: {statement}").format(statement=refused))
        renames = [(target, old)] if replacing else []
        with connect(self.context.server, MAINTENANCE, self._application) as other:
            databases.rename(server, [*renames, (scratch, target)], other)
        if replacing:
            self._drop_replaced(server, old)

    def _drop_replaced(self, server: Connection, old: str) -> None:
        """It is done by now: what is left over is no reason to say that it failed."""
        try:
            databases.drop(server, old)
        except MtnError as error:
            self.job.warn(
                "replaced-left",
                _("What was replaced is still there, as {name}: {reason}").format(
                    name=old, reason=error.title
                ),
            )

    def _drop_scratch(self, scratch: str, error: BaseException) -> None:
        """Remove what was half loaded; where the server is gone, the next restore does it."""
        try:
            if isinstance(error, NoSpace):
                # A server whose disk is full may not survive the checkpoint that dropping a database needs.
                databases.drop_tables(self.context.server, scratch, self._application)
            with connect(self.context.server, MAINTENANCE, self._application) as server:
                databases.drop(server, scratch)
        except MtnError as trouble:
            self.job.note("warn", "scratch-left", name=scratch, reason=trouble.title)
            error.add_note(trouble.title)


def _application(job_id: str) -> str:
    """How the name begins that the server shows for the sessions of a restore."""
    return f"mtn restore {job_id}@"


def _figures(context: Context, started: datetime, run: _Run, done: Restored | None) -> dict[str, object]:
    seconds = run.watch.rounded()
    return {
        "timestamp": started.isoformat(),
        "hostname": context.host,
        "job": run.job.id,
        "status": "success" if done else "failed",
        "backup_file": str(run.request.backup.name),
        "target_database": run.request.target,
        "rows": done.rows if done else None,
        "source_store": done.store if done else None,
        "load_duration_seconds": seconds.get("load"),
        "verify_duration_seconds": seconds.get("verify"),
        "total_duration_seconds": seconds.get("total", 0),
    }
