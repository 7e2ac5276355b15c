"""``mtn prune``: deletes the copies that retention does not keep, and old logs and records.

Of a copy the payload goes first and the manifest last: whatever stops it in
between, no list calls the rest a backup, and the next run knows by the manifest
what it was, and finishes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from mtn_tui.archive import manifest as manifests
from mtn_tui.archive import proof as proofs
from mtn_tui.archive import summary as summaries
from mtn_tui.archive.proof import Mark
from mtn_tui.archive.summary import Summary
from mtn_tui.core.errors import ArchiveError, NotFound, PostgresError, StorageError, StorageUnavailable
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.models import KEYS, MANIFEST, PROOF, ROLES, BackupName, Kind
from mtn_tui.core.stopwatch import Stopwatch
from mtn_tui.engine import locks
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.audit.record import record_in
from mtn_tui.operations.common.beside import databases_beside
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.locking import operation_lock
from mtn_tui.operations.common.metrics import about, begin_log, write_metrics
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.inventory.scan import read_small
from mtn_tui.operations.retention import reasons, records
from mtn_tui.operations.retention.hindrances import Hindrance, hindrances, waiting
from mtn_tui.operations.retention.policy import Place, Verdict, counted_from, is_expired
from mtn_tui.operations.retention.reasons import Reason, Why
from mtn_tui.operations.retention.survey import Survey, Waits, held_in_bucket, survey
from mtn_tui.postgres.connection import MAINTENANCE, application, connect
from mtn_tui.postgres.kept import kept_databases
from mtn_tui.storage.base import Storage
from mtn_tui.storage.local import LocalStorage

KIND = "prune"

_ORDER = ("", KEYS, ROLES, PROOF, MANIFEST)
"""A backup's files by their suffixes, as they are deleted."""


