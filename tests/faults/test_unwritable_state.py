"""A state folder that is full, read-only or none keeps nobody from a backup, a verification or a restore."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mtn_tui.cli import following
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import JobError, Locked, NoSpace, Refused
from mtn_tui.core.models import JobState
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.engine import recordplace
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import FileLock, lock_path
from mtn_tui.operations.common.locking import operation_lock
from mtn_tui.operations.incident.file import Found, IncidentFile, open_incident, path_of
from mtn_tui.operations.incident.state import Actor, Step, StepStatus
from mtn_tui.operations.incident.watch import Watch
from tests.faults.aftermath import assert_nothing_half_made, locked, wait_for
from tests.faults.test_full_disks import NewDisk, fill_up_to_the_page, leave, new_disk
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database, NewDatabase

__all__ = ["new_disk"]

KINDS = ["full", "read-only", "a file where the folder should be"]


@pytest.fixture
def source(pg18: PostgresServer, new_school: NewDatabase) -> Database:
    return new_school(pg18)


@pytest.fixture
def practice(source: Database, practise: Callable[..., Practice], new_disk: NewDisk) -> Iterator[Practice]:
    """Its state folder is a disk of its own, and spoilt by ``spoil``."""
    made: Practice = practise(source, TEMP_DIR=str(new_disk(1 << 20)))
    (made.root / "state").symlink_to(new_disk(1 << 20))
    yield made
    for folder in spares(made):
        shutil.rmtree(folder, ignore_errors=True)


def state_of(practice: Practice) -> Path:
    return practice.root / "state"


def spares(practice: Practice) -> list[Path]:
    return recordplace.spare_folders(state_of(practice), Path(practice.values["TEMP_DIR"]))


def spoil(practice: Practice, kind: str) -> None:
    state = state_of(practice)
    if kind == "full":
        leave(state, 0)
    elif kind == "read-only":
        done = subprocess.run(
            ["mount", "-o", "remount,ro", state.resolve()], check=False, capture_output=True
        )
        if done.returncode:
            pytest.skip("nothing can be mounted read-only here")
    else:
        state.unlink()
        state.write_text("")


@pytest.mark.sample("read-only")
@pytest.mark.parametrize("kind", KINDS)
def test_backup_verify_and_restore_go_on_with_their_record_elsewhere_and_say_so(
    practice: Practice, kind: str
) -> None:
    spoil(practice, kind)
    target = f"{practice.source.name}_copy_test"
    practice.made.append(target)
    for command in (
        ["backup", "full"],
        ["verify", "--all"],
        ["restore", "--latest", "--target", target],
    ):
        told = " ".join(practice.here(*command, check=1).stderr.split())
        assert "This job is recorded in" in told
    assert target in practice.databases()
    listed = practice.here("job", "list").stdout
    assert [word in listed for word in ("backup-full", "verify", "restore")] == [True] * 3
    if kind == "full":
        assert f"The disk is full: {state_of(practice)}" in told
    assert_nothing_half_made(practice)
    job = practice.context.job_folders[-1]
    found = next(iter(job.glob("*.jsonl")))
    assert practice.here("job", "log", found.stem).stdout
    assert "Encryption key" in practice.here("check", check=None).stdout
    doctor = " ".join(practice.here("doctor", check=None).stdout.split())
    assert f"STATE_DIR is {practice.context.state}, and no file can be written there" in doctor


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spoilt", ["before it", "amid it"])
def test_an_incident_begins_or_goes_on_elsewhere_and_says_so(
    practice: Practice, kind: str, spoilt: str
) -> None:
    if (kind, spoilt) == (KINDS[2], "amid it"):
        pytest.skip("a folder that is in use is not replaced by a file")
    context = practice.context
    (state_of(practice) / "incidents").mkdir()
    if spoilt == "before it":
        spoil(practice, kind)
    ana, luis = (Actor(name, "db-host-1", name) for name in ("ana", "luis"))
    watch = Watch(context.state, context.spare_folders)
    watch.look()
    file = open_incident(context.state, practice.source.name, ana, context.clock, context.spare_folders)
    if spoilt == "amid it":
        file.begin(Step.ASSESS)
        spoil(practice, kind)
        while file.path.parent.parent == context.state:
            file.note("what a full disk still has room for")
    else:
        file.begin(Step.ASSESS)
    other = IncidentFile(path_of(context.state, file.state), luis, context.clock, context.spare_folders)
    assert other.state.steps[Step.ASSESS].standing is StepStatus.RUNNING
    other.take()
    with pytest.raises(Refused, match="luis"):
        file.done(Step.ASSESS)
    other.done(Step.ASSESS)
    seen = watch.look()
    assert isinstance(seen, Found)
    assert [one.step for one in seen.incidents] == [Step.NOTIFY]
    with pytest.raises(Refused, match="is open already"):
        open_incident(context.state, practice.source.name, luis, context.clock, context.spare_folders)
    assert "in the hands of luis" in practice.here("incident", "show").stdout.lower()
    report = " ".join(practice.here("incident", "export").stdout.split())
    assert f"This incident is recorded in {file.path.parent.parent}" in report


def test_a_job_that_the_screens_begin_is_recorded_elsewhere_once_the_state_folder_is_full(
    practice: Practice,
) -> None:
    session = Session(practice.config, None, no_input=True)
    assert session.context.record_place.trouble is None
    leave(state_of(practice), 0)
    with closing(session.start(["verify", "--all"])) as job:
        job.wait_for_journal()
        wait_for(lambda: job.look().state.over, "the end of the job")
        assert "This job is recorded in" in job.look().warnings[0]


def test_the_doctor_says_of_each_folder_that_it_is_full_although_permissions_are_right(
    practice: Practice, new_disk: NewDisk
) -> None:
    changes = {name: new_disk(1 << 20) for name in ("LOG_DIR", "METRICS_DIR")}
    practice.configure(**{name: str(folder) for name, folder in changes.items()})
    full = [state_of(practice), Path(practice.values["TEMP_DIR"]), *changes.values()]
    for folder in full:
        leave(folder, 0)
    told = " ".join(practice.here("doctor", check=None).stdout.split())
    for folder in full:
        assert f"{folder}, and no file can be written there: No space left on device" in told
        assert not list(folder.glob(".try-*"))


def test_a_lock_taken_before_the_disk_filled_up_still_holds_and_so_does_one_taken_since(
    practice: Practice,
) -> None:
    before = practice.context
    job = Job.create(before.jobs, kind="backup-full", subject="x", operator="ana")
    with FileLock(lock_path(state_of(practice) / "locks", "x", "backup"), job.holder("backup")):
        leave(state_of(practice), 0)
        elsewhere = practice.context
        assert elsewhere.locks != before.locks
        with pytest.raises(Locked), operation_lock(job, elsewhere, "x", "backup"):
            pass
    with operation_lock(job, elsewhere, "x", "backup"):
        with pytest.raises(Locked), operation_lock(job, practice.context, "x", "backup"):
            pass
        with pytest.raises(Locked), operation_lock(job, before, "x", "backup"):
            pass
    job.end()


def test_a_job_in_its_own_session_is_followed_and_cancelled_from_there(
    practice: Practice, source: Database
) -> None:
    leave(state_of(practice), 0)
    with locked(source, "students"):
        process = practice.start("backup", "full")
        wait_for(lambda: "backup-full" in practice.here("job", "list").stdout, "the job in the list")
        listed = practice.here("job", "list").stdout
        (line,) = [line for line in listed.splitlines() if "backup-full" in line]
        practice.here("job", "cancel", line.split()[0])
        process.communicate(timeout=120)
    assert process.returncode == 130
    assert practice.here("job", "follow", line.split()[0], check=130)


def test_where_no_folder_takes_a_file_a_job_runs_without_a_record_and_says_so(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other folders stand in for a machine whose every disk is full: none of ours can be made there."""
    blocked = practice.root / "blocked"
    blocked.write_text("")
    monkeypatch.setattr(recordplace, "spare_folders", lambda _state, _temporary: [blocked / "x"])
    leave(state_of(practice), 0)
    told = " ".join(practice.here("backup", "full", check=1).stderr.split())
    assert "this job has no record" in told
    assert_nothing_half_made(practice)
    assert len(practice.inventory.backups) == 1


