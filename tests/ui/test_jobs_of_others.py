"""The list of jobs says of each what is so here: what can't be stopped, how long, and that there are more."""

from __future__ import annotations

from contextlib import closing

import pytest

from mtn_tui.engine import job_watch
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens import jobs
from tests.ui.installed import MACHINE, Installed
from tests.ui.pilots import nothing_begins, operate


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
