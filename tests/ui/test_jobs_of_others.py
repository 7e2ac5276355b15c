"""The list of jobs says of each what is so here: what can't be stopped, how long, and that there are more."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest

from mtn_tui.cli import jobs as commands
from mtn_tui.engine import job_watch
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens import jobs
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.step import progress
from tests.ui.installed import MACHINE, Installed
from tests.ui.pilots import nothing_begins, operate

DAYS = timedelta(days=3)


@pytest.mark.parametrize(
    ("host", "read_only", "said"),
    [
        ("db2", False, "It runs on db2: cancel it there."),
        (MACHINE, True, "It goes on when you leave."),
        (MACHINE, False, "It goes on when you leave. [c] asks it to stop."),
    ],
)
def test_only_of_a_job_that_can_be_stopped_here_a_key_is_named(tmp_path, host, read_only, said):
    made = Installed(tmp_path / "mtn")
    made.running("aaaaaaaa", host=host)

    async def flow(operator):
        await operator.sees("aaaaaaaa", said)
        await operator.press("enter")
        await operator.sees(said)
        assert ("[c] asks" in operator.text()) is said.endswith("stop.")

    operate(MtnApp(made.context, nothing_begins, machine=MACHINE, read_only=read_only), flow, at="j")


@pytest.mark.parametrize(
    ("host", "passed", "silent"),
    [("db2", DAYS, "last heard of 3 d ago"), ("db2", timedelta(minutes=9), ""), (MACHINE, DAYS, "")],
    ids=["days", "minutes", "this machine"],
)
def test_of_a_job_elsewhere_that_writes_nothing_all_say_when_it_was_last_heard_of(
    tmp_path, host, passed, silent
):
    made = Installed(tmp_path / "mtn")
    made.running("aaaaaaaa", host=host)
    made.clock.on(passed.total_seconds())
    app = MtnApp(made.context, nothing_begins, machine=MACHINE)

    async def flow(operator):
        await operator.sees("aaaaaaaa", "? running" if silent else "▶ running")
        for _place in ("list", "details"):
            *_above, bar, _footer = operator.lines()
            said = operator.text()
            assert said.count(silent or "last heard of") == (2 if silent else 0)  # above, and in the job bar
            assert (" left" in said) is not bool(silent)
            assert bar.startswith(" ? " if silent else " ▶ ")
            await operator.press("enter")
        (job,) = app.state.jobs
        sheet = PageBuilder(60)
        progress(sheet, app, job, "")
        told = "\n".join("".join(text for text, _tone in line) for line in sheet.lines)
        assert (silent in told, "%" in told) == (True, not silent)
        note = commands._note(job, made.clock.now())
        assert note.startswith("dumping")
        if host != MACHINE:  # the command line takes its machine's real name
            assert ("last heard of" in note) is bool(silent)

    operate(app, flow, at="j")


def test_a_job_of_days_runs_into_no_other_column_and_more_jobs_than_are_listed_are_no_end(
    tmp_path, monkeypatch
):
    for place in (job_watch, jobs):
        monkeypatch.setattr(place, "JOBS_SHOWN", 20)
    made = Installed(tmp_path / "mtn")
    for number in range(25):
        made.succeeded(f"aaaaaaa{'abcdefghijklmnopqrstuvwxy'[number]}", "verify", 13_000)
    with closing(made.job("bbbbbbbb", "verify", 12_000)):
        made.clock.on(12_000 * 60)

    async def flow(operator):
        await operator.sees("bbbbbbbb", " 8 d ")
        await operator.press("end")
        await operator.sees("— the newest 20; older ones: mtn job list --limit 500 —")
        assert "— end —" not in operator.text()

    operate(MtnApp(made.context, nothing_begins, machine=MACHINE), flow, at="j")
