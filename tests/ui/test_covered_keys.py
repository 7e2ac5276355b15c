"""While a dialog is open only its keys are shown: what is beneath would be taken for a second [enter]."""

from __future__ import annotations

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.i18n import _
from mtn_tui.operations.incident.state import Step
from mtn_tui.ui.actions import shown_key
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.host import AS_IT_WAS
from mtn_tui.ui.screens.ask import Answer, Ask
from tests.ui.incident_states import SESSION, Canned, a_day_of_work, at
from tests.ui.installed import MACHINE, Installed
from tests.ui.pilots import nothing_begins, operate


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("where", ["step 3", "as it was", "backups"])
def test_under_a_dialog_no_key_of_the_page_is_shown(tmp_path, monkeypatch, where, language):
    monkeypatch.chdir(tmp_path)
    i18n.use(language)
    made = Installed(tmp_path / "mtn")
    (at(Step.CHOOSE) if where == "step 3" else a_day_of_work)(made)
    app = MtnApp(
        made.context,
        nothing_begins,
        session=SESSION,
        machine=MACHINE,
        operations=Canned(there=True).operations(made),
    )

    async def flow(operator):
        await operator.has_list()
        await operator.press({"step 3": "3", "as it was": "t", "backups": "2"}[where])
        enter = shown_key("enter")
        if where == "step 3":
            await operator.until(lambda: enter in operator.text() and not app.session.busy, "the plan")
        elif where == "as it was":
            await operator.until(lambda: app.screen.where == AS_IT_WAS and app.screen.picking.ready, "a plan")
        beneath = app.screen
        footer = lines_of(beneath)[-1]
        assert shown_key("?") in footer
        app.push_screen(Ask("?", [], [Answer(_("Not now"), False), Answer(_("Drop it"), True)]))
        await operator.until(lambda: isinstance(app.screen, Ask), "the dialog")
        await operator.until(lambda: not lines_of(beneath)[-1].strip(), "the footer taken away")
        app.draw()
        await operator.pilot.pause()
        assert shown_key("enter") not in "\n".join(lines_of(beneath)[-4:])
        await operator.press("escape")
        await operator.until(lambda: lines_of(beneath)[-1] == footer, "the footer is back")

    operate(app, flow)


def lines_of(screen) -> list[str]:
    return [strip.text for strip in screen._compositor.render_strips()]
