"""What is wrong is named, with what to do; the exit code tells its kind, and nothing is lost."""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from mtn_tui.demo.ports import free_port
from tests import warm
from tests.operation_fixtures import Practice, install
from tests.pg_fixtures import Database


@pytest.fixture(scope="module")
def source(pg18):
    """A database that only reading is done in."""
    name = f"mtn_bad_input_{os.getpid()}"
    pg18.create_database(name)
    database = Database(pg18, name)
    database.psql("CREATE TABLE t AS SELECT 1 AS id")
    yield database
    pg18.drop_database(name)


@pytest.fixture
def practice(source, practise) -> Practice:
    """Nothing was backed up yet."""
    return practise(source)


@pytest.fixture(scope="module")
def full(source, tmp_path_factory) -> Practice:
    """With a backup that no test may change."""
    practice = install(tmp_path_factory.mktemp("full"), source)
    practice.back_up()
    return practice


def everything_in(root: Path) -> dict[str, bytes | None]:
    """All files below ``root`` and what is in them, save what a run records of itself."""
    own = ("state", "logs", "cache")
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
        if path.relative_to(root).parts[0] not in own
    }


def refused(practice: Practice, *arguments: str, code: int, said: tuple[str, ...]) -> str:
    """Run it: it ends with ``code``, says ``said``, no traceback, nothing on stdout, and changes no file."""
    before = everything_in(practice.root)
    done = practice.here(*arguments, check=code)
    for part in said:
        assert part in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert everything_in(practice.root) == before
    return done.stderr


def test_no_configuration(practice, tmp_path):
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    bare = {name: value for name, value in practice.environment.items() if name != "MTN_CONFIG"}
    for command in (["backup", "full"], ["job", "list"]):
        done = warm.run(
            [sys.executable, "-m", "mtn_tui", *command],
            cwd=nowhere,
            env={**bare, "HOME": str(nowhere)},
            timeout=240,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert "There is no configuration" in done.stderr
        assert "mtn init" in done.stderr
    done = practice.mtn("list", check=2, MTN_CONFIG="/nothing.conf")
    assert "no configuration at /nothing.conf" in done.stderr
    for path, said in (
        ("/nothing.conf", "mtn --config /nothing.conf init"),
        (str(practice.root), "is a folder"),
    ):
        refused(practice, "--config", path, "list", code=2, said=(path, said))


def test_an_unknown_key_is_a_warning_that_names_the_nearest(practice):
    with practice.config.open("a") as file:
        file.write('BACKUP_DRI="/elsewhere"\n')
    done = practice.here("list")
    assert "BACKUP_DRI" in done.stderr
    assert "Did you mean BACKUP_DIR?" in done.stderr


def test_every_wrong_value_is_named_with_its_line(practice):
    practice.configure(DB_PORT="70000", DEFLATE_LEVEL="99", ENABLE_ENCRYPTION="perhaps")
    text = refused(practice, "list", code=2, said=("3 values are wrong", "DB_PORT", "from 1 to 65535"))
    assert "backup.conf:2" in text
    assert "70000" not in text


def test_a_command_in_the_configuration_is_never_run(practice, tmp_path):
    with practice.config.open("a") as file:
        file.write(f'BACKUP_PREFIX="$(touch {tmp_path}/gone)"\n')
    refused(practice, "list", code=2, said=("backup.conf",))
    assert not (tmp_path / "gone").exists()


KEYS = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "blank": lambda path: path.write_bytes(b"  \n"),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a link to nothing": lambda path: (path.unlink(), path.symlink_to("/nothing/here")),
    "binary": lambda path: path.write_bytes(b"\0\1\2\n"),
}


@pytest.mark.parametrize("state", KEYS)
def test_a_key_that_can_not_be_read_is_never_made_anew_where_backups_are(source, practise, state):
    practice: Practice = practise(source)
    practice.legacy_backup()
    KEYS[state](practice.key_file)
    for command in (["backup", "full"], ["verify", "--all"]):
        refused(practice, *command, code=2, said=(str(practice.key_file), "section 7.2"))


@pytest.mark.parametrize("state", ["empty", "a folder", "a link to nothing"])
def test_a_key_file_that_is_there_is_never_written_over_even_for_the_first_backup(practice, state):
    KEYS[state](practice.key_file)
    refused(practice, "backup", "full", code=2, said=(str(practice.key_file),))


def test_the_very_first_backup_makes_the_key_and_says_it_must_be_kept(practice):
    practice.key_file.unlink()
    done = practice.here("backup", "full", check=1)
    assert "WITHOUT IT NO BACKUP CAN EVER BE READ" in done.stderr
    assert stat.S_IMODE(practice.key_file.stat().st_mode) == 0o600
    assert practice.here("verify", "--all").stdout.count("✔") == 1


