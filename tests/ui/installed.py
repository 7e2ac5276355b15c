"""An installation made on disk for the screens to show: the same wherever and whenever it is made.

No server stands behind it: the backups are whole by their manifests, their
payloads as empty as a disk allows; jobs are told by their journals, logs by
their lines. What people read in them is in the language of the moment.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mtn_tui.archive import manifest as manifests
from mtn_tui.archive import proof as proofs
from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import Manifest, Section
from mtn_tui.archive.proof import Mark, Proof
from mtn_tui.archive.sections import Part
from mtn_tui.core.errors import Cancelled
from mtn_tui.core.i18n import _
from mtn_tui.core.identity import DatabaseProperties, ServerIdentity
from mtn_tui.core.models import MANIFEST, PROOF, ROLES, BackupName, JobState, Kind, Rung
from mtn_tui.core.settings import Settings
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.journal import Journal
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import Stores
from mtn_tui.storage.disk_errors import disk_error
from mtn_tui.storage.local import LocalStorage
from mtn_tui.storage.s3 import S3Storage
from mtn_tui.storage.s3_held import Held

NOW = datetime(2026, 11, 24, 6, 2, 11, tzinfo=UTC)
"""03:02:11 where the pictures are taken: see ``ZONE``."""

ZONE = "<-03>3"
"""The operator's TZ, told in full: not every machine knows of America/Santiago."""

DATABASE, MACHINE = "Admisión_MTN_DB", "db1"
KEY = Key(b"correct horse battery staple")
ABSENT = Path("/srv/mtn")
"""Where a store is said to lie; nothing is there."""

ROWS = {
    "public.documents": 193_244,
    "public.notifications": 151_870,
    "public.evaluations": 96_622,
    "public.applications": 48_311,
    "public.guardians": 71_320,
    "public.students": 39_207,
    "public.interviews": 12_902,
    "public.users": 38,
    "public.comunas": 346,
    "public.school_levels": 15,
    "public.admission_years": 6,
}
_GB = 10**9


