"""A question on leaving is about the jobs as they are now: it says which have ended, and stays open."""

from __future__ import annotations

from contextlib import closing

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.models import JobState
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common import labels
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.host import Practice
from mtn_tui.ui.screens.backups import Backups
from tests.ui.pilots import nothing_begins, operate

PRACTICES = {
    "no practice": None,
    "practice": Practice(lambda: ["x"]),
    "demo": Practice(lambda: ["x"], is_judged=False),
}


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("practised", PRACTICES)
def test_a_job_that_has_ended_meanwhile_is_told_as_ended_and_nobody_is_led_to_quit(
    pg18, new_school, practise, practised, language
):
    practice = practise(new_school(pg18))
    i18n.use(language)
    app = MtnApp(practice.context, nothing_begins, practice=PRACTICES[practised])
    first, second = (
        Job.create(practice.context.jobs, kind=kind, subject="db", operator="ana", host=app.machine)
        for kind in ("verify", "sync")
    )

    async def flow(operator):
        await operator.has_list()
        await operator.until(lambda: len(app.state.live) == 2, "both jobs")
        await operator.press("q")
        await operator.sees(f"({first.id}", f"({second.id}")
        ended = f"✔ {labels.state(JobState.SUCCEEDED)}"
        first.end()
        await operator.sees(f"({first.id}): {ended}", f"({second.id}")
        assert f"({second.id}): {ended}" not in operator.text()
        question = app.screen
        if practised == "no practice":
            await operator.press("down", "down")
            await operator.sees(f"[enter]: {_('Cancel it, and quit')}")
        second.end()
        await operator.sees(f"({second.id}): {ended}")
        assert app.screen is question
        running = ngettext("A job is running, and is cancelled: {jobs}.", "", 1).partition("{")[0]
        assert running not in operator.text()
        if practised == "no practice":
            await operator.sees(ngettext("The job has ended.", "The jobs have ended.", 2))
            assert _("Cancel it, and quit") not in operator.text()
            await operator.press("enter")
            await operator.until(lambda: isinstance(app.screen, Backups), "staying, and not the end")
        assert not app._exit

    with closing(first), closing(second):
        first.start()
        second.start()
        operate(app, flow)