def test_a_bucket_that_does_not_answer_might_hold_backups_so_no_key_is_made(source, practise, s3):
    practice: Practice = practise(source, s3, MINIO_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    practice.key_file.unlink()
    refused(practice, "backup", "full", code=2, said=("does not answer",))
    assert not practice.key_file.exists()


def test_another_key_opens_nothing_and_is_told_as_that(full, source, practise):
    practice: Practice = practise(source, BACKUP_DIR=str(full.backups))
    practice.key_file.write_text("not the one\n")
    (payload,) = full.backups.glob("*.gpg")
    for wanted in ("--latest", payload.name):
        told = ("another key", "ENCRYPTION_KEY_FILE", "section 7.2")
        refused(practice, "restore", wanted, "--target", "mtn_never", code=2, said=told)
    refused(practice, "show", full.inventory.latest().id, code=64, said=("can't be trusted",))
    assert "mtn_never" not in practice.databases()


def test_where_no_store_answers_nobody_says_that_there_is_no_backup(source, practise, s3):
    practice: Practice = practise(source, s3, MINIO_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    refused(practice, "restore", "--latest", "--target", "mtn_never", code=2, said=("does not answer",))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"DB_PASSWORD": "wrong"}, ("refuses the user", "DB_PASSWORD")),
        ({"DB_USER": "nobody_here"}, ("refuses the user nobody_here", "DB_USER")),
        ({"DB_NAME": "mtn_not_there"}, ("mtn_not_there does not exist", "DB_NAME")),
        ({"DB_NAME": "the role of mtn"}, ("the role of mtn does not exist", "DB_NAME")),
        ({"DB_PORT": "1"}, ("does not answer", "DB_HOST and DB_PORT")),
        ({"DB_HOST": "nowhere.invalid"}, ("does not answer", "DB_HOST and DB_PORT")),
        ({"DB_HOST": "db..example.cl"}, ("does not answer", "DB_HOST and DB_PORT")),
        ({"DB_HOST": "x" * 64 + ".example.cl"}, ("does not answer", "DB_HOST and DB_PORT")),
        ({"PG_DUMP": "/nothing/pg_dump"}, ("/nothing/pg_dump", "Install")),
        ({"PG_DUMP": "/bin/true"}, ("/bin/true", "Install")),
        ({"BACKUP_DIR": "/nothing/backups"}, ("/nothing/backups", "BACKUP_DIR")),
        ({"BACKUP_DIR": "/etc/hostname"}, ("/etc/hostname", "BACKUP_DIR")),
    ],
)
def test_what_a_backup_can_not_do_without(practice, changes, said):
    practice.configure(**changes)
    refused(practice, "backup", "full", code=2, said=said)
    assert practice.jobs[0].exit_code == 2


def test_libpqs_own_variables_lead_nowhere_else_than_the_configuration(practice):
    """Somebody's shell has them for another server; the backup is of the one that was configured."""
    elsewhere = {"PGHOSTADDR": "127.0.0.9", "PGSERVICE": "other", "PGSERVICEFILE": "/nothing"}
    others = {"PGDATABASE": "other", "PGUSER": "other", "PGPORT": "1", "PGHOST": "nowhere.invalid"}
    options = {"PGOPTIONS": "-c search_path=other -c default_transaction_read_only=on"}
    practice.mtn("backup", "full", **elsewhere, **others, **options)
    practice.made.append("mtn_elsewhere")
    practice.mtn("restore", "--latest", "--target", "mtn_elsewhere", **elsewhere, **others, **options)


def test_a_table_that_the_role_may_not_read_is_named(practice, source):
    role = f"mtn_poor_{os.getpid()}"
    source.psql(f"CREATE ROLE {role} LOGIN PASSWORD 'pobre-1'")
    try:
        practice.configure(DB_USER=role, DB_PASSWORD="pobre-1")
        refused(practice, "backup", "full", code=2, said=("permission denied for table t",))
        legacy = practice.legacy_backup().name
        told = ("may not create databases", f"ALTER ROLE {role} CREATEDB")
        refused(practice, "restore", legacy, "--legacy", "--target", "mtn_never", code=2, said=told)
    finally:
        source.psql(f"DROP ROLE {role}")


def test_a_pg_dump_without_its_neighbours_is_told_before_the_dump(practice, tmp_path):
    """The roles are written by pg_dumpall, which lies beside it in every installation."""
    alone = tmp_path / "alone" / "pg_dump"
    alone.parent.mkdir()
    alone.write_text(f'#!/bin/sh\nexec {practice.values["PG_DUMP"]} "$@"\n')
    alone.chmod(0o755)
    practice.configure(PG_DUMP=str(alone))
    refused(practice, "backup", "full", code=2, said=("no pg_dumpall beside", str(alone)))
    linked = tmp_path / "linked" / "pg_dump"
    linked.parent.mkdir()
    linked.symlink_to(
        practice.values["PG_DUMP"].replace("alone", "") if 0 else practice.source.server.binaries / "pg_dump"
    )
    practice.configure(PG_DUMP=str(linked))
    practice.here("backup", "full")


def test_a_bucket_that_does_not_exist_keeps_the_backup_on_disk_and_says_so(source, practise, s3):
    practice: Practice = practise(source, s3, MINIO_BUCKET="mtn-not-there")
    done = practice.here("backup", "full", check=1)
    assert "kept on disk only" in done.stderr
    assert "no bucket mtn-not-there" in done.stderr
    assert "MINIO_BUCKET" in done.stderr
    assert [copy.store.name for copy in practice.inventory.backups[0].copies] == ["disk"]


