"""Every practice asks before it ends, for its servers go with it; and its story can be read inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.i18n import _
from mtn_tui.demo.incidents import INCIDENTS, PracticeIncident, find
from mtn_tui.demo.scene import Scene
from mtn_tui.demo.story import of_the_demo
from mtn_tui.demo.story import story as practice_story
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.file import open_incident
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.host import Practice
from mtn_tui.ui.screens.checklist import Checklist
from mtn_tui.ui.screens.help import Help
from tests.ui.pilots import nothing_begins, operate


def story() -> list[str]:
    return [_("Somebody has dropped the database."), _("It has happened: the admission system is down.")]


@pytest.mark.parametrize("key", ["ctrl+c", "q"])
def test_one_press_in_a_practice_asks_and_the_second_leaves_the_question(pg18, new_school, practise, key):
    app = MtnApp(practise(new_school(pg18)).context, nothing_begins, practice=Practice(story))

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


@pytest.mark.parametrize("keeps", [False, True])
def test_a_demo_says_that_its_end_deletes_it_all_and_asks_once(pg18, new_school, practise, keeps):
    practice = Practice(of_the_demo, is_judged=False, keeps=keeps)
    app = MtnApp(practise(new_school(pg18)).context, nothing_begins, practice=practice)
    ends = "The folder with everything in it stays." if keeps else "nothing of it stays"

    async def flow(operator):
        await operator.press("q")
        await operator.sees("End the demo?", ends)
        assert "judged" not in operator.text()
        await operator.press("escape", "q", "down", "enter")
        await operator.until(lambda: app._exit, "the end")

    operate(app, flow)


LONG = "/tmp/mtn-demo-0123456789/mtn/config/backup.conf"


def of_an_incident(incident: PracticeIncident) -> Practice:
    """As it is told, with a command as long as they are in a demo."""

    def said() -> str:
        text = _(
            "The disk of the backups is full: the last one failed. The school works."
            " It is solved once there is room again, no backup is lost, and a new one is proven."
            " What retention would delete: {command}"
        )
        return text.format(command=f"mtn --config {LONG} prune --dry-run")

    scene = Scene(None, None, (), None, lambda: "", said=said if incident.of_backups else lambda: "")
    return Practice(lambda: practice_story(incident, scene, datetime(2026, 11, 28, 7, 58, tzinfo=UTC)))


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("name", ["lost-database", "bad-delete", "disk-full", "demo"])
def test_what_is_practised_is_told_first_whole_with_how_to_read_it_again_and_to_leave(
    pg18, new_school, practise, name, language
):
    i18n.use(language)
    demo = Practice(of_the_demo, is_judged=False)
    practice = demo if name == "demo" else of_an_incident(find(name))
    app = MtnApp(practise(new_school(pg18)).context, nothing_begins, practice=practice)

    async def flow(operator):
        words = "".join("".join(practice.story()).split())
        assert words in "".join(operator.text().split()), "not all of it can be seen"
        again = " ".join(operator.text().split())
        assert "[P]" in again
        assert "[q]" in again
        await operator.press("enter")
        await operator.until(lambda: isinstance(app.screen, Checklist), "the first screen")
        await operator.press("P")
        assert words in "".join(operator.text().split())

    operate(app, flow, begins=False)


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
    app = MtnApp(context, nothing_begins, practice=Practice(story))
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
    app = MtnApp(practice.context, nothing_begins, practice=Practice(story))

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
    app = MtnApp(practise(new_school(pg18)).context, nothing_begins, practice=Practice(story))

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
