"""A disk that fills up under a run: it is said, nothing half-made stays, and room alone mends it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mtn_tui.core.errors import NoSpace
from mtn_tui.core.models import KEYS, PROOF, Kind, Rung
from mtn_tui.demo.postgres_binaries import wheel_binaries
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.workspace import Workspace
from mtn_tui.operations.backup import restore_card
from tests.faults.aftermath import (
    Running,
    assert_nothing_half_made,
    ballast,
    begin,
    contents,
    locked,
    objects,
    template_busy,
    wait_for,
)
from tests.operation_fixtures import Bucket, Practice
from tests.pg_fixtures import Database, NewDatabase, new_place

_PAGE = os.sysconf("SC_PAGE_SIZE")
"""A tmpfs gives room by the page, and none for names."""

_BALLAST = "ballast"

NewDisk = Callable[..., Path]


@pytest.fixture
def new_disk(tmp_path: Path) -> Iterator[NewDisk]:
    """Makes a filesystem of so many bytes, ``new_disk(size)``; in a namespace where we may not mount one."""
    undo: list[Callable[[], object]] = []

    def new(size: int, parent: Path = tmp_path) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="disk-", dir=parent))
        folder.chmod(0o755)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "tmpfs", str(folder)]
        done = subprocess.run(mount, check=False, capture_output=True, text=True)
        if not done.returncode:
            undo.append(lambda: subprocess.run(["umount", "-l", folder], check=True))
            return folder
        inside = subprocess.Popen(
            [
                "unshare",
                "--user",
                "--map-root-user",
                "--mount",
                "sh",
                "-c",
                '"$@" && echo && read _',
                "-",
                *mount,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        undo.append(inside.communicate)
        assert inside.stdout is not None
        if inside.stdout.readline() != "\n":
            pytest.skip(f"no disk of our own can be mounted: {done.stderr.strip()}")
        return Path(f"/proc/{inside.pid}/root{folder}")

    try:
        yield new
    except FileNotFoundError as error:
        pytest.skip(str(error))
    finally:
        for one in reversed(undo):
            one()


def leave(disk: Path, room: int) -> None:
    """Fill a disk up but for so many bytes, rounded up to pages."""
    held = disk / _BALLAST
    held.unlink(missing_ok=True)
    size = shutil.disk_usage(disk).free - -(-room // _PAGE) * _PAGE
    with held.open("wb", buffering=0) as file:
        left = size
        while left:
            left -= file.write(bytes(min(left, 1 << 20)))
    assert shutil.disk_usage(disk).free < room + _PAGE


def begin_and_leave(practice: Practice, source: Database, disk: Path, room: int, *options: str) -> Running:
    """A backup for which there was enough room when it looked, and is no more when it writes."""
    with locked(source, "students"):
        running = begin(practice, "backup", "full", *options)
        running.reaches("dump")
        leave(disk, room)
    return running


@pytest.fixture
def source(pg18: PostgresServer, new_school: NewDatabase) -> Database:
    return new_school(pg18)


def test_a_backup_that_would_hardly_fit_is_refused_before_anything_is_written(
    source: Database, practise: Callable[..., Practice], new_disk: NewDisk
) -> None:
    disk = new_disk(80 << 20)
    practice = practise(source, BACKUP_DIR=str(disk))
    practice.back_up()
    before = sorted(disk.iterdir())
    leave(disk, 20 << 10)
    told = practice.mtn("backup", "full", check=2).stderr
    assert "not enough room" in told
    assert sorted(one for one in disk.iterdir() if one.name != _BALLAST) == before
    assert practice.jobs[0].error == NoSpace.__name__


def test_wherever_the_disk_fills_up_nothing_half_made_stays_and_room_alone_mends_it(
    source: Database, practise: Callable[..., Practice], s3: Bucket, new_disk: NewDisk
) -> None:
    disk = new_disk(80 << 20)
    practice = practise(source, s3, BACKUP_DIR=str(disk))
    bucket = practice.context.stores.bucket
    assert bucket is not None
    payload = practice.back_up().manifest.size
    before, there = kept(disk), objects(bucket)
    roles, manifest = _PAGE, 2 * _PAGE
    for room in (payload // 2, payload + 1, payload + roles + 1, payload + roles + manifest // 2):
        running = begin_and_leave(practice, source, disk, room)
        told = running.ends(2)
        assert f"The disk that holds {disk}" in told
        assert "is full" in told
        assert "Free some space" in told
        assert running.view.error == NoSpace.__name__
        (disk / _BALLAST).unlink()
        assert kept(disk) == before
        assert objects(bucket) == there
        assert bucket.unfinished() == ()
    practice.mtn("backup", "full")
    assert before.items() < kept(disk).items()
    assert [backup.rung for backup in practice.inventory.backups] == [Rung.COMPLETE] * 2
    assert not list(disk.glob("*.part"))


@pytest.mark.slow
def test_a_differential_that_does_not_fit_leaves_nothing_and_room_alone_mends_it(
    source: Database, practise: Callable[..., Practice], new_disk: NewDisk
) -> None:
    disk = new_disk(80 << 20)
    practice = practise(source, BACKUP_DIR=str(disk))
    practice.back_up()
    source.psql("UPDATE students SET previous_school = md5(random()::text)")
    payload = practice.back_up_changes().manifest.size
    before = kept(disk)
    for room in (payload // 2, payload + 1):
        with locked(source, "students"):
            running = begin(practice, "backup", "diff")
            running.says('"making"')
            leave(disk, room)
        assert "is full" in running.ends(2)
        assert running.view.error == NoSpace.__name__
        (disk / _BALLAST).unlink()
        assert kept(disk) == before
    practice.mtn("backup", "diff")
    assert before.items() < kept(disk).items()
    assert [backup.kind for backup in practice.inventory.backups] == [Kind.DIFF, Kind.DIFF, Kind.FULL]


@pytest.mark.slow
def test_a_full_whose_keys_do_not_fit_is_whole_without_them(
    pg18: PostgresServer, new_database: NewDatabase, practise: Callable[..., Practice], new_disk: NewDisk
) -> None:
    source = new_database(pg18)
    source.psql("""
        CREATE TABLE students (id text PRIMARY KEY);
        INSERT INTO students SELECT md5(n::text) FROM generate_series(1, 30000) AS n;
        UPDATE students SET id = id || 'x' WHERE id < '01';
    """)
    while source.psql("SELECT n_tup_upd > 0 FROM pg_stat_user_tables") != b"t\n":
        pass  # a session tells what it did as it ends
    disk = new_disk(80 << 20)
    practice = practise(source, BACKUP_DIR=str(disk))
    full = practice.back_up().manifest
    keys = len((disk / (full.payload + KEYS)).read_bytes())
    running = begin_and_leave(practice, source, disk, full.size + keys // 2)
    running.ends(0)
    assert "no-keys" in running.journal
    (disk / _BALLAST).unlink()
    assert len(list(disk.glob(f"*{KEYS}"))) == 1
    source.psql("DELETE FROM students WHERE id > 'ff'")
    made = practice.back_up_changes()
    assert made.manifest.kind is Kind.DIFF, made.instead
    assert made.manifest.base == running.view.id
    assert_nothing_half_made(practice)


@pytest.mark.slow
def test_where_only_the_proof_does_not_fit_the_backup_is_kept_and_that_is_said(
    source: Database, practise: Callable[..., Practice], new_disk: NewDisk
) -> None:
    disk = new_disk(80 << 20)
    practice = practise(source, BACKUP_DIR=str(disk))
    needed = sum(-(-len(data) // _PAGE) * _PAGE for data in first_backup(practice, disk))
    running = begin_and_leave(practice, source, disk, needed)
    assert "could not be recorded" in running.ends(1)
    (disk / _BALLAST).unlink()
    practice.mtn("verify", "--all")
    assert [backup.rung for backup in practice.inventory.backups] == [Rung.COMPLETE]


@pytest.mark.sample("restore")
@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_state_folder_that_fills_up_under_a_job_is_a_warning_and_its_journal_goes_on_elsewhere(
    source: Database, practise: Callable[..., Practice], new_disk: NewDisk, command: str
) -> None:
    state = new_disk(1 << 20)
    practice = practise(source, STATE_DIR=str(state))
    elsewhere = practice.root / "locks"
    elsewhere.mkdir()
    (state / "locks").symlink_to(elsewhere)  # a lock that is let go of would make room
    target = f"{source.name}_copy"
    if command == "restore":
        practice.back_up()
        practice.made.append(target)
    held = {
        "backup": (locked(source, "students"), ["backup", "full"]),
        "restore": (template_busy(source), ["restore", "--latest", "--target", target]),
    }
    hold, arguments = held[command]
    try:
        with hold:
            running = begin(practice, *arguments, STATE_DIR=str(state))
            running.reaches("dump" if command == "backup" else "prepare")
            job = running.path.stem
            watcher = practice.start("job", "follow", job)
            leave(state, 0)
            fill_up_to_the_page(running.path)
        told = " ".join(running.ends(1).split())
        assert f"The disk is full: {running.path}" in told
        assert "This job is recorded in /" in told
        seen = watcher.communicate(timeout=120)[1]
        assert watcher.returncode == 1, seen
        assert "This job is recorded in /" in " ".join(seen.split())
        listed = [line for line in practice.here("job", "list").stdout.splitlines() if line.startswith(job)]
        assert len(listed) == 1
        assert "lost" not in listed[0]
        log = practice.here("job", "log", job).stdout
        assert "verify" in log, "from its beginning to its end"
        assert_nothing_half_made(practice)
        assert (target in practice.databases()) is (command == "restore")
        assert practice.inventory.backups[0].rung >= Rung.COMPLETE
    finally:
        for folder in practice.context.spare_folders:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.sample("a full disk")
@pytest.mark.parametrize("there_is", ["a file where the folder should be", "a full disk"])
def test_a_log_that_cannot_be_written_is_a_warning(
    source: Database, practise: Callable[..., Practice], new_disk: NewDisk, there_is: str
) -> None:
    if there_is == "a full disk":
        logs = new_disk(1 << 20)
        leave(logs, 0)
    else:
        practice_logs = new_disk(1 << 20) / "logs"
        practice_logs.write_text("not a folder")
        logs = practice_logs
    practice = practise(source, LOG_DIR=str(logs))
    told = practice.mtn("backup", "full", check=1).stderr
    assert "There is no log of this run" in told
    assert "The figures of this run are not kept" in told
    assert_nothing_half_made(practice)
    assert [backup.rung for backup in practice.inventory.backups] == [Rung.COMPLETE]


def test_a_log_that_breaks_off_is_a_warning(
    source: Database, practise: Callable[..., Practice], new_disk: NewDisk
) -> None:
    logs = new_disk(1 << 20)
    practice = practise(source, LOG_DIR=str(logs), METRICS_DIR=str(new_disk(1 << 20)))
    running = begin_and_leave(practice, source, logs, 0, "--verbose")
    assert "The log has gaps: The disk is full" in running.ends(1)
    assert [backup.rung for backup in practice.inventory.backups] == [Rung.COMPLETE]


@pytest.mark.slow
def test_a_server_whose_disk_fills_up_under_a_load_is_told_and_the_target_stays_as_it_was(
    practise: Callable[..., Practice], new_disk: NewDisk, pg_workspace: Workspace
) -> None:
    disk = new_disk(200 << 20, pg_workspace.path)
    if os.geteuid() == 0 and disk.is_relative_to("/proc"):
        pytest.skip("the server's own account can't reach a disk of ours in a namespace")
    with PostgresServer(wheel_binaries(), disk / "server") as server:
        keep_wal_elsewhere(server, new_place(pg_workspace, "wal") / "wal")
        source, target = Database(server, "escuela"), Database(server, "ensayo")
        for database in (source, target):
            server.create_database(database.name)
        ballast(source, 16)
        target.psql("CREATE TABLE precious AS SELECT 42 AS answer")
        practice = practise(source)
        practice.back_up()
        command = ["restore", "--latest", "--drop", "--target", target.name]
        with template_busy(source):
            running = begin(practice, *command)
            wait_for(lambda: 'CREATE DATABASE "ensayo__' in said_by(source), "CREATE DATABASE")
            leave(disk, 16 << 20)
        assert "PostgreSQL's disk is full" in running.ends(2)
        assert running.view.error == NoSpace.__name__
        assert target.psql("SELECT answer FROM precious") == b"42\n"
        assert {name for name in practice.databases() if name.startswith("ensayo")} == {"ensayo"}
        (disk / _BALLAST).unlink()
        practice.mtn(*command)
        assert contents(target) == contents(source)


def keep_wal_elsewhere(server: PostgresServer, folder: Path) -> None:
    """A server that can't write its log of changes stops altogether, which is another fault."""
    server.stop()
    wal = server.folder / "data" / "pg_wal"
    subprocess.run(["cp", "-a", wal, folder], check=True)
    shutil.rmtree(wal)
    wal.symlink_to(folder)
    server.start()


def said_by(database: Database) -> str:
    return Database(database.server, "postgres").psql("SELECT query FROM pg_stat_activity").decode()


def first_backup(practice: Practice, disk: Path) -> list[bytes]:
    """The bytes of each file that a backup has when its proof is written; the backup itself is removed."""
    practice.back_up()
    made = [path for path in disk.iterdir() if not path.name.endswith(PROOF)]
    contents = [path.read_bytes() for path in made if path.name != restore_card.NAME]
    for path in disk.glob("admision_mtn_*"):
        path.unlink()
    return contents


def fill_up_to_the_page(path: Path) -> None:
    """A full tmpfs still takes what fits into a file's last page."""
    with path.open("ab", buffering=0) as file:
        file.write(b"\n" * (-path.stat().st_size % _PAGE))


def kept(disk: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in disk.iterdir() if path.name != _BALLAST}
