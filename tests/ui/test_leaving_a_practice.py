"""A practice is not ended by a key that comes too soon: its servers would go with it."""

from __future__ import annotations

import pytest

from mtn_tui.operations.incident.file import open_incident
from mtn_tui.ui.app import MtnApp
from tests.ui.pilots import nothing_begins, operate


@pytest.mark.parametrize("key", ["ctrl+c", "q"])
def test_one_press_in_a_practice_asks_and_the_second_leaves_the_question(pg18, new_school, practise, key):
    app = MtnApp(practise(new_school(pg18)).context, nothing_begins, practice=True)

    async def flow(operator):
        await operator.has_list()
        await operator.press(key)
        await operator.sees("End the practice?", "judged as it stands now", "Go on practising")
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


def test_a_practice_whose_incident_is_closed_is_left_unasked(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    context = practice.context
    app = MtnApp(context, nothing_begins, practice=True)
    file = open_incident(context.state, practice.source.name, app.session.actor, context.clock, ())

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.until(lambda: app.incident, "the incident")
        file.close("false alarm")
        await operator.until(lambda: app.incident and not app.incident.is_open, "its end")
        await operator.press("enter")  # puts it away
        await operator.press("q")
        await operator.until(lambda: app._exit, "the end")

    operate(app, flow)
