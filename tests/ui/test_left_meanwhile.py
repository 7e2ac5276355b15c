"""What was asked for on a screen that one has left since does not begin."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from mtn_tui.operations.incident.state import RecoveryMode
from mtn_tui.operations.incident.steps import staging_of
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.host import AS_IT_WAS
from mtn_tui.ui.wizard.operations import WizardOperations
from tests.ui.pilots import operate


@pytest.mark.parametrize("leaves", [[], ["escape"], ["1"], ["question_mark"]], ids=["stays", "esc", "1", "?"])
def test_a_restore_begins_only_if_its_page_is_still_there_when_the_server_has_answered(
    pg18, new_school, practise, leaves
):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.made.append(staging_of(practice.context, RecoveryMode.BESIDE))
    ready, asked, answers = threading.Event(), threading.Event(), threading.Event()
    operations = WizardOperations()

    def slow(*given):
        if ready.is_set():  # the plan has asked before
            asked.set()
            answers.wait()
        return operations.target(*given)

    async def flow(operator):
        app = operator.app
        await operator.has_list()
        await operator.press("t")
        await operator.until(lambda: app.screen.where == AS_IT_WAS and app.screen.picking.ready, "a plan")
        ready.set()
        await operator.press("enter")
        await operator.until(asked.is_set, "the question")
        await operator.press(*leaves)
        answers.set()
        is_left = leaves in (["escape"], ["1"])
        await operator.until(lambda: not app._jobs._looking, "the answer")
        await operator.pilot.pause()
        await operator.until(lambda: is_left or begun, "the restore")
        assert bool(begun) is not is_left

    def begins(arguments):
        begun.append(arguments)
        return "m4zt7kqa"

    begun: list[object] = []
    app = MtnApp(practice.context, begins, operations=replace(operations, target=slow))
    operate(app, flow)
