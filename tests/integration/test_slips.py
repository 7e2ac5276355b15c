"""A slip in a command line is no failed job, and no line in the logs that somebody has to look after."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.operations.common import production
from tests.operation_fixtures import Practice, install
from tests.pg_fixtures import Database


@pytest.fixture(scope="module")
def practice(pg18: PostgresServer, tmp_path_factory: pytest.TempPathFactory):
    """With a backup, a file of the scripts, and two databases beside production; all in one server."""
    name = f"mtn_slips_{os.getpid()}"
    for one in (name, f"{name}_there", f"{name}__before_20251003_203400"):
        pg18.create_database(one)
    practice = install(tmp_path_factory.mktemp("slips"), Database(pg18, name))
    practice.ready_made()
    practice.legacy_backup()
    yield practice
    for one in (name, f"{name}_there", f"{name}__before_20251003_203400"):
        pg18.drop_database(one)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("restore --latest --target {name}_there", "What replaces a database"),
        ("restore --latest --target {name} --drop", "has to be confirmed"),
        ("restore --latest --target {name} --drop --confirm yes", "not for this server"),
        ("restore --latest --target postgres", "belongs to PostgreSQL"),
        ("restore --file {legacy} --target mtn_never", "--legacy"),
        ("restore --latest --target mtn_never --keep-going --in-place", "does not go with"),
        ("undo {name}_there", "No previous version of"),
        ("undo {name}", "has to be confirmed"),
        ("undo {name} --confirm yes", "not for this server"),
        ("promote mtn_never", "There is no database"),
        ("promote {name}_there --confirm yes", "not for this server"),
        ("promote {name}", "is production"),
        ("recover --from mtn_never --yes", "There is no database"),
        ("recover --from {name} --yes", "is production itself"),
        ("recover --from {name}_there --table mtn_never --yes", "There is no table mtn_never"),
        ("kept drop mtn_never --yes", "no kept database"),
        ("drill aaaaaaaa", "no backup"),
        ("verify aaaaaaaa", "no backup"),
    ],
)
def test_a_slip_is_no_failed_job_and_no_error_in_the_logs(practice: Practice, line, says):
    legacy = next(practice.backups.glob("admision_mtn_full_MacBook*")).name
    done = practice.here(*line.format(name=practice.source.name, legacy=legacy).split(), check=64)
    assert says in done.stderr
    assert practice.here("job", "list", "--json").stdout.strip() in ("", "[]")
    logs: list[Path] = [one for one in practice.root.glob("logs/**/*") if one.is_file()]
    assert not any(b"ERROR" in one.read_bytes() for one in logs)


@pytest.mark.parametrize("line", ["restore --latest --target {name} --drop", "undo {name}"])
def test_the_confirmation_that_is_asked_for_can_be_pasted(practice: Practice, line):
    refused = practice.here(*line.format(name=practice.source.name).split(), check=64)
    (row,) = practice.source.psql("SELECT system_identifier FROM pg_control_system()").decode().split()
    assert f'--confirm "{production.PHRASE} {row}"' in " ".join(refused.stderr.split())
