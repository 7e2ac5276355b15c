"""A folder that anybody may write to, and a password where a name belongs: found, refused, never shown."""

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

from mtn_tui.cli.session import Session
from mtn_tui.core.errors import ConfigError
from mtn_tui.core.settings_file import interpret
from mtn_tui.core.values import is_connection_string
from mtn_tui.operations.common import folder_guard
from mtn_tui.operations.common.folder_guard import open_folder, strangers_folder
from mtn_tui.operations.sync.sync import sync
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database

PASSWORD = "a-password-in-the-wrong-place"
CONNECTIONS = [
    f"postgresql://admin:{PASSWORD}@db.school.cl:5432/school",
    f"postgres://admin:{PASSWORD}@/s",
    f"POSTGRESQL+psycopg://admin:{PASSWORD}@h/s",
    f" postgresql://h/s?password={PASSWORD}",
    f"dbname=s password={PASSWORD}",
    f"password = {PASSWORD}",
    f"host=h\tPassword={PASSWORD}",
    f"jdbc:postgresql://h:5432/s?user=admin&password={PASSWORD}",
    f"r2dbc:postgresql://admin:{PASSWORD}@h/s",
    f"Driver={{PostgreSQL}};Server=h;Database=s;Uid=admin;Pwd={PASSWORD};",
    f"pgsql:host=h;dbname=s;password={PASSWORD}",
    f"admin:{PASSWORD}@db.school.cl:5432/school",
]


_STRANGER = 64123


@pytest.fixture
def small(pg18, new_database) -> Database:
    database = new_database(pg18)
    database.psql("CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 10) g")
    return database


@pytest.fixture
def shared() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mtn-settings-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.sample("511")
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o757])
def test_a_folder_that_anybody_may_write_to_takes_no_backup_and_the_doctor_says_so(
    small, practise, shared, mode
):
    backups = shared / "backups"
    backups.mkdir()
    backups.chmod(mode)
    here: Practice = practise(small, BACKUP_DIR=str(backups))
    refused = here.here("backup", "full", check=2)
    assert f"Anybody on this machine may put or remove files in {backups}" in refused.stderr
    assert f"chmod o-w {backups}" in refused.stderr
    assert list(backups.iterdir()) == []
    found = json.loads(here.here("doctor", "--json", check=2).stdout)
    assert any(one["status"] == "fail" and str(backups) in one["title"] for one in found)
    subprocess.run(["chmod", "o-w", str(backups)], check=True)
    here.here("backup", "full")


def test_a_sync_brings_no_backup_into_a_folder_that_anybody_may_write_to(small, practise, shared, s3):
    backups = shared / "backups"
    backups.mkdir()
    here: Practice = practise(small, s3, BACKUP_DIR=str(backups))
    first, _second = here.ready_made(), here.back_up()
    for path in backups.glob(f"{first.payload}*"):
        path.unlink()
    backups.chmod(0o777)
    here.run("sync", lambda job: sync(job, here.context))
    assert here.job is not None
    (told,) = here.job.warnings
    assert f"may put or remove files in {backups}" in told
    assert not (backups / first.payload).exists()
    backups.chmod(0o750)
    here.run("sync", lambda job: sync(job, here.context))
    assert (backups / first.payload).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another")
@pytest.mark.parametrize("which", ["itself", "the one above"])
def test_a_folder_of_a_stranger_is_told_by_the_backup_and_the_doctor(small, practise, shared, which):
    backups = shared / "above" / "backups"
    backups.mkdir(parents=True)
    here: Practice = practise(small, BACKUP_DIR=str(backups))
    of = backups if which == "itself" else backups.parent
    os.chown(of, _STRANGER, -1)
    told = f"{of}, where the backups are, belongs to user {_STRANGER}"
    assert told in " ".join(here.here("backup", "full", check=1).stderr.split())
    found = json.loads(here.here("doctor", "--json", check=None).stdout)
    of_folders = [one for one in found if one["check"] == "folders"]
    assert [one["status"] for one in of_folders if told in one["title"]] == ["warn"]
    os.chown(here.config, _STRANGER, -1)
    context = Session(here.config, None, no_input=True).context
    assert strangers_folder(backups, context.configuration) is None, "it is the configuration's owner's"


def test_a_mount_beneath_a_folder_that_others_can_not_enter_is_closed(shared):
    """A share whose modes can't be changed: what its users may enter decides."""
    mount = shared / "private" / "share"
    mount.mkdir(parents=True)
    mount.chmod(0o777)
    problem = open_folder(mount)
    assert problem is not None
    assert "beneath a folder of mode 750" in problem.hint
    mount.parent.chmod(0o750)
    assert open_folder(mount) is None


