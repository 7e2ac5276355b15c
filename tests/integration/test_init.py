"""mtn init: from the environment or by asking; after it a backup works, and nothing is overwritten."""

from __future__ import annotations

import os
import pty
import select
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from mtn_tui.core.operator import host_name
from mtn_tui.core.settings_file import load
from mtn_tui.demo.ports import free_port
from tests import warm
from tests.pg_fixtures import Database


@pytest.fixture
def small(pg18, new_database) -> Database:
    database = new_database(pg18)
    database.psql("CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 10) g")
    return database


def bare(folder: Path) -> dict[str, str]:
    """An environment in which no configuration is found but the folder's own."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(folder), "MTN_LANG": "en", "PYTHONWARNINGS": "error"}


def answers(database: Database, bucket=None) -> dict[str, str]:
    server = database.server
    said = {
        "DB_HOST": server.host,
        "DB_PORT": str(server.port),
        "DB_NAME": database.name,
        "DB_USER": server.user,
        "DB_PASSWORD": server.password,
        "PG_DUMP": str(server.binaries / "pg_dump"),
        "STATE_DIR": "state",
    }
    if bucket is not None:
        said |= {
            "MINIO_ENDPOINT": f"http://{bucket.endpoint}",
            "MINIO_ACCESS_KEY": bucket.access_key,
            "MINIO_SECRET_KEY": bucket.secret_key,
            "MINIO_BUCKET": bucket.name,
        }
    return said


def mtn(folder: Path, *arguments: str, check: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
    done = warm.run(
        [sys.executable, "-m", "mtn_tui", *arguments],
        cwd=folder,
        env=bare(folder) | more,
        stdin=subprocess.DEVNULL,
        timeout=240,
    )
    assert done.returncode == check, (done.returncode, done.stdout, done.stderr)
    return done


def test_from_the_environment_to_a_proven_backup_in_two_commands(small, s3, tmp_path):
    given = answers(small, s3)
    done = mtn(tmp_path, "--no-input", "init", **given)
    config, key = tmp_path / "config/backup.conf", tmp_path / "config/.encryption.key"
    assert done.stdout == f"{config}\n"
    assert "WITHOUT IT NO BACKUP CAN EVER BE READ" in done.stderr
    assert small.server.password not in done.stderr
    assert [stat.S_IMODE(path.stat().st_mode) for path in (config, key)] == [0o600, 0o600]
    before = key.read_bytes()
    mtn(tmp_path, "backup", "full")
    assert mtn(tmp_path, "verify", "--all").stdout.count("✔") == 2
    assert key.read_bytes() == before
    assert (tmp_path / "state" / "jobs").is_dir()
    again = mtn(tmp_path, "--no-input", "init", check=64, **{**given, "DB_NAME": "other"})
    assert "There is a configuration already" in again.stderr
    assert load(config, {}).settings.db_name == small.name


@pytest.mark.slow
def test_a_second_installation_makes_no_key_where_the_bucket_holds_backups(small, s3, tmp_path):
    """Its key could not read them: the one they were made with has to come."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    given = answers(small, s3)
    mtn(one, "--no-input", "init", **given)
    mtn(one, "backup", "full")
    done = mtn(two, "--no-input", "init", check=2, **given)
    assert "There is no key" in done.stderr
    assert f"1 backup admision_mtn of the host {host_name()}" in done.stderr
    assert f"database {small.name}" in done.stderr
    assert list(two.iterdir()) == []
    (two / "config").mkdir()
    (two / "config/.encryption.key").write_bytes((one / "config/.encryption.key").read_bytes())
    (two / "config/.encryption.key").chmod(0o600)
    told = mtn(two, "--no-input", "init", **given)
    assert "Backups that are there already" in told.stderr
    assert "not the one" not in told.stderr
    assert mtn(two, "verify", "--all").stdout.count("✔") == 1