@pytest.fixture
def no_spares(practice: Practice) -> Iterator[None]:
    """Every other folder stands in for one on a full disk: nothing can be made there."""
    for folder in spares(practice):
        if folder.parent.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
            folder.write_text("")
    yield
    for folder in spares(practice):
        folder.unlink(missing_ok=True)


@pytest.mark.usefixtures("no_spares")
def test_of_a_job_whose_journal_could_not_be_written_to_its_end_that_is_said_and_not_that_it_was_killed(
    practice: Practice, source: Database
) -> None:
    state = state_of(practice)
    elsewhere = practice.root / "locks"
    elsewhere.mkdir()
    (state / "locks").symlink_to(elsewhere)  # a lock that is let go of would make room
    session = Session(practice.config, None, no_input=True)
    with closing(session.start(["backup", "full"])) as job:
        with locked(source, "students"):
            wait_for(lambda: job.look().phase == "dump", "the dump")
            (journal,) = (state / "jobs").glob("*.jsonl")
            leave(state, 0)
            fill_up_to_the_page(journal)
            fill_up_to_the_page(journal.with_suffix(".out"))
        wait_for(lambda: job.look().state.over, "the end of the job")
        view = job.look()
    assert (view.state, view.exit_code) == (JobState.LOST, 1)
    assert "finished with exit code 1, but its final state was not recorded" in view.title
    assert str(state / "jobs") in view.hint
    with pytest.raises(JobError) as failed:
        following.outcome(view, state / "jobs")
    assert failed.value.exit_code == 1
    assert len(practice.inventory.backups) == 1
    told = " ".join(practice.here("job", "follow", job.id, check=2).stderr.split())
    assert f"({view.pid}) is gone. How it ended is not recorded, for the disk is full" in told
    assert "killed" not in told


