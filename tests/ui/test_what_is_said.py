"""What stands where on a screen of 80x24 in Spanish: what matters is seen at once, and is never cut."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.operations.incident.file import IncidentFile, find, path_of
from mtn_tui.operations.incident.state import Step
from mtn_tui.ui.app import MtnApp
from tests.ui.incident_states import ANA, SESSION, at
from tests.ui.installed import MACHINE, NOW, Installed
from tests.ui.looks import no_server
from tests.ui.pilots import SMALL, nothing_begins, operate
from tests.ui.test_snapshots import PICTURES, app_of

WITH_A_CHOICE = [
    one
    for one in PICTURES
    if one.language == "es"
    and one.size == SMALL
    and one.look == "dark"
    and one.name
    in ("wizard_notify", "wizard_staging", "wizard_production", "wizard_services_ill", "wizard_report")
]


@pytest.mark.parametrize("scene", WITH_A_CHOICE, ids=lambda scene: scene.name)
def test_what_a_step_does_takes_and_risks_is_seen_before_its_choice(scene, tmp_path, monkeypatch, looks):
    monkeypatch.chdir(tmp_path)
    i18n.use("es")
    made = Installed(Path("mtn"))
    scene.made(made)
    looks["server"] = no_server

    async def flow(operator):
        await operator.has_list()
        await scene.flow(operator)
        for name in (_("What it does"), _("How long"), _("May go wrong"), _("The way back")):
            assert name in operator.text(), "\n".join(operator.lines())
        if scene.name == "wizard_production":
            assert _("validated") in operator.text(), "\n".join(operator.lines())

    operate(app_of(scene, made.context, scene.canned.operations(made)), flow)


def test_whoever_is_called_has_a_whole_number_and_the_header_its_host(tmp_path, monkeypatch):
    (scene,) = (one for one in PICTURES if one.name == "wizard_called_asked")
    monkeypatch.chdir(tmp_path)
    i18n.use("es")
    made = Installed(Path("mtn"))
    scene.made(made)

    async def flow(operator):
        await operator.has_list()
        await scene.flow(operator)
        for call in operator.app.session.calls().to_tell:
            assert [line for line in operator.lines() if call.person.phone in line], call.person
        assert " @ db1 " in operator.lines()[0]

    operate(app_of(scene, made.context, scene.canned.operations(made)), flow)


OF_TWO_LINES = MtnError("It failed.", "Another one is restored by:\nmtn restore abc --target x")


@pytest.mark.parametrize("where", ["a dialog", "a job", "a step of the wizard"])
def test_a_command_on_a_line_of_its_own_is_on_one_wherever_a_hint_is_shown(tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    made = Installed(Path("mtn"))
    at(Step.STAGING)(made)
    with closing(made.job("f3mwq5ta", "restore", 5)) as job:
        job.end(OF_TWO_LINES)
    made.clock.at = NOW
    file = IncidentFile(path_of(made.context.state, find(made.context.state, None)), ANA, made.clock)
    file.begin(Step.STAGING, job="")
    file.failed(Step.STAGING, OF_TWO_LINES)
    app = MtnApp(made.context, nothing_begins, machine=MACHINE, session=SESSION)

    async def flow(operator):
        await operator.has_list()
        if where == "a dialog":
            app.show_error(OF_TWO_LINES)
        await operator.press(*{"a dialog": [], "a job": ["j", "enter"], "a step of the wizard": ["3"]}[where])
        await operator.sees("Another one is restored by:")
        assert [line for line in operator.lines() if line.rstrip().endswith("mtn restore abc --target x")]
        assert r"\n" not in operator.text()

    operate(app, flow)