def test_a_key_made_by_hand_shares_the_bucket_and_is_told_to_be_another(small, s3, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    given = answers(small, s3)
    for folder in (one, two):
        folder.mkdir()
    mtn(one, "--no-input", "init", **given)
    mtn(one, "backup", "full")
    (two / "config").mkdir()
    (two / "config/.encryption.key").write_text("made by hand\n")
    told = mtn(two, "--no-input", "init", **given)
    assert "The key is not the one that the last backup was made with" in told.stderr
    assert (two / "config/backup.conf").exists()


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({}, 64, "DB_NAME, DB_USER"),
        ({"DB_NAME": "x"}, 64, "DB_USER"),
        ({"DB_NAME": "x", "DB_USER": "y", "DB_PORT": "many"}, 64, "no port number"),
        ({"DB_NAME": "x", "DB_USER": "y", "DB_PORT": "70000"}, 2, "DB_PORT"),
        ({"DB_NAME": "x", "DB_USER": "y", "MINIO_ENDPOINT": "http://h:1/folder"}, 2, "MINIO_ENDPOINT"),
        ({"DB_NAME": "x", "DB_USER": "y", "MINIO_ENDPOINT": "http://h:1"}, 2, "MINIO_ACCESS_KEY"),
        ({"DB_NAME": "x", "DB_USER": "y", "DEFLATE_LEVEL": "99"}, 2, "DEFLATE_LEVEL"),
    ],
)
def test_answers_that_are_no_good_write_nothing(tmp_path, monkeypatch, capsys, given, code, said):
    from mtn_tui.cli.app import run
    from mtn_tui.core.settings import KEYS

    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert run(["--no-input", "init", "--folder", str(tmp_path)]) == code
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "\n", " \n", "\nsecond line\n", "a\0b\n"])
def test_a_key_that_can_not_be_used_is_refused_and_nothing_is_made(small, tmp_path, content):
    key = tmp_path / "config/.encryption.key"
    key.parent.mkdir()
    key.write_text(content)
    done = mtn(tmp_path, "--no-input", "init", check=2, **answers(small))
    assert str(key) in done.stderr
    assert [path for path in tmp_path.rglob("*") if path not in (key, key.parent)] == []
    assert key.read_text() == content


def test_a_folder_that_anybody_may_write_to_is_refused_and_nothing_is_made(small, tmp_path):
    with tempfile.TemporaryDirectory(prefix="mtn-init-", dir="/tmp") as folder:
        Path(folder).chmod(0o777)
        for backups in (folder, f"{folder}/not there yet"):
            done = mtn(tmp_path, "--no-input", "init", check=2, **answers(small), BACKUP_DIR=backups)
            assert f"may put or remove files in {folder}" in done.stderr
        assert list(Path(folder).iterdir()) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("no", ["false", "no", "off", "0", "False"])
def test_every_no_to_minio_means_aws(tmp_path, monkeypatch, no):
    from mtn_tui.cli.setup import _from
    from mtn_tui.operations.setup.init import render

    text = render(_from({"DB_NAME": "x", "DB_USER": "y", "USE_MINIO": no, "S3_BUCKET": "our-backups"}))
    (tmp_path / "backup.conf").write_text(text)
    settings = load(tmp_path / "backup.conf", {}).settings
    assert (settings.use_minio, settings.bucket) == (False, "our-backups")


