"""mtn doctor: what it finds on real servers, each with its fix, and nothing green that was not looked at."""

from __future__ import annotations

import json
import shutil
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from mtn_tui.core.clock import SystemClock
from mtn_tui.demo.ports import free_port
from mtn_tui.engine.detached import ASK_LOGIND
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health import catalogue, doctor
from mtn_tui.operations.health.checks.bucket import PROBES, bucket
from mtn_tui.operations.health.checks.machine import encoding, logind
from mtn_tui.operations.health.checks.role import role
from mtn_tui.operations.health.checks.server import server
from mtn_tui.operations.health.checks.state import state
from mtn_tui.operations.health.runner import worst
from tests.operation_fixtures import Practice


@pytest.fixture
def small(pg18, new_database):
    database = new_database(pg18)
    database.psql("CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 50) g; CREATE SEQUENCE s")
    return database


OURS = (
    *("configuration", "environment", "key", "key-of-backups", "folders", "state", "server", "role"),
    *("leftovers", "pg_dump", "bucket", "clock", "stores", "alerts", "encoding", "logind"),
)
"""The others are in test_health_table.py."""


def found(practice, code):
    """Findings by their check; this machine or server and alerts have their own tests."""
    said = json.loads(practice.here("doctor", "--json", check=None).stdout)
    findings = [Check(one["check"], Status(one["status"]), one["title"], one["hint"]) for one in said]
    others = ("encoding", "logind", "folders", "alerts")
    findings = [one for one in findings if one.id in OURS]
    ours = [one for one in findings if one.id not in others or one.status == "fail"]
    ours = [one for one in ours if (one.id, one.status) != ("leftovers", "warn")]
    known = {Status.OK: 0, Status.WARN: 1, Status.FAIL: 2, Status.UNKNOWN: 3}
    assert known[worst(ours)] == code, ours
    assert all(one.hint for one in findings if one.status != "ok")
    return {one.id: one for one in ours if one.status != "ok"}


def test_a_healthy_installation(small, practise, s3):
    practice: Practice = practise(small, s3)
    assert found(practice, 0) == {}
    said = practice.here("doctor", check=None).stdout
    for part in ("PostgreSQL 18", "pg_dump 18", small.name, str(practice.key_file), s3.name, "free"):
        assert part in said
    assert list(practice.context.stores.bucket.list()) == []


def test_the_exit_code_is_that_of_the_worst():
    def of(*all_of):
        return worst([Check("x", one, "") for one in all_of])

    assert of() is Status.OK
    assert of(Status.OK, Status.WARN) is Status.WARN
    assert of(Status.WARN, Status.UNKNOWN, Status.OK) is Status.UNKNOWN
    assert of(Status.UNKNOWN, Status.FAIL, Status.WARN) is Status.FAIL


def test_the_command_ends_with_it(small, practise):
    practice: Practice = practise(small, MINIO_ENDPOINT="")
    code = practice.here("doctor", check=None).returncode
    assert code == 2, "there is no backup yet"
    for unreachable in ({"DB_PORT": str(free_port())}, {"DB_HOST": "db..example.cl"}):
        practice.configure(**unreachable)
        done = practice.here("doctor", check=2)
        assert "does not answer" in done.stdout
        assert done.stderr == ""


def test_without_a_configuration_nothing_is_green_that_needs_one(small, practise):
    practice: Practice = practise(small)
    practice.config.unlink()
    findings = json.loads(practice.here("doctor", "--json", check=2).stdout)
    by_status = {one["check"]: one["status"] for one in findings}
    assert by_status["configuration"] == "fail"
    assert {by_status[one.id] for one in catalogue.CHECKS if one.id not in doctor.WITHOUT_CONFIGURATION} == {
        "unknown"
    }


def test_a_wrong_value_is_told_as_the_configurations(small, practise):
    practice: Practice = practise(small, DB_PORT="many")
    findings = json.loads(practice.here("doctor", "--json", check=2).stdout)
    assert findings[0]["check"] == "configuration"
    assert "DB_PORT" in findings[0]["title"]


