"""As many tables as pg_dump can lock, and a pg_dump that lacks the server's fixes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from mtn_tui.core.errors import PostgresError
from mtn_tui.demo.postgres_binaries import wheel_binaries
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.health.checks.server import pg_dump
from mtn_tui.postgres.tools import Tool
from tests.pg_fixtures import UNSAFE, new_place

_FEW_LOCKS = UNSAFE | {"max_locks_per_transaction": "10", "max_connections": "20"}
_STEP = 100


@pytest.fixture
def narrow(pg_workspace):
    with PostgresServer(
        wheel_binaries(), new_place(pg_workspace, "few-locks") / "server", settings=_FEW_LOCKS
    ) as server:
        yield server


@pytest.mark.slow
def test_what_pg_dump_can_lock_is_backed_up_and_beyond_it_the_servers_hint_is_given(
    narrow, new_database, practise
):
    database = new_database(narrow)
    practice = practise(database)

    def make(count: int, word: str) -> None:
        for number in range(tables, tables + count):
            database_script.append(word.format(number))
        database.psql("".join(database_script))
        database_script.clear()

    database_script: list[str] = []
    tables = 0
    while b"PostgreSQL database dump complete" in database.run("pg_dump", "--schema-only", check=False):
        make(_STEP, "CREATE TABLE t{0} (id int);")
        tables += _STEP
        assert tables < 100 * _STEP
    with pytest.raises(PostgresError, match="max_locks_per_transaction"):
        practice.back_up()
    # As many as plain pg_dump gets through: nothing of ours needs a lock for each besides.
    while b"PostgreSQL database dump complete" not in database.run("pg_dump", check=False):
        tables -= _STEP // 10
        make(_STEP // 10, "DROP TABLE t{0};")
    assert practice.back_up().rung.proven


@pytest.mark.parametrize(
    ("version", "major", "minor"),
    [("15.18", 15, 18), ("18.0", 18, 0), ("18beta1", 18, None), ("19devel", 19, None), ("9.6.24", 9, None)],
)
def test_versions_are_read(version, major, minor):
    tool = Tool(Path("pg_dump"), version)
    assert (tool.major, tool.minor) == (major, minor)


def test_a_pg_dump_of_an_older_minor_than_the_server_is_told(pg18, new_database, practise, tmp_path):
    real = wheel_binaries() / "pg_dump"
    old = tmp_path / "old" / "pg_dump"
    old.parent.mkdir()
    old.write_text(f"#!/bin/sh\nexec {real} \"$@\" | sed 's/(PostgreSQL) 18[.0-9]*/(PostgreSQL) 18.0/'\n")
    old.chmod(0o755)
    shutil.copy(real.with_name("pg_dumpall"), old.parent)
    practice = practise(new_database(pg18), PG_DUMP=os.fspath(old))
    (found,) = pg_dump(practice.context)
    assert found.status is Status.WARN
    assert "18.0" in found.says
    assert "older than the server" in found.says
    practice.configure(PG_DUMP=os.fspath(real))
    (found,) = pg_dump(practice.context)
    assert found.status is Status.OK