def test_a_bucket_that_does_not_answer_leaves_no_half_an_installation(small, s3, tmp_path):
    given = answers(small, s3)
    silent = given | {"MINIO_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    done = mtn(tmp_path, "--no-input", "init", check=2, **silent)
    assert "does not answer" in done.stderr
    assert list(tmp_path.iterdir()) == []
    mtn(tmp_path, "--no-input", "init", **given)
    assert (tmp_path / "config/.encryption.key").exists()


def test_on_a_terminal_it_asks_and_shows_no_password(small, tmp_path):
    said = answers(small)
    typed = [
        ("PostgreSQL's host", said["DB_HOST"]),
        ("PostgreSQL's port", said["DB_PORT"]),
        ("Database", said["DB_NAME"]),
        ("User", said["DB_USER"]),
        ("Password", said["DB_PASSWORD"]),
        ("Folder for the backups", ""),
        ("MinIO", ""),
    ]
    terminal, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "mtn_tui", "init"],
        cwd=tmp_path,
        env=bare(tmp_path),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = ""
    for question, answer in typed:
        shown += read_until(terminal, question)
        shown += read_until(terminal, ":", shown.rpartition(question)[2])
        os.write(terminal, answer.encode() + b"\n")
    shown += read_until(terminal, "mtn backup full")
    assert child.wait(60) == 0, shown
    os.close(terminal)
    assert said["DB_PASSWORD"] not in shown
    settings = load(tmp_path / "config/backup.conf", {}).settings
    assert settings.db_name == small.name
    assert settings.db_password.get_secret_value() == said["DB_PASSWORD"]
    assert settings.backup_dir == tmp_path / "backups"
    assert settings.bucket is None
    assert len((tmp_path / "config/.encryption.key").read_text().strip()) == 44


def read_until(terminal: int, text: str, shown: str = "") -> str:
    """What the terminal shows until ``text`` has come; ``shown`` counts as come already."""
    deadline = time.monotonic() + 60
    fresh = ""
    while text not in shown + fresh:
        assert time.monotonic() < deadline, (text, shown + fresh)
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                fresh += os.read(terminal, 4096).decode()
            except OSError:
                raise AssertionError((text, shown + fresh)) from None
    return fresh