class Hand:
    """A clock that somebody moves."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds()

    def on(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Folder(LocalStorage):
    """A folder that is told by the same name wherever it lies; ``bucket`` is one too."""

    def __init__(self, root: Path, name: str, place: str) -> None:
        super().__init__(root)
        self.name = name
        self._place = place

    @property
    def place(self) -> str:
        return self._place

    def held(self, key: str) -> Held:
        """As a bucket is asked: nothing holds what is here."""
        self.stat(key)
        return Held()


def night(day: int, *, hour: int = 5) -> datetime:
    """Two in the morning, local time, so many days ago."""
    return NOW.replace(hour=hour, minute=0, second=4) - timedelta(days=day)


@dataclass
class Installed:
    """One installation in ``root``; ``bucket`` may be silent, or not there at all."""

    root: Path
    bucket: str = "folder"
    disk: Path | None = None
    key_file: Path | None = None
    database: str = DATABASE
    clock: Hand = field(default_factory=Hand)
    settings: dict[str, object] = field(default_factory=dict)
    """Besides those that every one has."""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _last_full: str = ""

    def __post_init__(self) -> None:
        for folder in ("backups", "bucket/full", "bucket/diff", "logs", "state/jobs"):
            (self.root / folder).mkdir(parents=True)
        key = self.root / "key"
        key.write_bytes(KEY.passphrase + b"\n")
        key.chmod(0o600)

    @property
    def context(self) -> Context:
        settings = Settings(
            db_host=MACHINE,
            db_name=self.database,
            db_user="mtn",
            backup_dir=self.root / "backups",
            log_dir=self.root / "logs",
            encryption_key_file=self.key_file or self.root / "key",
            **self.settings,
        )
        disk = Folder(self.disk or self.root / "backups", "disk", str(ABSENT / "backups"))
        buckets = {
            "folder": Folder(self.root / "bucket", "bucket", "mtn-backups @ s3.mtn.cl"),
            "silent": S3Storage("127.0.0.1:9", "mtn-backups", access_key="mtn", secret_key="-", secure=False),
            "": None,
        }
        return Context(
            settings,
            Stores(disk, lambda: buckets[self.bucket]),
            self.root / "state",
            "ana",
            MACHINE,
            self.clock,
        )

    # Backups

    def full(
        self,
        at: datetime,
        size: int = 42 * _GB // 10,
        rung: Rung = Rung.COMPLETE,
        *,
        stores: str = "disk bucket",
        rows: dict[str, int] | None = None,
        pinned: Mark | None = None,
        accepted: Mark | None = None,
        failed: str = "",
    ) -> list[Path]:
        """A backup of ours; its payload in each store."""
        manifest = made_up(next(self._numbers), at, size, rows or ROWS, self.database)
        return self._put(manifest, rung, stores, pinned=pinned, accepted=accepted, failed=failed)

    def diff(
        self,
        at: datetime,
        size: int = 38_000_000,
        rung: Rung = Rung.COMPLETE,
        *,
        stores: str = "disk bucket",
        failed: str = "",
    ) -> list[Path]:
        """A differential on the full that was made last."""
        number = next(self._numbers)
        full = made_up(number, at, size, ROWS, self.database)
        name = replace(full.name, kind=Kind.DIFF)
        facts = {"kind": Kind.DIFF, "payload": str(name), "base": self._last_full, "sections": ()}
        manifest = replace(full, **facts, counted=tuple(full.rows().items()))
        return self._put(manifest, rung, stores, failed=failed)

    def _put(
        self,
        manifest: Manifest,
        rung: Rung,
        stores: str,
        *,
        pinned: Mark | None = None,
        accepted: Mark | None = None,
        failed: str = "",
    ) -> list[Path]:
        proof = Proof(manifest.sha256)
        if rung > Rung.PRESENT:
            proof = proof.climbed(rung, manifest.ended_at + timedelta(minutes=4))
        if failed:
            proof = proof.fell(Rung.PRESENT, failed, NOW - timedelta(hours=1))
        proof = replace(proof, pinned=pinned, accepted=accepted)
        if manifest.kind is Kind.FULL:
            self._last_full = manifest.id
        payloads = []
        for store in stores.split():
            folder = self.root / (f"bucket/{manifest.kind.value}" if store == "bucket" else "backups")
            payload = folder / manifest.payload
            payload.touch()
            os.truncate(payload, manifest.size)
            payload.with_name(payload.name + ROLES).write_bytes(b"roles")
            payload.with_name(payload.name + MANIFEST).write_bytes(manifests.encode(manifest, KEY))
            payload.with_name(payload.name + PROOF).write_bytes(proofs.encode(proof))
            payloads.append(payload)
        return payloads

    def legacy(self, name: str, size: int, rung: Rung = Rung.PRESENT) -> None:
        payload = self.root / "backups" / name
        payload.touch()
        os.truncate(payload, size)
        if rung > Rung.PRESENT:
            proof = Proof(proofs.of_size(size)).climbed(rung, NOW - timedelta(days=2))
            payload.with_name(name + PROOF).write_bytes(proofs.encode(proof))

    # Jobs

    def job(self, job_id: str, kind: str, ago: float, operator: str = "ana", host: str = MACHINE) -> Job:
        """Begun so many minutes ago, by this very process: it lives as long as the picture is taken."""
        self.clock.at = NOW - timedelta(minutes=ago)
        job = Job.create(
            self.root / "state" / "jobs",
            kind=kind,
            subject=self.database,
            operator=operator,
            host=host,
            clock=self.clock,
            new_id=lambda: job_id,
        )
        job.start()
        return job

    def running(self, job_id: str = "k7mqx2ab", *, cancelling: bool = False, host: str = MACHINE) -> None:
        with closing(self.job(job_id, "backup-full", 1, "root", host)) as job:
            self.clock.on(1)
            job.files(f"admision_mtn_full_{MACHINE}_20261124_030112.sql.gz.gpg")
            job.phase("dump", total=42 * _GB // 10)
            for _second in range(18):
                self.clock.on(1)
                job.advance(145_000_000)
                job.beat()
            if cancelling:
                job.cancel("SIGTERM")
        self.clock.at = NOW

    def succeeded(
        self,
        job_id: str,
        kind: str,
        ago: float,
        *warnings: str,
        operator: str = "root",
        facts: Mapping[str, object] | None = None,
    ) -> None:
        with closing(self.job(job_id, kind, ago, operator)) as job:
            self.clock.on(347)
            if facts:
                job.result(facts)
            for text in warnings:
                job.warn("noted", text)
            job.end()
        self.clock.at = NOW

    def failed(
        self, job_id: str = "f3mwq5ta", ago: float = 41, facts: Mapping[str, object] | None = None
    ) -> None:
        with closing(self.job(job_id, "backup-full", ago, "root")) as job:
            self.clock.on(212)
            if facts:
                job.result(facts)
            job.files(f"admision_mtn_full_{MACHINE}_20261124_022112.sql.gz.gpg")
            job.end(disk_error(OSError(errno.ENOSPC, ""), ABSENT / "backups"))
        self.clock.at = NOW

    def cancelled(self, job_id: str = "c5rtq2wz", ago: float = 90) -> None:
        with closing(self.job(job_id, "restore", ago)) as job:
            self.clock.on(75)
            job.cancel("SIGTERM")
            job.end(Cancelled(_("Cancelled: it was asked to stop.")))
        self.clock.at = NOW

    def lost(self, job_id: str = "l2kq7wne", ago: float = 200) -> None:
        """Of a process that is gone: this one's number, before the machine was started again."""
        self.clock.at = NOW - timedelta(minutes=ago)
        about = {"kind": "verify", "subject": self.database, "operator": "bruno", "host": MACHINE}
        with closing(
            Journal.create(
                self.root / "state" / "jobs",
                job_id,
                clock=self.clock,
                **about,
                pid=os.getpid(),
                pid_start="another boot:1",
                state=JobState.QUEUED,
            )
        ) as journal:
            journal.state(JobState.RUNNING)
            journal.files([f"admision_mtn_full_{MACHINE}_20261123_020004.sql.gz.gpg"])
            self.clock.on(33)
            journal.phase("verify-bucket", 42 * _GB // 10, "bytes")
        self.clock.at = NOW

    # Logs

    def log(self, name: str, *lines: str) -> None:
        (self.root / "logs" / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def stamped(time: str, level: str, text: str, day: str = "2026-11-24") -> str:
    """A line as our jobs write it."""
    return f"{day}T{time}-03:00 {level:<5} {text}"


def made_up(number: int, at: datetime, size: int, rows: dict[str, int], database: str) -> Manifest:
    """A manifest of the school as it was ``number`` backups before."""
    local = (at - timedelta(hours=3)).replace(tzinfo=None)
    name = BackupName(local, "admision_mtn", Kind.FULL, MACHINE)
    sections: Sequence[Section] = [
        Section(Part.PRE_DATA, 0, 3000, 20000, 0, "ab" * 32),
        *(
            Section(Part.TABLE, index << 30, 9000, count * 24_000, count, "ab" * 32, table, f"COPY {table}")
            for index, (table, count) in enumerate(rows.items())
        ),
    ]
    ids = "abcdefghijklmnopqrstuvwxyz234567"
    return Manifest(
        id="q7kx2m" + ids[number // 32] + ids[number % 32],
        kind=Kind.FULL,
        database=database,
        host=MACHINE,
        payload=str(name),
        snapshot_at=at,
        started_at=at - timedelta(seconds=2),
        ended_at=at + timedelta(seconds=40),
        lsn=f"2A/{0x7F00A0C8 - (int((NOW - at).total_seconds()) << 6):X}",
        horizon=number,
        server=ServerIdentity(
            7301558210984114411, 16_384, 1, "15.14", 150_014, "UTF8", "c", "es_CL.UTF-8", "es_CL.UTF-8", ""
        ),
        properties=DatabaseProperties("admin"),
        tools={"mtn": "0.1.0", "pg_dump": "15.14"},
        roles=("admin",),
        extensions=(),
        schema_hash="ab" * 32,
        size=size,
        sha256=f"{number:064x}",
        salt="ab" * 8,
        key=KEY.fingerprint,
        sections=tuple(sections),
    )
