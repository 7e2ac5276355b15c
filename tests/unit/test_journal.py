import errno
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtn_tui.core.errors import AlreadyThere, NoSpace, StorageError, UsageError
from mtn_tui.core.models import JobState
from mtn_tui.core.redact import MASK, redact
from mtn_tui.engine.jobview import JobView, find_job, follow, list_jobs, read_job
from mtn_tui.engine.journal import Journal
from mtn_tui.engine.process import Process, this_process
from mtn_tui.engine.progress import Progress

START = datetime(2026, 11, 24, 3, 0, 4, 120, UTC)


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return START + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


def begin(folder, clock, job_id="abcdefgh", **about):
    me = this_process()
    about = {
        "kind": "full-backup",
        "subject": "Admisión_MTN_DB",
        "operator": "ana",
        "host": "db1",
        "pid": me.pid,
        "pid_start": me.start,
        "state": JobState.QUEUED,
        **about,
    }
    return Journal.create(folder, job_id, clock=clock, **about)


def records(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def append(path, data):
    with path.open("ab") as file:
        file.write(data)


def test_a_journal_tells_the_whole_story(tmp_path, clock):
    journal = begin(tmp_path / "jobs", clock)
    journal.state(JobState.RUNNING)
    clock.seconds = 2
    journal.phase("dump", 4200, "bytes")
    journal.progress(Progress("dump", 2600, 4200, "bytes", 148.04, 10.81))
    journal.files(["admision_mtn_full_db1_20261124_030004.sql.gz.gpg"])
    journal.note("info", "snapshot", {"lsn": "0/1"})
    journal.warning("bucket-down", "The bucket did not answer.", {})
    journal.result({"bytes": 170})
    journal.result({"seconds": 9})
    clock.seconds = 9
    journal.state(JobState.SUCCEEDED, exit_code=1)
    journal.close()
    view = read_job(journal.path, "db1")
    assert view == JobView(
        id="abcdefgh",
        kind="full-backup",
        subject="Admisión_MTN_DB",
        operator="ana",
        host="db1",
        pid=os.getpid(),
        pid_start=this_process().start,
        state=JobState.SUCCEEDED,
        phase="dump",
        progress=Progress("dump", 2600, 4200, "bytes", 148.0, 10.8),
        started=START,
        updated=START + timedelta(seconds=9),
        ended=START + timedelta(seconds=9),
        exit_code=1,
        files=("admision_mtn_full_db1_20261124_030004.sql.gz.gpg",),
        warnings=("The bucket did not answer.",),
        result={"bytes": 170, "seconds": 9},
    )


def test_every_record_is_one_line_with_its_moment_and_event(tmp_path, clock):
    journal = begin(tmp_path, clock)
    journal.note("info", "table", {"name": 'a\nb\x1b[31m"; DROP \u2028\udcff', "n": float("nan")})
    journal.close()
    assert len(journal.path.read_bytes().splitlines()) == 2
    first, second = records(journal.path)
    assert first["at"] == "2026-11-24T03:00:04.000120Z"
    assert (first["event"], second["event"]) == ("job", "note")
    assert second["fields"] == {"name": 'a\nb\x1b[31m"; DROP \u2028\udcff', "n": None}


def test_an_id_in_use_is_refused_and_its_journal_untouched(tmp_path, clock):
    begin(tmp_path, clock).close()
    before = (tmp_path / "abcdefgh.jsonl").read_bytes()
    with pytest.raises(AlreadyThere):
        begin(tmp_path, clock, operator="eve")
    assert (tmp_path / "abcdefgh.jsonl").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_told(tmp_path, clock):
    (tmp_path / "jobs").write_text("a file")
    with pytest.raises(StorageError) as caught:
        begin(tmp_path / "jobs", clock)
    assert str(tmp_path / "jobs") in caught.value.title


@pytest.fixture
def secrets():
    before = set(redact._secrets)
    yield redact
    redact._secrets = before


def test_secrets_are_masked_wherever_they_stand_and_our_own_words_are_not(tmp_path, clock, secrets):
    secret = 'pa"ss\\wörd'
    secrets.add(secret)
    secrets.add("running")
    journal = begin(tmp_path, clock, subject=f"db {secret}")
    journal.state(JobState.RUNNING, title=f"said {secret}")
    journal.note("error", "x", {"nested": {secret: [secret, Path(secret), ValueError(secret)]}})
    journal.close()
    for record in records(journal.path):
        assert secret not in str(record)
        assert secret not in json.dumps(record, ensure_ascii=False)
    view = read_job(journal.path, "db1")
    assert view.state is JobState.RUNNING
    assert view.subject == f"db {MASK}"


def test_progress_is_written_four_times_a_second_and_its_last_figure_is_never_lost(tmp_path, clock):
    journal = begin(tmp_path, clock)
    journal.phase("dump", None, "rows")
    for done in range(1, 1001):
        clock.seconds += 0.01
        journal.progress(Progress("dump", done, None, "rows"))
    journal.state(JobState.SUCCEEDED)
    journal.close()
    figures = [record["done"] for record in records(journal.path) if record["event"] == "progress"]
    assert 35 <= len(figures) <= 42
    assert figures[-1] == 1000
    assert read_job(journal.path, "db1").progress.done == 1000


def test_a_new_phase_starts_from_nothing(tmp_path, clock):
    journal = begin(tmp_path, clock)
    journal.phase("dump", 10, "bytes")
    journal.progress(Progress("dump", 10, 10))
    journal.phase("verify", 5, "rows")
    view = read_job(journal.path, "db1")
    journal.close()
    assert (view.phase, view.progress) == ("verify", Progress("verify", 0, 5, "rows"))


needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")


def fill_the_disk_under(journal):
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, journal._lines._fd)
    os.close(full)


