"""What was decided on a screen is written down, or it is said why not: neither quitting too soon, nor other
work that is just under way, nor an incident that goes to somebody else loses it without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtn_tui.core.i18n import _
from mtn_tui.operations.health import sign_off
from mtn_tui.operations.incident.file import IncidentFile, find, path_of
from mtn_tui.operations.incident.state import Step
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens import backup_actions
from tests.ui.incident_states import BRUNO, SESSION, Canned, at
from tests.ui.installed import MACHINE, Installed
from tests.ui.pilots import nothing_begins, operate


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    installed = Installed(Path("mtn"))
    at(Step.NOTIFY)(installed)
    return installed


def app_of(made):
    operations = Canned().operations(made)
    return MtnApp(made.context, nothing_begins, machine=MACHINE, session=SESSION, operations=operations)


def events_of(made):
    return [record.event for record in find(made.context.state, None).records]


NOTE, CALL, SKIP, SEVERITY = "n o k enter", "c down enter", "s o k enter", "g down enter"
"""Keys that open a dialog of the wizard, answer it, and close it."""

ANSWERS = {NOTE: "note", CALL: "called", SKIP: "skipped", SEVERITY: "severe"}
"""And what then stands in the incident."""

WRITTEN = {
    NOTE: ("3", IncidentFile, "note"),
    CALL: ("3", IncidentFile, "called"),
    "a enter o k enter": ("1", sign_off, "sign"),
    "p": ("2", backup_actions, "pin"),
}
"""Keys that have something written down: on which screen, and by what."""


@pytest.mark.parametrize("keys", WRITTEN)
def test_quitting_waits_for_what_is_being_written_down(made, gate, monkeypatch, keys):
    screen, place, name = WRITTEN[keys]
    real, written = getattr(place, name), []

    def writes(*arguments):
        written.append(real(*arguments))
        return written[-1]

    monkeypatch.setattr(place, name, gate.before(writes))
    app = app_of(made)

    async def flow(operator):
        await operator.has_list()
        if screen == "3":
            await operator.sees(_("Tell the team?"))
        if screen == "1":
            await operator.until(lambda: app.state.health, "the checklist")
        await operator.press(*keys.split())
        await operator.until(lambda: gate.asked, "the writing")
        await operator.press("q")
        await operator.sees(_("Something is still being written down; then it quits."))
        assert not app._exit
        gate.may.set()
        await operator.until(lambda: app._exit, "the end")
        assert written

    operate(app, flow, at=screen)


@pytest.mark.parametrize("keys", ANSWERS)
def test_an_answer_given_while_something_else_is_being_done_is_done_next(made, gate, monkeypatch, keys):
    app, (opens, *answers) = app_of(made), keys.split()

    def change(file):
        return file.note("of a job that has ended")

    async def flow(operator):
        await operator.has_list()
        await operator.sees(_("Tell the team?"))
        await operator.press(opens)
        app.session.write(gate.before(change))
        await operator.press(*answers)
        assert not {"called", "skipped", "severe"} & set(events_of(made))
        gate.may.set()
        await operator.until(lambda: events_of(made)[-1] == ANSWERS[keys], "the answer")

    operate(app, flow, at="3")


@pytest.mark.parametrize("keys", ANSWERS)
def test_an_answer_about_an_incident_that_somebody_else_has_taken_is_said_not_to_be_done(made, keys):
    app, (opens, *answers) = app_of(made), keys.split()

    async def flow(operator):
        await operator.has_list()
        await operator.sees(_("Tell the team?"))
        await operator.press(opens)
        context = made.context
        IncidentFile(path_of(context.state, find(context.state, None)), BRUNO, made.clock).take()
        await operator.until(lambda: not app.session.mine, "the loss")
        await operator.press("escape", *answers)
        await operator.sees(_("Not done: {why}").format(why="bruno@db2"))
        assert events_of(made)[-1] == "took"

    operate(app, flow, at="3")
