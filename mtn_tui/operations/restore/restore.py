"""``mtn restore``: load beside, verify, then put in place by a rename.

The target is not touched until what replaces it has been loaded and verified.
Whatever goes wrong before that, or kills this process, leaves it as it was; the
half-loaded database beside it is removed now or by the next restore.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import MtnError, PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.core.identity import ServerIdentity
from mtn_tui.core.models import Rung
from mtn_tui.core.stopwatch import Stopwatch
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import advisory_key
from mtn_tui.operations.common import production
from mtn_tui.operations.common.beside import Mark
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.locking import operation_lock
from mtn_tui.operations.common.metrics import begin_log, write_metrics
from mtn_tui.operations.inventory.model import Backup, Copy
from mtn_tui.operations.restore.in_place import get_back, make_room
from mtn_tui.operations.restore.incomplete import Incomplete, leave
from mtn_tui.operations.restore.leftovers import RESTORING, mend_subscriptions, sweep_over, sweep_target
from mtn_tui.operations.restore.place import place_for
from mtn_tui.operations.restore.preflight import extensions
from mtn_tui.operations.restore.preflight.preflight import (
    check_options,
    check_target,
)
from mtn_tui.operations.restore.refusals import remember
from mtn_tui.operations.restore.request import Request
from mtn_tui.operations.restore.roles import RolesMade, read_companion
from mtn_tui.operations.restore.roles import apply as apply_roles
from mtn_tui.operations.restore.scratch import Scratch
from mtn_tui.operations.restore.source import Source
from mtn_tui.operations.restore.swap import Exchanged, exchange
from mtn_tui.operations.verify.verify import record
from mtn_tui.postgres import databases
from mtn_tui.postgres import roles as server_roles
from mtn_tui.postgres.advisory import advisory_lock
from mtn_tui.postgres.connection import MAINTENANCE, Connection, application, connect
from mtn_tui.postgres.identity import database_properties, server_identity

__all__ = ["Request", "Restored", "restore"]


@dataclass(frozen=True)
class Restored:
    """What a restore has done."""

    target: str
    backup: Backup
    store: str
    """Which copy it came from: ``disk`` or ``bucket``."""
    rows: int | None
    """None if rows were not counted."""
    tables: int | None
    exchanged: Exchanged
    safety: str
    """The id of the backup that was made of what was dropped to make room; else empty."""
    roles: RolesMade | None
    seconds: dict[str, float]
    loaded_by: str = "operator"
    """``operator``, or ``login``: a login made for an unsigned file."""
    fallen_back: tuple[str, ...] = ()
    """Of backups that did not hold: which, why, and what using an earlier one costs."""
    on_path: tuple[str, ...] = ()
    """Statements that went through on the search path only."""
    not_counted: tuple[str, ...] = ()
    """Tables with rows that this user may not see."""
    left_out: dict[str, object] = field(default_factory=dict)
    """What was left out with the extensions."""
    inserted: tuple[str, ...] = ()
    """Tables that a file of the scripts fills by INSERT statements, whose rows are not counted."""
    stays: bool = False
    """Whether it is read-only beside production, until somebody promotes or drops it."""

    @property
    def replaced(self) -> bool:
        """Whether the target took the place of another database."""
        return self.exchanged.replaced

    def facts(self) -> dict[str, object]:
        """For the journal, and for ``--json``."""
        return {
            "target": self.target,
            "backup": self.backup.id,
            "name": str(self.backup.name),
            "store": self.store,
            "rows": self.rows,
            "tables": self.tables,
            "not_counted": list(self.not_counted),
            "inserted": list(self.inserted),
            "stays": self.stays,
            **self.exchanged.facts(),
            "safety": self.safety,
            "roles": self.roles.facts() if self.roles else None,
            "search_path": list(self.on_path),
            "left_out": self.left_out,
            "loaded_by": self.loaded_by,
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
    fallen_back: list[str] = field(default_factory=list)

    def run(self) -> Restored:
        job, context, request = self.job, self.context, self.request
        job.phase("prepare", unit="items")
        check_target(context, request.target)
        check_options(request)
        with ExitStack() as held:
            held.enter_context(operation_lock(job, context, request.target, "restore"))
            server = held.enter_context(self._connect(job.token))
            here = server_identity(server)
            # Opened now: by the time of the swap clients may have taken every connection.
            other = held.enter_context(self._connect(job.token))
            key = advisory_key(here.system_identifier, request.target, "restore")
            held.enter_context(advisory_lock(context.server, key, self._application, job.token))
            sweep_target(job, context, server, request.target)
            for name in sweep_over(context, server, partial(job.warn, "leftover"), request.target):
                job.note("info", "swept", name=name)
            mend_subscriptions(context, server, partial(job.warn, "subscriptions"), request.target)
            name = databases.scratch_name(request.target, RESTORING, job.id)
            place = place_for(context.settings, server, request.target)
            scratch = Scratch(job, context, request, self.watch, name, place)

            def begin(backup: Backup) -> None:
                if backup.manifest is not None and not request.in_place:
                    scratch.begin(other, backup.manifest.server)

            source = Source(job, context, request, self.watch, begin)
            try:
                try:
                    copies = source.settle(server, held)
                finally:
                    self.request, self.fallen_back = source.request, source.fallen_back
                scratch.request = self.request
                return self._restore(server, other, here, copies, scratch)
            except BaseException as error:
                if not isinstance(error, Incomplete):
                    scratch.drop(error)
                raise

    def _connect(self, token: CancelToken | None) -> Connection:
        return connect(self.context.server, MAINTENANCE, self._application, token=token)

    @property
    def _application(self) -> str:
        return application("restore", self.job.id, self.context.host)

    def _restore(
        self,
        server: Connection,
        other: Connection,
        here: ServerIdentity,
        copies: tuple[Copy, ...],
        scratch: Scratch,
    ) -> Restored:
        job, request, copy, name = self.job, self.request, copies[-1], scratch.name
        manifest = copy.manifest
        made = self._make_roles(server, copy) if request.roles else None
        cleared = make_room(job, self.context, server, request) if request.in_place else None
        job.files(str(request.backup.name), of=request.backup.id)
        try:
            scratch.fill(copies, server, here)
            if failures := scratch.failures.found:
                properties = manifest.properties if manifest else database_properties(server, name)
                raise leave(job, server, other, self.context.clock, name, request, properties, failures)
            counted = scratch.count(manifest, server) if manifest and request.verify else scratch.counted
            with self.watch.timing("swap"):
                exchanged = exchange(
                    job,
                    self.context,
                    server,
                    other,
                    name,
                    request.target,
                    replace_it=request.drop,
                    confirm=request.confirm,
                    otherwise=cleared.properties if cleared else manifest.properties if manifest else None,
                    took=cleared.took if cleared else (),
                    keep=not production.is_practice(self.context.settings, request.target),
                    closed=self._mark() if request.closed else None,
                )
        except BaseException as error:
            if isinstance(error, PostgresError):
                remember(job, self.context, request, error)
            if cleared and isinstance(error, MtnError):
                error.hint = f"{error.hint} {get_back(request.target, cleared.safety)}".strip()
            raise
        if cleared:
            seconds = self.context.clock.monotonic() - cleared.at
            exchanged = replace(exchanged, replaced=True, seconds=seconds)
        if request.target == self.context.settings.db_name:
            production.remember(self.context, here.system_identifier)
        for one in copies if manifest is not None or self._in_a_store(copy) else ():
            record(job, self.context, one, Rung.RESTORED)
        return Restored(
            request.target,
            request.backup,
            copy.store.name,
            counted.rows if counted else None,
            counted.tables if counted else None,
            exchanged,
            cleared.safety if cleared else "",
            made,
            self.watch.seconds,
            "operator" if manifest or request.as_operator else "login",
            tuple(self.fallen_back),
            tuple(scratch.loaders.on_path),
            counted.not_counted if counted else (),
            extensions.facts(request, scratch.loaders.without),
            tuple(scratch.inserted),
            request.closed and not production.is_production(self.context.settings, request.target),
        )

    def _mark(self) -> Mark:
        request, now = self.request, self.context.clock.now()
        of = self.context.settings.db_name
        return Mark(request.target, of, str(request.backup.name), now.isoformat(timespec="seconds"))

    def _in_a_store(self, copy: Copy) -> bool:
        return copy.store.place in [store.place for store in self.context.stores]

    def _make_roles(self, server: Connection, copy: Copy) -> RolesMade:
        companion = read_companion(copy, self.context.key)
        if not server_roles.rights(server).createrole:
            return RolesMade((), (), (), ())  # preflight has said what can't be had for it
        made = apply_roles(server, companion, lambda event, name: self.job.note("info", event, name=name))
        for refused in made.refused:
            self.job.warn("role-refused", _("Role statement skipped: {statement}").format(statement=refused))
        return made


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
        "raw_size_bytes": run.request.backup.raw,
        "seconds_without_database": round(done.exchanged.seconds, 3) if done else None,
        "load_duration_seconds": seconds.get("load"),
        "verify_duration_seconds": seconds.get("verify"),
        "total_duration_seconds": seconds.get("total", 0),
    }
