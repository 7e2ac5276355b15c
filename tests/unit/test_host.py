import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from mtn_tui.core.errors import ArchiveError, Cancelled, JobError, Refused
from mtn_tui.core.models import JobState
from mtn_tui.engine.host import cancel, run
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import JobView, list_jobs, read_job
from mtn_tui.engine.process import this_process

STOPPING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

HOSTED = """
import signal, sys, time
from pathlib import Path
from mtn_tui.core.errors import Cancelled
from mtn_tui.engine.host import run
from mtn_tui.engine.jobs import Job

def body(job):
    job.phase("waiting")
    while not job.token.wait(0.02):
        job.advance(1)
    {cleaning}
    job.token.check()

job = Job.create(Path(sys.argv[1]), kind="full-backup", subject="db", operator="ana", host="db1")
try:
    run(job, body, {on_view})
except Cancelled as error:
    sys.exit(error.exit_code)
"""


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    handlers = [signal.getsignal(number) for number in STOPPING]
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("mtn-")] == []
    assert [signal.getsignal(number) for number in STOPPING] == handlers


@pytest.fixture
def job(tmp_path):
    return make(tmp_path)


def make(folder):
    return Job.create(folder, kind="full-backup", subject="db", operator="ana", host="db1")


def look(job):
    return read_job(job.journal_path, "db1")


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def hosted(folder, *, cleaning="pass", on_view="None", prefix=()):
    """A job in a process of its own, at work. Yields the process and a function that looks at the job."""
    script = HOSTED.format(cleaning=cleaning, on_view=on_view)
    command = [*prefix, sys.executable, "-c", script, folder]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: any(view.phase == "waiting" for view in list_jobs(folder, "db1")))
            yield process, lambda: list_jobs(folder, "db1")[0]
        finally:
            process.kill()


def test_a_job_runs_on_a_thread_and_returns_what_its_body_returned(job):
    assert run(job, lambda job: threading.current_thread().name) == "mtn-job"
    view = look(job)
    assert (view.state, view.exit_code) == (JobState.SUCCEEDED, 0)


def test_the_states_are_recorded_in_order(job):
    run(job, lambda job: None)
    text = job.journal_path.read_text()
    places = [text.index(f'"state": "{state}"') for state in ("queued", "running", "succeeded")]
    assert places == sorted(places)


def test_whoever_watches_sees_phases_progress_and_the_end(job):
    views = []
    seen = threading.Event()

    def body(job):
        job.phase("dump", 10)
        job.advance(4)
        assert seen.wait(60)

    def on_view(view):
        assert threading.current_thread() is threading.main_thread()
        views.append(view)
        if view.progress and view.progress.done == 4:
            seen.set()

    run(job, body, on_view)
    assert views[-1].state is JobState.SUCCEEDED
    assert all(one != other for one, other in itertools.pairwise(views))


def test_a_failure_is_recorded_before_it_is_raised_whole(job):
    trouble = ArchiveError("It is torn.", "Take another.")

    def failing_body(job):
        raise trouble

    with pytest.raises(ArchiveError) as caught:
        run(job, failing_body)
    assert caught.value is trouble
    view = look(job)
    assert (view.state, view.title, view.hint, view.runbook) == (
        JobState.FAILED,
        "It is torn.",
        "Take another.",
        "5.3",
    )


@pytest.mark.parametrize("bug", [ZeroDivisionError("oops"), SystemExit(3), KeyboardInterrupt()])
def test_a_bug_is_recorded_as_failed_and_raised(job, bug):
    def body(job):
        raise bug

    with pytest.raises(type(bug)) as caught:
        run(job, body)
    assert caught.value is bug
    view = look(job)
    assert (view.state, view.error, view.exit_code) == (JobState.FAILED, type(bug).__name__, 2)


