"""An exported variable, or a stranger's file, makes no command act on what nobody meant."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
STRANGER = 65534


@pytest.fixture
def small(pg18, new_database) -> Database:
    database = new_database(pg18)
    database.psql("CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 10) g")
    return database


@pytest.fixture
def other(pg18, new_database) -> Database:
    database = new_database(pg18)
    database.psql("CREATE TABLE o AS SELECT 1 AS id")
    return database


def test_an_exported_name_neither_hides_the_database_nor_takes_productions_guard(small, other, practise):
    here: Practice = practise(small)
    here.back_up()
    exported = {"DB_NAME": other.name}
    backed_up = here.mtn("backup", "full", "--verbose", **exported)
    first, second = f"DB_NAME is {other.name}, taken from the environment", f"Database: {other.name} at"
    assert first in backed_up.stderr
    assert second in backed_up.stderr
    (log,) = [one for one in here.root.glob("logs/full-backup_*.log") if other.name in one.read_text()]
    assert "DB_NAME" in log.read_text()

    restore = ["restore", f"--target={small.name}", "--drop", "--file"]
    name = next(one.name for one in here.inventory.backups if one.may_be_of(small.name))
    refused = here.mtn(*restore, str(name), check=64, **exported)
    assert f"{small.name} is production" in refused.stderr
    assert small.psql("SELECT count(*) FROM t").strip() == b"10"

    found = json.loads(here.mtn("doctor", "--json", check=None, **exported).stdout)
    (said,) = [one for one in found if one["check"] == "environment"]
    assert said["status"] == "warn"
    assert small.name in said["title"]
    assert other.name in said["title"]


def test_a_detached_job_acts_on_what_its_parent_said(small, other, practise):
    here: Practice = practise(small)
    begun = here.mtn("backup", "full", "--detach", "--verbose", DB_NAME=other.name)
    assert f"Database: {other.name} at" in begun.stderr
    here.mtn("job", "follow", begun.stdout.strip())
    (made,) = here.inventory.backups
    assert made.manifest is not None
    assert made.manifest.database == other.name


@pytest.mark.parametrize("command", ["undo", "promote", "restore"])
def test_commands_that_act_name_the_database_first(small, practise, command):
    here: Practice = practise(small)
    words = ["promote", "postgres"] if command == "promote" else [command]
    named = small.name
    if command == "restore":
        words += ["--file", here.legacy_backup().name, "--target=x"]
        named = "x"
    done = here.mtn(*words, "--verbose", check=None)
    assert done.returncode not in (0, 1)
    assert f"Database: {named} at {small.server.host}:{small.server.port} ({here.config})" in done.stderr


LIBPQ = {
    "PGHOSTADDR": "192.0.2.1",
    "PGSERVICE": "nowhere",
    "PGSERVICEFILE": "/nonexistent",
    "PGSYSCONFDIR": "/nonexistent",
    "PGTARGETSESSIONATTRS": "standby",
    "PGOPTIONS": "-c default_transaction_read_only=on -c search_path=pg_temp",
    "PGCLIENTENCODING": "LATIN1",
    "PGDATESTYLE": "SQL, DMY",
    "PGTZ": "Pacific/Kiritimati",
    "PGGEQO": "off",
    "PGHOST": "192.0.2.1",
    "PGPORT": "1",
    "PGDATABASE": "nowhere",
    "PGUSER": "nobody",
}


def test_variables_of_libpq_lead_neither_a_backup_nor_a_restore_elsewhere(small, practise):
    here: Practice = practise(small)
    small.psql("CREATE TABLE words AS SELECT 'Ñandú – 学校' AS word, now() AS at")
    here.mtn("backup", "full", **LIBPQ)
    here.made.append(f"{small.name}_test")
    here.mtn("restore", "--latest", f"--target={small.name}_test", **LIBPQ)
    restored = Database(small.server, f"{small.name}_test")
    assert restored.psql("SELECT word FROM words").decode().strip() == "Ñandú – 学校"


@pytest.fixture
def shared() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mtn-settings-", dir="/tmp"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@as_root
def test_doctor_runs_nothing_of_a_strangers_configuration_that_it_comes_across(small, practise, shared):
    here: Practice = practise(small)
    ran, evil = shared / "ran", shared / "evil"
    evil.write_text(f"#!/bin/sh\necho $* >> {ran}\necho 'pg_dump (PostgreSQL) 18.0'\n")
    (shared / "config").mkdir()
    config = shared / "config" / "backup.conf"
    config.write_text(here.config.read_text() + f"PG_DUMP={evil}\n")
    for path in (evil, config.parent, config):
        path.chmod(0o755)
        os.chown(path, STRANGER, -1)
    bare = {name: value for name, value in here.environment.items() if name != "MTN_CONFIG"}
    bare |= {"XDG_CONFIG_HOME": str(shared / "none"), "HOME": str(here.root)}

    def doctor(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "mtn_tui", *options, "doctor"]
        return subprocess.run(command, cwd=shared, env=bare, capture_output=True, text=True, check=False)

    done = doctor()
    assert not ran.exists()
    assert f"{config} is not used" in done.stdout
    assert f"mtn --config {config}" in done.stdout
    assert done.returncode == 2
    doctor("--config", str(config))
    assert ran.exists(), "named, it is meant"
