"""Jobs on the screen: live as they run, whoever began them; lost ones told apart; leaving and cancelling."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.models import JobState, Kind
from mtn_tui.engine.job_watch import Journals
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.inventory import key_check
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.data.state import State
from mtn_tui.ui.screens.ask import Ask
from mtn_tui.ui.screens.backups import Backups
from mtn_tui.ui.screens.jobs import Jobs
from mtn_tui.ui.screens.quit import Quit
from mtn_tui.ui.widgets.lines import VirtualList
from tests.ui.installed import MACHINE, NOW, Installed
from tests.ui.pilots import LARGE, WITHIN, nothing_begins, operate
from tests.ui.states import usual


def test_a_job_begun_elsewhere_is_seen_at_work_and_then_done(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.sees("no job is running")
        cron = practice.start("backup", "full")
        await operator.sees("▶ full backup")
        await operator.sees("✔ succeeded")
        await operator.until(lambda: len(operator.app.state.inventory.backups) == 1, "its backup")
        cron.communicate()

    operate(app, flow)


def test_a_lost_job_is_told_apart_and_explained(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        cron = practice.start("backup", "full")
        await operator.sees("▶ full backup")
        os.kill(cron.pid, signal.SIGKILL)
        cron.communicate()
        await operator.sees("✖ lost")
        await operator.press("j")
        await operator.sees("The process of this job is gone", "Run it again.")

    operate(app, flow)


def test_a_failed_job_says_why_and_what_to_do(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.configure(DB_PASSWORD="wrong")
    practice.mtn("backup", "full", check=2)
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.press("j")
        job = practice.jobs[0]
        await operator.sees("✖ failed", job.title[:40], job.hint[:40], f"Runbook, section {job.runbook}.")
        await operator.press("c")
        await operator.sees("It is over: failed.")

    operate(app, flow)


def test_warnings_are_counted_and_led_to_from_the_status_line_and_open_whole(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    said = [f"Warning {number} of the night: " + "what it is about. " * 6 for number in range(9)]
    with closing(Job.create(practice.context.jobs, kind="verify", subject="a", operator="ana")) as job:
        job.start()
        for one in said:
            job.warn("doubt", one)
        job.end()
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.sees("⚠ 9 warnings [j] opens it")
        await operator.press("j")
        await operator.sees("⚠ warnings", "[enter] shows the rest")
        assert "Warning 8" not in operator.text()
        await operator.press("enter", "end")
        await operator.sees("Warning 8 of the night")
        await operator.press("escape")
        await operator.until(lambda: isinstance(app.screen, Jobs))

    operate(app, flow)


def test_cancelling_asks_first_and_enter_lets_it_go_on(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    with closing(Standing(practice)) as standing:
        app = MtnApp(practice.context, nothing_begins)

        async def flow(operator):
            await operator.has_list()
            await operator.press("j")
            await operator.sees("▶ running", "It goes on when you leave.")
            await operator.press("c")
            await operator.until(lambda: isinstance(app.screen, Ask))
            await operator.sees("Cancel job", "begun by")
            await operator.press("enter")
            await operator.until(lambda: isinstance(app.screen, Jobs))
            assert standing.state is JobState.RUNNING
            await operator.press("c")
            await operator.until(lambda: isinstance(app.screen, Ask))
            await operator.press("down", "enter")
            await operator.sees("was asked to stop")
            await operator.sees("✖ cancelled")

        operate(app, flow)


def test_quitting_while_a_job_runs_leaves_it_running_unless_told_else(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    with closing(Standing(practice)) as standing:
        app = MtnApp(practice.context, nothing_begins)

        async def flow(operator):
            await operator.has_list()
            await operator.sees("▶")
            await operator.press("q")
            await operator.until(lambda: isinstance(app.screen, Quit))
            await operator.sees("A job is running.", "Quit, and leave it running")
            await operator.press("down", "enter")
            await operator.until(lambda: isinstance(app.screen, Backups))
            await operator.press("q")
            await operator.until(lambda: isinstance(app.screen, Quit))
            await operator.press("enter")
            await operator.until(lambda: not app.is_running)

        operate(app, flow)
        assert standing.state is JobState.RUNNING


def test_quitting_can_cancel_it(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    with closing(Standing(practice)) as standing:
        app = MtnApp(practice.context, nothing_begins)

        async def flow(operator):
            await operator.has_list()
            await operator.sees("▶")
            await operator.press("q")
            await operator.until(lambda: isinstance(app.screen, Quit))
            await operator.press("down", "down", "enter")
            await operator.until(lambda: not app.is_running)

        operate(app, flow)
        standing.wait()
        assert standing.state is JobState.CANCELLED


def test_what_ended_while_the_question_stood_keeps_nothing_else_from_being_cancelled(
    pg18, new_school, practise
):
    practice = practise(new_school(pg18))
    short = Job.create(practice.context.jobs, kind="verify", subject="db", operator="ana")
    with closing(short), closing(Standing(practice)) as standing:
        short.start()
        app = MtnApp(practice.context, nothing_begins)

        async def flow(operator):
            await operator.has_list()
            await operator.until(lambda: len(app.state.live) == 2)
            await operator.press("q")
            await operator.until(lambda: isinstance(app.screen, Quit))
            await operator.sees("ana)")
            short.end()
            await operator.press("down", "down", "enter")
            await operator.until(lambda: not app.is_running)

        operate(app, flow, LARGE)
        standing.wait()
        assert [job.state for job in practice.jobs if job.kind == "backup-full"] == [JobState.CANCELLED]


@pytest.mark.parametrize("asked", ["while the key is compared", "while the job starts"])
def test_quitting_right_after_a_job_was_asked_for_never_goes_without_a_word(
    asked, pg18, new_school, practise, monkeypatch
):
    practice = practise(new_school(pg18))
    compares, may_compare, may_begin = threading.Event(), threading.Event(), threading.Event()
    begun = []
    compare = key_check.before_asking

    def compared(context):
        compares.set()
        assert may_compare.wait(WITHIN)
        return compare(context)

    def begins(_arguments):
        assert may_begin.wait(WITHIN)
        begun.append(Standing(practice))
        return practice.jobs[0].id

    monkeypatch.setattr(key_check, "before_asking", compared)
    app = MtnApp(practice.context, begins)

    async def flow(operator):
        await operator.has_list()
        await operator.press("b", "down", "enter")
        if asked == "while the key is compared":
            await operator.until(compares.is_set)
            await operator.press("q")
            await operator.sees("A job is starting.")
        may_compare.set()
        await operator.until(lambda: app._jobs._starting)
        if asked == "while the job starts":
            await operator.press("q")
        assert app.status
        assert app.status[0].startswith("A job is starting.")
        may_begin.set()
        await operator.until(lambda: isinstance(app.screen, Quit))

    operate(app, flow)
    assert begun[0].state is JobState.RUNNING
    begun[0].close()


def test_nothing_asks_where_no_job_runs(pg18, new_school, practise):
    app = MtnApp(practise(new_school(pg18)).context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.press("q")
        await operator.until(lambda: not app.is_running)

    operate(app, flow)


def test_looking_at_jobs_reads_only_what_is_new(tmp_path):
    folder = tmp_path / "jobs"
    with closing(Journals(folder)) as journals:
        assert journals.look()
        assert journals.views == ()
        assert not journals.look()
        job = Job.create(folder, kind="verify", subject="db", operator="ana")
        with closing(job):
            assert journals.look()
            assert [view.kind for view in journals.views] == ["verify"]
            assert not journals.look()
            job.start()
            job.phase("verify-disk", total=100)
            assert journals.look()
            job.end()
        assert journals.look()
        assert [view.state for view in journals.views] == [JobState.SUCCEEDED]
        assert not journals.look()


def test_a_journal_whose_first_line_is_late_is_no_lost_job(tmp_path):
    """Another process makes the file, and then writes: whoever looks between sees nothing yet."""
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "jobs"
    folder.mkdir()
    with closing(Job.create(elsewhere, kind="verify", subject="db", operator="ana")) as job:
        late = folder / job.journal_path.name
        for first in (True, False):
            with closing(Journals(folder)) as journals:
                if first:
                    assert journals.look()
                late.touch()
                journals.look()
                assert journals.views == ()
                late.write_bytes(job.journal_path.read_bytes())
                journals.look()
                assert [view.state for view in journals.views] == [JobState.QUEUED]
            late.unlink()
        late.touch()
        os.utime(late, (1, 1))
        with closing(Journals(folder)) as journals:
            journals.look()
            assert [view.state for view in journals.views] == [JobState.LOST]


def test_jobs_that_can_not_be_seen_are_not_said_to_be_none(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.context.jobs.parent.mkdir(parents=True, exist_ok=True)
    practice.context.jobs.write_bytes(b"")
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.sees("✖ the jobs can't be seen")
        await operator.press("j")
        await operator.until(lambda: isinstance(app.screen, Jobs))
        await operator.sees("could not be used: Not a directory", "mtn doctor")
        assert "No job has run yet." not in operator.text()
        await operator.press("q")
        await operator.until(lambda: not app.is_running)

    operate(app, flow)


def test_a_kind_that_is_being_made_is_not_offered_and_the_other_is(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.until(lambda: app.state.live)
        await operator.press("b")
        await operator.sees(f"It is running already: job {app.state.live[0].id}.", "Differential")
        assert [answer.value for answer in app.screen._answers] == [None, Kind.DIFF]

    with closing(Standing(practice)):
        operate(app, flow)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_the_cursor_stands_on_the_newest_job_until_it_is_moved_and_cancelling_is_shown_where_it_is_possible(
    tmp_path, language
):
    i18n.use(language)
    made = Installed(tmp_path / "mtn")
    usual(made)
    app = MtnApp(made.context, nothing_begins, machine=MACHINE)

    def begun():
        return closing(
            Job.create(made.context.jobs, kind="verify", subject=app.database, operator="ana", host=MACHINE)
        )

    def shown():
        return app.screen.query_one(VirtualList)

    async def flow(operator):
        await operator.until(lambda: app.state.jobs, "the jobs")
        await operator.press("j")
        old = shown().key
        assert old
        assert "[c]" not in operator.lines()[-1]
        with begun() as first:
            first.start()
            await operator.until(lambda: shown().key == first.id, "the cursor on the one that was begun")
            await operator.until(lambda: "[c]" in operator.lines()[-1], "cancelling, while it is possible")
            await operator.press("down")
            assert "[c]" not in operator.lines()[-1]
            chosen = shown().key
            with begun() as second:
                second.start()
                await operator.until(lambda: app.state.jobs[0].id == second.id, "another job")
                await operator.until(lambda: second.id in operator.text(), "another job in the list")
                assert shown().key == chosen
                await operator.press("escape", "j")
                assert shown().key == second.id
                second.end()
            await operator.until(lambda: shown().key == first.id, "the one that still runs")
            first.end()
        await operator.until(lambda: not app.state.live, "both are over")
        await operator.until(lambda: "[c]" not in operator.lines()[-1], "nothing to cancel")
        assert shown().key == first.id

    operate(app, flow)


class Standing:
    """A backup held up at work, by a lock on one of its tables, until it is cancelled."""

    def __init__(self, practice):
        self._practice = practice
        self._connection = practice.source.connect()
        self._connection.execute("BEGIN")
        self._connection.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        self._process = practice.start("backup", "full")
        while not practice.jobs or practice.jobs[0].state is not JobState.RUNNING:
            time.sleep(0.05)

    @property
    def state(self):
        return self._practice.jobs[0].state

    def wait(self):
        self._process.communicate()

    def close(self):
        self._process.terminate()
        self.wait()
        self._connection.close()


def test_what_follows_by_itself_takes_no_place_of_what_somebody_has_asked_for(tmp_path):
    """A test load says on its own page what was tried; the bar keeps the backup's result."""
    made = Installed(tmp_path / "mtn")
    usual(made)
    facts = {"id": "q7kx2maa", "name": "a.gpg", "loads": True, "reason": "", "without": []}
    with closing(made.job("t4rqx2ab", "test-load", 1)) as job:
        job.result(facts | {"where": "db1:5432", "rows_of_each": 100})
        job.end()
    made.clock.at = NOW
    app = MtnApp(made.context, nothing_begins, machine=MACHINE)

    async def flow(operator):
        await operator.until(lambda: app.state.jobs and app.state.jobs[0].kind == "test-load")
        await operator.sees("last: full backup")
        await operator.press("j", "enter")
        await operator.sees("the first 100 rows of each table", "It loads here.", "db1:5432")

    operate(app, flow)


