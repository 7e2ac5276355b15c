"""The program ends whenever it is told to, whatever is just being opened."""

from __future__ import annotations

import asyncio

import pytest

from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.named_screens import every_action
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.screens.command import Command
from mtn_tui.ui.screens.help import Help
from mtn_tui.ui.screens.logs import Logs
from mtn_tui.ui.wizard.screen import Emergency
from mtn_tui.ui.wizard.sentence import SentencePrompt
from tests.ui.pilots import nothing_begins, operate

SCREENS = {
    "ask": lambda _app: Ask("?", [], [Answer("yes", 1)]),
    "field": lambda _app: SentencePrompt("?", ""),
    "command": lambda app: Command(app.here, every_action),
    "logs": lambda _app: Logs(),
    "help": lambda app: Help(app.here.own_actions, every_action),
    "wizard": lambda app: Emergency(app.navigator),
}


@pytest.mark.sample("dialog-1", "wizard-1", "logs-3")
@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("opens", SCREENS.values(), ids=SCREENS)
def test_a_screen_that_is_being_opened_ends_with_the_program(pg18, new_school, practise, opens, turns):
    app = MtnApp(practise(new_school(pg18)).context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        app.push_screen(opens(app))
        for _turn in range(turns):
            await asyncio.sleep(0)
        app.exit()

    operate(app, flow)  # which raises what the program did
