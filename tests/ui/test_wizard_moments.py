"""Step 3: a moment is stepped to or typed, and what is restored is as it was then."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.i18n import Figure
from mtn_tui.core.models import Kind
from mtn_tui.core.moments import with_offset
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.incident.state import RecoveryMode, Step
from mtn_tui.operations.incident.steps import staging_of
from mtn_tui.operations.restore.plan import Plan
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.wizard.page import Page, PageBuilder
from tests.pg_fixtures import Database
from tests.ui.emergencies import at_the_wizard, beginning, brought_to, on_disk, wizard
from tests.ui.incident_states import LOST, SESSION, a_day, at
from tests.ui.installed import MACHINE, NOW, ROWS
from tests.ui.pilots import LARGE, nothing_begins, operate


def typed(moment: datetime) -> str:
    """As nobody can mistake it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}Z"


def test_a_typed_moment_restores_the_differential_before_it_and_the_report_has_both(
    pg18, new_school, practise
):
    practice = practise(new_school(pg18))
    practice.back_up()
    practice.source.psql("UPDATE users SET email = 'x' || email; DELETE FROM notifications")
    wanted = practice.back_up_changes().manifest
    before = practice.source.dump()
    asked = wanted.snapshot_at + timedelta(microseconds=1)
    practice.source.psql("DELETE FROM documents")
    later = practice.back_up_changes().manifest
    assert (wanted.kind, later.kind) == (Kind.DIFF, Kind.DIFF)
    pg18.drop_database(practice.source.name)
    brought_to(practice, Step.CHOOSE)
    with beginning(practice) as begun:
        app = wizard(practice, begun)

        async def flow(operator):
            await operator.has_list()
            await operator.press("3")
            await operator.at(Step.CHOOSE)
            await operator.sees("Chosen point", "full + 1 differential, ✔ complete", "checks passed")
            assert app.navigator.step_view.backup.id == later.id
            await operator.sees(f"ID {later.id}")
            await operator.press("t")
            await operator.type(typed(asked))
            await operator.press("enter")
            await operator.until(lambda: app.navigator.step_view.asked == asked, "the moment")
            await operator.sees("Chosen point", "full + 1 differential", "checks passed")
            assert app.navigator.step_view.backup.id == wanted.id
            await operator.sees(f"ID {wanted.id}")
            await operator.enters()
            await operator.at(Step.STAGING)
            await operator.enters()
            await operator.validates(practice)
            await operator.at(Step.PRODUCTION)
            await operator.sees("[y] puts it in production")
            await operator.reads()
            await operator.press("y")
            await operator.until(lambda: on_disk(practice).step is Step.SERVICES, "production")
            await operator.press("i", "pagedown")
            await operator.sees("asked for:", "as of:")

        at_the_wizard(app, flow)
    assert practice.source.dump() == before
    assert begun.asked[0][:2] == ["restore", wanted.id]
    facts = on_disk(practice).steps[Step.CHOOSE].facts
    assert (facts["asked"], facts["moment"]) == (asked.isoformat(), wanted.snapshot_at.isoformat())


