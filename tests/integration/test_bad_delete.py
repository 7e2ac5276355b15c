"""A course's applications are deleted while the school works on: repaired both ways, and judged."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from mtn_tui.core.clock import SystemClock
from mtn_tui.core.models import Kind
from mtn_tui.core.settings_file import load
from mtn_tui.demo import verdict
from mtn_tui.demo.evaluation import Production, evaluate
from mtn_tui.demo.incidents import find
from mtn_tui.demo.scene import fill, holds, live_a_day, subjects
from mtn_tui.demo.stack import DATABASE, running
from mtn_tui.demo.workspace import Workspace
from mtn_tui.engine import host
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.backup.differential import differential_backup
from mtn_tui.operations.backup.full import full_backup
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import open_stores
from mtn_tui.operations.health import last_known
from mtn_tui.operations.incident import loss, messages, steps
from mtn_tui.operations.incident.assess import assess
from mtn_tui.operations.incident.file import open_incident
from mtn_tui.operations.incident.state import Actor, RecoveryMode, Step
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.services.health import health
from tests.integration.test_practice import Place, command

AFTER = "after"
BAD_DELETE = find("bad-delete")


@pytest.fixture(scope="module")
def deleted() -> Iterator[Place]:
    with Workspace() as workspace, running(workspace) as stack:
        fill(stack, 2000, SystemClock().now())
        config = stack.configure()
        settings = load(config, {}).settings
        context = Context(settings, open_stores(settings), settings.state_dir, "ana", "db1")

        def back_up(kind, operation) -> str:
            job = Job.create(context.jobs, kind=kind, subject=DATABASE, operator="ana")
            return host.run(job, lambda job: operation(job, context)).manifest.payload

        scene = live_a_day(
            stack,
            context,
            lambda: back_up("backup-full", full_backup),
            lambda: back_up("backup-diff", differential_backup),
        )
        scene = BAD_DELETE.happen(scene)
        stack.postgres.create_database(AFTER, DATABASE)
        yield Place(config, scene)


@pytest.fixture
def place(deleted, tmp_path, monkeypatch) -> Iterator[Place]:
    """As it is after the deletion."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield deleted
    shutil.rmtree(deleted.context.state / "incidents", ignore_errors=True)
    postgres = deleted.scene.stack.postgres
    with psycopg.connect(postgres.conninfo()) as connection:
        names = [name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()]
    for name in names:
        if name.startswith(DATABASE):
            postgres.drop_database(name)
    postgres.create_database(DATABASE, AFTER)


def judged(place, incident=BAD_DELETE):
    return evaluate(place.scene, incident, SystemClock().now(), Counter())


def restored_beside(place, number):
    beside = steps.staging_of(place.context, RecoveryMode.BESIDE)
    place.mtn("restore", place.backup(number).handle, f"--target={beside}", "--closed", "--drop")


def test_the_day_has_a_full_and_differentials_of_what_was_written_between(place):
    points = place.scene.points
    known = take_inventory(place.context.stores, place.context.key)
    assert [known.find(one.name).kind for one in points] == [Kind.DIFF, Kind.DIFF, Kind.DIFF, Kind.FULL]
    assert len({str(sorted(one.held.tables.items())) for one in points}) == 4


def test_the_services_work_on_and_to_copy_back_is_proposed(place):
    assert all(one.healthy for one in health(place.context.settings.service_health_urls))
    found = assess(place.context)
    assert found.proposal.way is RecoveryMode.BESIDE
    assert loss.recorded(found.tables)["whole"] == place.backup(1).handle, "the newest is from after it"
    assert "deleted all applications" in place.scene.said()
    assert place.scene.said() in (place.context.settings.log_dir / "school.log").read_text()
    assert place.scene.deleted >= {"public.applications", "public.documents"}
    assert judged(place).production is Production.MISSING