@pytest.mark.parametrize(
    ("kind", "option"),
    [
        ("vfat", "umask=0027"),
        ("exfat", "umask=0027"),
        ("ntfs3", "umask=0027"),
        ("cifs", "dir_mode=0750,file_mode=0640"),
        ("vboxsf", "dmode=0750,fmode=0640"),
        ("nfs4", "chmod o-w"),
        ("ext4", "chmod o-w"),
    ],
)
def test_where_the_mode_is_the_mounts_its_option_is_the_fix(shared, monkeypatch, kind, option):
    mount = shared / "with space"
    mount.mkdir()
    mount.chmod(0o777)
    table = shared / "mountinfo"
    point = str(mount).replace(" ", "\\040")
    table.write_text(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        f"99 22 0:50 / {point} rw,relatime shared:5 master:2 - {kind} //nas/backups rw\n"
    )
    monkeypatch.setattr(folder_guard, "_MOUNTS", table)
    problem = open_folder(mount)
    assert problem is not None
    assert option in problem.hint


@pytest.mark.parametrize("value", CONNECTIONS)
@pytest.mark.parametrize("key", ["DB_NAME", "STAGING_DB_NAME", "PRODUCTION_DATABASES", "DB_USER", "DB_HOST"])
def test_a_whole_connection_is_no_name_and_none_of_it_is_told(key, value):
    given = {"DB_NAME": "school", "DB_USER": "admin", key: value}
    text = "".join(f"{name}='{value}'\n" for name, value in given.items())
    for environment in ({}, {key: value}):
        with pytest.raises(ConfigError) as caught:
            interpret(
                text if not environment else "DB_NAME=x\nDB_USER=y\n", Path("/x/backup.conf"), environment
            )
        assert key in caught.value.title
        assert PASSWORD not in caught.value.title + caught.value.hint + repr(caught.value.__context__)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SMTP_SERVER", f"smtp://ana:{PASSWORD}@smtp.gmail.com"),
        ("SMTP_SERVER", f"ana:{PASSWORD}@smtp.gmail.com"),
        ("MINIO_ENDPOINT", f"http://key:{PASSWORD}@minio:9000"),
        ("DB_USER", f"admin:{PASSWORD}@localhost"),
        ("DB_HOST", f"admin:{PASSWORD}@localhost"),
        ("S3_BUCKET", f"s3://key:{PASSWORD}@bucket"),
        ("MINIO_BUCKET", f"s3://key:{PASSWORD}@bucket"),
        ("BACKUP_PREFIX", f"x:{PASSWORD}"),
        ("ALERT_EMAIL", f"ana:{PASSWORD} @mtn.cl"),
    ],
)
def test_a_password_has_no_place_in_any_other_address(key, value):
    text = f"DB_NAME=school\nDB_USER=admin\nMINIO_ACCESS_KEY=a\nMINIO_SECRET_KEY=b\n{key}='{value}'\n"
    with pytest.raises(ConfigError) as caught:
        interpret(text, Path("/x/backup.conf"), {})
    assert key in caught.value.title
    assert PASSWORD not in caught.value.title + caught.value.hint


@pytest.mark.parametrize(
    "name",
    [
        *("Admisión_MTN_DB", "a=b", "x y", "p@ss:word", "user", "niños/as", "100%"),
        *(
            "a'b\"c",
            "-d",
            "$HOME",
            "{x}",
            "host",
            "dbname",
            "host=h dbname=s",
            "x://y",
            "a:b@c",
            ";DROP",
            "..",
            "école=1",
        ),
    ],
)
def test_names_that_databases_really_have_are_names(name):
    assert not is_connection_string(name)


@pytest.mark.parametrize(
    "command",
    [
        ["restore", "--latest", "--target", CONNECTIONS[0]],
        ["promote", CONNECTIONS[0]],
        ["promote", "x", "--target", CONNECTIONS[4]],
        ["undo", CONNECTIONS[0]],
        ["kept", "drop", "--yes", CONNECTIONS[4]],
    ],
    ids=lambda command: command[0],
)
def test_a_whole_connection_on_the_command_line_is_refused_and_written_nowhere(small, practise, command):
    here: Practice = practise(small)
    refused = here.here(*command, check=64)
    assert "whole connection" in refused.stderr
    assert PASSWORD not in refused.stderr + refused.stdout
    assert here.jobs == []


def test_init_proposes_no_password_that_an_exported_name_holds(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mtn_tui", "init"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MTN_LANG": "en", "DB_NAME": CONNECTIONS[0]},
        input="\n\n\n\n\n\n\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert PASSWORD not in done.stdout + done.stderr