@needs_dev_full
def test_a_full_disk_is_told_as_such(tmp_path, clock):
    journal = begin(tmp_path, clock)
    fill_the_disk_under(journal)
    with pytest.raises(NoSpace) as caught:
        journal.state(JobState.RUNNING)
    assert str(journal.path) in caught.value.title
    journal.close()


LIMITED = """
import resource, signal, sys
from pathlib import Path
from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import StorageError
from mtn_tui.engine.journal import Journal
journal = Journal.create(Path(sys.argv[1]), "abcdefgh", clock=SystemClock(), kind="full-backup")
size = journal.path.stat().st_size
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30, hard))
try:
    journal.note("info", "torn", {"text": "x" * 100})
except StorageError as error:
    print(error.title)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
journal.result({"after": 1})
"""


def test_a_line_torn_by_a_full_disk_does_not_take_the_next_one_with_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, check=True
    )
    assert "could not be used" in done.stdout
    lines = (tmp_path / "abcdefgh.jsonl").read_bytes().splitlines()
    assert len(lines) == 3
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(lines[1])
    assert read_job(tmp_path / "abcdefgh.jsonl").result == {"after": 1}


def whole_story(folder):
    journal = begin(folder, Clock())
    journal.state(JobState.RUNNING)
    journal.phase("dump", 4200, "bytes")
    journal.progress(Progress("dump", 2600, 4200))
    journal.files(["a", "b"])
    journal.warning("w", "text", {})
    journal.result({"bytes": 170})
    journal.state(JobState.FAILED, title="Admisión", exit_code=2)
    journal.close()
    return journal.path


def test_a_journal_torn_anywhere_reads_as_what_was_whole(tmp_path):
    path = whole_story(tmp_path / "whole")
    data = path.read_bytes()
    torn = tmp_path / "abcdefgh.jsonl"
    first = data.index(b"\n")
    for length in [0, 1, first, *range(first + 1, len(data) + 1, 3)]:
        torn.write_bytes(data[:length])
        view = read_job(torn, "db1")
        assert view.id == "abcdefgh"
        if b"\n" not in data[:length]:
            assert view.state is JobState.LOST
        else:
            assert (view.kind, view.state) in {
                ("full-backup", JobState.QUEUED),
                ("full-backup", JobState.RUNNING),
                ("full-backup", JobState.FAILED),
            }
    assert read_job(path, "db1").title == "Admisión"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
FIELDS = [
    "at", "event", "id", "kind", "subject", "host", "pid", "pid_start", "state", "phase", "total", "done",
    "rate", "eta", "unit", "files", "title", "exit_code", "result", "text", "fields",
]  # fmt: skip
EVENTS = ["job", "state", "phase", "progress", "files", "note", "warning", "result", "unheard-of"]
RECORD = st.builds(
    lambda event, fields: json.dumps({"event": event, **fields}).encode(),
    st.sampled_from(EVENTS),
    st.dictionaries(
        st.sampled_from(FIELDS), JSON | st.sampled_from([*JobState, "9999-12-31T23:59:59-09:00"])
    ),
)
ANY_LINES = st.lists(
    st.binary(max_size=40) | RECORD | st.just(b"[" * 100_000) | st.just(b'{"pid": 1' + b"0" * 5000)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANY_LINES, st.binary(max_size=20))
