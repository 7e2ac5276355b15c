"""One registry makes the keys, the footer, ``?`` and ``:``."""

from __future__ import annotations

import re

import pytest

from mtn_tui.core import i18n
from mtn_tui.ui import actions
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens.backups import Backups
from mtn_tui.ui.screens.details import Details
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.screens.help import Help
from mtn_tui.ui.screens.jobs import Jobs
from mtn_tui.ui.screens.logs import Logs
from mtn_tui.ui.text.cells import width_of
from mtn_tui.ui.wizard.report_screen import IncidentReport
from mtn_tui.ui.wizard.screen import Emergency
from tests.ui.pilots import nothing_begins, operate

SCREENS: dict[str, type[Framed]] = {
    actions.BACKUPS: Backups,
    actions.DETAILS: Details,
    actions.LOGS: Logs,
    actions.JOBS: Jobs,
    actions.HELP: Help,
    actions.EMERGENCY: Emergency,
    actions.INCIDENT: IncidentReport,
}


@pytest.fixture(params=i18n.LANGUAGES)
def language(request):
    i18n.use(request.param)
    yield request.param
    i18n.use("en")


def test_every_action_has_a_name_a_key_and_a_sentence(language):
    names = [one.id for one in actions.actions()]
    assert len(set(names)) == len(names)
    for one in actions.actions():
        assert one.keys, one.id
        assert one.label, one.id
        assert one.help.endswith((".", "complete")), one.id
        assert [actions.find(name).id for name in (one.id, one.label)] == [one.id, one.id]


def test_keys_are_those_that_any_terminal_and_multiplexer_lets_through():
    plain = re.compile(r"[A-Za-z0-9?/:]|f[1-9]|enter|escape|backspace")
    assert [key for one in actions.actions() for key in one.keys if not plain.fullmatch(key)] == []


@pytest.mark.parametrize("screen", SCREENS)
def test_no_key_means_two_things_on_a_screen(screen):
    keys = [key for one in actions.of(screen) for key in one.keys]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("screen", SCREENS)
def test_every_action_of_a_screen_is_carried_out_by_it_or_by_the_program(screen):
    for one in actions.of(screen):
        assert hasattr(SCREENS[screen], f"do_{one.id}") or hasattr(MtnApp, f"do_{one.id}"), one.id


@pytest.mark.parametrize("screen", SCREENS)
def test_a_footer_has_at_most_seven_keys_and_fits_eighty_cells(screen, language):
    shown = actions.footer(screen)
    assert len(shown) <= actions.FOOTER
    told = [(f" {actions.shown_key(one.keys[0])} {one.label} ", "") for one in shown]
    assert width_of(told) <= 80, told
    assert "quit" in [one.id for one in shown]


def test_help_tells_every_action_its_key_and_its_sentence(pg18, new_database, practise):
    app = MtnApp(practise(new_database(pg18)).context, nothing_begins)

    async def flow(operator):
        await operator.press("?")
        await operator.until(lambda: isinstance(app.screen, Help))
        await operator.pilot.pause()
        told = " ".join(" ".join(line.split()) for line in app.screen.lines("text").texts())
        for one in actions.actions():
            assert " ".join(actions.shown_key(key) for key in one.keys) in told, one.id
            assert one.help[:20] in told, one.id
        await operator.press("escape")
        assert isinstance(app.screen, Backups)

    operate(app, flow)


class Recording(MtnApp):
    def __init__(self, context):
        super().__init__(context, nothing_begins)
        self.performed = []

    def perform(self, action_id: str) -> None:
        if action_id == "command":
            super().perform(action_id)
        else:
            self.performed.append(action_id)


def test_every_action_is_called_by_its_name_and_by_its_key(pg18, new_database, practise):
    app = Recording(practise(new_database(pg18)).context)

    async def flow(operator):
        for one in actions.of(actions.BACKUPS):
            if one.id != "command":
                for key in one.keys:
                    await operator.press(key)
                    assert app.performed.pop() == one.id, key
        for one in actions.actions():
            if one.id != "command":
                await operator.press(":")
                await operator.type(one.id)
                await operator.press("enter")
                await operator.pilot.pause()
                assert app.performed.pop() == one.id
        assert app.performed == []

    operate(app, flow)
