"""A production database that went on after its backup, and a server on which much can be in the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from mtn_tui.demo.postgres_binaries import wheel_binaries
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.workspace import Workspace
from mtn_tui.operations.common.production import confirmation
from mtn_tui.postgres.connection import MAINTENANCE, connect
from mtn_tui.postgres.identity import server_identity
from tests.operation_fixtures import Practice
from tests.pg_fixtures import UNSAFE, Database, new_place, running

BEFORE = """
    CREATE TABLE applications (id int PRIMARY KEY, created_at timestamp NOT NULL DEFAULT now());
    INSERT INTO applications SELECT n, '2025-06-01' FROM generate_series(1, 50) AS n
"""
AFTER = "INSERT INTO applications VALUES (51), (52), (53)"


@dataclass(frozen=True)
class Live:
    """Production: 50 applications are in its backup, three came after it."""

    practice: Practice

    @property
    def database(self) -> Database:
        return self.practice.source

    @property
    def words(self) -> str:
        with connect(self.database.login, MAINTENANCE) as connection:
            return confirmation(server_identity(connection).system_identifier)

    @property
    def rows(self) -> int:
        return count(self.database)

    @property
    def kept(self) -> list[Database]:
        """What it was before, the oldest first."""
        beginning = self.database.name + "__before_"
        names = sorted(name for name in self.practice.databases() if name.startswith(beginning))
        return [Database(self.database.server, name) for name in names]


def count(database: Database) -> int:
    return int(database.psql("SELECT count(*) FROM applications"))


def production(practice: Practice) -> Live:
    """Make it so: the source of ``practice`` is filled, unless it was made so, backed up, and used on."""
    if practice.source.script == BEFORE:
        practice.ready_made()
    else:
        practice.source.psql(BEFORE)
        practice.back_up()
    practice.source.psql(AFTER)
    return Live(practice)


@pytest.fixture
def live(pg18, new_database, practise) -> Live:
    return production(practise(new_database(pg18, script=BEFORE)))


@pytest.fixture(scope="session")
def pg_busy(pg_workspace: Workspace) -> Iterator[PostgresServer]:
    """A second server, which allows prepared transactions and logical slots, and is killed by some tests."""
    settings = UNSAFE | {"max_prepared_transactions": "5", "wal_level": "logical"}
    with running(wheel_binaries(), new_place(pg_workspace, "pg-busy") / "server", settings) as server:
        yield server