def test_no_journal_is_refused_whatever_it_holds(tmp_path, lines, tail):
    path = tmp_path / "zzzzzzzz.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n" + tail)
    view = read_job(path, "db1")
    assert isinstance(view.state, JobState)
    assert isinstance(view.files, tuple)
    assert view in list_jobs(tmp_path, "db1")
    path.unlink()


@pytest.mark.parametrize("figure", [10**400, -(10**30), 1 << 63])
def test_a_figure_that_nobody_could_have_counted_is_none(tmp_path, figure):
    path = whole_story(tmp_path)
    line = {"event": "progress", "phase": "dump", "done": figure, "total": figure}
    path.write_bytes(path.read_bytes() + json.dumps(line).encode() + b"\n")
    progress = read_job(path, "db1").progress
    assert progress is not None
    assert (progress.done, progress.total) == (0, None)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"])
def test_a_moment_that_is_none_in_some_zone_is_none(tmp_path, at):
    path = tmp_path / "zzzzzzzz.jsonl"
    path.write_text(json.dumps({"event": "job", "at": at, "kind": "verify", "host": "db2"}) + "\n")
    view = read_job(path, "db1")
    assert (view.kind, view.started, view.updated) == ("verify", None, None)


def test_an_end_is_final(tmp_path):
    path = whole_story(tmp_path)
    append(path, b'{"event": "state", "state": "running"}\n')
    assert read_job(path, "db1").state is JobState.FAILED


def test_a_job_whose_process_is_gone_is_lost_and_says_what_that_means(tmp_path, clock):
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    journal = begin(tmp_path, clock, pid=child.pid)
    journal.state(JobState.RUNNING)
    journal.close()
    view = read_job(journal.path, "db1")
    assert view.state is JobState.LOST
    assert "killed" in view.title
    assert view.hint
    assert view.exit_code == 2
    assert view.ended == START


def test_a_pid_used_again_does_not_pass_for_the_job(tmp_path, clock):
    journal = begin(tmp_path, clock, pid_start="another boot:12345")
    journal.close()
    assert read_job(journal.path, "db1").state is JobState.LOST


def test_a_job_of_another_host_is_never_judged(tmp_path, clock):
    journal = begin(tmp_path, clock, host="db2", pid=2**22 + 1)
    journal.state(JobState.RUNNING)
    journal.close()
    assert read_job(journal.path, "db1").state is JobState.RUNNING


def test_a_job_that_is_over_is_never_lost(tmp_path, clock):
    journal = begin(tmp_path, clock, pid=2**22 + 1)
    journal.state(JobState.CANCELLED)
    journal.close()
    assert read_job(journal.path, "db1").state is JobState.CANCELLED


SAYS_WHO_IT_IS = """
from mtn_tui.engine.process import this_process
print(this_process().start, flush=True)
input()
"""