@pytest.mark.parametrize(
    "name", ["../backup.conf", "/etc/passwd", "..", "a/../../b", "full/..", "\x1b[2J", "x" * 5000]
)
def test_a_name_that_leads_elsewhere_is_no_backup(full, name):
    for command in (["show"], ["verify"], ["restore", "--target", "mtn_never"]):
        text = refused(full, *command, "--", name, code=64, said=())
        assert "\x1b" not in text


@pytest.mark.parametrize(
    ("file", "code", "said"),
    [
        ("../../../../etc/passwd", 2, "not a backup"),
        ("/etc/passwd", 2, "not a backup"),
        ("../nothing.sql.gz.gpg", 64, "no file"),
        ("nothing.sql.gz.gpg", 64, "no backup"),
        ("/" + "x" * 300, 2, "cannot hold a file of that name"),
        ("x" * 300, 64, "no backup"),
        ("{root}", 2, "is a folder"),
        ("{root}/config/backup.conf", 2, "not a backup"),
        (".", 2, "is a folder"),
        ("", 64, "Say which backup"),
    ],
)
def test_a_file_that_is_none(full, file, code, said):
    refused(
        full,
        "restore",
        "--target",
        "mtn_never",
        "--file",
        file.format(root=full.root),
        code=code,
        said=(said,),
    )


def test_an_archive_that_is_a_folder(full, tmp_path):
    folder = tmp_path / "admision_mtn_full_x_20251003_203400.sql.gz.gpg"
    folder.mkdir()
    refused(full, "restore", "--target", "mtn_never", "--file", str(folder), code=2, said=("is a folder",))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"rubbish" * 100, "backup"),
        (b"Salted__12345678" + b"x" * 64, "does not decrypt with this key"),
        (b"\x1f\x8b\x08\0\0\0\0\0" + b"x" * 64, "data is damaged"),
    ],
)
def test_a_file_that_is_no_backup_reaches_no_database(full, tmp_path, data, said):
    path = tmp_path / "admision_mtn_full_x_20251003_203400.sql.gz.gpg"
    path.write_bytes(data)
    before = full.databases()
    refused(full, "restore", "--legacy", "--target", "mtn_never", "--file", str(path), code=2, said=(said,))
    assert full.databases() == before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("\\! touch {gone}", "psql command"),
        ("\\copy t from program 'touch {gone}'", "psql command"),
        ("\\connect postgres", "psql command"),
        ("SELECT 1/0;", "Line 6: "),
        ("CREATE DOMAIN d AS int; INSERT INTO t VALUES ('x');", "invalid input syntax"),
        ("SELECT 'never closed", "ends within a statement"),
        ("COPY t (id) FROM stdin;\n1\nnot a number\n\\.", "invalid input syntax"),
        ("COPY t (id) FROM stdin;\n1\n", "ends within a table's rows"),
    ],
)
def test_a_script_that_does_not_run_through_leaves_no_database(full, tmp_path, line, said):
    gone = tmp_path / "gone"
    path = tmp_path / "admision_mtn_full_20251003_203400.sql.gz"
    script = f"--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE t (id int);\n{line.format(gone=gone)}\n"
    path.write_bytes(gzip.compress(f"{script}\n-- PostgreSQL database dump complete\n--\n".encode()))
    before = full.databases()
    options = ("--legacy", "--target", "mtn_never", "--file", str(path))
    refused(full, "restore", *options, code=2, said=(said,))
    assert full.databases() == before
    assert not gone.exists()


def test_a_log_folder_that_can_not_be_made_is_a_warning_and_the_backup_is_made(source, practise):
    practice: Practice = practise(source, LOG_DIR="/etc/hostname/logs")
    done = practice.here("backup", "full", check=1)
    assert "no log of this run" in done.stderr
    assert "figures of this run are not kept" in done.stderr
    assert done.stdout


def test_a_state_folder_that_can_not_be_made_is_a_warning_and_the_backup_is_made(practice):
    practice.configure(STATE_DIR="/etc/hostname/state")
    done = practice.here("backup", "full", check=1)
    assert "/etc/hostname/state could not be used" in done.stderr
    assert done.stdout


def test_bytes_that_are_no_text_as_a_target(full):
    done = full.here("restore", "--latest", "--target", os.fsdecode(b"a\xff"), check=64)
    assert "can't be a database's name" in done.stderr


def test_a_backup_from_elsewhere_that_nobody_else_may_read(full, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    done = full.here(
        "restore", "--target", "x", "--file", f"{closed}/a_full_20251003_203400.sql.gz.gpg", check=2
    )
    assert "may not be read" in done.stderr


def test_a_copied_backup_without_its_companions_is_named_as_what_it_is(full, tmp_path):
    (payload,) = full.backups.glob("*.gpg")
    shutil.copy(payload, tmp_path)
    refused(
        full,
        "restore",
        "--target",
        "mtn_never",
        "--file",
        str(tmp_path / payload.name),
        code=64,
        said=("--legacy",),
    )
