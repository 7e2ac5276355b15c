"""``mtn drill``: restores a backup into a database of its own, queries it, measures that, and drops it.

It is loaded and counted by the code of a restore, and nothing else is changed on the server. What
holds is recorded beside the backup as *queried*, and the time as the RTO that estimates are made from.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from mtn_tui.core.errors import Cancelled, Locked, PostgresError, Refused
from mtn_tui.core.i18n import _
from mtn_tui.core.models import Rung
from mtn_tui.core.stopwatch import Stopwatch
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.locking import operation_lock
from mtn_tui.operations.common.metrics import about, begin_log, write_metrics
from mtn_tui.operations.drill.questions import Answers, ask
from mtn_tui.operations.inventory.model import Backup, Copy
from mtn_tui.operations.restore import rto_log
from mtn_tui.operations.restore.choice import Wanted, choose_point
from mtn_tui.operations.restore.count_rows import Loaded
from mtn_tui.operations.restore.leftovers import DRILLING, sweep_over
from mtn_tui.operations.restore.preflight.preflight import check_options
from mtn_tui.operations.restore.refusals import remember
from mtn_tui.operations.restore.request import Request
from mtn_tui.operations.restore.scratch import Scratch
from mtn_tui.operations.restore.source import Source
from mtn_tui.operations.verify.verify import record
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, Connection, application, connect
from mtn_tui.postgres.identity import server_identity
from mtn_tui.postgres.one_database import only_in_one

KIND = "drill"

_NO_TEST = (Cancelled, Locked)
"""Ends of a drill that say nothing about the backup."""


class DrillFailed(PostgresError):
    """What was restored is not what it should be."""

    runbook = "8.4"


@dataclass(frozen=True)
class Drilled:
    """What a drill that passed has shown."""

    backup: Backup
    stores: tuple[str, ...]
    """Where each of the chain was read from: ``disk`` or ``bucket``."""
    counted: Loaded
    answers: Answers
    seconds: dict[str, float]
    """By phase; ``rto`` is from the start until all rows are counted."""
    target_hours: float

    @property
    def rto(self) -> float:
        """Seconds."""
        return self.seconds["rto"]

    @property
    def in_time(self) -> bool:
        """Whether it was restored within TARGET_RTO_HOURS."""
        return self.rto <= self.target_hours * 3600

    def facts(self) -> dict[str, object]:
        """For the journal, and for ``--json``."""
        return {
            "id": self.backup.id,
            "name": str(self.backup.name),
            "chain": [str(one.name) for one in self.backup.chain],
            "stores": list(self.stores),
            "rows": self.counted.rows,
            "tables": self.counted.tables,
            "checksum": self.answers.checksum,
            "checks": [one.facts() for one in self.answers.checks],
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "rto_seconds": round(self.rto, 3),
            "target_rto_hours": self.target_hours,
        }


def drill(job: Job, context: Context, backup: Backup | None = None) -> Drilled:
    """Drill with one backup, the newest to be trusted unless given. Raises what does not hold."""
    started = context.clock.now()
    begin_log(job, context, KIND, started)
    run = _Run(job, context, backup, Stopwatch(context.clock))
    try:
        with run.watch.timing("total"):
            done = run.run()
    except Exception as error:
        if not isinstance(error, _NO_TEST):
            rto_log.failed(job, context, run.backup, run.watch.seconds["total"])
        write_metrics(job, context, KIND, started, run.figures(started, None))
        raise
    if not done.in_time:
        text = _("Restoring took {time}, over the RTO of {target}.")
        target = labels.duration(done.target_hours * 3600)
        job.warn("rto-exceeded", text.format(time=labels.duration(done.rto), target=target))
    rto_log.passed(job, context, done.backup, done.rto)
    write_metrics(job, context, KIND, started, run.figures(started, done))
    job.result(done.facts())
    return done


def check_signed(backup: Backup) -> None:
    """Raise Refused for a backup of the scripts: nothing says what should be in it."""
    if backup.legacy:
        text = _("{name} is of the scripts: nothing says what should be in it.")
        hint = _("Restore it by hand: mtn restore --file {name} --target mtn_test --legacy")
        raise Refused(text.format(name=backup.name), hint.format(name=shlex.quote(str(backup.name))), "8.4")


@dataclass
class _Run:
    """One run of the operation."""

    job: Job
    context: Context
    backup: Backup | None
    watch: Stopwatch
    copies: tuple[Copy, ...] = ()
    """Those that are read."""
    reached: Rung = Rung.PRESENT
    """What is shown of them."""

    def run(self) -> Drilled:
        job, context = self.job, self.context
        job.phase("prepare", unit="items")
        backup, instead_of = (self.backup, None) if self.backup else self._newest()
        self.backup = backup
        check_signed(backup)
        named = application(KIND, job.id, context.host)
        with ExitStack() as held:
            held.enter_context(operation_lock(job, context, context.settings.db_name, KIND))
            server = held.enter_context(connect(context.server, MAINTENANCE, named, token=job.token))
            for name in sweep_over(context, server, partial(job.warn, "leftover")):
                job.note("info", "swept", name=name)
            job.files(*(str(one.name) for one in backup.chain), of=backup.id)
            request = self._request(backup, instead_of, server)
            check_options(request)
            scratch = Scratch(job, context, request, self.watch, request.target)
            try:
                counted, answers = self._try(scratch, server, held)
            except BaseException as error:
                scratch.drop(error)
                if isinstance(error, PostgresError):
                    remember(job, context, request, error)
                raise
            finally:
                for one in self.copies if self.reached > Rung.PRESENT else ():
                    record(job, context, one, self.reached)
            self._drop(scratch, server)
        seconds = dict(self.watch.seconds)
        stores = tuple(one.store.name for one in self.copies)
        target = context.settings.target_rto_hours
        return Drilled(backup, stores, counted, answers, seconds, target)

    def _newest(self) -> tuple[Backup, Backup | None]:
        """The one to drill, and a newer one that is known not to hold."""
        chosen = choose_point(self.context, Wanted(latest=True))
        for name, error in chosen.unreachable.items():
            text = _("The {store} was not looked at: {reason}")
            self.job.warn("not-looked-at", text.format(store=labels.store(name), reason=error.title))
        if chosen.another_server:
            self.job.warn("another-server", chosen.another_server)
        if chosen.passed_over:
            self.job.warn("passed-over", chosen.passed_over)
        return chosen.backup, chosen.newer_broken

    def _request(self, backup: Backup, instead_of: Backup | None, server: Connection) -> Request:
        """A database that no configuration can name; all of it ours, since nobody is to use it."""
        name = databases.scratch_name(self.context.settings.db_name, DRILLING, self.job.id)
        has = [one.name for one in backup.manifest.extensions] if backup.manifest else []
        without = tuple(only_in_one(server, has))
        return Request(backup, name, no_owner=True, without=without, instead_of=instead_of)

    def _try(self, scratch: Scratch, server: Connection, held: ExitStack) -> tuple[Loaded, Answers]:
        job, context, backup = self.job, self.context, scratch.request.backup
        with self.watch.timing("rto"):
            copies = Source(job, context, scratch.request, self.watch).settle(server, held)
            assert backup.manifest is not None  # noqa: S101 - one without was refused
            self.copies = copies
            scratch.fill(copies, server, server_identity(server))
            counted = scratch.count(backup.manifest, server)
        self.reached = Rung.RESTORED
        job.phase("query", unit="items")
        with self.watch.timing("query"):
            answers = ask(job.token, context, backup, scratch, counted)
        _judge(job, answers.checks)
        if not counted.not_counted:  # else it is not known whether all of it came back
            self.reached = Rung.QUERIED
        return counted, answers

    def _drop(self, scratch: Scratch, server: Connection) -> None:
        self.job.phase("drop", unit="items")
        try:
            with self.watch.timing("drop"):
                # Slots of its subscriptions are those of the live database: nothing is told of them.
                databases.drop(server, scratch.name)
        except PostgresError as error:
            text = _("{name} could not be dropped: {reason} The next drill or restore does it.")
            self.job.warn("scratch-left", text.format(name=scratch.name, reason=error.title))

    def figures(self, started: datetime, done: Drilled | None) -> dict[str, object]:
        """The figures of the run, in seconds and bytes."""
        seconds = self.watch.rounded()
        chain = self.backup.chain if self.backup else ()
        keys = seconds.get("keys", 0)
        return {
            **about(self.job, self.context, started),
            "status": "success" if done else "failed",
            "backup_file": str(chain[-1].name) if chain else None,
            "chain": [str(one.name) for one in chain],
            "source_stores": [one.store.name for one in self.copies],
            "size_bytes": sum(one.size for one in self.copies),
            "raw_size_bytes": self.backup.raw if self.backup else None,
            "rows": done.counted.rows if done else None,
            "tables": done.counted.tables if done else None,
            "checksum": done.answers.checksum if done else None,
            "check_duration_seconds": seconds.get("check"),
            "load_duration_seconds": round(seconds["load"] - keys, 3) if "load" in seconds else None,
            "keys_duration_seconds": seconds.get("keys"),
            "changes_duration_seconds": seconds.get("changes"),
            "count_duration_seconds": seconds.get("verify"),
            "query_duration_seconds": seconds.get("query"),
            "drop_duration_seconds": seconds.get("drop"),
            "total_duration_seconds": seconds.get("total", 0),
            "rto_seconds": seconds.get("rto") if done else None,
            "target_rto_hours": self.context.settings.target_rto_hours,
        }


def _judge(job: Job, checks: Sequence[Check]) -> None:
    """Warn of what people have to judge. Raises DrillFailed if a check fails."""
    failed = [one.says for one in checks if one.status is Status.FAIL]
    for one in checks:
        if one.status not in (Status.OK, Status.FAIL):
            job.warn("doubt", f"{one.says} {one.hint}".strip())
    if failed:
        raise DrillFailed(
            _("The restored database is not as it should be: {what}").format(what=" ".join(failed)),
            _("It was dropped. Drill with the backup before it: mtn list, then mtn drill ID."),
        )
