"""A hot standby of a test server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtn_tui.demo.postgres_binaries import wheel_binaries
from mtn_tui.demo.postgres_server import PostgresServer
from tests.faults.aftermath import wait_for
from tests.pg_fixtures import UNSAFE, Database, new_place


class Standby(PostgresServer):
    """Copied from its primary when it is started, and fed by it from then on."""

    def __init__(self, primary: PostgresServer, folder: Path) -> None:
        super().__init__(primary.binaries, folder, user=primary.user)
        self.primary = primary
        self.password = primary.password

    def _create(self) -> None:
        self._runnable = self.primary._runnable
        self.folder.mkdir(mode=0o700)
        if self._account is not None:
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
        done = self._child(
            "pg_basebackup",
            f"--pgdata={self._data}",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
            f"--dbname={self.primary.conninfo('replication')}",
        )
        assert done.wait() == 0, self._last_words()

    def follow(self) -> None:
        """Wait until it has replayed what its primary has written so far."""
        (lsn,) = Database(self.primary, "postgres").psql("SELECT pg_switch_wal()").decode().split()
        reached = f"SELECT 1 WHERE pg_last_wal_replay_lsn() >= '{lsn}'"
        wait_for(lambda: Database(self, "postgres").psql(reached), "the standby")


@pytest.fixture(scope="module")
def standby(pg_workspace) -> Iterator[Standby]:
    """With a primary of its own."""
    folder = new_place(pg_workspace, "standby")
    with (
        PostgresServer(wheel_binaries(), folder / "primary", settings=UNSAFE) as primary,
        Standby(primary, folder / "standby") as made,
    ):
        yield made