def test_files_of_secrets_that_others_can_read(small, practise, s3):
    practice: Practice = practise(small, s3)
    practice.config.chmod(0o644)
    practice.key_file.chmod(0o644)
    bad = found(practice, 1)
    assert set(bad) == {"configuration", "key"}
    assert all("chmod 600" in one.hint for one in bad.values())
    made = practice.here("backup", "full", check=1).stderr
    for one in bad.values():
        assert made.count(one.says) == 1, "a backup says it as well"
        assert one.hint in made
    practice.key_file.chmod(0o600)
    practice.here("backup", "full")


def test_a_missing_key_is_only_a_remark_before_the_first_backup(small, practise, s3):
    practice: Practice = practise(small, s3)
    practice.key_file.unlink()
    assert set(found(practice, 1)) == {"key"}
    practice.back_up()
    practice.key_file.unlink()
    assert "not there" in found(practice, 2)["key"].says
    practice.key_file.write_bytes(b"\n")
    assert "empty" in found(practice, 2)["key"].says


def test_a_folder_for_backups_that_is_gone(small, practise, s3):
    practice: Practice = practise(small, s3)
    shutil.rmtree(practice.backups)
    bad = found(practice, 2)
    assert set(bad) == {"folders"}
    assert "BACKUP_DIR" in bad["folders"].hint


def test_a_file_where_a_folder_should_be(small, practise, s3):
    practice: Practice = practise(small, s3)
    (practice.root / "file").write_bytes(b"")
    practice.configure(LOG_DIR=str(practice.root / "file" / "logs"), STATE_DIR=str(practice.root / "file"))
    bad = found(practice, 2)
    assert "LOG_DIR" in bad["folders"].says or "METRICS_DIR" in bad["folders"].says
    assert "STATE_DIR" in bad["state"].says


def test_the_shared_state_folder_that_is_closed_to_us(small, practise, tmp_path):
    practice: Practice = practise(small)
    context = practice.context
    unset = context.settings.model_copy(update={"state_dir": None})
    mine = type(context)(unset, context.stores, tmp_path / "mine", "ana", "db-1")
    (one,) = state(mine, shared=tmp_path)
    assert (one.status, "usermod -aG mtn ana" in one.hint) == (Status.WARN, True)
    (one,) = state(mine, shared=tmp_path / "nowhere")
    assert one.status is Status.OK


def test_a_server_that_does_not_answer_leaves_the_rest_unknown(small, practise, s3):
    practice: Practice = practise(small, s3, DB_PORT=str(free_port()))
    bad = found(practice, 2)
    assert {name: one.status for name, one in bad.items()} == {
        "server": "fail",
        "role": "unknown",
        "leftovers": "unknown",
        "pg_dump": "unknown",
    }


def test_a_wrong_password(small, practise, s3):
    practice: Practice = practise(small, s3, DB_PASSWORD="not the one")
    assert "DB_PASSWORD" in found(practice, 2)["server"].hint


def test_a_role_that_may_not_read_or_restore(small, practise, s3):
    name = f"limited_{small.name}"
    small.psql(f"CREATE ROLE \"{name}\" LOGIN PASSWORD 'x'")
    try:
        practice: Practice = practise(small, s3, DB_USER=name, DB_PASSWORD="x")
        findings = [*role(practice.context)]
        assert [one.status for one in findings] == [Status.FAIL, Status.WARN]
        assert "all tables and sequences (2 not)" in findings[0].says
        small.psql(f'GRANT pg_read_all_data TO "{name}"; ALTER ROLE "{name}" CREATEDB')
        assert [one.status for one in role(practice.context)] == [Status.OK]
        assert [one.status for one in server(practice.context)] == [Status.OK]
    finally:
        small.psql(f'DROP OWNED BY "{name}"; DROP ROLE "{name}"')


def test_a_pg_dump_that_is_none(small, practise, s3):
    practice: Practice = practise(small, s3, PG_DUMP="/nowhere/pg_dump")
    assert "Install" in found(practice, 2)["pg_dump"].hint


def test_a_pg_dump_that_is_too_old(small, practise, s3):
    practice: Practice = practise(small, s3)
    old = practice.root / "pg_dump"
    old.write_text('#!/bin/sh\necho "pg_dump (PostgreSQL) 15.4"\n')
    old.chmod(0o755)
    practice.configure(PG_DUMP=str(old))
    assert "15.4" in found(practice, 2)["pg_dump"].says


