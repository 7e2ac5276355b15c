"""``mtn sync``: brings each store the backups that it lacks and would keep (runbook 5.4).

Only this installation's own backups of its database, and only those that the receiving
store's retention keeps: what one store has let go, the other does not bring back.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from mtn_tui.core.errors import ArchiveError, Cancelled, Locked, NoSpace, StorageError, StorageUnavailable
from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind
from mtn_tui.core.stopwatch import Stopwatch
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import lease
from mtn_tui.engine.pipeline import ordered_map
from mtn_tui.operations.backup.ownership import Ownership
from mtn_tui.operations.backup.room import required
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.folder_guard import require_closed
from mtn_tui.operations.common.locking import operation_lock
from mtn_tui.operations.common.metrics import about, begin_log, write_metrics
from mtn_tui.operations.inventory.model import Inventory
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.retention.policy import Known, Missing, missing
from mtn_tui.operations.retention.survey import circumstances
from mtn_tui.operations.sync.copy_backup import BackupCopy
from mtn_tui.operations.sync.limit import Limit
from mtn_tui.operations.verify.verify import record_fall
from mtn_tui.storage.base import Storage
from mtn_tui.storage.local import LocalStorage

KIND = "sync"

_AT_ONCE = 2
"""Backups on their way at the same time: each holds up to three parts of an upload in memory."""
_PATIENCE = 3
"""Copies for which a store may fail to answer before it is not asked any more."""


@dataclass(frozen=True)
class Synced:
    """What a run has done."""

    copied: tuple[Missing, ...]
    failed: tuple[tuple[Missing, str], ...]
    """What could not be copied, and why."""
    seconds: dict[str, float]

    def facts(self) -> dict[str, object]:
        """For the journal, and for ``--json``."""
        return {
            "copied": [facts(one) for one in self.copied],
            "failed": [{**facts(one), "reason": reason} for one, reason in self.failed],
            "bytes": sum(one.source.size for one in self.copied),
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def facts(one: Missing) -> dict[str, object]:
    """What lacks where, for JSON."""
    return {
        "id": one.backup.id,
        "kind": one.backup.kind.value,
        "name": str(one.backup.name),
        "moment": one.backup.moment.isoformat(),
        "store": one.store.name,
        "size": one.source.size,
    }


def not_known(known: Known, store: str) -> str:
    """Say why nothing is copied into a store of ``known.blind``, and what to do."""
    text = _("Nothing is copied into the {store}: {reason}")
    hint = _("If it is meant to be as it is: mtn accept --store {store}").format(store=store)
    return f"{text.format(store=labels.store(store), reason=known.blind[store].says)} {hint}"


def lacking(inventory: Inventory, known: Known, stores: Iterable[Storage]) -> tuple[Missing, ...]:
    """What the stores lack and would keep: fulls before differentials, and of each the newest first."""
    found = missing(inventory, known, stores)
    return tuple(sorted(found, key=lambda one: one.backup.kind is Kind.DIFF))


def sync(job: Job, context: Context, rate: float | None = None) -> Synced:
    """Copy what is missing, both ways, at most ``rate`` bytes a second.

    What can't be copied is a warning of the job. Raises the StorageError of a store that
    does not answer, KeyFileError, or Locked.
    """
    started = context.clock.now()
    begin_log(job, context, KIND, started)
    run = _Run(job, context, Limit(rate, context.clock, job.token), Stopwatch(context.clock))
    done = None
    try:
        with run.watch.timing("total"):
            done = run.run(tuple(context.stores))
    finally:
        write_metrics(job, context, KIND, started, _figures(run, started, done))
    job.result(done.facts())
    return done


def send_missing(job: Job, context: Context) -> None:
    """Send the bucket what it lacks, within the job of a backup that has just reached it.

    Whatever goes wrong is a warning of that job. A sync that runs already does it.
    """
    bucket = context.stores.bucket
    if bucket is None:
        return
    run = _Run(job, context, Limit(None, context.clock, job.token), Stopwatch(context.clock))
    try:
        done = run.run((bucket,))
    except Cancelled:
        job.warn("not-sent", _("It was stopped before the bucket had all that it lacks. The backup is done."))
    except Locked as error:
        job.note("info", "sync-runs-already", reason=error.title)
    except (StorageError, ArchiveError) as error:
        text = _("What the bucket lacks could not be sent: {reason} {hint}")
        job.warn("not-sent", text.format(reason=error.title, hint=error.hint))
    else:
        job.result({"sent": [facts(one) for one in done.copied]})


@dataclass
class _Run:
    job: Job
    context: Context
    limit: Limit
    watch: Stopwatch
    unanswered: dict[str, int] = field(default_factory=dict)
    """How often each store did not answer."""
    reserve: int = 0
    """Bytes that stay free on disk, for the next backup."""

    def run(self, stores: tuple[Storage, ...]) -> Synced:
        job, context = self.job, self.context
        with operation_lock(job, context, context.settings.db_name, KIND):
            job.phase("compare-stores", unit="items")
            inventory = take_inventory(context.stores, context.key, context.cache)
            for error in inventory.unreachable.values():
                raise error
            known = circumstances(context, inventory)
            told = known.blind if job.kind == KIND else {}  # a backup has said it itself
            for store in told:
                job.warn("store-not-known", not_known(known, store), store=store)
            found = lacking(inventory, known, stores)
            fulls = [one for one in inventory.backups if one.kind is Kind.FULL]
            self.reserve = required(fulls[0].size if fulls else 0)
            job.phase("copy", total=sum(one.source.size for one in found))
            ours = Ownership(job, context)
            with closing(
                ordered_map(
                    found,
                    lambda one: self._copy(one, ours),
                    workers=_AT_ONCE,
                    depth=_AT_ONCE,
                    token=job.token,
                )
            ) as answers:
                ended = list(zip(found, answers, strict=True)) if found else []
        failed = tuple((one, reason) for one, reason in ended if reason)
        for one, trouble in failed:
            text = _("{name} was not copied into the {store}: {reason}")
            job.warn(
                "not-copied",
                text.format(name=one.backup.name, store=labels.store(one.store.name), reason=trouble),
                store=one.store.name,
            )
        return Synced(tuple(one for one, reason in ended if not reason), failed, self.watch.seconds)

    def _copy(self, one: Missing, ours: Ownership) -> str:
        """Copy one backup. Returns why that failed; empty if it did not."""
        job, context, store = self.job, self.context, one.store.name
        if self.unanswered.get(store, 0) >= _PATIENCE:
            return _("not tried any more: the {store} does not answer").format(store=labels.store(store))
        try:
            if isinstance(one.store, LocalStorage):
                require_closed(one.store.root)
                self._require_room(one, one.store)
            with lease(context.locks, str(one.backup.name)):
                BackupCopy(job, context, one, ours, self.limit, job.advance).run()
        except ArchiveError as error:
            record_fall(job, context, one.source, error)
            return error.title
        except StorageUnavailable as error:
            self.unanswered[store] = self.unanswered.get(store, 0) + 1
            return error.title
        except (StorageError, Locked) as error:
            return error.title
        job.note("info", "copied", name=str(one.backup.name), store=store, bytes=one.source.size)
        return ""

    def _require_room(self, one: Missing, disk: LocalStorage) -> None:
        """Raise NoSpace if the disk would be left without room for the next backup."""
        free = disk.free()
        if free - one.source.size < self.reserve:
            raise NoSpace(
                _("{free} are free, and {reserve} stay free for the next backup.").format(
                    free=labels.size(free), reserve=labels.size(self.reserve)
                )
            )


def _figures(run: _Run, started: datetime, done: Synced | None) -> dict[str, object]:
    return {
        **about(run.job, run.context, started),
        "status": "failed" if done is None else "warning" if run.job.warnings else "success",
        "copied": len(done.copied) if done else None,
        "copied_bytes": sum(one.source.size for one in done.copied) if done else None,
        "failed": len(done.failed) if done else None,
        "total_duration_seconds": run.watch.rounded().get("total", 0),
    }