@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_stops_the_job_cleanly(tmp_path, number):
    with hosted(tmp_path) as (process, view):
        process.send_signal(number)
        assert process.wait(60) == 130
        assert (view().state, view().exit_code) == (JobState.CANCELLED, 130)
        text = next(tmp_path.glob("*.jsonl")).read_text()
        assert text.index('"cancelling"') < text.index('"cancelled"')


@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_between_its_journal_and_its_beginning_stops_it_cleanly(tmp_path, number):
    script = """
import os, sys
from pathlib import Path
from mtn_tui.core.errors import Cancelled
from mtn_tui.engine import host
from mtn_tui.engine.jobs import Job

with host.signals_held():
    job = Job.create(Path(sys.argv[1]), kind="full-backup", subject="db", operator="ana", host="db1")
    os.kill(os.getpid(), int(sys.argv[2]))
    try:
        host.run(job, lambda job: None)
    except Cancelled as error:
        sys.exit(error.exit_code)
"""
    ended = subprocess.run([sys.executable, "-c", script, tmp_path, str(int(number))], check=False)
    assert ended.returncode == 130
    assert [view.state for view in list_jobs(tmp_path, "db1")] == [JobState.CANCELLED]


def test_more_signals_while_it_cleans_up_change_nothing(tmp_path):
    with hosted(tmp_path, cleaning="time.sleep(0.5)") as (process, view):
        for _ in range(20):
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.005)
        assert process.wait(60) == 130
        assert view().state is JobState.CANCELLED
        assert next(tmp_path.glob("*.jsonl")).read_text().count('"cancelling"') == 1


def test_a_hangup_that_is_ignored_stays_ignored(tmp_path):
    with hosted(tmp_path, prefix=["nohup"]) as (process, view):
        process.send_signal(signal.SIGHUP)
        done = view().progress.done if view().progress else 0
        wait_until(lambda: view().progress and view().progress.done > done)
        assert view().state is JobState.RUNNING
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130


def test_kill_9_leaves_a_job_that_is_lost(tmp_path):
    with hosted(tmp_path) as (process, view):
        assert view().state is JobState.RUNNING
        process.kill()
        wait_until(lambda: view().state is JobState.LOST)
        with pytest.raises(JobError, match="lost"):
            cancel(view(), "db1")


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.05, 0.1, 0.2])
def test_kill_9_at_any_moment_leaves_a_journal_that_reads(tmp_path, delay):
    script = HOSTED.format(cleaning="pass", on_view="None")
    with subprocess.Popen([sys.executable, "-c", script, tmp_path]) as process:
        wait_until(lambda: any(tmp_path.glob("*.jsonl")))
        time.sleep(delay)
        process.kill()
    assert [view.state for view in list_jobs(tmp_path, "db1")] == [JobState.LOST]


def test_a_terminal_that_stalls_holds_up_neither_the_cancel_nor_its_record(tmp_path):
    with hosted(tmp_path, on_view="lambda view: time.sleep(3600)") as (process, view):
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: view().state is JobState.CANCELLED)


def test_a_signal_before_the_body_starts_keeps_it_from_starting(job):
    job.cancel()
    with pytest.raises(Cancelled):
        run(job, lambda job: pytest.fail("it ran"))
    assert look(job).state is JobState.CANCELLED


def test_what_fails_because_of_the_cancel_is_told_as_cancelled_with_its_cause_noted(job):
    trouble = ArchiveError("pg_dump died")

    def body(job):
        os.kill(os.getpid(), signal.SIGINT)
        job.token.wait(60)
        raise trouble

    with pytest.raises(Cancelled) as caught:
        run(job, body)
    assert caught.value.__cause__ is trouble
    assert look(job).state is JobState.CANCELLED
    assert "pg_dump died" in job.journal_path.read_text()


def test_a_job_that_was_through_before_it_could_stop_has_succeeded(job):
    def body(job):
        os.kill(os.getpid(), signal.SIGINT)
        job.token.wait(60)
        return "done"

    assert run(job, body) == "done"
    assert look(job).state is JobState.SUCCEEDED


