import itertools
import json
import os
import re
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mtn_tui.core.errors import AlreadyThere, Cancelled, KeyFileError, NoSpace, StorageError
from mtn_tui.core.models import JobState
from mtn_tui.core.redact import MASK, redact
from mtn_tui.core.settings import Settings
from mtn_tui.engine.joblog import JobLog
from mtn_tui.engine.jobs import Job, new_job_id
from mtn_tui.engine.jobview import JOB_ID, Follower, find_job, list_jobs, read_job
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.recover import earlier
from mtn_tui.operations.recover.earlier import left_by

SANTIAGO = timezone(timedelta(hours=-3))


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return datetime(2026, 11, 24, 6, 0, 4, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def job(tmp_path, clock):
    job = make(tmp_path, clock)
    yield job
    job.close()


def make(folder, clock, new_id=new_job_id):
    return Job.create(
        folder / "jobs",
        kind="full-backup",
        subject="Admisión_MTN_DB",
        operator="ana",
        host="db1",
        clock=clock,
        new_id=new_id,
    )


def look(job):
    return read_job(job.journal_path, "db1")


def records(job, event):
    lines = [json.loads(line) for line in job.journal_path.read_bytes().splitlines()]
    return [line for line in lines if line["event"] == event]


needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")


def fill_the_disk_under(file):
    full = os.open("/dev/full", os.O_WRONLY)
    before = os.dup(file._lines._fd)
    os.dup2(full, file._lines._fd)
    os.close(full)
    return before


def free_the_disk_under(file, before):
    os.dup2(before, file._lines._fd)
    os.close(before)


def test_an_id_is_eight_letters_of_base32():
    ids = {new_job_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(JOB_ID.fullmatch(job_id) for job_id in ids)


def test_a_new_job_is_queued_and_says_whose_it_is(job):
    view = look(job)
    assert (view.id, view.state, view.kind) == (job.id, JobState.QUEUED, "full-backup")
    assert (view.subject, view.operator, view.host) == ("Admisión_MTN_DB", "ana", "db1")
    assert (view.pid, view.pid_start) == (os.getpid(), job.process.start)
    assert not view.process.gone


def test_an_id_that_is_taken_is_tried_again_with_another(tmp_path, clock):
    ids = iter(["aaaaaaaa", "aaaaaaaa", "bbbbbbbb"])
    first, second = (make(tmp_path, clock, lambda: next(ids)) for _ in range(2))
    assert (first.id, second.id) == ("aaaaaaaa", "bbbbbbbb")
    with pytest.raises(AlreadyThere):
        make(tmp_path, clock, lambda: "aaaaaaaa")
    first.close()
    second.close()


def test_progress_is_seen_when_the_host_beats(job, clock):
    job.phase("dump", 4000)
    for _second in range(10):
        clock.seconds += 1
        job.advance(200)
        job.beat()
    progress = look(job).progress
    assert (progress.phase, progress.done, progress.total, progress.unit) == ("dump", 2000, 4000, "bytes")
    assert (progress.rate, progress.eta) == (200.0, 10.0)


def test_a_phases_last_figure_is_recorded_before_the_next_begins(job, clock):
    job.phase("dump", 10)
    clock.seconds += 0.01
    job.beat()
    job.advance(10)
    job.phase("upload", 5)
    job.set_total(7)
    job.advance(1)
    clock.seconds += 1
    job.beat()
    assert [(r["phase"], r["done"], r["total"]) for r in records(job, "progress")] == [
        ("dump", 0, 10),
        ("dump", 10, 10),
        ("upload", 1, 7),
    ]


def test_a_job_that_stands_still_does_not_fill_its_journal(job, clock):
    job.phase("wait", 10)
    for _quarter in range(4 * 600):
        clock.seconds += 0.25
        job.beat()
    assert len(records(job, "progress")) < 10


def test_units_advanced_on_many_threads_are_all_counted(job, clock):
    job.phase("dump")

    def advance():
        for _ in range(5000):
            job.advance(1)
            job.beat()

    threads = [threading.Thread(target=advance) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clock.seconds += 1
    job.end()
    assert look(job).progress.done == 20_000


def test_advancing_before_any_phase_is_harmless(job):
    job.advance(1)
    job.set_total(2)
    job.beat()
    assert look(job).progress is None


def test_files_notes_warnings_and_results_reach_the_view(job):
    job.files("a.sql.gz.gpg")
    job.files("a.sql.gz.gpg", "b.sql.gz.gpg")
    job.note("info", "snapshot", lsn="0/1", level="a field may have any name", event="too")
    job.warn("bucket-down", "The bucket did not answer.", seconds=5)
    job.result({"tables": {"alumnos": 3}, "path": Path("/x")})
    view = look(job)
    assert view.files == ("a.sql.gz.gpg", "b.sql.gz.gpg")
    assert view.warnings == ("The bucket did not answer.",)
    assert view.result == {"tables": {"alumnos": 3}, "path": "/x"}
    assert records(job, "note")[0]["fields"]["event"] == "too"


def test_a_job_ends_well_with_0_and_with_1_after_a_warning(tmp_path, clock):
    ids = itertools.cycle(["aaaaaaaa", "bbbbbbbb"])
    for warned in (False, True):
        job = make(tmp_path, clock, lambda: next(ids))
        job.start()
        if warned:
            job.warn("w", "text")
        job.end()
        job.close()
        view = look(job)
        assert (view.state, view.exit_code) == (JobState.SUCCEEDED, int(warned))


def test_an_error_is_recorded_with_its_text_hint_section_and_exit_code(job):
    job.start()
    job.end(KeyFileError("No key.", "Fetch it."))
    view = look(job)
    assert (view.state, view.error) == (JobState.FAILED, "KeyFileError")
    assert (view.title, view.hint, view.runbook, view.exit_code) == ("No key.", "Fetch it.", "7.2", 2)


def test_a_bug_is_recorded_with_its_class_where_it_happened_and_no_secret(job):
    before = set(redact._secrets)
    redact.add("hunter2secret")
    try:
        try:
            raise LookupError("no hunter2secret here")
        except LookupError as error:
            job.end(error)
    finally:
        redact._secrets = before
    view = look(job)
    assert view.error == "LookupError"
    assert f"LookupError: no {MASK} here" in view.title
    trace = records(job, "note")[0]["fields"]["traceback"]
    assert "test_a_bug_is_recorded" in trace
    assert "hunter2secret" not in job.journal_path.read_text()


def test_a_job_is_asked_to_stop_once(job):
    job.start()
    for _ in range(3):
        job.cancel("SIGINT")
    assert job.token.cancelled
    assert look(job).state is JobState.CANCELLING
    job.end(Cancelled("Cancelled."))
    job.cancel()
    view = look(job)
    assert (view.state, view.exit_code) == (JobState.CANCELLED, 130)
    assert [r["state"] for r in records(job, "state")] == ["running", "cancelling", "cancelled"]


def test_a_job_ends_once(job):
    job.end()
    job.end(NoSpace("full"))
    assert look(job).state is JobState.SUCCEEDED


def test_the_log_has_a_line_an_event_in_local_time(tmp_path, job, clock):
    log = JobLog(tmp_path / "logs" / "full-backup_20261124_030004.log", clock, SANTIAGO)
    job.log_to(log)
    job.start()
    job.phase("dump", 4200)
    job.note("info", "snapshot", lsn="0/1", table='a "b" c', empty="")
    job.warn("bucket-down", "The bucket did not answer.")
    job.end(NoSpace("The disk is full."))
    lines = log.path.read_text().splitlines()
    assert lines == [
        f"2026-11-24T03:00:04-03:00 INFO  job id={job.id} kind=full-backup database=Admisión_MTN_DB "
        f"operator=ana host=db1 pid={os.getpid()}",
        "2026-11-24T03:00:04-03:00 INFO  phase name=dump bytes=4200",
        r'2026-11-24T03:00:04-03:00 INFO  snapshot lsn=0/1 table="a \"b\" c" empty=""',
        '2026-11-24T03:00:04-03:00 WARN  bucket-down text="The bucket did not answer."',
        '2026-11-24T03:00:04-03:00 ERROR failed error=NoSpace title="The disk is full." hint="" '
        "runbook=8.2 exit_code=2",
    ]


def test_no_name_forges_a_line_of_the_log_or_reaches_the_terminal(tmp_path, clock):
    log = JobLog(tmp_path / "x.log", clock, SANTIAGO)
    hostile = 'a\n2026-11-24T03:00:04-03:00 INFO  ok \x1b[2J\x9b\u2028\u202e\udcff\U000e0001"\\'
    log.write("info", "table", {"name": hostile})
    log.close()
    data = log.path.read_bytes()
    assert data.count(b"\n") == 1
    assert re.fullmatch(r"[\x20-\x7e]+", data.decode().rstrip("\n"))
    assert rb"\n2026" in data
    assert rb"\x1b[2J\x9b\u2028\u202e\udcff\U000e0001\"\\" in data


def test_a_log_never_holds_a_secret(tmp_path, clock):
    before = set(redact._secrets)
    redact.add("s3cr et\n")
    try:
        log = JobLog(tmp_path / "x.log", clock)
        log.write("error", "auth", {"said": ValueError("password s3cr et\n was refused")})
        log.close()
    finally:
        redact._secrets = before
    assert "s3cr" not in log.path.read_text()


def test_a_log_that_cannot_be_opened_is_an_error_at_once(tmp_path, clock):
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(StorageError) as caught:
        JobLog(tmp_path / "logs" / "x.log", clock)
    assert "x.log" in caught.value.title


@needs_dev_full
def test_a_log_whose_first_line_does_not_fit_is_an_error_at_once(tmp_path, job, clock):
    log = JobLog(tmp_path / "x.log", clock)
    os.close(fill_the_disk_under(log))
    with pytest.raises(NoSpace):
        job.log_to(log)
    log.close()


@needs_dev_full
def test_a_log_that_breaks_later_is_told_once_in_the_journal_and_the_job_goes_on(tmp_path, job, clock):
    log = JobLog(tmp_path / "x.log", clock)
    job.log_to(log)
    before = fill_the_disk_under(log)
    job.note("info", "one")
    job.note("info", "two")
    free_the_disk_under(log, before)
    job.note("info", "three")
    job.end()
    assert [r["name"] for r in records(job, "note")] == ["one", "two", "three"]
    assert [r["name"] for r in records(job, "warning")] == ["log-write-failed"]
    assert records(job, "state")[-1]["exit_code"] == 1
    assert "three" in log.path.read_text()


@needs_dev_full
@pytest.mark.parametrize("at_its_end", [False, True])
def test_a_journal_goes_on_in_the_next_folder_that_takes_it_whole_and_whoever_follows_sees_it(
    tmp_path, clock, at_its_end
):
    no_folder, spare = tmp_path / "a-file", tmp_path / "spare"
    no_folder.write_text("")
    folders = (tmp_path / "state" / "jobs", no_folder / "jobs", spare / "jobs")
    job = Job.create(
        folders[0],
        kind="backup-full",
        subject="x",
        operator="ana",
        clock=clock,
        spares=(no_folder / "mtn", spare),
    )
    before = job.journal_path
    with Follower(before, folders=lambda: folders) as follower, closing(job):
        job.start()
        assert follower.look().state is JobState.RUNNING
        os.close(fill_the_disk_under(job._journal))
        if not at_its_end:
            job.result({"x": 1})
            assert follower.look().result == {"x": 1}
        job.end()
        view = follower.look()
        assert (view.state, view.exit_code, len(view.warnings)) == (JobState.SUCCEEDED, 1, 1)
        assert str(spare) in view.warnings[0]
    assert job.journal_path == spare / "jobs" / before.name
    assert list_jobs(folders) == [view]
    assert find_job(folders, job.id) == view


@needs_dev_full
def test_a_journal_that_breaks_stops_nothing_and_is_a_warning(tmp_path, job, clock):
    job.log_to(log := JobLog(tmp_path / "x.log", clock))
    job.start()
    job.phase("dump", 10)
    before = fill_the_disk_under(job._journal)
    job.advance(5)
    clock.seconds += 1
    job.beat()
    job.note("info", "one")
    job.warn("two", "text")
    job.files("a")
    job.result({"x": 1})
    job.cancel()
    assert job.token.cancelled
    job.end()
    assert [text for text in job.warnings if "breaks off" in text] == [job.warnings[0]]
    assert log.path.read_text().count("journal-write-failed") == 1
    free_the_disk_under(job._journal, before)
    job.note("info", "again")
    assert records(job, "note")[-1]["name"] == "again"


def test_what_earlier_runs_left_null_is_read_once_from_a_journal_that_has_not_changed(tmp_path, clock):
    settings = Settings(db_name="colegio", db_user="admin", backup_dir=tmp_path)
    context = Context(settings, None, tmp_path, "ana", "db1", clock)
    left = {"source_oid": 7, "transactions": ["11", "12"]}

    def recovered(number, facts, *, ends=True):
        ids = iter([f"aaaaaaa{number}"])
        about = {"kind": "recover", "subject": "colegio", "operator": "ana", "host": "db1"}
        job = Job.create(context.jobs, clock=clock, new_id=lambda: next(ids), **about)
        job.start()
        job.result(facts)
        if ends:
            job.end()
        return job

    with closing(recovered(2, left)), closing(recovered(3, left | {"source_oid": 8})):
        assert left_by(context, "colegio", 7) == {"11", "12"}
        assert left_by(context, "otra", 7) == frozenset()
        read = earlier._left.cache_info().misses
        assert left_by(context, "colegio", 8) == {"11", "12"}
        assert earlier._left.cache_info().misses == read
        with closing(recovered(4, left | {"transactions": ["13"]}, ends=False)) as job:
            assert left_by(context, "colegio", 7) == {"11", "12"}, "it is not over"
            job.end()
            assert left_by(context, "colegio", 7) == {"11", "12", "13"}
            assert earlier._left.cache_info().misses == read + 2