def test_no_bucket_is_a_warning(small, practise):
    assert set(found(practise(small, MINIO_ENDPOINT=""), 1)) == {"bucket"}


def test_a_bucket_that_does_not_answer_or_is_not_there(small, practise, s3):
    practice: Practice = practise(small, s3, MINIO_BUCKET="not-there")
    assert "MINIO_BUCKET" in found(practice, 2)["bucket"].hint
    practice.configure(MINIO_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    assert set(found(practice, 2)) == {"bucket"}


class Ahead(SystemClock):
    def __init__(self, by):
        self.by = by

    def now(self):
        return super().now() + self.by


@pytest.mark.parametrize(
    ("by", "status"), [(0, Status.OK), (120, Status.WARN), (-120, Status.WARN), (900, Status.FAIL)]
)
def test_a_clock_that_is_wrong(small, practise, s3, by, status):
    context = practise(small, s3).context
    skewed = type(context)(
        context.settings, context.stores, context.state, "ana", "db-1", Ahead(timedelta(seconds=by))
    )
    findings = {one.id: one for one in bucket(skewed)}
    assert (findings["bucket"].status, findings["clock"].status) == (Status.OK, status)
    assert list(context.stores.bucket.list(PROBES)) == []


@pytest.mark.parametrize(
    ("name", "status"), [("UTF-8", Status.OK), ("utf8", Status.OK), ("ANSI_X3.4-1968", Status.WARN)]
)
def test_the_locales_encoding(name, status):
    (one,) = encoding(name)
    assert one.status is status


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("echo 'b false'", Status.OK),
        ("echo 'b true'", Status.WARN),
        ("echo 'no bus' >&2; exit 1", Status.UNKNOWN),
        ("echo 's what'", Status.UNKNOWN),
    ],
)
def test_what_logind_does_at_logout(tmp_path, said, status):
    busctl = tmp_path / "busctl"
    busctl.write_text(f"#!/bin/sh\n{said}\n")
    busctl.chmod(stat.S_IRWXU)
    (one,) = logind([str(busctl)], tmp_path)
    assert one.status is status
    assert bool(one.hint) is (status is not Status.OK)


def test_without_systemd_or_its_tools_nothing_ends_at_logout(tmp_path):
    for command, booted in (([str(tmp_path / "none")], tmp_path), (ASK_LOGIND, Path("/nowhere"))):
        (one,) = logind(command, booted)
        assert one.status is Status.OK


def test_it_prints_a_line_for_each_check_under_its_name_with_what_is_wrong_at_the_end(small, practise):
    practice: Practice = practise(small, MINIO_ENDPOINT="", CONTACTS_FILE="config/contacts.toml")
    shutil.copy("config/contacts.toml", practice.config.parent)
    said = practice.here("doctor", check=None).stdout
    heads = [line for line in said.splitlines() if line[0] != " "]
    glyphs = [line[0] for line in heads]
    assert glyphs == sorted(glyphs, key="✔⚠?✖".index)
    named = [line.split(maxsplit=2)[2].removeprefix("data ") for line in heads]
    for one in catalogue.CHECKS:
        if one.id != "differentials":  # of which the same is said as of another
            assert sum(name.startswith(f"{one.title()}: ") for name in named) <= 1, one.id
    (contacts,) = [line for line in heads if "Contacts: " in line]
    assert contacts.startswith("⚠")
    for placeholder in ("operations (name, phone)", "devops (name, phone)", "dba (name, phone)"):
        assert placeholder in contacts


def test_where_nothing_can_be_looked_at_it_says_why_once(small, practise):
    practice: Practice = practise(small, MINIO_ENDPOINT="", DB_PORT=str(free_port()))
    assert practice.here("doctor", check=2).stdout.count("Not looked at:") == 1
    practice.config.unlink()
    said = practice.here("doctor", check=2).stdout
    assert said.count("Not looked at") == 1
    assert "The same goes for 33 more checks." in said
    assert len(said.splitlines()) < 12
    assert said.splitlines()[-2].startswith("✖")