def test_off_the_main_thread_no_handler_is_touched(job):
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def body(job):
        seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run, args=(job, body))
    thread.start()
    thread.join()
    assert seen == [before]
    assert look(job).state is JobState.SUCCEEDED


def test_a_terminal_that_has_gone_does_not_stop_the_job(job):
    calls = []

    def on_view(view):
        calls.append(view)
        raise BrokenPipeError

    assert run(job, lambda job: job.token.wait(0.3), on_view) is False
    assert len(calls) == 1
    assert look(job).state is JobState.SUCCEEDED


def test_a_bug_in_what_shows_the_job_is_raised_after_the_job_is_done(job):
    def on_view(view):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(job, lambda job: job.token.wait(0.3), on_view)
    assert look(job).state is JobState.SUCCEEDED


needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")


def fill_the_disk_under(job):
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, job._journal._lines._fd)
    os.close(full)


@needs_dev_full
def test_a_disk_that_fills_up_is_a_warning_of_work_that_is_done(job):
    finished = []

    def body(job):
        fill_the_disk_under(job)
        job.phase("dump", 10)
        job.advance(10)
        job.note("info", "x")
        finished.append(1)

    run(job, body)
    assert finished == [1]
    (warning,) = job.warnings
    assert "The disk is full" in warning
    assert "the record of this job breaks off" in warning


@needs_dev_full
def test_a_failure_on_a_full_disk_is_still_the_failure(job):
    def body(job):
        fill_the_disk_under(job)
        raise ArchiveError("It is torn.")

    with pytest.raises(ArchiveError):
        run(job, body)
    assert "The disk is full" in job.warnings[0]


@needs_dev_full
def test_a_cancel_on_a_full_disk_still_stops_the_job(job):
    def body(job):
        fill_the_disk_under(job)
        os.kill(os.getpid(), signal.SIGTERM)
        assert job.token.wait(60)
        job.token.check()

    with pytest.raises(Cancelled):
        run(job, body)


def test_a_job_is_cancelled_from_another_process(tmp_path):
    with hosted(tmp_path) as (process, view):
        cancel(view(), "db1")
        assert process.wait(60) == 130
        assert view().state is JobState.CANCELLED
        with pytest.raises(JobError, match="it is over"):
            cancel(view(), "db1")


def test_a_job_of_another_machine_is_cancelled_there(tmp_path):
    with hosted(tmp_path) as (process, view):
        with pytest.raises(Refused) as caught:
            cancel(view(), "db2")
        assert "db1" in caught.value.title
        assert process.poll() is None


@pytest.mark.parametrize("start", ["another boot:1", ""])
def test_a_process_that_cannot_be_told_to_be_the_jobs_is_never_signalled(start):
    asked = []
    before = signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
    try:
        view = JobView("abcdefgh", host="db1", pid=os.getpid(), pid_start=start, state=JobState.RUNNING)
        with pytest.raises(JobError):
            cancel(view, "db1")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert asked == []


CANCELS = """
import os, sys
from mtn_tui.core.errors import JobError
from mtn_tui.core.models import JobState
from mtn_tui.engine.host import cancel
from mtn_tui.engine.jobview import JobView
view = JobView("abcdefgh", operator="ana", host="db1", pid=int(sys.argv[1]), pid_start=sys.argv[2],
               state=JobState.RUNNING)
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    cancel(view, "db1")
except JobError as error:
    print(error.title, error.hint)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
def test_the_job_of_another_user_is_said_to_be_theirs(tmp_path):
    with hosted(tmp_path) as (process, view):
        target = view().process
        done = subprocess.run(
            [sys.executable, "-c", CANCELS, str(target.pid), target.start],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert "belongs to ana" in done.stdout
        assert "sudo mtn job cancel abcdefgh" in done.stdout
        assert process.poll() is None


def test_a_job_is_of_the_process_that_made_it(job):
    assert look(job).process == this_process()
    run(job, lambda job: None)
