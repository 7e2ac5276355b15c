"""No page goes on naming a database that was dropped meanwhile, by a job of ours or by other means."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mtn_tui.core.errors import ServerLost
from mtn_tui.core.i18n import _
from mtn_tui.core.suggested import command
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident import remains
from mtn_tui.operations.incident.state import RecoveryMode, Step
from mtn_tui.operations.incident.steps import staging_of
from mtn_tui.postgres.kept import kept_name
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.host import AS_IT_WAS
from mtn_tui.ui.wizard import still_there
from mtn_tui.ui.wizard.operations import WizardOperations
from mtn_tui.ui.wizard.page import Page
from tests.ui.emergencies import at_the_wizard, beginning, brought_to, wizard
from tests.ui.pilots import Begun, operate


@pytest.mark.parametrize("by", ["the screen", "psql"])
def test_as_it_was_says_that_its_database_was_dropped_and_restores_it_once_more(
    pg18, new_school, new_database, practise, monkeypatch, by
):
    new_database(pg18, name=kept_name("another", datetime(2026, 11, 24, 5, 2, 11, tzinfo=UTC)))
    monkeypatch.setattr(still_there, "ASK_EVERY", 0.05)
    practice = practise(new_school(pg18))
    practice.back_up()
    beside = staging_of(practice.context, RecoveryMode.BESIDE)
    practice.made.append(beside)

    async def flow(operator):
        app = operator.app
        await operator.has_list()
        await operator.press("t")
        await operator.until(lambda: app.screen.where == AS_IT_WAS and app.screen.picking.ready, "a plan")
        await operator.press("pagedown", "enter")
        await operator.sees(f"✔ {beside} has the data of", command("kept", "drop", beside))
        assert app.screen.query_one(Page).scroll_offset.y == 0, "what has come of it is read from its start"
        if by == "psql":
            pg18.drop_database(beside)
        else:
            await operator.press("K")
            await operator.sees(_("Databases that restores have replaced or left beside"), beside)
            await operator.goes_to(beside)
            await operator.press("enter", "down", "enter")
        await operator.sees(f"{beside} was dropped meanwhile.")
        for gone in (f"✔ {beside}", command("kept", "drop", beside), "once more"):
            assert gone not in operator.text(), gone
        await operator.until(lambda: not app.state.live, "the drop")
        await operator.press("enter")
        await operator.sees(f"✔ {beside} has the data of")

    with closing(Begun(practice)) as begun:
        operate(MtnApp(practice.context, begun), flow)


def test_where_the_server_cannot_be_asked_the_page_says_that_it_is_not_known(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.back_up()
    beside = staging_of(practice.context, RecoveryMode.BESIDE)
    practice.made.append(beside)

    def lost(_context, _names):
        raise ServerLost("No answer.")

    async def flow(operator):
        app = operator.app
        await operator.has_list()
        await operator.press("t")
        await operator.until(lambda: app.screen.where == AS_IT_WAS and app.screen.picking.ready, "a plan")
        await operator.press("enter")
        await operator.sees(f"✔ {beside} has the data of")
        said = "Whether it is still there is not known: No answer."
        page = app.screen.query_one(Page)
        await operator.until(lambda: said in " ".join(" ".join(page.texts()).split()), said)

    operations = replace(WizardOperations(), still_there=lost)
    with closing(Begun(practice)) as begun:
        operate(MtnApp(practice.context, begun, operations=operations), flow)


def test_a_closed_incident_says_which_of_what_it_left_was_dropped(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    file = brought_to(practice, Step.STAGING, RecoveryMode.BESIDE)
    beside = staging_of(practice.context, RecoveryMode.BESIDE)
    file.begin(Step.STAGING)
    file.done(Step.STAGING, database=beside, kept="postgres")
    assert remains.names(file.state) == [beside, "postgres"]
    there = remains.still_there(practice.context, remains.names(file.state))
    said = remains.remains(file.state, lambda name: name not in there)
    assert said == [(labels.dropped(beside), ""), labels.set_aside("postgres")]


SAID = {
    (Step.PRODUCTION, RecoveryMode.RESTORE): "The staging database is gone.",
    (Step.PRODUCTION, RecoveryMode.BESIDE): "There is no database {staging} to copy rows back from.",
}


@pytest.mark.parametrize("step", [Step.VALIDATE, Step.PRODUCTION])
@pytest.mark.parametrize("way", [RecoveryMode.RESTORE, RecoveryMode.BESIDE])
def test_steps_5_and_6_look_again_once_a_job_has_dropped_what_they_looked_at(
    pg18, new_school, practise, step, way
):
    practice = practise(new_school(pg18))
    practice.back_up()
    staging = staging_of(practice.context, way)
    brought_to(practice, step, way)
    with beginning(practice) as begun:
        practice.here("restore", "--latest", f"--target={staging}", "--closed")
        app = wizard(practice, begun)

        async def flow(operator):
            await operator.has_list()
            await operator.press("3")
            await operator.at(step)
            view = app.navigator.step_view
            await operator.until(lambda: known(view), "a look")
            begun(["kept", "drop", "--yes", "--", staging])
            await operator.sees(SAID.get((step, way), "does not exist").format(staging=staging))

        at_the_wizard(app, flow)


def known(view: object) -> object:
    return getattr(view, "looked", None) or getattr(view, "found", None)