def test_a_dead_child_that_nobody_has_waited_for_is_gone():
    with subprocess.Popen(
        [sys.executable, "-c", SAYS_WHO_IT_IS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        process = Process(child.pid, child.stdout.readline().strip())
        assert not process.gone
        child.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 30
        while not process.gone and time.monotonic() < deadline:
            time.sleep(0.01)
        assert process.gone


@pytest.mark.parametrize("pid", [0, -1, 2**70])
def test_a_number_that_is_no_process_is_gone(pid):
    assert Process(pid, "").gone


def test_this_process_is_there_and_ps_agrees():
    from mtn_tui.engine.process import _ask_ps

    assert not this_process().gone
    asked = _ask_ps(os.getpid())
    if asked is not None:  # where ps is installed
        state, start = asked
        assert state in "RSD"
        assert datetime.strptime(start, "%a %b %d %H:%M:%S %Y")


def test_jobs_are_listed_newest_first(tmp_path, clock):
    for number, job_id in enumerate(["bbbbbbbb", "aaaaaaaa", "cccccccc"]):
        clock.seconds = number * 60
        begin(tmp_path, clock, job_id).close()
        os.utime(tmp_path / f"{job_id}.jsonl", (number, number))
    assert [view.id for view in list_jobs(tmp_path, "db1")] == ["cccccccc", "aaaaaaaa", "bbbbbbbb"]
    assert [view.id for view in list_jobs(tmp_path, "db1", limit=2)] == ["cccccccc", "aaaaaaaa"]


def test_a_folder_that_can_not_be_read_is_no_empty_list(tmp_path):
    (tmp_path / "jobs").write_bytes(b"")
    with pytest.raises(StorageError, match="could not be used"):
        list_jobs(tmp_path / "jobs", "db1")


def test_a_folder_whose_names_alone_can_be_read_is_no_bug(tmp_path, clock, monkeypatch):
    """As one of mode 400 is for whoever is not root."""
    begin(tmp_path, clock).close()

    def refused(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "lstat", refused)
    with pytest.raises(StorageError, match=f"{tmp_path} could not be used: Permission denied"):
        list_jobs(tmp_path, "db1")


def test_where_no_job_ever_ran_the_list_is_empty(tmp_path):
    assert list_jobs(tmp_path / "jobs", "db1") == []


def test_a_pipe_or_a_link_among_the_journals_hangs_nobody(tmp_path, clock):
    begin(tmp_path, clock).close()
    os.mkfifo(tmp_path / "pipepipe.jsonl")
    (tmp_path / "linklink.jsonl").symlink_to("/etc/passwd")
    views = {view.id: view for view in list_jobs(tmp_path, "db1")}
    assert views["abcdefgh"].kind == "full-backup"
    assert "could not be used" in views["pipepipe"].title
    assert "could not be used" in views["linklink"].title


def test_a_job_is_found_in_whatever_case_its_id_is_typed(tmp_path, clock):
    begin(tmp_path, clock).close()
    assert find_job(tmp_path, " ABCDEFGH ", "db1").kind == "full-backup"


@pytest.mark.parametrize("typed", ["aaaaaaaa", "", "../abcdefgh", "abcdefgh.jsonl", "/etc/passwd"])
def test_an_id_that_is_none_is_a_plain_mistake(tmp_path, clock, typed):
    begin(tmp_path, clock).close()
    with pytest.raises(UsageError) as caught:
        find_job(tmp_path, typed, "db1")
    assert "mtn job list" in caught.value.hint


def test_a_long_journal_of_progress_reads_as_its_last_figure(tmp_path, clock):
    journal = begin(tmp_path, clock)
    journal.phase("dump", None, "rows")
    for done in range(3000):
        clock.seconds += 1
        journal.progress(Progress("dump", done, None, "rows"))
    journal.close()
    assert read_job(journal.path, "db1").progress.done == 2999


def test_following_shows_every_state_and_ends_with_the_job(tmp_path, clock):
    journal = begin(tmp_path, clock)
    views = []
    stop = threading.Event()

    def look():
        views.extend(follow(journal.path, stop, "db1"))

    def seen(condition):
        deadline = time.monotonic() + 30
        while not any(condition(view) for view in list(views)):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    follower = threading.Thread(target=look)
    follower.start()
    seen(lambda view: view.state is JobState.QUEUED)
    journal.state(JobState.RUNNING)
    seen(lambda view: view.state is JobState.RUNNING)
    append(journal.path, b'{"at": "2026-11-24T04:00:00Z", "event": "phase", "pha')
    time.sleep(0.3)
    append(journal.path, b'se": "dump"}\n')
    seen(lambda view: view.phase == "dump")
    journal.state(JobState.SUCCEEDED)
    follower.join(30)
    assert not follower.is_alive()
    assert views[-1].state is JobState.SUCCEEDED
    assert all(one != other for one, other in itertools.pairwise(views))
    journal.close()


def test_following_stops_when_told_to(tmp_path, clock):
    journal = begin(tmp_path, clock)
    stop = threading.Event()
    views = follow(journal.path, stop, "db1")
    assert next(views).state is JobState.QUEUED
    stop.set()
    assert list(views) == []
    journal.close()


def test_following_a_lost_job_ends_with_lost(tmp_path, clock):
    journal = begin(tmp_path, clock, pid=0)
    journal.close()
    assert [view.state for view in follow(journal.path, threading.Event(), "db1")] == [JobState.LOST]


def test_in_a_groups_folder_the_group_reads_and_writes_whatever_the_umask(tmp_path, clock):
    state = tmp_path / "mtn"
    state.mkdir()
    state.chmod(0o2770)
    before = os.umask(0o077)
    try:
        begin(state / "jobs", clock).close()
        begin(tmp_path / "own" / "jobs", clock).close()
    finally:
        os.umask(before)
    assert (state / "jobs").stat().st_mode & 0o7777 == 0o2770
    assert (state / "jobs" / "abcdefgh.jsonl").stat().st_mode & 0o7777 == 0o660
    assert (tmp_path / "own" / "jobs" / "abcdefgh.jsonl").stat().st_mode & 0o7777 == 0o600
