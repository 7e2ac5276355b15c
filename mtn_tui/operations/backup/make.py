"""Makes a backup: dump, prove, keep in both stores, say what was done.

What is dumped is the ``Contents``: everything (``full``), or what has changed since
a full (``differential``). The payload gets its name once it is whole, the manifest
comes last, and the run waits for the bucket only after it has let go of the database.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime

from mtn_tui import __version__
from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import Manifest
from mtn_tui.core import outside
from mtn_tui.core.errors import ArchiveError, ConfigError, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import KEYS, MANIFEST, ROLES, BackupName, Kind, Rung
from mtn_tui.core.stopwatch import Stopwatch
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import advisory_key
from mtn_tui.operations.audit.record import record_in
from mtn_tui.operations.backup import publish
from mtn_tui.operations.backup.contents import Contents, Inputs, Written
from mtn_tui.operations.backup.naming import claim_name
from mtn_tui.operations.backup.publish import Signed
from mtn_tui.operations.backup.room import require_room
from mtn_tui.operations.backup.sweep import sweep_parts_and_uploads, sweep_unfinished
from mtn_tui.operations.backup.upload import Upload
from mtn_tui.operations.common import metrics, production, stores
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.folder_guard import require_closed, strangers_folder
from mtn_tui.operations.common.installation import mark_of
from mtn_tui.operations.common.locking import operation_lock
from mtn_tui.operations.common.metrics import begin_log, write_metrics
from mtn_tui.operations.inventory import key_check, known_stores
from mtn_tui.operations.inventory.anomalies import source as source_of
from mtn_tui.operations.inventory.anomalies import why_suspect
from mtn_tui.operations.inventory.chains import before_in_chain
from mtn_tui.operations.inventory.model import Inventory
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.setup.key import ensure_key, keep_elsewhere, open_to_others
from mtn_tui.postgres.advisory import advisory_lock
from mtn_tui.postgres.connection import application
from mtn_tui.postgres.dump import dump_roles
from mtn_tui.postgres.source import Source, read_source
from mtn_tui.postgres.tools import find_pg_dump
from mtn_tui.storage.part import PartFile

OPERATION = {Kind.FULL: "backup", Kind.DIFF: "differential"}
"""The names of their locks: a differential may be made while a full is, on the full before it."""

LOG = {Kind.FULL: "full-backup", Kind.DIFF: "diff-backup"}
"""The names of their logs and figures, as the scripts had them."""

_BEFORE_DUMP = 10.0
"""Seconds to wait for the bucket before the dump, which does not need it."""


@dataclass(frozen=True)
class MadeBackup:
    """What was made."""

    manifest: Manifest
    rung: Rung
    """Of the copy on disk."""
    in_bucket: bool
    suspect: str
    seconds: dict[str, float]
    """By phase, and ``total``."""
    instead: str = ""
    """Why it is a full although a differential was asked for; else empty."""

    def facts(self) -> dict[str, object]:
        """For the journal, and for ``--json``."""
        manifest = self.manifest
        return {
            "id": manifest.id,
            "kind": manifest.kind.value,
            "base": manifest.base,
            "name": manifest.payload,
            "snapshot_at": manifest.snapshot_at.isoformat(),
            "size": manifest.size,
            "raw_size": manifest.raw,
            "rung": self.rung.word,
            "in_bucket": self.in_bucket,
            "suspect": self.suspect,
            "seconds": self.seconds,
            "instead_of_differential": self.instead,
        }


def make(
    job: Job, context: Context, contents: Contents, started: datetime, *, key_is_meant: bool = False
) -> MadeBackup:
    """Make a backup, and write its figures down. Problems that did not make it fail are warnings of the job.

    ``key_is_meant``: the operator knows that the key is another than before.
    """
    run = _Run(job, context, contents, started, Stopwatch(context.clock), key_is_meant)
    done: MadeBackup | None = None
    try:
        with run.watch.timing("total"):
            done = run.run()
        return done
    finally:
        write_metrics(job, context, LOG[contents.kind], started, _figures(run, done))


def begin(job: Job, context: Context, kind: Kind, started: datetime) -> None:
    """Begin the log, and look at what is the same for backups of any kind."""
    begin_log(job, context, LOG[kind], started)
    settings = context.settings
    job.note("info", "database", name=settings.db_name, host=settings.db_host, port=settings.db_port)
    if context.outside:
        job.note("warn", "from-the-environment", keys=outside.named(context.outside))
    require_closed(settings.backup_dir)
    if doubt := strangers_folder(settings.backup_dir, context.configuration):
        job.warn("strangers-folder", f"{doubt.title} {doubt.hint}")


def make_unrecorded(job: Job, context: Context, contents: Contents) -> MadeBackup:
    """Make a backup within another job, without a log and figures of its own."""
    return _Run(job, context, contents, context.clock.now(), Stopwatch(context.clock)).run()


@dataclass
class _Run:
    """One run of the operation."""

    job: Job
    context: Context
    contents: Contents
    started: datetime
    watch: Stopwatch
    key_is_meant: bool = False

    def run(self) -> MadeBackup:
        job, context, kind = self.job, self.context, self.contents.kind
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
            here = (kind, context.settings.db_name, source.server.system_identifier)
            earlier = [
                one.manifest for one in known.backups if one.manifest and source_of(one.manifest) == here
            ]
            inputs = Inputs(job, context, quick, self._application, source, tool, key, earlier)
            largest = self.contents.prepare(inputs)
            odd = known_stores.look(job, quick, bucket_answers=answers)
            if doubt := require_room(context, earlier, largest, odd):
                job.note("warn", "may-not-fit", reason=doubt)  # no warning of a backup that does fit
            mark = mark_of(job, context)
            claimed = claim_name(job, quick, kind, self.started, mark, bucket_answers=answers)
            name = claimed.name
            with claimed.part as part, ExitStack() as uploading:
                upload = None
                if context.stores.bucket is not None:
                    upload = uploading.enter_context(
                        Upload(job, context.stores.bucket, claimed, mark, source.size, context.clock)
                    )
                written = self.contents.write(inputs, part, uploading, self.watch)
                roles = self._roles(inputs)
                if upload is not None:
                    upload.bring(roles)
                kept = self._keep(name, part, inputs, written, roles)
                rung = publish.proven_copy(job, context, context.stores.disk, kept.manifest, key)
                in_bucket = self._into_bucket(upload, kept, key, written.keys)
            base = kept.manifest.base
            suspect = why_suspect(kept.manifest, before_in_chain(known.backups, base) if base else earlier)
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
        return MadeBackup(kept.manifest, rung, in_bucket, suspect, self.watch.seconds)

    @property
    def _application(self) -> str:
        return application(OPERATION[self.contents.kind], self.job.id, self.context.host)

    def _claim(self, held: ExitStack) -> Source:
        """Take the locks of this machine and of the server, and ask what is to be dumped."""
        context, database = self.context, self.context.settings.db_name
        operation = OPERATION[self.contents.kind]
        held.enter_context(operation_lock(self.job, context, database, operation))
        source = read_source(context.server, database, self._application, self.job.token)
        production.remember(context, source.server.system_identifier)
        key = advisory_key(source.server.system_identifier, database, operation)
        held.enter_context(advisory_lock(context.server, key, self._application, self.job.token))
        return source

    def _key(self) -> Key:
        """The key; the very first backup of all makes it."""
        path = self.context.settings.encryption_key_file
        if ensure_key(path, lambda: stores.any_backup_known(self.context.stores)):
            notice = keep_elsewhere(path)
            self.job.warn("key-made", f"{notice.title} {notice.hint}")
            record_in(self.job, self.context, "key-made", str(path), fingerprint=self.context.key.fingerprint)
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

    def _roles(self, inputs: Inputs) -> bytes:
        """The roles' file: their statements, encrypted."""
        roles, with_passwords = dump_roles(inputs.tool, self.context.server, self.job.token)
        if not with_passwords:
            self.job.note("info", "roles-without-passwords", reason="only a superuser may read them")
        return publish.encrypted(inputs.key, roles)

    def _keep(
        self, name: BackupName, part: PartFile, inputs: Inputs, written: Written, roles: bytes
    ) -> Signed:
        """Put all of it on disk, or nothing."""
        job, disk = self.job, self.context.stores.disk
        with ExitStack() as undo:
            publish.put_beside(disk, name, ROLES, roles)
            undo.callback(publish.take_back, job, disk, name, ROLES)
            if written.keys is not None:
                publish.keep_keys(job, written.keys)
                undo.callback(publish.take_back, job, disk, name, KEYS)
            part.commit()
            undo.callback(publish.take_back, job, disk, name, "")
            kept = publish.signed(self._manifest(name, inputs, written, roles), inputs.key)
            publish.put_beside(disk, name, MANIFEST, kept.data)
            undo.pop_all()
        job.note("info", "kept-on-disk", name=str(name), bytes=kept.manifest.size)
        return kept

    def _manifest(self, name: BackupName, inputs: Inputs, written: Written, roles: bytes) -> Manifest:
        context, source = self.context, inputs.source
        return Manifest(
            id=self.job.id,
            kind=self.contents.kind,
            database=context.settings.db_name,
            host=context.host,
            payload=str(name),
            snapshot_at=written.snapshot.at,
            started_at=self.started,
            ended_at=context.clock.now(),
            lsn=written.snapshot.lsn,
            horizon=written.snapshot.horizon,
            server=source.server,
            properties=source.properties,
            tools={"mtn": __version__, "pg_dump": inputs.tool.version},
            roles=source.roles,
            extensions=source.extensions,
            schema_hash=written.schema_hash,
            size=written.payload.size,
            sha256=written.payload.sha256,
            salt=written.payload.salt,
            key=inputs.key.fingerprint,
            sections=written.payload.sections,
            search_path=source.search_path,
            roles_sha256=hashlib.sha256(roles).hexdigest(),
            altered=written.altered,
            base=written.base,
            baseline=written.baseline,
            counted=written.counted,
        )

    def _into_bucket(self, upload: Upload | None, kept: Signed, key: Key, keys: PartFile | None) -> bool:
        """Wait for the upload and read it back; true once the bucket has a copy that is not bad."""
        job, context = self.job, self.context
        if context.stores.bucket is None or upload is None:
            return False
        job.phase("upload", total=None)
        minutes = context.settings.upload_deadline_minutes
        problem = upload.wait(minutes, kept.data, keys.path if keys else None)
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
            _("ENABLE_ENCRYPTION=false: this program makes no unencrypted backups."),
            _("Set ENABLE_ENCRYPTION=true. Unencrypted backups made earlier can still be restored."),
        )


def about(job: Job, context: Context, kind: Kind, started: datetime) -> dict[str, object]:
    """The figures that say which run it is, and of which kind of backup."""
    return {
        "backup_type": {Kind.FULL: "full", Kind.DIFF: "differential"}[kind],
        **metrics.about(job, context, started),
    }


def _figures(run: _Run, done: MadeBackup | None) -> dict[str, object]:
    seconds, context = run.watch.rounded(), run.context
    figures = about(run.job, context, run.contents.kind, run.started) | {
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
        "base": manifest.base,
        "proven_to": done.rung.word,
        "in_bucket": done.in_bucket,
        "suspect": done.suspect,
    }
