"""Step 7: what only people can see is not ticked of services that are known to be down."""

from __future__ import annotations

import pytest

from mtn_tui.core.i18n import _
from mtn_tui.operations.incident.file import find
from mtn_tui.operations.incident.state import Step
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens.ask import Ask
from mtn_tui.ui.wizard.serving import Serving
from tests.ui.incident_states import SESSION, Canned, at
from tests.ui.installed import MACHINE, Installed
from tests.ui.pilots import nothing_begins, operate


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Installed(tmp_path / "mtn")
    at(Step.SERVICES)(made)
    return made


def app_of(made: Installed, healthy: int) -> MtnApp:
    return MtnApp(
        made.context,
        nothing_begins,
        session=SESSION,
        machine=MACHINE,
        operations=Canned(there=True, healthy=healthy).operations(made),
    )


async def asked(operator) -> None:
    app = operator.app
    await operator.has_list()
    await operator.press("3")
    await operator.until(lambda: not app.session.busy and isinstance(app.navigator.step_view, Serving))
    await operator.until(lambda: app.navigator.step_view.answers, "the services")


def test_nothing_is_ticked_while_no_service_is_healthy(made):
    async def flow(operator):
        await asked(operator)
        await operator.press("x")
        await operator.sees(_("No service is healthy: nobody can have seen that now."))

    operate(app_of(made, healthy=0), flow)
    assert not find(made.context.state, None).ticked


def test_a_tick_while_some_are_down_is_asked_about_and_names_them(made):
    async def flow(operator):
        await asked(operator)
        await operator.press("x")
        await operator.until(lambda: isinstance(operator.app.screen, Ask), "the question")
        (down,) = operator.app.navigator.step_view.down
        await operator.sees(down)
        await operator.press("enter")  # the harmless answer
        assert not operator.app.session.present.ticked
        await operator.press("x", "down", "enter")
        await operator.until(lambda: operator.app.session.present.ticked, "the tick")

    operate(app_of(made, healthy=5), flow)


def test_where_all_are_healthy_it_is_ticked_at_once(made):
    async def flow(operator):
        await asked(operator)
        await operator.press("x")
        await operator.until(lambda: operator.app.session.present.ticked, "the tick")

    operate(app_of(made, healthy=6), flow)