@pytest.mark.parametrize("trap", ["another's", "open to all", "a symlink"])
def test_a_folder_that_somebody_else_has_put_there_is_not_used(
    practice: Practice, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trap: str
) -> None:
    base = tmp_path / "shared"
    base.mkdir()
    spare, next_one = base / "mtn", base / "next"
    monkeypatch.setattr(recordplace, "spare_folders", lambda _state, _temporary: [spare, next_one])
    if trap == "a symlink":
        (tmp_path / "target").mkdir(mode=0o700)
        spare.symlink_to(tmp_path / "target")
    else:
        spare.mkdir(mode=0o777 if trap == "open to all" else 0o700)
        spare.chmod(0o777 if trap == "open to all" else 0o700)
        if trap == "another's":
            if os.geteuid() != 0:
                pytest.skip("only root can give a folder to another")
            os.chown(spare, 65534, 65534)
    leave(state_of(practice), 0)
    assert practice.context.record_place.folder == next_one
    assert isinstance(practice.context.record_place.trouble, NoSpace)
    assert spare not in [folder.parent for folder in practice.context.job_folders]


def test_a_state_folder_with_room_again_is_used_again_and_both_records_are_seen(practice: Practice) -> None:
    leave(state_of(practice), 0)
    practice.here("backup", "full", check=1)
    (state_of(practice) / "ballast").unlink()
    practice.here("verify", "--all")
    listed = practice.here("job", "list").stdout
    assert "backup-full" in listed
    assert "verify" in listed
    assert {folder.parent for folder in practice.context.job_folders} >= {state_of(practice)}
