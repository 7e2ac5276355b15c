"""Operations on real servers: a database, a folder of ours, a bucket, and a configuration file for them."""

from __future__ import annotations

import io
import itertools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest

from mtn_tui.archive import proof as proofs
from mtn_tui.archive.manifest import Manifest
from mtn_tui.archive.proof import Proof
from mtn_tui.cli import app
from mtn_tui.core.models import MANIFEST, PROOF, ROLES, BackupName, Kind, Rung
from mtn_tui.core.settings_file import load
from mtn_tui.core.shellconf import quote
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.engine import host, recordplace
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import JobView, list_jobs, read_job
from mtn_tui.operations.backup import publish
from mtn_tui.operations.backup.differential import differential_backup
from mtn_tui.operations.backup.full import full_backup
from mtn_tui.operations.backup.make import MadeBackup
from mtn_tui.operations.backup.restore_card import leave_card
from mtn_tui.operations.common import production
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import open_stores
from mtn_tui.operations.inventory.model import Backup, Inventory
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.restore.restore import Request, Restored, restore
from mtn_tui.postgres.source import read_source
from tests import warm
from tests.pg_fixtures import Database, copy

R = TypeVar("R")

KEY = warm.PASSPHRASE

_targets = itertools.count(1)


@dataclass
class Practice:
    """One configured installation: what an operator has, in a folder of the test's own."""

    root: Path
    source: Database
    values: dict[str, str]
    job: JobView | None = None
    """The last job that ran here."""
    made: list[str] = field(default_factory=list)
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    ready: int = 0
    """How many backups were put here ready-made."""

    @property
    def config(self) -> Path:
        return self.root / "config" / "backup.conf"

    @property
    def key_file(self) -> Path:
        return self.root / "config" / ".encryption.key"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    def configure(self, **changes: str) -> None:
        """Write the configuration anew, with these keys changed."""
        self.values.update(changes)
        lines = [f"{name}={quote(value)}\n" for name, value in self.values.items()]
        self.config.write_text("".join(lines))
        self.config.chmod(0o600)

    @property
    def context(self) -> Context:
        settings = load(self.config, {}).settings
        return Context(settings, open_stores(settings), self.root / "state", "ana", "db-host-1")

    def run(self, kind: str, body: Callable[[Job], R], context: Context | None = None) -> R:
        job = Job.create((context or self.context).jobs, kind=kind, subject=self.source.name, operator="ana")
        try:
            return host.run(job, body)
        finally:
            self.job = read_job(job.journal_path)

    def back_up(self, context: Context | None = None) -> MadeBackup:
        used = context or self.context
        return self.run("backup-full", lambda job: full_backup(job, used), used)

    def ready_made(self) -> Manifest:
        """Put a backup of the source, as it was when it was new, into all stores; its manifest.

        For what is done with backups: none is made, no job runs. Its bytes and what is known of
        them are those of a real one, made once for all sources that are filled alike, under this
        source's name and signed anew. The next one of the same test is another real one, of a later
        second. It carries no differential.
        """
        context = self.context
        assert context.key.passphrase == KEY.encode()
        known = _recorded(self.source, self.ready)
        self.ready += 1
        described = read_source(context.server, self.source.name, "tests")
        production.remember(context, described.server.system_identifier)
        while True:
            now = context.clock.now()
            stamp = now.astimezone().replace(tzinfo=None, microsecond=0)
            name = BackupName(stamp, context.settings.backup_prefix, Kind.FULL, context.host)
            if not context.stores.disk.path(str(name)).exists():
                break
            time.sleep(0.01)  # no two are of one second
        manifest = replace(
            known.manifest,
            database=self.source.name,
            host=context.host,
            payload=str(name),
            snapshot_at=now,
            started_at=now,
            ended_at=now,
            server=described.server,
            properties=described.properties,
            baseline=None,  # that of another database
        )
        files = {
            ROLES: known.roles,
            "": known.payload,
            MANIFEST: publish.signed(manifest, context.key).data,
            PROOF: proofs.encode(Proof(manifest.sha256).climbed(Rung.COMPLETE, now)),
        }
        for store in context.stores:
            for suffix, data in files.items():
                publish.put_beside(store, name, suffix, data)
            leave_card(store)
        return manifest

    def back_up_changes(self, context: Context | None = None) -> MadeBackup:
        """A differential on the last full or, where that can't be, a full."""
        used = context or self.context
        return self.run("backup-diff", lambda job: differential_backup(job, used), used)

    def restore(self, target: str = "", backup: Backup | None = None, **request: bool) -> Database:
        """Restore into a database that is dropped with the test; the newest backup unless given."""
        target = target or f"restored_{os.getpid()}_{next(_targets)}"
        self.made.append(target)
        context = self.context
        wanted = Request(backup or self.inventory.latest(), target, **request)
        done: Restored = self.run("restore", lambda job: restore(job, context, wanted))
        assert done.target == target
        return Database(self.source.server, target)

    @property
    def inventory(self) -> Inventory:
        context = self.context
        return take_inventory(context.stores, context.key)

    def payload(self, manifest: Manifest) -> Path:
        return self.backups / manifest.payload

    def script(self, payload: Path) -> bytes:
        """What ``openssl enc -d … | gunzip`` makes of a payload."""
        command = 'openssl enc -d -aes-256-cbc -pbkdf2 -iter 100000 -pass "file:$1" -in "$2" | gunzip'
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command, "-", self.key_file, payload],
            capture_output=True,
            check=True,
        )
        return done.stdout

    def legacy_backup(self, stamp: str = "20251003_203400") -> Path:
        """A full as the scripts made it, by their own commands."""
        path = self.backups / f"admision_mtn_full_MacBook-Pro-de-Jorge-4_{stamp}.sql.gz.gpg"
        command = (
            '"$3" --format=plain | gzip -9 |'
            ' openssl enc -aes-256-cbc -salt -pbkdf2 -iter 100000 -pass "file:$1" -out "$2"'
        )
        tool = self.source.server.binaries / "pg_dump"
        subprocess.run(
            ["bash", "-o", "pipefail", "-c", command, "-", self.key_file, path, tool],
            env={**os.environ, **self.source.login.environment(self.source.name)},
            check=True,
        )
        return path

    def mtn(self, *arguments: str, check: int | None = 0, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the command line, as cron would; ``check`` is the exit code to insist on."""
        done = warm.run(
            [sys.executable, "-m", "mtn_tui", *arguments],
            stdin=subprocess.DEVNULL,
            env=self.environment | more,
            timeout=240,
        )
        assert check is None or done.returncode == check, (done.returncode, done.stdout, done.stderr)
        return done

    def here(self, *arguments: str, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        """The same command line within this process: all of it but the interpreter's start, and quicker."""
        out, err = io.StringIO(), io.StringIO()
        before = os.environ.get("MTN_CONFIG")
        os.environ["MTN_CONFIG"] = str(self.config)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = app.run(list(arguments))
        finally:
            os.environ.pop("MTN_CONFIG")
            if before is not None:
                os.environ["MTN_CONFIG"] = before
        assert check is None or code == check, (code, out.getvalue(), err.getvalue())
        return subprocess.CompletedProcess(list(arguments), code, out.getvalue(), err.getvalue())

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """The same, left running; the fixture ends what a test that fails leaves of it."""
        process = warm.Command(
            [sys.executable, "-m", "mtn_tui", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
            env=self.environment | more,
        )
        self.started.append(process)
        return process

    @property
    def environment(self) -> dict[str, str]:
        """As bare as cron's."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        kept["XDG_CACHE_HOME"] = str(self.root / "cache")
        return {**kept, "MTN_CONFIG": str(self.config), "MTN_LANG": "en", "PYTHONWARNINGS": "error"}

    @property
    def jobs(self) -> list[JobView]:
        return list_jobs(self.root / "state" / "jobs")

    def databases(self) -> set[str]:
        with Database(self.source.server, "postgres").connect() as connection:
            return {str(name) for (name,) in connection.execute("SELECT datname FROM pg_database")}


@dataclass(frozen=True)
class Bucket:
    """A bucket, and where it is asked for: a fault proxy may stand before the server."""

    endpoint: str
    name: str
    access_key: str
    secret_key: str


@pytest.fixture
def s3(seaweed: SeaweedServer, bucket: str) -> Bucket:
    """An empty bucket."""
    return Bucket(seaweed.endpoint, bucket, seaweed.access_key, seaweed.secret_key)


def install(root: Path, source: Database, bucket: Bucket | None = None, **changes: str) -> Practice:
    """A configured installation in the folder ``root``, for a source database."""
    server: PostgresServer = source.server
    values = {
        "DB_HOST": server.host,
        "DB_PORT": str(server.port),
        "DB_NAME": source.name,
        "DB_USER": server.user,
        "DB_PASSWORD": server.password,
        "PG_DUMP": str(server.binaries / "pg_dump"),
        "BACKUP_DIR": str(root / "backups"),
        "LOG_DIR": str(root / "logs"),
        "STATE_DIR": str(root / "state"),
        "USE_MINIO": "true",
        "ENABLE_TEST_LOAD": "false",
        "ENABLE_MONITORING": "false",  # no look at the health checks after each job
    }
    if bucket is not None:
        values |= {
            "MINIO_ENDPOINT": f"http://{bucket.endpoint}",
            "MINIO_ACCESS_KEY": bucket.access_key,
            "MINIO_SECRET_KEY": bucket.secret_key,
            "MINIO_BUCKET": bucket.name,
        }
    for folder in ("backups", "logs", "config"):
        (root / folder).mkdir()
    practice = Practice(root, source, values)
    practice.configure(**changes)
    practice.key_file.write_text(KEY + "\n")
    practice.key_file.chmod(0o600)
    return practice


@dataclass(frozen=True)
class Recorded:
    """A real backup, to be put into the stores of several tests."""

    manifest: Manifest
    payload: bytes
    roles: bytes


_real: dict[tuple[Path, str, str], list[Recorded]] = {}


def _recorded(source: Database, number: int) -> Recorded:
    """A real backup of a database that is made as ``source`` was; its number tells it from others like it."""
    made = _real.setdefault((source.server.binaries, source.template, source.script), [])
    while len(made) <= number:
        like_it = Database(source.server, f"mtn_recorded_{os.getpid()}")
        copy(source.server, source.template, like_it.name)
        try:
            if source.script:
                like_it.psql(source.script)
            with TemporaryDirectory() as folder:
                practice = install(Path(folder), like_it)
                manifest = practice.back_up().manifest
                payload = practice.payload(manifest)
                roles = payload.with_name(payload.name + ROLES)
                made.append(Recorded(manifest, payload.read_bytes(), roles.read_bytes()))
        finally:
            source.server.drop_database(like_it.name)
    return made[number]


@pytest.fixture
def practise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Practice]]:
    """Makes a Practice for a source database: ``practise(database)``, ``practise(database, s3)``."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made: list[Practice] = []

    def new(source: Database, bucket: Bucket | None = None, **changes: str) -> Practice:
        made.append(install(tmp_path, source, bucket, **changes))
        return made[-1]

    yield new
    for practice in made:
        for process in practice.started:
            if process.poll() is None:
                process.kill()
                process.communicate()
        state = practice.root / "state"
        for folder in recordplace.ours(recordplace.spare_folders(state, tmp_path)):
            shutil.rmtree(folder)  # in memory, where the state folder could not be written
        server = practice.source.server
        if not server.folder.exists():
            continue  # it lay on a disk of the test's own, and went with it
        if not server.running:
            server.start()
        aside = tuple(f"{of}__" for of in (practice.source.name, *practice.made))  # kept, or half restored
        for name in (*practice.made, *(one for one in practice.databases() if one.startswith(aside))):
            server.drop_database(name)
