"""``mtn backup full``: dump, prove, keep in both stores, say what was done.

The payload gets its name once it is whole, the manifest comes last, and the run
waits for the bucket only after it has let go of the database.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime

from mtn_tui import __version__
from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import Manifest
from mtn_tui.archive.summary import Summary
from mtn_tui.archive.writer import Payload
from mtn_tui.core import outside
from mtn_tui.core.errors import ArchiveError, ConfigError, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import MANIFEST, ROLES, BackupName, Kind, Rung
from mtn_tui.core.stopwatch import Stopwatch
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import advisory_key
from mtn_tui.operations.backup import publish
from mtn_tui.operations.backup.naming import claim_name
from mtn_tui.operations.backup.payload import write_payload
from mtn_tui.operations.backup.publish import Signed
from mtn_tui.operations.backup.sweep import sweep_parts_and_uploads, sweep_unfinished
from mtn_tui.operations.backup.upload import Upload
from mtn_tui.operations.common import production, stores
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.folder_guard import require_closed, strangers_folder
from mtn_tui.operations.common.installation import mark_of
from mtn_tui.operations.common.locking import operation_lock
from mtn_tui.operations.common.metrics import begin_log, write_metrics
from mtn_tui.operations.inventory import key_check, known_stores
from mtn_tui.operations.inventory.anomalies import source as source_of
from mtn_tui.operations.inventory.anomalies import why_suspect
from mtn_tui.operations.inventory.model import Inventory
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.setup.key import ensure_key, keep_elsewhere, open_to_others
from mtn_tui.postgres.advisory import advisory_lock
from mtn_tui.postgres.connection import application
from mtn_tui.postgres.dump import Dumper, dump_roles, opened
from mtn_tui.postgres.snapshot import Snapshot
from mtn_tui.postgres.source import Source, read_source
from mtn_tui.postgres.tools import Tool, find_pg_dump
from mtn_tui.storage.part import PartFile


@dataclass(frozen=True)
class FullBackup:
    """What a full backup has made."""

    manifest: Manifest
    rung: Rung
    """Of the copy on disk."""
    in_bucket: bool
    suspect: str
    seconds: dict[str, float]
    """By phase, and ``total``."""

    def facts(self) -> dict[str, object]:
        """For the journal, and for ``--json``."""
        manifest = self.manifest
        return {
            "id": manifest.id,
            "name": manifest.payload,
            "snapshot_at": manifest.snapshot_at.isoformat(),
            "size": manifest.size,
            "raw_size": manifest.raw,
            "rung": self.rung.word,
            "in_bucket": self.in_bucket,
            "suspect": self.suspect,
            "seconds": self.seconds,
        }


_BEFORE_DUMP = 10.0
"""Seconds to wait for the bucket before the dump, which does not need it."""


@dataclass(frozen=True)
class _Dumped:
    snapshot: Snapshot
    altered: tuple[str, ...]
    payload: Payload
    schema_hash: str
    roles: bytes


def full_backup(
    job: Job, context: Context, *, verbose: bool = False, key_is_meant: bool = False
) -> FullBackup:
    """Make a full backup. Problems that did not make it fail are warnings of the job.

    ``key_is_meant``: the operator knows that the key is another than before.
    """
    started = context.clock.now()
    begin_log(job, context, "full-backup", started)
    settings = context.settings
    job.note("info", "database", name=settings.db_name, host=settings.db_host, port=settings.db_port)
    if context.outside:
        job.note("warn", "from-the-environment", keys=outside.named(context.outside))
    require_closed(settings.backup_dir)
    if doubt := strangers_folder(settings.backup_dir, context.configuration):
        job.warn("strangers-folder", f"{doubt.title} {doubt.hint}")
    run = _Run(job, context, started, verbose, Stopwatch(context.clock), key_is_meant)
    done: FullBackup | None = None
    try:
        with run.watch.timing("total"):
            done = run.run()
        job.result(done.facts())
        return done
    finally:
        write_metrics(job, context, "full-backup", started, _figures(context, run, done))


def safety_backup(job: Job, context: Context, database: str) -> FullBackup:
    """Back up any database within another job; always read it back, whatever the configuration says."""
    changed = {"db_name": database, "enable_post_backup_verify": True}
    of_it = replace(context, settings=context.settings.model_copy(update=changed))
    return _Run(job, of_it, context.clock.now(), False, Stopwatch(context.clock)).run()


@dataclass
class _Run:
    """One run of the operation."""

    job: Job
    context: Context
    started: datetime
    verbose: bool
    watch: Stopwatch
    key_is_meant: bool = False

    def run(self) -> FullBackup:
        job, context = self.job, self.context
        _require_encryption(context)
        job.phase("prepare", unit="items")
        with ExitStack() as held:
            source = self._claim(held)
            if source.without_rows:
                job.note("warn", "rows-not-on-a-standby", tables=list(source.without_rows))
            tool = find_pg_dump(context.settings.pg_dump, source.server.major)
            quick = replace(context, stores=held.enter_context(context.stores.hurried(_BEFORE_DUMP)))
            answers = sweep_parts_and_uploads(job, quick)
            key = self._key()
            known = take_inventory([context.stores.disk], key, context.cache)
            self._compare_key(quick, known, key, ask_bucket=answers)
            here = (Kind.FULL, context.settings.db_name, source.server.system_identifier)
            earlier = [
                one.manifest for one in known.backups if one.manifest and source_of(one.manifest) == here
            ]
            odd = known_stores.look(job, quick, bucket_answers=answers)
            if doubt := publish.require_room(context, earlier, source.size, odd):
                job.note("warn", "may-not-fit", reason=doubt)  # no warning of a backup that does fit
            mark = mark_of(job, context)
            claimed = claim_name(job, quick, Kind.FULL, self.started, mark, bucket_answers=answers)
            name = claimed.name
            with claimed.part as part, ExitStack() as uploading:
                upload = None
                if context.stores.bucket is not None:
                    upload = uploading.enter_context(
                        Upload(job, context.stores.bucket, claimed, mark, source.size, context.clock)
                    )
                dumped = self._dump(tool, part, key, likely=_likely(earlier, source))
                if upload is not None:
                    upload.bring(dumped.roles)
                kept = self._keep(name, part, source, tool, dumped, key)
                rung = publish.proven_copy(job, context, context.stores.disk, kept.manifest, key)
                in_bucket = self._into_bucket(upload, kept, key)
            suspect = why_suspect(kept.manifest, earlier)
            if suspect:
                job.warn("suspect", _("This backup is suspect: {reason}").format(reason=suspect))
            publish.leave_cards(job, context, in_bucket)
            as_they_were = {store.name for store in context.stores} - {one.store.name for one in odd}
            as_they_were -= set() if in_bucket else {"bucket"}
            known_stores.remember(
                job, context, [store for store in context.stores if store.name in as_they_were]
            )
            if rung.proven:
                sweep_unfinished(job, context, bucket_answers=in_bucket)
        return FullBackup(kept.manifest, rung, in_bucket, suspect, self.watch.seconds)

    @property
    def _application(self) -> str:
        return application("backup", self.job.id, self.context.host)

    def _claim(self, held: ExitStack) -> Source:
        """Take the locks of this machine and of the server, and ask what is to be dumped."""
        context, database = self.context, self.context.settings.db_name
        held.enter_context(operation_lock(self.job, context, database, "backup"))
        source = read_source(context.server, database, self._application, self.job.token)
        production.remember(context, source.server.system_identifier)
        key = advisory_key(source.server.system_identifier, database, "backup")
        held.enter_context(advisory_lock(context.server, key, self._application, self.job.token))
        return source

    def _key(self) -> Key:
        """The key; the very first backup of all makes it."""
        path = self.context.settings.encryption_key_file
        if ensure_key(path, lambda: stores.any_backup_known(self.context.stores)):
            notice = keep_elsewhere(path)
            self.job.warn("key-made", f"{notice.title} {notice.hint}")
        key = self.context.key
        if doubt := open_to_others(path):
            self.job.warn("key-open", f"{doubt.title} {doubt.hint}")
        return key

    def _compare_key(self, context: Context, on_disk: Inventory, key: Key, *, ask_bucket: bool) -> None:
        """Warn if the last backups were made with another key; only note it if that is meant."""
        told = key_check.before_backup(context, on_disk, ask_bucket=ask_bucket, key=key)
        if told and self.key_is_meant:
            self.job.note("warn", "another-key", reason=told)
        elif told:
            hint = _("If that was not meant, put the other key back and make another backup.")
            self.job.warn("another-key", f"{told} {hint} " + _("(runbook {section})").format(section="7.2"))

    def _dump(self, tool: Tool, part: PartFile, key: Key, likely: int) -> _Dumped:
        job, context, settings = self.job, self.context, self.context.settings
        dumper = Dumper(
            tool,
            context.server,
            settings.db_name,
            self._application,
            self.verbose,
            lambda line: job.note("info", "pg_dump", line=line),
        )
        job.phase("dump", total=likely or None)
        opening = opened(dumper, job.token, lambda text: job.note("info", "dump-opening", text=text))
        with self.watch.timing("dump"), opening as dump:
            written = write_payload(job, dump, part, key, job.id, settings.deflate_level)
        roles, with_passwords = dump_roles(tool, context.server, job.token)
        if not with_passwords:
            job.note("info", "roles-without-passwords", reason="only a superuser may read them")
        return _Dumped(
            dump.snapshot, dump.altered, written.payload, written.schema_hash, publish.encrypted(key, roles)
        )

    def _keep(
        self, name: BackupName, part: PartFile, source: Source, tool: Tool, dumped: _Dumped, key: Key
    ) -> Signed:
        """Put all of it on disk, or nothing."""
        job, disk = self.job, self.context.stores.disk
        with ExitStack() as undo:
            publish.put_beside(disk, name, ROLES, dumped.roles)
            undo.callback(publish.take_back, job, disk, name, ROLES)
            part.commit()
            undo.callback(publish.take_back, job, disk, name, "")
            kept = publish.signed(self._manifest(name, source, tool, dumped, key), key)
            publish.put_beside(disk, name, MANIFEST, kept.data)
            undo.pop_all()
        job.note("info", "kept-on-disk", name=str(name), bytes=kept.manifest.size)
        return kept

    def _manifest(self, name: BackupName, source: Source, tool: Tool, dumped: _Dumped, key: Key) -> Manifest:
        context = self.context
        return Manifest(
            id=self.job.id,
            kind=Kind.FULL,
            database=context.settings.db_name,
            host=context.host,
            payload=str(name),
            snapshot_at=dumped.snapshot.at,
            started_at=self.started,
            ended_at=context.clock.now(),
            lsn=dumped.snapshot.lsn,
            horizon=dumped.snapshot.horizon,
            server=source.server,
            properties=source.properties,
            tools={"mtn": __version__, "pg_dump": tool.version},
            roles=source.roles,
            extensions=source.extensions,
            schema_hash=dumped.schema_hash,
            size=dumped.payload.size,
            sha256=dumped.payload.sha256,
            salt=dumped.payload.salt,
            key=key.fingerprint,
            sections=dumped.payload.sections,
            search_path=source.search_path,
            roles_sha256=hashlib.sha256(dumped.roles).hexdigest(),
            altered=dumped.altered,
        )

    def _into_bucket(self, upload: Upload | None, kept: Signed, key: Key) -> bool:
        """Wait for the upload and read it back; true once the bucket has a copy that is not bad."""
        job, context = self.job, self.context
        if context.stores.bucket is None or upload is None:
            return False
        job.phase("upload", total=None)
        problem = upload.wait(context.settings.upload_deadline_minutes, kept.data)
        self.watch.seconds["upload"] = upload.seconds
        if problem is not None:
            told = _("The backup is kept on disk only: {reason} {hint}")
            job.warn("kept-on-disk-only", told.format(reason=problem.title, hint=problem.hint))
            return False
        job.note("info", "kept-in-bucket", name=str(kept.manifest.name), bytes=kept.manifest.size)
        try:
            publish.proven_copy(job, context, context.stores.bucket, kept.manifest, key)
        except ArchiveError as error:
            told = _("The copy in the bucket is bad: {reason}")
            job.warn("bucket-copy-bad", told.format(reason=error.title))
            return False
        except StorageError as error:
            told = _("The backup is in the bucket, but could not be read back from it: {reason} {hint}")
            job.warn(
                "bucket-copy-unproven",
                told.format(reason=error.title, hint=_("See later whether it holds: mtn verify --all")),
            )
        return True


def _require_encryption(context: Context) -> None:
    if not context.settings.enable_encryption:
        raise ConfigError(
            _("ENABLE_ENCRYPTION=false: this program makes no backup that just anyone could read."),
            _("Set ENABLE_ENCRYPTION=true. Clear backups made earlier can still be restored."),
        )


def _likely(earlier: list[Summary], source: Source) -> int:
    """Bytes of SQL to expect."""
    return earlier[0].raw if earlier else source.size


def _figures(context: Context, run: _Run, done: FullBackup | None) -> dict[str, object]:
    seconds = run.watch.rounded()
    figures: dict[str, object] = {
        "backup_type": "full",
        "timestamp": run.started.isoformat(),
        "hostname": context.host,
        "database": context.settings.db_name,
        "job": run.job.id,
        "status": "failed",
        "total_duration_seconds": seconds.get("total", 0),
    }
    if done is None:
        return figures
    manifest = done.manifest
    return figures | {
        "status": "success" if done.in_bucket or context.stores.bucket is None else "warning",
        "dump_duration_seconds": seconds["dump"],
        "upload_duration_seconds": seconds.get("upload"),
        "raw_size_bytes": manifest.raw,
        "compressed_size_bytes": manifest.gzip,
        "compression_ratio_percent": round(100 * manifest.gzip / manifest.raw, 2),
        "encrypted_size_bytes": manifest.size,
        "wal_lsn": manifest.lsn,
        "backup_file": str(manifest.name),
        "proven_to": done.rung.word,
        "in_bucket": done.in_bucket,
        "suspect": done.suspect,
    }
