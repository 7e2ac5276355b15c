"""What all contenders work on: a server, the school's database, a folder, a key, an installation of ours."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from mtn_tui.cli.session import Session
from mtn_tui.core.errors import ConfigError
from mtn_tui.demo import school
from mtn_tui.demo.postgres_binaries import system_binaries, wheel_binaries
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.demo.workspace import Workspace
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.setup import init
from mtn_tui.operations.setup.init import Answers, MinioBucket

DATABASE = school.NAME

_SETTINGS = {"max_locks_per_transaction": "256"}
"""A dump locks each of 8,000 tables."""


@dataclass(frozen=True)
class Stage:
    server: PostgresServer
    folder: Path
    """Everybody's working folder; what they make lies here."""
    configuration: Path
    key_file: Path
    backups: Path
    """Where ours puts its backups."""

    def shell(self, line: str, *arguments: str | Path) -> list[str | Path]:
        """A command: bash runs ``line`` as a careful script would; it sees ``arguments`` as $1, $2 …"""
        return ["bash", "-e", "-o", "pipefail", "-c", line, "bench", *arguments]

    def mtn(self, *arguments: str) -> list[str | Path]:
        return [sys.executable, "-m", "mtn_tui", *arguments]

    def environment(self, database: str = DATABASE, **more: str) -> dict[str, str]:
        """Of every contender: the server's programs first, libpq's variables, our configuration."""
        path = f"{self.server.binaries}{os.pathsep}{os.environ['PATH']}"
        return {
            **{name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ},
            **self.server.login.environment(database),
            "PATH": path,
            "MTN_CONFIG": str(self.configuration),
            "MTN_LANG": "en",
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            **more,
        }

    def context(self) -> Context:
        return Session(config=self.configuration, lang=None, no_input=True).quiet_context

    def server_cpu(self) -> float:
        """Seconds of CPU that the server and all its processes have spent so far."""
        time.sleep(0.2)  # a session that has just ended is counted once the server has noticed
        server = psutil.Process(self.server.pid)
        spent = sum(server.cpu_times()[:4])  # its own, and those of its children that ended
        for session in server.children():
            with suppress(psutil.NoSuchProcess):
                spent += sum(session.cpu_times()[:2])
        return float(spent)

    def settle(self) -> None:
        """Write out what the run before left for later, so that nobody pays for another's."""
        with psycopg.connect(self.server.conninfo(), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        os.sync()

    def clear_backups(self) -> None:
        """Also from what is remembered of the disk, on which they would be missed."""
        remove([*self.backups.iterdir(), self.folder / "mtn" / "state" / "stores.json"])


@contextmanager
def stage(rows: int, *, system: bool, bucket: bool = False) -> Iterator[Stage]:
    """Build it all in a workspace that is removed afterwards. ``system``: the machine's own PostgreSQL."""
    binaries = system_binaries() if system else wheel_binaries()
    if binaries is None:
        raise ConfigError("No PostgreSQL server is installed on this machine.", "Leave out --system.")
    with ExitStack() as held:
        workspace = held.enter_context(Workspace())
        server = held.enter_context(
            PostgresServer(binaries, workspace.path / "postgresql", settings=_SETTINGS)
        )
        seaweed = held.enter_context(SeaweedServer(workspace.folder("seaweedfs"))) if bucket else None
        print(f"building a school of about {rows:,} rows", file=sys.stderr, flush=True)
        server.create_database(DATABASE)
        school.build(server.conninfo(DATABASE), rows=rows)
        with psycopg.connect(server.conninfo(DATABASE), autocommit=True) as connection:
            connection.execute("VACUUM")
        yield _installed(server, workspace.folder("work"), seaweed)


def _installed(server: PostgresServer, folder: Path, seaweed: SeaweedServer | None) -> Stage:
    """An installation as ``mtn init`` makes it; without a bucket, on disk only."""
    answers = Answers(
        db_name=DATABASE,
        db_user=server.user,
        db_password=server.password,
        db_host=server.host,
        db_port=server.port,
        bucket=seaweed
        and MinioBucket(f"http://{seaweed.endpoint}", seaweed.access_key, seaweed.secret_key, seaweed.bucket),
        others={
            "PG_DUMP": str(server.binaries / "pg_dump"),
            "STATE_DIR": str(folder / "mtn" / "state"),
            "ENABLE_TEST_LOAD": "false",
            "FULL_BACKUP_RETENTION_DAYS": "365",
            "DIFF_BACKUP_RETENTION_DAYS": "365",
        },
    )
    made = init.set_up(init.configuration_in(folder / "mtn"), answers, {}, lambda _settings: "")
    settings = made.settings
    return Stage(server, folder, made.configuration, settings.encryption_key_file, settings.backup_dir)


def remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
