"""What has to be compared before it goes on can be read, and is what it looks like. In both languages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.errors import ServerLost
from mtn_tui.core.i18n import _
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.production import PHRASE
from mtn_tui.operations.incident.state import RecoveryMode, Step
from mtn_tui.operations.restore.request import Request
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.wizard.promoting import SwapPreview
from mtn_tui.ui.wizard.recovering import EVERY
from tests.ui.incident_states import CONTACTS, LEFT_NULL, LOST, SESSION, Canned, at
from tests.ui.installed import DATABASE, MACHINE
from tests.ui.pilots import nothing_begins, operate

LOW = (80, 17)
"""So few lines that the page of step 6 does not fit, as at 80x24 where its checks have much to say."""


@pytest.fixture(params=i18n.LANGUAGES, autouse=True)
def language(request):
    i18n.use(request.param)
    return request.param


def app_of(made, canned=LOST, **others) -> MtnApp:
    operations = replace(canned.operations(made), **others)
    return MtnApp(made.context, nothing_begins, machine=MACHINE, session=SESSION, operations=operations)


async def asked_for_the_phrase(operator) -> None:
    await operator.has_list()
    await operator.press("3")
    await operator.sees(PHRASE)
    await operator.until(lambda: operator.app.focused and operator.app.focused.id == "phrase", "the field")


@pytest.mark.parametrize(("on", "back"), [("down", "up"), ("pagedown", "pageup")])
def test_all_above_the_phrase_can_be_read_while_it_is_typed(made, on, back):
    at(Step.PRODUCTION)(made)
    app = app_of(made, Canned(there=True))

    async def flow(operator):
        await asked_for_the_phrase(operator)
        page, field = app.screen.page, app.focused
        every = [" ".join(line.split()) for line in page.texts()]
        await operator.sees(_("[PgDn]"))
        folded = operator.lines()[page.region.bottom - 1]
        assert _("{count:,} more below").format(count=len(every) - page.rows_of_lines) in folded
        assert f"[↓] {_('[PgDn]')}" in folded
        await operator.type(PHRASE[:7])
        seen = set()
        for _turn in every:
            seen |= {line for line in every if line in operator.text()}
            await operator.press(on)
        await operator.sees(_("— end —"), f"[↑] {_('[PgUp]')}")
        assert seen | {line for line in every if line in operator.text()} == set(every)
        await operator.type(PHRASE[7:])
        assert app.focused is field
        assert field.value == PHRASE
        for _turn in every:
            await operator.press(back)
        await operator.sees(every[0], f"[↓] {_('[PgDn]')}")

    operate(app, flow, LOW)


def test_the_comparison_comes_before_what_is_less_needed(made):
    at(Step.PRODUCTION)(made)
    app = app_of(made, Canned(there=True))

    async def flow(operator):
        await asked_for_the_phrase(operator)
        order = [_("newest row"), _("sessions"), _("validated"), _("What it does"), _("The way back")]
        lines = app.screen.page.texts()
        where = [next(at for at, line in enumerate(lines) if line.startswith(name)) for name in order]
        assert where == sorted(where)

    operate(app, flow)


def test_where_y_puts_nothing_in_production_the_hint_names_only_what_the_page_has(made):
    at(Step.PRODUCTION)(made)

    def does_not_answer(*_asked):
        raise ServerLost("It does not answer.")

    app = app_of(made, plan=does_not_answer)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.sees("It does not answer.", _("[a] looks again."))
        step, fine = app.navigator.step_view, LOST.operations(made)
        await operator.press("y")
        assert step.why_no_yes in operator.text()
        assert _("[a] looks again.") in step.why_no_yes
        handle = str(app.session.present.steps[Step.CHOOSE].facts["backup"])
        backup = fine.find(made.context, handle)
        plan, staging = (Canned(there=there).operations(made) for there in (False, True))
        request = Request(backup, DATABASE)
        fits = SwapPreview(plan.plan(made.context, request), staging.target(made.context, "staging", backup))
        stopped = replace(fits.production, checks=(Check("owner", Status.STOP, "Another owns it."),))
        there = Canned(there=True).operations(made).plan(made.context, request)
        for looked, names, on_page in (
            (
                replace(fits, staging=replace(fits.staging, existing=None)),
                "4",
                _("The staging database is gone. Go back to step 4 and restore again."),
            ),
            (replace(fits, production=stopped), Status.STOP.glyph, "Another owns it."),
        ):
            step.looked = looked
            app.draw()
            await operator.press("y")
            assert names in step.why_no_yes
            assert step.why_no_yes in operator.text()
            await operator.sees(on_page)
        typed = _("Not now: step 6 says what has to be typed.")
        for looked, phrase in ((None, ""), (fits, ""), (replace(fits, production=there), PHRASE)):
            step.looked = looked
            assert (step.phrase, step.why_no_yes == typed) == (phrase, bool(phrase))
            assert bool(step.why_no_yes) is not step.wants_yes

    operate(app, flow)


@pytest.mark.parametrize("stop", ["./stop.sh", ""], ids=["services are stopped", "none are"])
def test_what_may_go_wrong_says_what_is_so_then(made, stop):
    at(Step.PRODUCTION)(made)
    made.settings |= {"services_stop_command": stop}
    said = _("If it fails, the database is not changed.")
    if stop:
        said = _("If it fails, the database is not changed; services may stay stopped until step 7.")
    app = app_of(made, Canned(there=True))

    async def flow(operator):
        await asked_for_the_phrase(operator)
        page = " ".join(" ".join(line.split()) for line in app.screen.page.texts())
        assert said in page

    operate(app, flow)


def test_sample_rows_beneath_references_say_of_which_table_they_are(made):
    at(Step.PRODUCTION, RecoveryMode.BESIDE)(made)
    found = LOST.operations(made).recovery
    app = app_of(made, recovery=lambda *asked: replace(found(*asked), links=LEFT_NULL.links))

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.until(lambda: EVERY in getattr(app.navigator.step_view, "found", ()), "a comparison")
        await operator.until(lambda: any("folio=" in line for line in app.screen.page.texts()), "a sample")
        lines = app.screen.page.texts()
        first = next(index for index, line in enumerate(lines) if "folio=" in line)
        assert lines[first - 1].strip() == _("Of {table}, for example:").format(table="public.applications")
        assert any("NULL" in line for line in lines[: first - 1])

    operate(app, flow)


def test_a_role_in_place_of_a_name_has_no_brackets_which_mean_keys(made):
    at(Step.NOTIFY)(made)
    text = CONTACTS
    for name, role in {
        "Carla Soto": "[DevOps]",
        "María Paz Lira": "[CTO]",
        "Jorge Rojas": "[DBA], Sur",
    }.items():
        text = text.replace(name, role)
    Path("config/contacts.toml").write_text(text, encoding="utf-8")
    app = app_of(made)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.until(lambda: app.session.calls() and app.screen.page.texts(), "the calls")
        await operator.sees("DevOps", "CTO", "DBA, Sur")
        for keys in ("c", "escape", "g"):
            await operator.press(keys)
            assert not [one for one in ("[DevOps]", "[CTO]", "[DBA]") if one in operator.text()], keys
        assert app.session.contacts.people["devops"].name == "[DevOps]"

    operate(app, flow)
