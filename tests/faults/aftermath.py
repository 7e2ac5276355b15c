"""A command of ours that something happens to, and what holds after whatever happened."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from mtn_tui.core.models import KEYS, MANIFEST, PROOF, ROLES
from mtn_tui.engine.jobview import JobView, read_job
from mtn_tui.operations.backup import restore_card
from mtn_tui.operations.inventory.model import CopyStatus
from mtn_tui.storage.s3 import S3Storage
from tests.faults.proxy import Fault, FaultProxy
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database

PATIENCE = 120.0
"""Seconds until a condition that should come about is given up; what is waited for comes much sooner."""


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s for: {what}"
        time.sleep(0.005)


@dataclass
class Running:
    """A command line left running, and the journal of its job."""

    process: subprocess.Popen[str]
    path: Path
    """The journal."""

    @property
    def view(self) -> JobView:
        return read_job(self.path)

    @property
    def journal(self) -> str:
        return self.path.read_text()

    def says(self, *words: str) -> None:
        """Wait until the journal holds these words."""
        wait_for(
            lambda: all(word in self.journal for word in words) or self.process.poll() is not None,
            f"{words} in the journal",
        )
        assert all(word in self.journal for word in words), self.journal

    def reaches(self, phase: str) -> None:
        self.says(f'"event": "phase", "phase": "{phase}"')

    def has_lines(self, count: int) -> None:
        """Wait until the journal has so many lines, or the command has ended."""
        wait_for(
            lambda: self.journal.count("\n") >= count or self.process.poll() is not None, f"{count} lines"
        )

    def ask(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """As the kernel does where memory is short, or a person who is impatient."""
        self.process.kill()
        self.process.communicate()

    def ends(self, code: int) -> str:
        """Wait for it, insist on its exit code, return what it said on stderr."""
        said, told = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == code, (
            self.process.returncode,
            said,
            told,
            self.journal.strip()[-3000:],
        )
        return told


def begin(practice: Practice, *arguments: str, **environment: str) -> Running:
    """Start a command and wait until its job has begun."""
    folder = Path(environment.get("STATE_DIR", practice.root / "state")) / "jobs"
    before = set(folder.glob("*.jsonl"))
    process = practice.start(*arguments, **environment)
    new: set[Path] = set()

    def begun() -> bool:
        new.update(path for path in set(folder.glob("*.jsonl")) - before if b"\n" in path.read_bytes())
        return bool(new) or process.poll() is not None

    wait_for(begun, "a journal")
    assert new, process.communicate()
    return Running(process, new.pop())


def asked(practice: Practice, *arguments: str) -> object:
    """What a command prints with ``--json``."""
    return json.loads(practice.mtn(*arguments, "--json").stdout)


def files(practice: Practice) -> dict[str, str]:
    """Every file in BACKUP_DIR and the SHA-256 of what is in it."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in practice.backups.iterdir()
        if path.is_file()
    }


def objects(store: S3Storage) -> dict[str, tuple[int, float]]:
    """Every object of a bucket, its size, and when it was written."""
    return {entry.key: (entry.size, entry.modified.timestamp()) for entry in store.list()}


def assert_nothing_half_made(practice: Practice) -> None:
    """Each copy is whole; each file belongs to one; nothing is on its way any more."""
    inventory = practice.inventory
    assert not inventory.unreachable
    belonging: dict[str, set[str]] = {"disk": {restore_card.NAME}, "bucket": {restore_card.NAME}}
    for backup in inventory.backups:
        for copy in backup.copies:
            assert copy.standing is CopyStatus.WHOLE, (copy, copy.trouble)
            belonging[copy.store.name] |= {copy.key + suffix for suffix in ("", MANIFEST, PROOF, ROLES, KEYS)}
    for store in practice.context.stores:
        left = {entry.key for entry in store.list()} - belonging[store.name]
        assert not left, (store.name, left)
    parts = [path for path in practice.root.rglob("*.part") if practice.config.parent not in path.parents]
    assert parts == []
    assert {path.name for path in practice.backups.iterdir()} <= belonging["disk"]
    if (bucket := practice.context.stores.bucket) is not None:
        assert bucket.unfinished() == ()


def contents(database: Database) -> str:
    """The same for two databases that hold the same, in whatever order a parallel load left their rows."""
    lines = sorted(database.dump().split(b"\n"))
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def sessions(database: Database) -> list[tuple[str, bool]]:
    """Our sessions on the server: what they call themselves, and whether a transaction is open."""
    with Database(database.server, "postgres").connect() as connection:
        rows = connection.execute(
            "SELECT application_name, xact_start IS NOT NULL FROM pg_stat_activity"
            " WHERE application_name LIKE 'mtn %' AND pid <> pg_backend_pid()"
        ).fetchall()
    return [(str(name), bool(open_)) for name, open_ in rows]


def assert_no_session(database: Database) -> None:
    """The server notices by itself that somebody has gone, though not at once."""
    wait_for(lambda: not sessions(database), "the end of our sessions")


@contextmanager
def locked(database: Database, table: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A table that somebody alters: a backup waits for it before its consistent moment."""
    with database.connect() as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield connection


@contextmanager
def template_busy(database: Database) -> Iterator[None]:
    """Somebody is at template0: whoever makes a database waits."""
    with Database(database.server, "postgres").connect() as connection:
        connection.execute("BEGIN")
        connection.execute("COMMENT ON DATABASE template0 IS 'busy'")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


class HangsWhen(Fault):
    """A proxy's fault: it hangs from the moment that a condition holds, which is asked for each piece."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        self._condition = condition
        super().__init__()

    @property
    def hang(self) -> bool:
        return self._condition()

    @hang.setter
    def hang(self, value: bool) -> None: ...


def half_way_through_a_dump(practice: Practice, proxy: FaultProxy) -> Running:
    """A backup of which some is written and the rest does not come: the server has more than fits on its way.

    The database needs a ``ballast`` of 16 MB.
    """

    def written() -> int:
        return sum(path.stat().st_size for path in practice.backups.glob("*.part"))

    proxy.set(HangsWhen(lambda: written() > 1 << 16))
    running = begin(practice, "backup", "full")
    wait_for(lambda: written() > 1 << 16, "a part of the payload")
    assert running.view.phase == "dump"
    return running


def ballast(database: Database, megabytes: int) -> None:
    """Rows of which little more than a quarter compresses away: they make a payload of about that size."""
    with database.connect() as connection:
        connection.execute("CREATE TABLE ballast (id int PRIMARY KEY, noise text NOT NULL)")
        connection.execute("ALTER TABLE ballast ALTER noise SET STORAGE EXTERNAL")
        with connection.cursor().copy("COPY ballast FROM STDIN") as copy:
            for number in range(1, megabytes * 16 + 1):
                copy.write_row((number, b64encode(os.urandom(1 << 16)).decode()))


@contextmanager
def hammering(source: Database, *work: list[str]) -> Iterator[list[int]]:
    """Run each list of statements in turn, one every 20 ms, in a session of its own; how often each ran."""
    stop, changed = threading.Event(), [0] * len(work)

    def hammer(number: int, statements: list[str]) -> None:
        with source.connect() as connection:
            while not stop.is_set():
                connection.execute(statements[changed[number] % len(statements)].encode())
                changed[number] += 1
                time.sleep(0.02)

    hammers = [threading.Thread(target=hammer, args=one) for one in enumerate(work)]
    for one in hammers:
        one.start()
    try:
        yield changed
    finally:
        stop.set()
        for one in hammers:
            one.join()