def test_the_monitor_says_which_rows_are_missing_and_that_they_are_back(place):
    command(place.config, "monitor", "--quick")
    rows = last_known.load(place.context)["rows"].result
    assert (rows.status, rows.leading.says.split(":")[0]) == (Status.FAIL, "applications")
    assert "key 3 (Emergency)" in rows.leading.hint
    restored_beside(place, 1)
    place.mtn("recover", "--table=applications", "--yes")
    command(place.config, "monitor", "--quick")
    assert last_known.load(place.context)["rows"].result.status is Status.OK


def test_copied_back_all_is_there_that_was_deleted_and_what_was_written_since(place):
    restored_beside(place, 1)
    place.mtn("recover", "--table=applications", "--yes")
    now, should = holds(place.context), place.scene.held
    assert {name: now.tables[name] for name in place.scene.deleted} == {
        name: should.tables[name] for name in place.scene.deleted
    }
    found = judged(place)
    assert found.production in (Production.EQUAL, Production.CHANGED)
    assert (found.lost, found.restored) == (0, "")


def test_copied_back_from_the_full_what_was_written_before_the_deletion_is_missing(place):
    restored_beside(place, 3)
    place.mtn("recover", "--table=applications", "--yes")
    assert judged(place).production is Production.MISSING


def test_restored_to_just_before_the_deletion_what_was_written_since_is_lost_and_said(place):
    context, right = place.context, place.scene.points[1]
    happened = SystemClock().now()
    file = open_incident(context.state, DATABASE, Actor("ana", "db1", "s1"), SystemClock())
    file.begin(Step.ASSESS)
    file.done(Step.ASSESS, way=RecoveryMode.RESTORE)
    for step, facts in ((Step.NOTIFY, {}), (Step.CHOOSE, {"backup": place.backup(1).handle})):
        file.begin(step)
        file.done(step, **facts)
    place.mtn(*steps.restore_arguments(context, file.state))
    identifier = place.backup(1).manifest.server.system_identifier
    words = f"CONFIRM DELETE PRODUCTION {identifier}"
    place.mtn(*steps.promote_arguments(context, words, file.state))
    place.mtn(*steps.services_arguments())
    found = evaluate(place.scene, BAD_DELETE, happened, Counter())
    assert (found.production, found.restored, found.other_way) == (Production.EQUAL, right.name, True)
    assert found.lost == right.held.missing(place.scene.held) > 0
    assert found.needless == 0
    said = "\n".join(verdict.lines(found))
    assert "would have kept what came after" in said
    assert "rows were lost, written after the backup: this way gives them up." in said
    assert "none that could have been kept" not in said
    beside_only = evaluate(place.scene, replace(BAD_DELETE, also=None), happened, Counter())
    assert not verdict.well(beside_only)


def test_left_with_rows_missing_it_is_not_recovered_and_its_last_mail_is_no_all_clear(place):
    context, happened, before = place.context, SystemClock().now(), subjects(place.scene.stack)
    file = open_incident(context.state, DATABASE, Actor("ana", "db1", "s2"), SystemClock())
    assessment = assess(context)
    way = {"way": RecoveryMode.LEAVE, **loss.recorded(assessment.tables)}
    for step, facts in ((Step.ASSESS, way), (Step.NOTIFY, {})):
        file.begin(step)
        file.done(step, **facts)
    file.begin(Step.ASSESS)  # once more: step 2 is over before step 1
    file.done(Step.ASSESS, **way)
    for step in (Step.NOTIFY, Step.SERVICES):
        file.skip(step, "known already")
    counted = loss.in_production(loss.losses(file.state), loss.recount(context))
    assert [one.status for one in counted] == [Status.FAIL] * len(counted) != []
    alert = messages.last_alert(context, file.state, counted)
    assert alert.subject == "Rows are still missing"
    file.begin(Step.REPORT)
    sent = messages.send(context, alert, [])
    file.done(Step.REPORT, findings=[one.line for one in counted], **sent)
    file.close("")
    found = evaluate(place.scene, BAD_DELETE, happened, before)
    assert any(alert.subject in one for one in (subjects(place.scene.stack) - before).elements())
    assert (found.seconds, found.all_clear, found.closed) == (None, False, True)
    assert all(one.seconds is None or one.seconds >= 0 for one in found.steps)