class Asked:
    """``mtn init`` on a terminal of its own; what is typed answers what was asked last."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.terminal, theirs = pty.openpty()
        self.child = subprocess.Popen(
            [sys.executable, "-m", "mtn_tui", "init", *arguments],
            cwd=folder,
            env=bare(folder),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def answer(self, question: str, answer: str = "") -> str:
        """Wait for the question, and for the end of its line; answer it. Returns what came before it."""
        said = read_until(self.terminal, question)
        before, _question, rest = said.partition(question)
        said += read_until(self.terminal, "]" if question.endswith("[y/N") else ":", rest)
        os.write(self.terminal, answer.encode() + b"\n")
        self.shown += said
        return before

    def answers(self, *said: tuple[str, str]) -> None:
        for question, answer in said:
            self.answer(question, answer)

    def ended(self, text: str) -> int:
        self.shown += read_until(self.terminal, text)
        code = self.child.wait(60)
        os.close(self.terminal)
        return code


def test_each_answer_is_looked_at_as_it_is_given_and_the_database_and_the_bucket_are_tried(
    small, s3, tmp_path
):
    said = answers(small, s3)
    asked = Asked(tmp_path)
    asked.answer("PostgreSQL's host", said["DB_HOST"])
    asked.answer("PostgreSQL's port", "54x")
    assert "DB_PORT must be a whole number" in asked.answer("PostgreSQL's port", said["DB_PORT"])
    asked.answers(("Database", small.name), ("User", said["DB_USER"]), ("Password", "wrong"))
    assert "password" in asked.answer("Go on with these answers all the same? [y/N", "n")
    # Asked again, with what was answered: Enter keeps it.
    for question in ("PostgreSQL's host", "PostgreSQL's port", "Database", "User"):
        asked.answer(question)
    asked.answer("(Enter: as before)", said["DB_PASSWORD"])
    assert "✔ The database answers." in asked.answer("Folder for the backups")
    asked.answer("MinIO", "http://h:1/folder")
    assert "MINIO_ENDPOINT" in asked.answer("MinIO", said["MINIO_ENDPOINT"])
    asked.answers(("Bucket", "no-such-bucket"), ("Access key", ""), ("Access key", said["MINIO_ACCESS_KEY"]))
    asked.answer("Secret key", said["MINIO_SECRET_KEY"])
    assert "no-such-bucket" in asked.answer("Go on with these answers all the same? [y/N", "n")
    asked.answers(("(-: none)", ""), ("Bucket", s3.name), ("Access key", ""), ("(Enter: as before)", ""))
    assert asked.ended("Next: mtn backup full") == 0, asked.shown
    assert "✔ The bucket answers." in asked.shown
    for secret in ("DB_PASSWORD", "MINIO_SECRET_KEY"):
        assert said[secret] not in asked.shown
    settings = load(tmp_path / "config/backup.conf", {}).settings
    assert (settings.db_name, settings.bucket) == (small.name, s3.name)
    assert settings.db_password.get_secret_value() == said["DB_PASSWORD"]
    assert settings.minio_secret_key.get_secret_value() == said["MINIO_SECRET_KEY"]


def test_who_says_so_goes_on_without_a_database_and_keeps_the_answers_when_a_folder_can_not_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    asked = Asked(tmp_path)
    asked.answers(("PostgreSQL's host", "127.0.0.1"), ("PostgreSQL's port", str(free_port())))
    asked.answers(("Database", "later"), ("User", "ana"), ("Password", ""))
    asked.answers(("Go on with these answers all the same? [y/N", "y"))
    asked.answers(("Folder for the backups", "file/backups"), ("MinIO", ""))
    assert "file" in asked.answer("Change the answers? [y/N", "y")
    for question in ("PostgreSQL's host", "PostgreSQL's port", "Database", "User", "Password"):
        asked.answer(question)
    asked.answers(("Go on with these answers all the same? [y/N", "y"))
    asked.answers(("Folder for the backups", "backups"), ("MinIO", ""))
    assert asked.ended("Next: mtn backup full") == 0, asked.shown
    settings = load(tmp_path / "config/backup.conf", {}).settings
    assert (settings.db_name, settings.db_user) == ("later", "ana")


def test_a_password_and_a_bucket_that_were_answered_can_be_taken_away_again(tmp_path):
    asked = Asked(tmp_path)
    asked.answers(("PostgreSQL's host", "127.0.0.1"), ("PostgreSQL's port", str(free_port())))
    asked.answers(("Database", "later"), ("User", "ana"), ("Password", "wrong"))
    asked.answers(("Go on with these answers all the same? [y/N", "n"))
    for question in ("PostgreSQL's host", "PostgreSQL's port", "Database", "User"):
        asked.answer(question)
    asked.answers(("(Enter: as before) (-: none)", "-"), ("Go on with these answers all the same? [y/N", "y"))
    asked.answers(("Folder for the backups", "backups"), ("MinIO", f"http://127.0.0.1:{free_port()}"))
    asked.answers(("Bucket", "mtn-b"), ("Access key", "x"), ("Secret key", "y"))
    asked.answers(("Go on with these answers all the same? [y/N", "n"), ("(-: none)", "-"))
    assert asked.ended("Next: mtn backup full") == 0, asked.shown
    settings = load(tmp_path / "config/backup.conf", {}).settings
    assert (settings.db_password, settings.minio_endpoint) == (None, None)


def test_a_configuration_that_is_there_is_told_before_anything_is_asked_and_gets_the_people_it_lacks(
    small, tmp_path
):
    mtn(tmp_path, "--no-input", "init", **answers(small))
    configuration, contacts = tmp_path / "config/backup.conf", tmp_path / "config/contacts.toml"
    before = configuration.read_bytes(), contacts.read_bytes()
    asked = Asked(tmp_path)
    assert asked.ended("There is a configuration already") == 64
    assert "PostgreSQL's host" not in asked.shown
    contacts.unlink()
    configuration.chmod(0o640)
    asked = Asked(tmp_path)
    assert asked.ended("fill them in") == 0
    assert str(contacts) in asked.shown
    assert (configuration.read_bytes(), contacts.read_bytes()) == before
    assert stat.S_IMODE(contacts.stat().st_mode) == 0o640
