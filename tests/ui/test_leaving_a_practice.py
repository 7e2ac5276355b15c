"""Every practice asks before it ends, for its servers go with it; and its story can be read inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.i18n import _
from mtn_tui.demo.incidents import INCIDENTS
from mtn_tui.demo.scene import Scene
from mtn_tui.demo.story import story as practice_story
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.file import open_incident
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens.help import Help
from tests.ui.pilots import nothing_begins, operate


def story() -> list[str]:
    return [_("Somebody has dropped the database."), _("It has happened: the admission system is down.")]


@pytest.mark.parametrize("key", ["ctrl+c", "q"])
def test_one_press_in_a_practice_asks_and_the_second_leaves_the_question(pg18, new_school, practise, key):
    app = MtnApp(practise(new_school(pg18)).context, nothing_begins, practice=story)

    async def flow(operator):
        await operator.has_list()
        await operator.press(key)
        await operator.sees("End the practice?", "Every practice asks this", "judged as it stands now")
        await operator.sees("Go on practising")
        await operator.press("ctrl+c")
        await operator.until(lambda: "End the practice?" not in operator.text())
        await operator.press(key)
        await operator.sees("End the practice?")
        assert not app._exit
        await operator.press("down", "enter")
        await operator.until(lambda: app._exit, "the end")

    operate(app, flow)


def test_elsewhere_nothing_is_asked(pg18, new_school, practise):
    app = MtnApp(practise(new_school(pg18)).context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.press("ctrl+c")
        await operator.until(lambda: app._exit, "the end")

    operate(app, flow)


def test_it_asks_with_an_incident_open_and_with_it_closed(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    context = practice.context
    app = MtnApp(context, nothing_begins, practice=story)
    file = open_incident(context.state, practice.source.name, app.session.actor, context.clock, ())

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.until(lambda: app.incident, "the incident")
        await operator.press("q")
        await operator.sees("End the practice?", "Incident 1 is still open.", "Every practice asks this")
        await operator.press("escape")
        file.close("false alarm")
        await operator.until(lambda: app.incident and not app.incident.is_open, "its end")
        await operator.press("enter")  # puts it away
        await operator.press("q")
        await operator.sees("End the practice?", "Every practice asks this")
        assert "still open" not in operator.text()
        await operator.press("down", "enter")
        await operator.until(lambda: app._exit, "the end")

    operate(app, flow)


def test_a_job_that_runs_is_said_to_end_with_it(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    app = MtnApp(practice.context, nothing_begins, practice=story)

    async def flow(operator):
        await operator.has_list()
        with running(practice.context.jobs, app) as job:
            await operator.press("q")
            await operator.sees("End the practice?", "A job is running, and is cancelled: ", f"({job.id})")
            await operator.press("escape")

    operate(app, flow)


@contextmanager
def running(folder: Path, app: MtnApp) -> Iterator[Job]:
    """A job of this process."""
    job = Job.create(folder, kind="verify", subject=app.database, operator="ana", host=app.machine)
    job.start()
    try:
        yield job
    finally:
        job.end()


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_what_is_practised_is_read_again_by_its_key_and_by_its_name_and_is_in_the_help(
    pg18, new_school, practise, language
):
    i18n.use(language)
    app = MtnApp(practise(new_school(pg18)).context, nothing_begins, practice=story)

    async def flow(operator):
        await operator.has_list()
        assert "[P]" not in operator.lines()[-1], "the footer"
        await operator.press(":", *"practice")
        assert _("What is practised").lower() in operator.rows[0], "not cut"
        await operator.press("escape")
        for keys in (["P"], [":", *"practice", "enter"], ["?", "P"]):
            await operator.press(*keys)
            await operator.sees(_("What is practised"), *story())
            await operator.press("enter")
        await operator.until(lambda: isinstance(app.screen, Help), "the help")
        told = " ".join(" ".join(line.split()) for line in app.screen.lines("text").texts())
        assert f"[P] {_('What is practised').lower()}" in told

    operate(app, flow)


def test_without_a_practice_there_is_no_such_key_nor_name(pg18, new_school, practise):
    app = MtnApp(practise(new_school(pg18)).context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.press("P")
        await operator.sees("[P] does nothing here")
        await operator.press(":", *"practice")
        await operator.sees("Unknown command.")

    operate(app, flow)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_the_story_of_each_incident_says_what_happened_when_it_is_solved_and_since_when(language):
    i18n.use(language)
    at = datetime(2026, 11, 28, 7, 58, tzinfo=UTC)
    for incident in INCIDENTS:
        more = "What is wrong, and when it is solved." if incident.of_backups else ""
        scene = Scene(None, None, (), None, lambda: "", said=lambda more=more: more)
        told = practice_story(incident, scene, at)
        assert told[0] == incident.said()
        assert more in told[1]
        assert any(word in one for one in told for word in ("solved", "resuelto"))
        assert labels.moment(at, seconds=True) in told[-1]
