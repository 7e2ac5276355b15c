"""What an ended job came to, on the screen of jobs as on the command line."""

from __future__ import annotations

import pytest

from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens.jobs import JobDetails, Jobs
from mtn_tui.ui.widgets.lines import LineView, VirtualList
from tests.aged import aged, context_of
from tests.ui.installed import MACHINE, Installed
from tests.ui.pilots import LARGE, nothing_begins, operate
from tests.ui.states import CHANGED, ended


@pytest.fixture
def made(tmp_path):
    return Installed(tmp_path / "mtn")


def app_of(made):
    return MtnApp(made.context, nothing_begins, machine=MACHINE)


async def at_the_jobs(operator, count):
    await operator.until(lambda: len(operator.app.state.jobs) == count, "the jobs")
    await operator.press("j")
    await operator.until(lambda: isinstance(operator.app.screen, Jobs))


def tones(screen, name):
    """Each line of a view, and the tone of its last piece."""
    view = screen.query_one(name, LineView)
    drawn = [view._draw(index) for index in range(view._count)]
    return {"".join(text for text, _tone in line).strip(): line[-1][1] for line in drawn if line}


def test_real_jobs_show_what_the_command_line_tells_of_them(pg18, new_school, practise, s3):
    practice = practise(new_school(pg18), s3)
    context_of(practice)
    practice.here("backup", "full")
    aged(practice, 1)
    aged(practice, 2)
    aged(practice, 120)
    aged(practice, 3, stores=("disk",))
    told = {}
    for command in (("prune",), ("sync",), ("backup", "diff"), ("verify", "--all")):
        practice.here(*command, check=None)
        job = practice.jobs[0]
        told[job.id] = practice.here("job", "follow", job.id, check=None).stdout.splitlines()
    assert all(told.values())
    app = MtnApp(context_of(practice), nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await at_the_jobs(operator, 5)
        rows = app.screen.query_one(VirtualList)
        for job_id, lines in told.items():
            await operator.press("home")
            while rows.key != job_id:
                await operator.press("down")
            await operator.press("enter")
            await operator.until(lambda: isinstance(app.screen, JobDetails))
            shown = " ".join(" ".join(app.screen.query_one("#text", LineView).texts()).split())
            for line in lines:
                assert " ".join(line.split()) in shown
            await operator.press("escape")
        await operator.press("home")
        await operator.until(lambda: rows.key == practice.jobs[0].id)

    operate(app, flow, LARGE)


def test_it_stands_below_the_list_and_in_the_details_each_line_in_its_tone(made):
    ended(made)
    app = app_of(made)

    async def flow(operator):
        await at_the_jobs(operator, 3)
        await operator.sees("14 copies deleted, 120 kept", "disk: 3.1 GB freed", "[enter] shows the rest")
        await operator.press("enter")
        await operator.until(lambda: isinstance(app.screen, JobDetails))
        await operator.sees("bucket: 41.0 MB freed", "12 old logs and records deleted")
        await operator.press("escape", "down", "enter")
        await operator.sees("⚠ " + CHANGED)
        shown = tones(app.screen, "#text")
        assert [tone for line, tone in shown.items() if line.startswith("✔ admision_mtn")] == ["good"] * 2
        assert [tone for line, tone in shown.items() if line.startswith("✖ admision_mtn")] == ["bad"]

    operate(app, flow)


OTHERS = (
    {"kept": 3},
    {"kept": 3, "deleted": 4, "freed": [], "left": None, "versions_kept": 1, "records": "x", "databases": 0},
)
"""What another version may have recorded of a deletion: less, or other things under the same names."""


@pytest.mark.parametrize("facts", OTHERS, ids=("less", "others"))
def test_a_journal_of_another_version_is_shown_without_an_outcome(made, facts):
    made.succeeded("p6wm3tqa", "prune", 40, "Something to be read.", facts=facts)
    made.succeeded("t6wm3tqa", "teleport", 50, facts={"to": "the moon"})
    app = app_of(made)

    async def flow(operator):
        await at_the_jobs(operator, 2)
        await operator.sees("⚠ warnings", "⚠ Something to be read.")
        assert "kept" not in operator.text()
        await operator.press("enter")
        await operator.sees("⚠ Something to be read.")
        await operator.press("escape", "down")
        await operator.sees("teleport of")
        assert "moon" not in operator.text()
        assert app.fault is None

    operate(app, flow)


def test_what_a_failed_job_had_done_is_no_outcome(made):
    made.failed(facts={"id": "a", "name": "a.gpg", "size": 1})
    app = app_of(made)

    async def flow(operator):
        await at_the_jobs(operator, 1)
        await operator.sees("✖ failed")
        assert "a.gpg" not in operator.text()

    operate(app, flow)