def test_d_shows_by_table_what_has_changed_since_the_chosen_moment(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    rows = practice.inventory.backups[0].manifest.rows()["public.notifications"]
    practice.source.psql(
        "DELETE FROM notifications; DROP TABLE documents;"
        "CREATE TABLE waiting (id int, created_at timestamptz DEFAULT now());"
        "INSERT INTO waiting SELECT generate_series(1, 7)"
    )
    brought_to(practice, Step.CHOOSE)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.at(Step.CHOOSE)
        await operator.sees("checks passed", "new since (")
        await operator.press("d")
        await operator.sees("What has changed since", f"public.notifications {rows:,} 0 -{rows:,}")
        await operator.sees("public.waiting 0 7 +7", "tables have as many rows as then.")
        await operator.press("escape")
        await operator.sees("Restore to which moment?")

    at_the_wizard(wizard(practice, nothing_begins), flow)


def app_of(made, **changes) -> MtnApp:
    operations = replace(LOST.operations(made), **changes)
    return MtnApp(made.context, nothing_begins, machine=MACHINE, session=SESSION, operations=operations)


async def at_step_3(operator) -> None:
    await operator.has_list()
    await operator.press("3")
    await operator.sees("checks passed")


def chosen(app) -> datetime:
    return app.navigator.step_view.backup.moment


def test_arrows_step_from_point_to_point_and_stop_at_either_end(made):
    a_day(made)
    app = app_of(made)

    async def flow(operator):
        await at_step_3(operator)
        points = [one.moment for one in app.navigator.step_view.points.offered]
        assert points == sorted(points, reverse=True)
        for key, index in (("left", 1), ("down", 2), ("up", 1), ("right", 0), ("right", 0)):
            await operator.press(key)
            await operator.until(lambda index=index: chosen(app) == points[index], key)
        await operator.press(*["left"] * (len(points) + 2))
        await operator.until(lambda: chosen(app) == points[-1], "the oldest")
        await operator.sees("checks passed")
        assert "▶ now" not in operator.text()

    operate(app, flow, LARGE)


def test_while_one_is_planned_the_arrows_ask_for_no_other_but_the_last(made):
    a_day(made)
    goes_on, planned = threading.Event(), []
    plan = LOST.operations(made).plan

    def slow(context, request, rows=None):
        planned.append(request.backup.moment)
        assert goes_on.wait(60)
        return plan(context, request, rows)

    app = app_of(made, plan=slow)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.sees("Looking whether it will restore here …")
        await operator.press(*["left"] * 6)
        points = [one.moment for one in app.navigator.step_view.points.offered]
        await operator.until(lambda: chosen(app) == points[6], "the last")
        goes_on.set()
        await operator.sees("checks passed")
        assert set(planned) == {points[0], points[6]}

    try:
        operate(app, flow, LARGE)
    finally:
        goes_on.set()


def test_a_nearer_point_that_is_not_to_be_trusted_is_passed_over_and_named(made):
    at(Step.CHOOSE)(made)
    made.diff(NOW - timedelta(minutes=50))
    made.diff(NOW - timedelta(minutes=20), rung=0)
    app = app_of(made)

    async def flow(operator):
        await at_step_3(operator)
        assert chosen(app) == NOW - timedelta(minutes=50)
        await operator.press("t")
        await operator.type("10m ago")
        await operator.press("enter")
        await operator.sees("Nearest point", "A nearer one, of", "is skipped: it has not been proven.")
        assert chosen(app) == NOW - timedelta(minutes=50)
        await operator.press("right")
        await operator.sees("? present", "Nearest point", "Doubtful: it has not been proven.")
        assert chosen(app) == NOW - timedelta(minutes=20)

    operate(app, flow, LARGE)


def test_before_the_first_backup_there_is_no_point_and_that_is_said(made):
    at(Step.CHOOSE)(made)
    app = app_of(made)

    async def flow(operator):
        await at_step_3(operator)
        before = chosen(app)
        await operator.press("t")
        for wrong in ("noon", "tomorrow 10:00"):
            await operator.type(wrong)
            await operator.press("enter")
            await operator.sees(f"{wrong} is not a moment.")
            await operator.press("ctrl+u")
        await operator.type("2026-10-01 12:00")
        await operator.sees("2026-10-01 12:00")
        await operator.press("enter")
        await operator.sees("There is no backup of", "The first moment that can be restored is")
        await operator.press("enter")
        await operator.sees("Restore to which moment?")
        assert chosen(app) == before

    operate(app, flow, LARGE)


@pytest.mark.slow
def test_of_an_hour_that_came_twice_it_is_asked_which(made, monkeypatch):
    monkeypatch.setenv("TZ", "America/Santiago")
    time.tzset()
    at(Step.CHOOSE)(made)
    first = datetime(2026, 4, 5, 2, 30, tzinfo=UTC)
    made.full(first - timedelta(hours=2))
    made.diff(first + timedelta(minutes=50))
    app = app_of(made)

    async def flow(operator):
        await at_step_3(operator)
        for answer, point in (((), first - timedelta(hours=2)), (("down",), first + timedelta(minutes=50))):
            await operator.press("t")
            await operator.type("2026-04-04 23:30")
            await operator.press("enter")
            await operator.sees("occurred twice", "23:30 -03", "23:30 -04")
            await operator.press(*answer, "enter")
            await operator.until(lambda point=point: chosen(app) == point, "the point before it")
        assert app.navigator.step_view.asked == first + timedelta(hours=1)

    try:
        operate(app, flow, LARGE)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.slow
def test_without_an_incident_a_moment_is_looked_at_beside_and_what_is_there_is_replaced_after_a_yes(
    pg18, new_school, practise
):
    practice = practise(new_school(pg18))
    practice.back_up()
    wanted = practice.back_up_changes().manifest
    practice.source.psql("DELETE FROM notifications")
    practice.back_up_changes()
    beside = staging_of(practice.context, RecoveryMode.BESIDE)
    with beginning(practice) as begun:
        app = wizard(practice, begun)

        async def flow(operator):
            await operator.has_list()
            await operator.press("t")
            await operator.sees("as of which moment?", "checks passed", f"restore it into {beside}")
            assert app.screen.picking.backup.kind is Kind.FULL, "the row that the cursor is on"
            await operator.press("right", "right")
            await operator.sees("public.notifications: 0 rows here,")
            await operator.press("t")
            await operator.type(typed(wanted.snapshot_at))
            await operator.press("enter")
            await operator.until(lambda: app.screen.picking.backup.id == wanted.id, "the point")
            await operator.sees("Chosen point", "checks passed")
            assert "rows here" not in operator.text()
            await operator.press("enter")
            await operator.until(lambda: begun.jobs and begun.jobs[0].look().state.over, "the restore")
            of = f"{beside} has the data of {with_offset(wanted.snapshot_at)}. It was restored 20"
            await operator.until(
                lambda: of in " ".join(" ".join(app.screen.query_one(Page).texts()).split()), of
            )
            await operator.sees(f"mtn kept drop {beside}")
            await operator.press("left")
            await operator.sees("full, ✔ restored", "checks passed")
            await operator.press("enter")
            await operator.sees(f"Replace {beside}?", "It is kept as")
            await operator.press("enter")
            await operator.press("enter")
            await operator.sees(f"Replace {beside}?")
            assert len(begun.asked) == 1
            await operator.press("down", "enter")
            await operator.until(lambda: len(begun.jobs) == 2, "the second")
            await operator.until(lambda: begun.jobs[1].look().state.over, "the second")
            kept = f"{beside}__before_"
            await operator.until(
                lambda: kept in "".join(app.screen.query_one(Page).texts()), "what it replaced"
            )
            assert f"mtn kept drop {beside}__before_" in "\n".join(app.screen.query_one(Page).texts())

        operate(app, flow)
    assert begun.asked[0][:2] == ["restore", wanted.id]
    assert "--drop" not in begun.asked[0]
    assert "--drop" in begun.asked[1]
    looked = Database(pg18, beside)
    assert looked.psql("SELECT count(*) > 0 FROM notifications") == b"t\n"
    assert looked.psql("SHOW default_transaction_read_only") == b"on\n"
    assert practice.source.psql("SELECT count(*) FROM notifications") == b"0\n"
    assert not list((practice.context.state / "incidents").glob("*"))


@pytest.mark.parametrize("broken", ["differential", "full"])
def test_a_newer_one_that_is_broken_is_told_with_what_falling_back_costs(made, broken):
    at(Step.CHOOSE)(made)
    made.diff(NOW - timedelta(minutes=50))
    add = made.diff if broken == "differential" else made.full
    add(NOW - timedelta(minutes=20), stores="disk", failed="Its bytes were changed.")
    app = app_of(made)

    async def flow(operator):
        await at_step_3(operator)
        assert chosen(app) == NOW - timedelta(minutes=50)
        await operator.sees("is broken. Falling back loses 30 min more")
        damaged = next(one for one in app.state.inventory.backups if one.broken)
        await operator.sees(f"Its file: {damaged.name}")
        await operator.press("t")
        await operator.type("30m ago")
        await operator.press("enter")
        await operator.sees("✖ Moment typed", "checks passed")
        assert "is broken" not in operator.text(), "it would not be chosen anyway"

    operate(app, flow, LARGE)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_step_3_names_the_fuller_backup_whichever_side_of_the_chosen_one_it_is_on(made, language):
    i18n.use(language)
    at(Step.CHOOSE, RecoveryMode.BESIDE)(made)
    had = ROWS["public.applications"]
    whole_at, short_at = NOW - timedelta(minutes=50), NOW - timedelta(minutes=30)
    made.full(whole_at, rows=ROWS | {"public.applications": had + 5000})
    made.full(short_at, rows=ROWS | {"public.applications": had // 2})
    app = app_of(made)
    take = {"en": "Take that one: [{key}] steps towards it.", "es": "Elija ese: [{key}] lleva hacia él."}
    unless = {
        "en": "If it is from before the loss, take that one: [{key}] steps towards it.",
        "es": "Si es de antes de la pérdida, elija ese: [{key}] lleva hacia él.",
    }

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        step = app.navigator.step_view
        await operator.until(lambda: step.points is not None, "the points")
        names = [one.moment for one in step.points.offered]
        assert names[:2] == [short_at, whole_at]

        def page() -> str:
            sheet = PageBuilder(59)
            step.write(sheet)
            return " ".join("".join(text for text, _tone in line).strip() for line in sheet.lines)

        async def reads(*said: str) -> None:
            await operator.until(lambda: all(one in page() for one in said), f"{said} in {page()}")

        async def puts(index: int) -> None:
            await operator.until(lambda: isinstance(step.plan, Plan), "a plan")
            while step.index != index:
                await operator.press("left" if step.index < index else "right")

        await puts(0)
        await reads(f"{Figure(had + 5000 - had // 2):,}.", take[language].format(key="←"))
        await puts(2)
        await reads(f"{Figure(had):,} ", f"{Figure(had + 5000):,} ", unless[language].format(key="→"))
        await puts(1)
        await operator.until(lambda: "⚠ public" not in page(), "no warning")
        await operator.press("t")
        await operator.type(typed(whole_at))
        await operator.press("enter")
        await puts(2)
        await reads(take[language].format(key="→"))

    operate(app, flow)


WORDS = {
    "en": ("✖ Moment typed", "Nearest point", "Chosen point"),
    "es": ("✖ Hora escrita", "Punto cercano", "Punto elegido"),
}


@pytest.mark.parametrize("key", ["3", "t"], ids=["step 3", "as it was"])
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_the_mark_of_the_moment_typed_is_explained_and_a_points_own_moment_is_said_once(made, language, key):
    i18n.use(language)
    at(Step.CHOOSE, RecoveryMode.BESIDE)(made)
    point = NOW - timedelta(minutes=50)
    made.diff(point)
    app = app_of(made)
    mark, nearest, own = WORDS[language]

    async def flow(operator):
        await operator.has_list()
        await operator.press(key)
        await operator.sees(own)
        axis = app.navigator.step_view if key == "3" else app.screen.picking

        async def page(moment: datetime) -> list[str]:
            await operator.press("t")
            await operator.type(typed(moment))
            await operator.press("enter")
            await operator.until(lambda: axis.asked == moment and axis.backup.moment == point, "the point")
            return [" ".join(line.split()) for line in app.screen.query_one(Page).texts()]

        for later in (timedelta(seconds=2), timedelta(minutes=20), timedelta(minutes=49)):
            marked = [line for line in await page(point + later) if "✖" in line]
            assert len(marked) == 2, marked
            assert marked[1].startswith(f"{mark} {with_offset(point + later)}")
            await operator.sees(nearest)
        for alike in (point, point + timedelta(microseconds=5)):
            said = await page(alike)
            assert not [line for line in said if "✖" in line]
            assert len([line for line in said if with_offset(point) in line]) == 1
            assert any(line.startswith(own) for line in said)

    operate(app, flow)


@pytest.mark.parametrize("key", ["3", "t"], ids=["step 3", "as it was"])
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_each_check_that_is_counted_as_passed_is_named_on_the_same_page(made, language, key):
    i18n.use(language)
    at(Step.CHOOSE, RecoveryMode.BESIDE)(made)
    app = app_of(made)
    listed = {"en": "checks passed, listed below", "es": "revisiones pasaron, ver abajo"}[language]
    of = {"en": "of", "es": "de"}[language]

    async def flow(operator):
        await operator.has_list()
        await operator.press(key)
        await operator.sees(listed)
        axis = app.navigator.step_view if key == "3" else app.screen.picking
        page = " ".join(" ".join(app.screen.query_one(Page).texts()).split())
        passed = [check.says for check in axis.plan.checks if check.status is Status.OK]
        assert passed
        assert not [says for says in passed if f"✔ {says}" not in page]
        assert f"{len(passed)} {of} {len(axis.plan.checks)} {listed}" in page
        await operator.press("end")
        await operator.until(lambda: " ".join(passed[-1].split()[:3]) in operator.text(), "the last of them")

    operate(app, flow)