def test_of_jobs_at_work_the_bar_shows_the_one_that_somebody_has_asked_for():
    asked, following = (JobView(name, kind=name, state=JobState.RUNNING) for name in ("sync", "test-load"))
    assert State(jobs=(following, asked)).live == [asked, following]
    assert State(jobs=(following,)).live == [following]
    ended = replace(following, state=JobState.SUCCEEDED, ended=NOW)
    assert State(jobs=(ended,)).last == ended


def test_jobs_of_one_minute_are_told_apart_by_their_seconds(tmp_path):
    made = Installed(tmp_path / "mtn")
    begun = NOW.replace(second=10) - timedelta(minutes=20)
    for name, later in (("aaaaaaaa", 0), ("bbbbbbbb", 20), ("cccccccc", -4000)):
        made.succeeded(name, "backup-diff", (NOW - begun).total_seconds() / 60 - later / 60)

    async def flow(operator):
        await operator.press("j")
        await operator.sees("aaaaaaaa")
        moments = {row.split()[0]: row for row in operator.rows}
        shared = [moments[name] for name in ("aaaaaaaa", "bbbbbbbb")]
        assert all(re.search(r"\d\d:\d\d:\d\d", row) for row in shared), shared
        assert not re.search(r"\d\d:\d\d:\d\d", moments["cccccccc"])

    operate(MtnApp(made.context, nothing_begins, machine=MACHINE), flow)


def test_of_a_job_that_is_over_it_is_not_said_that_it_goes_on(tmp_path):
    made = Installed(tmp_path / "mtn")
    made.succeeded("aaaaaaaa", "verify", 60)
    app = MtnApp(made.context, lambda _arguments: "aaaaaaaa", machine=MACHINE)

    async def flow(operator):
        await operator.until(lambda: app.state.jobs, "the job")
        app.start_job(["verify", "x"], "verify")
        await operator.sees("Starting: verify")
        await operator.until(lambda: not app._jobs._starting, "its id")
        await operator.until(lambda: app.status is None, "no message")

    operate(app, flow)


def test_where_no_command_matches_enter_is_not_said_to_run_one(tmp_path):
    made = Installed(tmp_path / "mtn")

    async def flow(operator):
        await operator.press(":")
        await operator.sees("[enter] runs it, [esc] goes back")
        await operator.type("qqqq")
        await operator.sees("Unknown command.", "[esc] goes back")
        assert "[enter]" not in operator.text()

    operate(MtnApp(made.context, nothing_begins, machine=MACHINE), flow)
