"""What the wizard says is so whenever it is read, and how to get back is always seen. In both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from types import SimpleNamespace

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.errors import ServerLost, UsageError
from mtn_tui.core.i18n import Figure, _
from mtn_tui.core.suggested import command
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident import messages, report
from mtn_tui.operations.incident.assess import Observations, findings
from mtn_tui.operations.incident.file import IncidentFile, find, path_of
from mtn_tui.operations.incident.loss import Loss, in_production, in_recovery, in_restored, losses
from mtn_tui.operations.incident.state import LOST as LOST_ROWS
from mtn_tui.operations.incident.state import RecoveryMode, Step
from mtn_tui.operations.incident.steps import chosen, staging_of
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.recover.found import Recovery
from mtn_tui.operations.restore.choice import Wanted, choose_point, from_when
from mtn_tui.operations.restore.gone import gone_and_new, were_gone_and_new
from mtn_tui.operations.restore.main_tables import Table, finding
from mtn_tui.operations.restore.point_in_time import points
from mtn_tui.operations.restore.request import Request
from mtn_tui.postgres.their_words import reported, server_said
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.data.points import both_clocks, made_of
from mtn_tui.ui.host import AS_IT_WAS, BACKUPS, CHECKLIST, EMERGENCY, HELP, JOBS, LOGS
from mtn_tui.ui.screens import frame
from mtn_tui.ui.wizard import outside, restoring
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.promoting import SwapPreview
from mtn_tui.ui.wizard.recovering import EVERY
from mtn_tui.ui.wizard.still_there import StillThere
from tests.ui.incident_states import ANA, DOWN, LOST, ROWS_LOST, SESSION, Canned, a_day, a_day_of_work, at
from tests.ui.installed import DATABASE, KEY, MACHINE, NOW
from tests.ui.pilots import nothing_begins, operate

THERE = Canned(there=True)
STEPS = [
    *((step, RecoveryMode.RESTORE, LOST) for step in Step),
    (Step.ASSESS, RecoveryMode.RESTORE, DOWN),
    (Step.CHOOSE, RecoveryMode.BESIDE, ROWS_LOST),
    (Step.PRODUCTION, RecoveryMode.RESTORE, THERE),
    (Step.PRODUCTION, RecoveryMode.BESIDE, LOST),
    (Step.SERVICES, RecoveryMode.LEAVE, Canned(healthy=4)),
]
"""Each step, and those that look otherwise in another state."""


@pytest.fixture(params=i18n.LANGUAGES, autouse=True)
def language(request):
    i18n.use(request.param)
    return request.param


def app_of(made, canned=LOST) -> MtnApp:
    operations = canned.operations(made)
    return MtnApp(made.context, nothing_begins, machine=MACHINE, session=SESSION, operations=operations)


async def has_page(operator, *said: str) -> None:
    await operator.has_list()
    await operator.press("3")
    await operator.until(lambda: operator.app.navigator.on_screen and not operator.app.session.busy)
    if said:
        await operator.sees(*said)


def page_of(operator) -> str:
    """The page of the wizard, without the breaks that its width makes."""
    lines = operator.app.screen.page.texts()
    return " ".join(" ".join(line.split()) for line in lines)


@pytest.mark.sample("canned1", "canned7")
@pytest.mark.parametrize(("step", "way", "canned"), STEPS)
def test_every_step_shows_how_to_get_back(made, step, way, canned):
    at(step, way)(made)
    app = app_of(made, canned)

    async def flow(operator):
        await has_page(operator)
        await operator.until(
            lambda: app.screen.query("#next") and app.navigator.step_view.next(), "an answer"
        )
        await operator.pilot.pause()
        *_screen, footer = operator.lines()
        assert "[esc]" in footer, footer

    operate(app, flow)


def test_that_nothing_is_changed_is_said_only_where_nothing_is(made):
    at(Step.ASSESS)(made)
    nothing = _("Nothing is changed by this step; you can come back to it from every later one.")
    but = _("Only starting the server changes anything; it asks first. You can come back later.")
    for canned, said, unsaid in ((DOWN, but, nothing), (LOST, nothing, but)):
        app = app_of(made, canned)

        async def flow(operator, said=said, unsaid=unsaid):
            await has_page(operator)
            await operator.until(lambda: said in page_of(operator), said)
            assert unsaid not in page_of(operator)

        operate(app, flow)


@pytest.mark.parametrize("told", ["", "leave", "restore"], ids=lambda told: told or "nobody was told")
def test_what_no_restore_leads_to_is_where_it_leads(made, told):
    """To step 2; back at step 1 after the alert, to step 7, unless the alert told of another way."""
    at(Step.ASSESS)(made)
    file = IncidentFile(path_of(made.context.state, find(made.context.state, None)), ANA, made.clock)
    if told:
        for step, facts in ((Step.ASSESS, {"way": told}), (Step.NOTIFY, {"way": told})):
            file.begin(step)
            file.done(step, **facts)
        file.begin(Step.ASSESS)
    leads = Step.SERVICES if told == "leave" else Step.NOTIFY
    said = _("no restore: on to step {step}, {name}").format(step=int(leads), name=report.title(leads))
    app = app_of(made, Canned(there=True, changes=(("exists", True),)))

    async def flow(operator):
        await has_page(operator, said)
        await operator.until(lambda: app.navigator.drawn)
        made.clock.on(5)
        await operator.press("enter")
        await operator.until(lambda: app.navigator.viewing is leads, f"step {leads}")

    operate(app, flow)


@pytest.mark.parametrize(
    ("canned", "is_gone"), [(LOST, True), (DOWN, False), (ROWS_LOST, False)], ids=["gone", "down", "rows"]
)
def test_where_the_database_is_gone_the_way_that_needs_it_comes_last_and_says_why(
    made, language, canned, is_gone
):
    at(Step.ASSESS)(made)
    app = app_of(made, canned)
    why = {
        "en": ("restore beside it: but no database is left to copy to", "there is no production to copy to"),
        "es": ("restaurar al lado: pero no queda base a la que copiar", "no hay producción a la que copiar"),
    }[language]

    async def flow(operator):
        await has_page(operator)
        view = app.navigator.step_view
        await operator.until(lambda: view.found is not None, "the ways")
        sheet = PageBuilder(58)
        view.write(sheet)
        lines = ["".join(text for text, _tone in sheet.lines[one]).strip() for one in sheet.at]
        last = {True: "beside", False: "leave"}[is_gone]
        assert sheet.keys[0] == "restore"
        assert sheet.keys[-1] == last
        assert (lines[-1] == why[0]) is is_gone
        assert (report.way(RecoveryMode.BESIDE) in " ".join(lines)) is not is_gone
        view.index = sheet.keys.index("beside")
        assert (why[1] in view.next()) is is_gone

    operate(app, flow)


def test_what_would_be_lost_is_said_with_the_moments_that_it_is_counted_between(made):
    at(Step.CHOOSE)(made)
    app = app_of(made)

    async def flow(operator):
        await has_page(operator)
        await operator.until(lambda: app.navigator.step_view.ready, "a plan")
        plan = app.navigator.step_view.ready
        until = labels.clock_after(plan.now, plan.backup.moment)
        said = _("at most {time} of changes, up to {until}")
        said = said.format(time=labels.minutes(plan.lost_minutes), until=until)
        await operator.until(lambda: said in page_of(operator), said)

    operate(app, flow)


def test_a_loss_of_less_than_a_minute_is_said_to_be_the_most_once(made, language):
    at(Step.CHOOSE)(made)
    made.full(NOW - timedelta(seconds=25))
    app = app_of(made)

    async def flow(operator):
        await has_page(operator)
        said = {"en": "<1 min of changes, up to ", "es": "<1 min de cambios, hasta "}[language]
        await operator.until(lambda: said in page_of(operator), said)
        assert {"en": "at most <", "es": "a lo más <"}[language] not in page_of(operator)

    operate(app, flow)


def test_two_moments_of_one_minute_have_their_seconds_on_the_timeline(made):
    at(Step.CHOOSE)(made)
    at_one = NOW.replace(minute=0, second=11) - timedelta(hours=1)
    made.full(at_one)
    app = app_of(made)

    async def flow(operator):
        await has_page(operator)
        await operator.until(lambda: app.navigator.step_view.ready, "a plan")
        await operator.press("t")
        await operator.type((at_one + timedelta(seconds=29)).strftime("%Y-%m-%d %H:%M:%SZ"))
        await operator.press("enter")
        times = [f"{one.astimezone():%H:%M:%S} " for one in (at_one, at_one + timedelta(seconds=29))]
        # On the timeline, and in the line of the fact.
        await operator.until(lambda: all(page_of(operator).count(one) > 1 for one in times), f"{times}")

    operate(app, flow)


def test_two_moments_of_one_minute_are_told_apart_in_steps_1_and_6(made):
    at(Step.PRODUCTION)(made)
    (backup, *_older) = take_inventory(made.context.stores, KEY).backups
    pair = [backup.moment.replace(second=second) for second in (backup.moment.second, 51)]
    seen = Observations(exists=True, newest=pair[1], backup=backup)
    said = " ".join(one.says for one in findings(seen, NOW))
    assert all(one in said for one in labels.told_apart(*pair)), said
    app = app_of(made)
    target = app.session.operations.target(made.context, "staging", backup)
    newest = [replace(target, newer=replace(target.newer, newest=one)) for one in pair]
    preview = SwapPreview(LOST.operations(made).plan(made.context, Request(backup, DATABASE)), newest[1])
    preview = replace(preview, production=replace(preview.production, target=newest[0]))

    async def flow(operator):
        await has_page(operator)
        step = app.navigator.step_view
        await operator.until(lambda: step.looked, "production")
        step.looked, sheet = preview, PageBuilder(90)
        step.write(sheet)
        page = "\n".join("".join(text for text, _tone in line) for line in sheet.lines)
        assert all(one in page for one in labels.told_apart(*pair)), page

    operate(app, flow)


TABS = [
    ("2 t d", BACKUPS),
    ("3 d", EMERGENCY),
    ("3 i", EMERGENCY),
    ("2 enter", BACKUPS),
    ("1 enter", CHECKLIST),
    ("j enter", JOBS),
    *((f"{key} ?", tab) for key, tab in (("1", CHECKLIST), ("2", BACKUPS), ("3", EMERGENCY), ("4", LOGS))),
]


@pytest.mark.sample("2 t d", "3 i", "1 enter", "4 ?")
@pytest.mark.parametrize(("keys", "tab"), TABS, ids=[keys for keys, _tab in TABS])
def test_the_tab_is_that_of_the_screen_one_came_from(made, keys, tab):
    (a_day if keys.startswith("3") else a_day_of_work)(made)
    app = app_of(made)

    async def flow(operator):
        await operator.has_list()
        for key in keys.split():
            before = app.screen
            if app.screen.where == EMERGENCY:
                await operator.until(lambda: app.navigator.step_view.ready, "a plan")
            await operator.press(key)
            stays = {"1": CHECKLIST, "2": BACKUPS}.get(key) == before.where  # it is there already
            await operator.until(lambda before=before, stays=stays: stays or app.screen is not before, key)
        where = app.screen.where
        assert where == HELP or where not in frame.TABS, where
        lit = next(text for text, tone in frame.tabs(tab, 80) if tone == "here")
        await operator.until(lambda: lit.strip() in operator.lines()[1], lit)

    operate(app, flow)


@pytest.mark.parametrize("place", ["as it was", "step 3"])
def test_a_digit_on_a_timeline_says_which_key_lets_one_type(made, place):
    (a_day if place == "step 3" else a_day_of_work)(made)
    app = app_of(made)
    typing = _("[t] lets you type a moment; then digits are part of it.")

    async def flow(operator):
        await operator.has_list()
        await operator.press("3" if place == "step 3" else "t")
        if place == "as it was":
            await operator.sees(_("The database as of which moment? [t] lets you type it."))
            *_screen, footer = operator.lines()
            assert f"[t] {_('Type a time').lower()}" in footer
        await operator.until(lambda: operator.app.navigator.on_screen or place == "as it was")
        for key in "05":
            await operator.press(key)
            await operator.sees(typing)
        await operator.press("Y")
        await operator.sees(_("{key} does nothing here; [?] shows what does.").format(key="[Y]"))

    operate(app, flow)


def test_all_tables_come_first_where_rows_are_copied_back(made):
    at(Step.PRODUCTION, RecoveryMode.BESIDE)(made)
    app = app_of(made)

    async def flow(operator):
        await has_page(operator, _("all tables"))
        step = app.navigator.step_view
        assert step.choice == EVERY
        assert page_of(operator).index(_("all tables")) < page_of(operator).index("public.applications")
        await operator.press("down")
        await operator.until(lambda: step.choice == "public.applications", "the first table")

    operate(app, flow)


def test_a_closed_incident_names_what_stays_beside_production_and_what_drops_it(made):
    at(Step.REPORT, RecoveryMode.BESIDE)(made)
    file = IncidentFile(path_of(made.context.state, find(made.context.state, None)), ANA, made.clock)
    beside = staging_of(made.context, RecoveryMode.BESIDE)
    names = [f"{beside}__before_20261124_0305{second}" for second in ("11", "49")]
    for name in names:
        file.begin(Step.STAGING, job="")
        file.done(Step.STAGING, database=beside, kept=name)
    for step in (Step.VALIDATE, Step.PRODUCTION, Step.SERVICES, Step.REPORT):
        file.begin(step)
        file.done(step)
    file.close("")
    drops = [command("kept", "drop", name) for name in (beside, *names)]
    sheet = PageBuilder(200)
    outside.over(sheet, find(made.context.state, None), StillThere(app_of(made).session, lambda: False))
    page = "\n".join("".join(text for text, _tone in line) for line in sheet.lines)
    told = messages.last_alert(made.context, file.state).body
    written = report.report(file.state, NOW, timedelta(hours=4))
    for drop in drops:
        assert all(drop in said for said in (page, told, written)), drop


def test_incidents_of_one_minute_are_listed_with_seconds(made):
    at(Step.REPORT)(made)
    app = app_of(made)
    opened = NOW.replace(second=0) - timedelta(days=3)
    pair = [opened + timedelta(seconds=7), opened + timedelta(seconds=44)]

    async def flow(operator):
        await operator.has_list()
        present = app.session.present
        past = [replace(present, opened_at=one, closed_at=NOW) for one in pair]
        app.session.incident, app.session.past = None, tuple(past)
        await operator.press("3")
        await operator.sees(*labels.told_apart(*pair))

    operate(app, flow)


def test_the_distance_to_the_moment_typed_is_the_same_wherever_it_is_said(made):
    """In step 3, of a backup that is passed over, and in what ``mtn restore --at`` says."""
    a_day(made)
    app = app_of(made)

    async def flow(operator):
        await has_page(operator)
        await operator.until(lambda: app.navigator.step_view.ready, "a plan")
        offered = app.navigator.step_view.points.offered
        asked = offered[1].moment.replace(microsecond=0) + timedelta(minutes=9, seconds=56)
        await operator.press("t")
        await operator.sees(_("To which moment instead?"), f"{offered[0].moment.astimezone():%H:%M:%S}")
        await operator.type(f"{asked.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}")
        await operator.press("enter")
        await operator.until(lambda: app.navigator.step_view.backup is offered[1], "the point")
        away = labels.between(offered[1].moment, asked)
        assert away == labels.duration(9 * 60 + 56)
        said = _("{time} before the moment typed").format(time=away)
        await operator.until(lambda: page_of(operator).count(said) == 1, said)
        (told,) = from_when(offered[1], asked)
        assert away in told

    operate(app, flow)


def test_step_4_names_the_full_that_a_differential_stands_on(made):
    a_day(made)
    app = app_of(made)

    async def flow(operator):
        await has_page(operator)
        await operator.until(lambda: app.navigator.step_view.ready, "a plan")
        step = app.navigator.step_view
        while step.backup.base is None:
            await operator.press("left")
        await operator.until(lambda: step.ready and step.ready.backup is step.backup, "its plan")
        facts = chosen(step.ready)
        sheet = PageBuilder(90)
        restoring.write_backup(sheet, facts)
        page = "\n".join("".join(text for text, _tone in line) for line in sheet.lines)
        assert str(step.backup.name) in page, page
        assert str(step.backup.base.name) in page, page

    operate(app, flow)


def test_a_question_says_which_answer_enter_gives(made):
    """Of the one that rows are copied back by, and of any other: the line below it follows the cursor."""
    at(Step.PRODUCTION, RecoveryMode.BESIDE)(made)
    app = app_of(made)

    async def flow(operator):
        await has_page(operator, _("all tables"))
        await operator.until(
            lambda: app.navigator.step_view.next() and app.navigator.drawn, "what is missing"
        )
        made.clock.on(5)
        await operator.press("enter")
        await operator.sees("[enter]: " + _("No, change nothing"))
        await operator.press("down")
        await operator.sees("[enter]: " + _("Copy them back"))
        await operator.press("escape")
        await operator.press("c")
        await operator.sees("[enter]: " + _("Nobody yet"))

    operate(app, flow)


def test_as_it_was_begins_with_the_backup_under_the_cursor(made):
    a_day_of_work(made)
    app = app_of(made)

    async def flow(operator):
        await operator.has_list()
        await operator.press("2", "down", "down")
        wanted = app.screen.backup
        await operator.press("t")
        await operator.until(lambda: app.screen.where == AS_IT_WAS and app.screen.picking.ready, "a plan")
        assert app.screen.picking.backup.name == wanted.name
        await operator.sees(both_clocks(wanted.moment))
        await operator.press("t")
        now = _("Chosen now: {moment}, {made_of}.")
        await operator.sees(now.format(moment=both_clocks(wanted.moment), made_of=made_of(wanted)))

    operate(app, flow)


@pytest.mark.sample("as it was-one before", "step 3-none before")
@pytest.mark.parametrize("earlier", [True, False], ids=["one before", "none before"])
@pytest.mark.parametrize("place", ["as it was", "step 3"])
def test_a_minute_that_has_a_point_of_its_own_is_asked_about(made, place, earlier):
    (a_day if place == "step 3" else a_day_of_work)(made)
    app = app_of(made)

    async def flow(operator):
        if place == "step 3":
            await has_page(operator)
            await operator.until(lambda: app.navigator.step_view.ready, "a plan")
            picking = app.navigator.step_view
        else:
            await operator.has_list()
            await operator.press("t")
            await operator.until(lambda: app.screen.picking.ready, "a plan")
            picking = app.screen.picking
        known = [one for one in picking.points.offered if one.trusted]
        asked = labels.minute(known[1 if earlier else -1].moment)
        within = min((one for one in known if one.moment > asked), key=lambda one: one.moment)
        before = next((one for one in known if one.moment <= asked), None)
        assert bool(before) is earlier
        assert asked < within.moment
        for keys, point in ((("down", "enter"), within), (("enter",), before)):
            await operator.press("t")
            await operator.sees(_("To which moment instead?"))
            await operator.type(f"{asked.astimezone(UTC):%Y-%m-%d %H:%MZ}")
            await operator.press("enter")
            await operator.sees(
                _("Which point of {moment}?").format(moment=labels.moment(asked)),
                f"{within.moment.astimezone():%H:%M:%S}",
                f"{before.moment.astimezone():%Y-%m-%d %H:%M:%S}" if before else _("Back"),
            )
            await operator.press(*keys)
            await operator.until(lambda at=(point or within).moment: picking.backup.moment == at, "the point")
        assert picking.asked == (asked if before else within.moment)

    operate(app, flow)


def test_restore_at_names_the_point_within_the_minute_as_the_screens_do_and_takes_none_that_is_later(made):
    a_day_of_work(made)
    offered = points(take_inventory(made.context.stores, KEY), DATABASE)
    first, *_between, last = (one for one in offered if one.trusted)
    told = choose_point(made.context, Wanted(at=labels.minute(last.moment)))
    assert told.backup.moment <= labels.minute(last.moment) < last.moment
    assert command("restore", last.handle) in " ".join(told.notes)
    with pytest.raises(UsageError) as refused:
        choose_point(made.context, Wanted(at=labels.minute(first.moment)))
    assert first.handle in refused.value.hint
    assert f"{first.moment.astimezone():%H:%M:%S}" in refused.value.hint
    assert len(choose_point(made.context, Wanted(at=last.moment)).notes) == 1, "nothing of another point"


@pytest.mark.parametrize("new", [12, None], ids=["dated", "without dates"])
def test_lost_rows_are_said_in_one_sentence_in_every_step_and_never_as_a_difference(language, new):
    """Steps 1, 5, 6 and 8, of 53,000 rows of which 6,560 are gone; without dates the least is said."""
    now = 53_000 - 6_560 + (new or 0)
    table = Table("applications", now, 53_000, whole=SimpleNamespace(moment=NOW), new=new)
    lost = Loss("applications", 53_000, now, new)
    what = gone_and_new(6_560, new)
    assert table.shrunk
    assert f"{Figure(6_560):,}" in what
    assert ("12" in what) is (new is not None)
    found = Recovery("beside", "production", (), (), (), ())
    back = {"applications": 53_012}
    said = [
        finding(table),
        *in_restored([lost], {"applications": 53_000}),
        *in_recovery([lost], found, {"applications": lost.now}),
        *in_production([lost], {"applications": lost.now}),
    ]
    (cured,) = in_production([lost], back)
    assert were_gone_and_new(6_560, new) in cured.says, "what is cured is said in the past"
    assert len(said) == 4
    for one in said:
        assert what in one.says, one.says


def test_an_incident_of_before_still_knows_what_was_lost(made):
    at(Step.NOTIFY)(made)
    incident = find(made.context.state, None)
    facts = {LOST_ROWS: [{"table": "users", "before": 9, "now": 3}]}
    state = replace(incident.steps[Step.ASSESS], facts=facts)
    (lost,) = losses(replace(incident, steps={**incident.steps, Step.ASSESS: state}))
    assert lost.what == gone_and_new(6, None)


@pytest.mark.parametrize("way", [*RecoveryMode], ids=lambda way: way.value)
def test_the_alert_names_that_rows_are_missing_whichever_way_is_gone(made, way):
    at(Step.NOTIFY)(made)
    found = ROWS_LOST.operations(made).assess(made.context, lambda _one: None)
    found = replace(found, proposal=replace(found.proposal, way=way))
    subject = messages.first_alert(made.context, found).subject
    assert subject.endswith(": " + _("Rows are missing")), subject


@pytest.mark.parametrize("other", [1, -1], ids=["older", "newer"])
def test_another_backup_than_the_proposed_one_is_asked_about_with_what_differs(made, other):
    a_day(made)
    offered = [one for one in points(take_inventory(made.context.stores, KEY), DATABASE) if one.trusted][::-1]
    whole, wanted = offered[3], offered[3 + other]
    file = IncidentFile(path_of(made.context.state, find(made.context.state, None)), ANA, made.clock)
    facts = dict(file.state.steps[Step.ASSESS].facts) | {"whole": whole.handle}
    file.begin(Step.ASSESS)
    file.done(Step.ASSESS, **facts)
    app = app_of(made)

    async def flow(operator):
        await has_page(operator)
        step = app.navigator.step_view
        await operator.until(lambda: step.backup and step.backup.handle == whole.handle, "the proposed one")
        await operator.press("left" if other > 0 else "right")
        await operator.until(lambda: step.ready and step.backup.handle == wanted.handle, "another one")
        await operator.until(lambda: app.navigator.drawn)
        made.clock.on(5)
        await operator.press("enter")
        away = labels.between(*sorted((whole.moment, wanted.moment)))
        await operator.sees(_("Take another one than ★?"), f"{whole.moment.astimezone():%H:%M:%S}", away)
        await operator.press("down", "enter")
        await operator.until(lambda: app.session.present.step is Step.STAGING, "step 4")
        assert app.session.present.steps[Step.CHOOSE].facts["backup"] == wanted.handle

    operate(app, flow)


@pytest.mark.parametrize("mark", [server_said, reported])
def test_what_the_server_said_takes_two_lines_of_step_1_is_whole_by_a_key_and_last_in_the_mail(made, mark):
    at(Step.ASSESS)(made)
    ours = _("PostgreSQL at {where} does not answer.").format(where="db1:5432")
    theirs = mark(" ".join(f"word{number}" for number in range(60)))
    silent = Canned(changes=(("server", ServerLost(f"{ours} {theirs}", "")),))
    app = app_of(made, silent)

    async def flow(operator):
        await has_page(operator)
        await operator.until(lambda: app.screen.page.cut, "what was cut")
        lines = app.screen.page.texts()
        assert sum("word" in line for line in lines) <= 2
        assert ours in page_of(operator)
        await operator.sees(_("[m] shows it whole"))
        await operator.press("m")
        await operator.sees(_("What the server said"), "word59")
        await operator.press("escape")

    operate(app, flow)
    found = silent.operations(made).assess(made.context, lambda _one: None)
    body = messages.first_alert(made.context, found).body
    assert body.count(theirs) == 1
    assert body.endswith(theirs)
    assert ours in body