@dataclass(frozen=True)
class Pruned:
    """What a run has done."""

    kept: int
    """Copies."""
    deleted: tuple[Verdict, ...]
    left: tuple[Verdict, ...]
    """Copies that retention does not keep, and that could not be deleted now."""
    finished: int
    """Copies whose deletion an earlier run had begun."""
    records: int
    """Logs, figures and journals that were deleted."""
    versions_kept: bool
    """Whether the bucket keeps what was deleted there as older versions."""
    databases: tuple[str, ...]
    """Databases that restores replaced, kept for longer than KEEP_REPLACED_DAYS."""
    seconds: dict[str, float]

    def freed(self) -> dict[str, int]:
        """Bytes of the payloads that were deleted, by store."""
        return freed(self.deleted)

    def facts(self) -> dict[str, object]:
        """For the journal, and for ``--json``."""
        return {
            "kept": self.kept,
            "deleted": [facts(one) for one in self.deleted],
            "left": [facts(one) for one in self.left],
            "finished": self.finished,
            "records": self.records,
            "versions_kept": self.versions_kept,
            "databases": list(self.databases),
            "freed": self.freed(),
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def facts(verdict: Verdict) -> dict[str, object]:
    """A verdict for JSON."""
    copy, backup = verdict.copy, verdict.backup
    return {
        "id": backup.id,
        "kind": backup.kind.value,
        "name": str(backup.name),
        "moment": backup.moment.isoformat(),
        "store": copy.store.name,
        "size": copy.size,
        "kept": verdict.kept,
        "why": verdict.reason.why.value,
        "reason": verdict.reason.says,
    }


def freed(verdicts: tuple[Verdict, ...]) -> dict[str, int]:
    """Bytes of the payloads of these copies, by store."""
    found: dict[str, int] = {}
    for one in verdicts:
        found[one.copy.store.name] = found.get(one.copy.store.name, 0) + one.copy.size
    return found


def prune(job: Job, context: Context, waits: Waits) -> Pruned:
    """Delete what retention does not keep. What can't be deleted now stays, and is told.

    ``waits`` is asked before each deletion. Raises KeyFileError, Locked, or
    StorageError if no folder takes a lock.
    """
    started = context.clock.now()
    begin_log(job, context, KIND, started)
    run = _Run(job, context, waits, Stopwatch(context.clock))
    done = None
    try:
        with run.watch.timing("total"):
            done = run.run()
    finally:
        write_metrics(job, context, KIND, started, _figures(run, started, done))
    job.result(done.facts())
    return done


@dataclass
class _Run:
    job: Job
    context: Context
    waits: Waits
    watch: Stopwatch
    deleted: list[Verdict] = field(default_factory=list)
    finished: int = 0
    silent: dict[str, StorageUnavailable] = field(default_factory=dict)
    """Stores that stopped answering, and what they said last."""

    def run(self) -> Pruned:
        job, context = self.job, self.context
        job.phase("prepare", unit="items")
        if context.locks is None and context.record_place.trouble is not None:
            raise context.record_place.trouble
        with operation_lock(job, context, context.settings.db_name, KIND):
            with self.watch.timing("look"):
                found = survey(context, self.waits)
            self._warn(found)
            job.phase("delete", total=len(found.expired), unit="items")
            found = self._delete_all(found)
            old = 0
            if found.known.waits is None:
                self._finish_all(found)
                old = records.prune(job, context, counted_from(found.inventory, found.known))
        gone = {one.place for one in self.deleted}
        left = found.left
        self._tell(left)
        return Pruned(
            len([one for one in found.verdicts if one.kept and one.place not in gone]),
            tuple(self.deleted),
            left,
            self.finished,
            old,
            self._keeps_versions(),
            tuple(self._databases()),
            self.watch.seconds,
        )

    def _delete_all(self, found: Survey) -> Survey:
        """Delete differentials, then the fulls that are not needed any more. Returns the verdicts then."""
        for kind in (Kind.DIFF, Kind.FULL):
            held: dict[Place, Reason] = {}
            for one in found.expired:
                if one.backup.kind is not kind:
                    continue
                self.job.token.check()
                if (wait := self.waits()) is not None:
                    self._hindered(waiting(wait))
                    return found.waiting(wait)
                obstacle = self._delete(one)
                if obstacle is not None:
                    held[one.place] = obstacle
                else:
                    self.deleted.append(one)
                self.job.advance(1)
            found = found.holding(held)
        return found

    def _delete(self, verdict: Verdict) -> Reason | None:
        """Delete one copy. Returns why it stays; None if it is gone."""
        backup, copy = verdict.backup, verdict.copy
        try:
            with self._claimed(str(backup.name)) as free:
                if not free:
                    return reasons.in_use()
                if (pin := self._pin_now(backup)) is not None:
                    return reasons.pinned(pin)
                if (instead := verdict.instead) is not None:
                    with self._asking(instead.store):
                        for suffix in (MANIFEST, ""):
                            instead.store.stat(instead.key + suffix)
                with self._asking(copy.store):
                    self._remove(copy.store, copy.key)
        except StorageError as error:
            return reasons.failed(error.title)
        name, store, reason = str(backup.name), copy.store.name, verdict.reason.says
        self.job.note("info", "deleted", name=name, store=store, bytes=copy.size, reason=reason)
        record_in(self.job, self.context, "backup-deleted", name, store=store, bytes=copy.size, reason=reason)
        return None

    @contextmanager
    def _claimed(self, name: str) -> Iterator[bool]:
        """Keep others from reading a backup within the block; false if somebody reads it already."""
        folder = self.context.locks
        assert folder is not None  # noqa: S101 - looked at before
        with locks.claim(folder, name) as free:
            elsewhere = [one for one in self.context.lock_folders if one != folder]
            yield free and not any(locks.is_leased(one, name) for one in elsewhere)

    def _pin_now(self, backup: Backup) -> Mark | None:
        """The pin that somebody may have set since the stores were looked at, in those that answer."""
        for copy in backup.copies:
            try:
                with self._asking(copy.store):
                    found = proofs.load(read_small(copy.store, copy.key + PROOF))
            except (NotFound, StorageUnavailable):
                continue
            if found is not None and found.pinned is not None:
                return found.pinned
        return None

    @contextmanager
    def _asking(self, store: Storage) -> Iterator[None]:
        """Remember in the block that a store does not answer. Raises that at once if it did not before."""
        if store.name in self.silent:
            raise self.silent[store.name]
        try:
            yield
        except StorageUnavailable as error:
            self.silent[store.name] = error
            raise

    def _remove(self, store: Storage, key: str) -> None:
        for suffix in _ORDER:
            store.delete(key + suffix)

    def _finish_all(self, found: Survey) -> None:
        """Remove the rest of backups whose deletion was stopped half way."""
        newest = counted_from(found.inventory, found.known)
        for store in self.context.stores:
            if store.name in {*found.known.blind, *found.inventory.unreachable, *self.silent}:
                continue
            try:
                there = {entry.key for entry in store.list()}
                for key in sorted(one.removesuffix(MANIFEST) for one in there if one.endswith(MANIFEST)):
                    if key not in there and self._may_finish(store, key, newest, found):
                        self._finish(store, key)
            except StorageError as error:
                text = _("What an earlier run had begun to delete is still there: {reason}")
                self.job.warn("not-finished", text.format(reason=error.title), store=store.name)

    def _finish(self, store: Storage, key: str) -> None:
        with self._claimed(key.rpartition("/")[2]) as free:
            if free:
                self._remove(store, key)
                self.finished += 1
                self.job.note("info", "finished", store=store.name, key=key)

    def _may_finish(self, store: Storage, key: str, newest: datetime, found: Survey) -> bool:
        """Whether a manifest without its payload is of a backup of ours that had to go."""
        settings, context = found.known.settings, self.context
        name = BackupName.parse(key.rpartition("/")[2])
        if name is None or (name.prefix, name.host) != (settings.backup_prefix, context.host):
            return False
        if isinstance(store, LocalStorage) and os.path.lexists(store.path(key)):
            return False  # a symlink to where it was moved
        manifest = self._manifest(store, key, str(name))
        if manifest is None or manifest.database != settings.db_name:
            return False
        if manifest.server.system_identifier not in found.known.servers:
            return False
        bucket = context.stores.bucket
        if bucket is not None and store is bucket and held_in_bucket(context, bucket, key + MANIFEST):
            return False
        return is_expired(manifest, store.name, newest, settings)

    def _manifest(self, store: Storage, key: str, payload: str) -> Summary | None:
        try:
            data = read_small(store, key + MANIFEST)
            return summaries.summary(manifests.decode(data, self.context.key, payload))
        except (ArchiveError, NotFound):
            return None

    def _warn(self, found: Survey) -> None:
        """Say why nothing, or not all, can be judged now."""
        for one in hindrances(found):
            self._hindered(one)

    def _hindered(self, one: Hindrance) -> None:
        self.job.warn(one.name, one.says, **one.facts)

    def _tell(self, left: tuple[Verdict, ...]) -> None:
        """Say what could not be deleted; that it is locked for now is as it should be, and only noted."""
        for one in left:
            self.job.note(
                "info" if one.reason.why is not Why.FAILED else "warn",
                "not-deleted",
                name=str(one.backup.name),
                store=one.copy.store.name,
                reason=one.reason.says,
            )
        failed = [one for one in left if one.reason.why is Why.FAILED]
        for says in dict.fromkeys(one.reason.says for one in failed):
            count = sum(one.reason.says == says for one in failed)
            text = ngettext(
                "{count} copy could not be deleted: {reason}",
                "{count} copies could not be deleted: {reason}",
                count,
            )
            self.job.warn("not-deleted", text.format(count=count, reason=says))

    def _keeps_versions(self) -> bool:
        """Whether the bucket is known to keep what was deleted there as older versions."""
        bucket = self.context.stores.bucket
        if bucket is None or not any(one.copy.store is bucket for one in self.deleted):
            return False
        try:
            kept = bucket.keeps_versions()
        except StorageError as error:
            self.job.note("info", "versions-not-known", reason=error.title)
            return False
        if kept:
            self.job.note("info", "versions-kept", place=bucket.place)
        return kept

    def _databases(self) -> list[str]:
        """Names the databases that are kept for longer than they have to be."""
        context = self.context
        now, days = context.clock.now(), context.settings.keep_replaced_days
        named = application(KIND, self.job.id, context.host)
        try:
            with connect(context.server, MAINTENANCE, named, token=self.job.token) as server:
                past = [one.name for one in kept_databases(server) if one.is_past(now, days)]
                beside = databases_beside(server, context.settings)
                past += [one.name for one in beside if one.is_past(now, days)]
        except PostgresError as error:
            self.job.note("info", "kept-not-looked-at", reason=error.title)
            return []
        for name in past:
            self.job.note("info", "kept-past", name=name, days=days)
        return past


def _figures(run: _Run, started: datetime, done: Pruned | None) -> dict[str, object]:
    return {
        **about(run.job, run.context, started),
        "status": "failed" if done is None else "warning" if run.job.warnings else "success",
        "deleted_copies": len(run.deleted),
        "freed_bytes": freed(tuple(run.deleted)),
        "not_deleted_copies": len(done.left) if done else None,
        "deleted_records": done.records if done else None,
        "total_duration_seconds": run.watch.rounded().get("total", 0),
    }
