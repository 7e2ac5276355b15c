"""Practice incidents happen on real servers as they say, can be resolved, and are judged by what is there."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import timedelta
from email.header import decode_header, make_header
from pathlib import Path

import psutil
import psycopg
import pytest

from mtn_tui.cli import app
from mtn_tui.cli.demo import tell_of_schedule
from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import ConfigError
from mtn_tui.core.settings_file import load
from mtn_tui.demo import verdict
from mtn_tui.demo.evaluation import Evaluation, Production, evaluate
from mtn_tui.demo.incidents import INCIDENTS, PracticeIncident, find
from mtn_tui.demo.scene import Scene, fill, holds, set_up, subjects
from mtn_tui.demo.small_disk import small_disk
from mtn_tui.demo.stack import DATABASE, OPERATOR, Stack, running
from mtn_tui.demo.workspace import Workspace
from mtn_tui.engine import host
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import list_jobs
from mtn_tui.operations.backup.differential import differential_backup
from mtn_tui.operations.backup.full import full_backup
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import open_stores
from mtn_tui.operations.health.checks.disk import disk
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.incident import messages, steps
from mtn_tui.operations.incident.assess import assess
from mtn_tui.operations.incident.file import open_incident
from mtn_tui.operations.incident.state import Actor, RecoveryMode, Step
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.services.health import health
from mtn_tui.operations.verify.verify import verify
from tests.integration.test_demo_servers import gone, wait_until
from tests.plugin_output import plugin

BEFORE = "before"


def command(config: Path, *arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = app.run(["--config", str(config), *arguments])
    return code, out.getvalue(), err.getvalue()


@dataclass
class Place:
    """The scene, and how it was before anything happened."""

    config: Path
    scene: Scene

    @property
    def context(self) -> Context:
        return self.scene.context

    @property
    def healthy(self) -> list[bool]:
        return [one.healthy for one in health(self.context.settings.service_health_urls)]

    def mtn(self, *arguments: str, check: int = 0) -> str:
        """Returns what was said on stderr."""
        code, out, err = command(self.config, *arguments)
        assert code == check, (code, out, err)
        return err

    def backup(self, number: int) -> Backup:
        """Counted from the newest."""
        known = take_inventory(self.context.stores, self.context.key)
        return known.find(self.scene.points[number].name)

    def judged(self, incident: PracticeIncident, happened, mails) -> Evaluation:
        return evaluate(self.scene, incident, happened, mails)


@contextmanager
def some_disk(workspace: Workspace) -> Iterator[Stack]:
    """The stack, with a disk that can be made full if one can be mounted here."""
    with ExitStack() as held:
        try:
            stack = held.enter_context(running(workspace, small_disk=True))
        except ConfigError:
            shutil.rmtree(workspace.path / "disk")
            stack = held.enter_context(running(workspace))
        yield stack


@pytest.fixture(scope="module")
def furnished() -> Iterator[Place]:
    with Workspace() as workspace, some_disk(workspace) as stack:
        fill(stack, 500, SystemClock().now())
        config = stack.configure()
        settings = load(config, {}).settings
        context = Context(
            settings, open_stores(settings), settings.state_dir, "ana", "db1", configuration=config
        )

        def back_up() -> str:
            job = Job.create(context.jobs, kind="backup-full", subject=DATABASE, operator="ana")
            return host.run(job, lambda job: full_backup(job, context)).manifest.payload

        scene = set_up(stack, context, back_up, back_up)
        stack.postgres.create_database(BEFORE, DATABASE)
        yield Place(config, scene)


@pytest.fixture
def place(furnished: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """As it was set up; mended after the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    scene = furnished.scene
    stack, backups, state = scene.stack, scene.context.settings.backup_dir, scene.context.state
    client, bucket = stack.seaweed.client(), stack.seaweed.bucket
    shutil.copytree(backups, tmp_path / "backups")
    shutil.copytree(state, tmp_path / "state")
    names = [item.object_name for item in client.list_objects(bucket, recursive=True)]
    objects = {}
    for name in names:
        with client.get_object(bucket, name) as answer:
            objects[name] = answer.read()
    yield furnished
    stack.postgres.start()
    stack.seaweed.start()
    stack.postgres.drop_database(DATABASE)
    stack.postgres.create_database(DATABASE, BEFORE)
    for path in backups.iterdir():
        path.unlink()
    shutil.copytree(tmp_path / "backups", backups, dirs_exist_ok=True)
    for item in client.list_objects(bucket, recursive=True):
        client.remove_object(bucket, item.object_name)
    for name, data in objects.items():
        client.put_object(bucket, name, io.BytesIO(data), len(data))
    shutil.rmtree(state)
    shutil.copytree(tmp_path / "state", state)


def happen(place: Place, name: str) -> PracticeIncident:
    incident = find(name)
    incident.happen(place.scene)
    return incident


# What happens


@pytest.mark.slow
def test_the_school_works_until_something_happens_and_has_worked_on_since_each_backup(place):
    assert place.healthy == [True] * 6
    newest, older = place.scene.points
    assert newest.held.missing(older.held) == 0
    assert older.held.missing(newest.held) > 0
    assert newest.held.missing(place.scene.held) > 0
    assert holds(place.context) == place.scene.held


@pytest.mark.sample("lost-database", "database-down")
@pytest.mark.parametrize("name", [one.name for one in INCIDENTS if not (one.day or one.of_backups)])
def test_the_services_are_down_and_the_right_way_is_proposed(place, name):
    incident = happen(place, name)
    assert place.healthy == [False] * 6
    found = assess(place.context)
    assert found.proposal.way is incident.way
    judged = place.judged(incident, SystemClock().now(), subjects(place.scene.stack))
    assert (judged.recovered, judged.production) == (False, Production.GONE)
    assert not verdict.well(judged)


def test_a_damaged_backup_is_found_out_in_both_stores_and_the_one_before_it_is_proposed(place):
    happen(place, "corrupt-backup")
    context, damaged = place.context, place.backup(0)
    assert {copy.store.name for copy in damaged.copies} == {"disk", "bucket"}
    job = Job.create(context.jobs, kind="verify", subject=DATABASE, operator="ana")
    told = host.run(job, lambda job: verify(job, context, [damaged]))
    assert [bool(one.trouble) for one in told] == [True, True]
    assert str(assess(context).backup.name) == place.scene.points[1].name


def test_a_bucket_that_does_not_answer_is_told_and_the_disk_is_enough(place):
    happen(place, "s3-down")
    (told,) = [one for one in assess(place.context).findings if one.id == "backup"]
    assert told.status is Status.WARN
    bucket = place.context.stores.bucket.place
    assert place.scene.stack.seaweed.bucket in bucket
    assert f"bucket ({bucket})" in told.says
    place.mtn("restore", "--latest", "--target", DATABASE, check=1)
    assert holds(place.context) == place.scene.points[0].held
    assert place.healthy == [True] * 6


def test_a_server_that_has_stopped_is_started_by_its_command_and_is_still_the_demo_s_to_end(place):
    postgres = place.scene.stack.postgres
    before = postgres.pid
    happen(place, "database-down")
    assert (postgres.running, postgres.pid) == (False, None)
    place.mtn(*steps.start_arguments())
    assert postgres.running
    assert postgres.pid != before
    assert psutil.Process(postgres.pid).uids().effective != 0
    assert holds(place.context) == place.scene.held
    assert place.healthy == [True] * 6
    started = postgres.pid
    postgres.stop()
    assert gone(started)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres.conninfo())


def test_services_are_stopped_and_started_by_the_commands_of_the_configuration(place):
    settings = place.context.settings
    subprocess.run(settings.services_stop_command, shell=True, check=True, stdout=subprocess.DEVNULL)
    answers = health(settings.service_health_urls)
    assert {(one.status, one.text) for one in answers} == {(503, "status: DOWN, reason: stopped")}
    place.mtn(*steps.services_arguments())
    assert place.healthy == [True] * 6


def test_a_service_is_down_alone_where_its_own_table_is_gone(place):
    with psycopg.connect(place.scene.stack.postgres.conninfo(DATABASE)) as connection:
        connection.execute("DROP TABLE evaluations CASCADE")
    assert place.healthy == [True, True, True, True, False, True]


def test_a_server_that_others_started_goes_when_the_demo_is_killed(tmp_path):
    script = textwrap.dedent(
        """
        import subprocess, sys
        from mtn_tui.demo.postgres_binaries import wheel_binaries
        from mtn_tui.demo.postgres_server import PostgresServer
        from mtn_tui.demo.workspace import Workspace
        workspace = Workspace()
        server = PostgresServer(wheel_binaries(), workspace.path / "pg")
        server.start()
        server.stop_for_others()
        subprocess.run(["sh", "-c", server.start_line], check=True, stdout=subprocess.DEVNULL)
        print(server.pid, workspace.path, flush=True)
        sys.stdin.read()
        """
    )
    program = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    with program:
        assert program.stdout
        pid, path = program.stdout.readline().split()
        assert not gone(int(pid))
        program.kill()
        program.wait(60)
    wait_until(lambda: gone(int(pid)))
    wait_until(lambda: not Path(path).exists())


# What the monitor says of it


@pytest.fixture
def drilled(place: Place) -> Place:
    """As the demo leaves it to the operator: the RTO is measured, and nobody was told of anything."""
    shutil.rmtree(place.context.state / "health", ignore_errors=True)
    if not list(place.context.settings.metrics_dir.glob("drill_[0-9]*.json")):
        place.mtn("drill")
    return place


def mails_since(place: Place, before: int) -> list[tuple[str, str]]:
    """Subject and recipient of each mail."""
    return [
        (str(make_header(decode_header(str(one["Subject"])))), str(one["To"]))
        for one in sorted(place.scene.stack.mail.messages(), key=lambda one: one.get_date())[before:]
    ]


def alerted(place: Place) -> tuple[str, list[str]]:
    """The monitor calls it critical by runbook 6.2, and alerts once: the subject, and to whom."""
    before = len(place.scene.stack.mail.messages())
    for _again in range(2):
        code, out, _err = command(place.config, "monitor", "--quick")
        assert (code, plugin(out).status) == (2, 2), out
        told = mails_since(place, before)
        (subject,) = {one for one, _to in told}
        people = sorted(to for _one, to in told)
        assert len(people) == len(set(people)), "once to each"
    return subject, people


def solved(place: Place, mend: Callable[[], object]) -> list[tuple[str, str]]:
    """The mails that say what is over once it is mended, and their recipients."""
    before = len(place.scene.stack.mail.messages())
    mend()
    return sorted(one for one in mails_since(place, before) if "Solved" in one[0])


def test_the_monitor_of_the_demo_is_well(drilled):
    code, out, err = command(drilled.config, "monitor")
    read = plugin(out)
    assert (code, read.status, err) == (0, 0, ""), out
    latest = drilled.context.settings.metrics_dir / "backup-status_latest.json"
    assert json.loads(latest.read_text())["overall_status"] == "OK"


@pytest.mark.sample("database-down")
@pytest.mark.parametrize("name", [one.name for one in INCIDENTS if not (one.day or one.of_backups)])
def test_the_monitor_tells_of_an_incident_once_and_of_its_end_once_it_is_mended(drilled, name):
    happen(drilled, name)
    subject, told = alerted(drilled)
    assert subject.startswith("[MTN ✖] CRITICAL: Database: ")
    assert told.count(OPERATOR) == 1
    assert "devops@mtn.cl" in told, "level 2 is on call at any hour"
    line = (
        steps.start_arguments()
        if name == "database-down"
        else ["restore", "--latest", f"--target={DATABASE}"]
    )
    assert solved(drilled, lambda: command(drilled.config, *line)) == [
        ("[MTN ✔] Solved: Database", to) for to in told
    ]
    assert command(drilled.config, "monitor", "--quick")[0] < 2


# How it is judged


def test_a_lost_database_that_was_restored_step_by_step_went_well(place):
    mails = subjects(place.scene.stack)
    incident = happen(place, "lost-database")
    happened, context = SystemClock().now(), place.context
    assessment = assess(context)
    file = open_incident(context.state, DATABASE, Actor("ana", "db1", "s1"), SystemClock())
    file.begin(Step.ASSESS)
    file.done(Step.ASSESS, way=assessment.proposal.way)
    file.begin(Step.NOTIFY)
    file.done(
        Step.NOTIFY, **messages.send(context, messages.first_alert(context, assessment), ["dba@mtn.cl"])
    )
    file.begin(Step.CHOOSE)
    file.done(Step.CHOOSE, backup=assessment.backup.handle, moment=assessment.backup.moment.isoformat())
    file.begin(Step.STAGING)
    place.mtn(*steps.restore_arguments(context, file.state))
    file.done(Step.STAGING)
    file.begin(Step.VALIDATE)
    file.done(Step.VALIDATE)
    file.begin(Step.PRODUCTION)
    place.mtn(*steps.promote_arguments(context, "", file.state))
    file.done(Step.PRODUCTION)
    assert place.healthy == [False] * 6, "they are stopped until step 7"
    file.begin(Step.SERVICES)
    place.mtn(*steps.services_arguments())
    file.done(Step.SERVICES)
    file.begin(Step.REPORT)
    file.done(Step.REPORT, **messages.send(context, messages.last_alert(context, file.state), []))
    file.close("restored")
    open_incident(context.state, DATABASE, Actor("ana", "db1", "s1"), SystemClock())  # an Enter too many

    judged = place.judged(incident, happened, mails)
    assert verdict.well(judged), verdict.lines(judged)
    assert judged.production is Production.EQUAL
    assert judged.closed
    assert judged.restored == judged.right_backup == place.scene.points[0].name
    assert (judged.needless, judged.mails) == (0, 3)
    assert 0 < judged.seconds < 300
    told = verdict.lines(judged)
    assert told[-1] == "All went well."
    (healthy,) = (line for line in told if line.startswith("✔ Healthy after "))
    assert re.fullmatch(r"✔ Healthy after (\d+ min ?)?(\d+ s)?: within the 5 min of a practice.*", healthy), (
        healthy
    )
    assert any("No more was lost than had to be" in line for line in told)
    assert any(line.split()[:3] == ["6", "Production", "done"] for line in told)
    json.dumps(judged.facts(), default=str)


def test_restoring_the_older_backup_loses_rows_that_need_not_have_been(place):
    incident = happen(place, "lost-database")
    happened, mails = SystemClock().now(), subjects(place.scene.stack)
    place.mtn("restore", place.backup(1).handle, "--target", DATABASE)
    judged = place.judged(incident, happened, mails)
    newest, older = place.scene.points
    assert judged.recovered
    assert (judged.production, judged.restored) == (Production.MISSING, older.name)
    assert judged.needless == older.held.missing(newest.held)
    assert judged.lost == older.held.missing(place.scene.held)
    said = "\n".join(verdict.lines(judged))
    assert f"✖ Restored from {older.name}; the right one was {newest.name}" in said
    assert f"{judged.needless} of which could have been kept" in said
    assert "✖ No alert of step 2 arrived." in said
    assert "No incident was begun" in said


def test_in_a_damaged_backup_s_place_the_one_before_it_is_right(place):
    incident = happen(place, "corrupt-backup")
    happened, mails = SystemClock().now(), subjects(place.scene.stack)
    said = place.mtn("restore", place.backup(0).handle, "--target", DATABASE, check=2)
    assert "can be trusted (bucket, disk): use the backup before it" in said
    assert "other copy" not in said
    place.mtn("restore", "--latest", "--target", DATABASE, check=1)
    judged = place.judged(incident, happened, mails)
    assert (judged.production, judged.restored) == (Production.EQUAL, place.scene.points[1].name)
    assert (judged.right_backup, judged.needless) == (judged.restored, 0)
    assert judged.lost > 0


def test_a_server_that_only_had_to_be_started_loses_nothing_and_work_since_is_no_fault(place):
    incident = happen(place, "database-down")
    happened, mails = SystemClock().now(), subjects(place.scene.stack)
    place.mtn(*steps.start_arguments())
    judged = place.judged(incident, happened, mails)
    assert (judged.production, judged.restored, judged.lost) == (Production.EQUAL, "", 0)
    with psycopg.connect(place.scene.stack.postgres.conninfo(DATABASE)) as connection:
        connection.execute("UPDATE users SET active = false WHERE id = 1")
        connection.execute(
            "INSERT INTO notifications (user_id, channel, title, body) SELECT 1, channel, 'a', 'b'"
            " FROM notifications LIMIT 1"
        )
    judged = place.judged(incident, happened, mails)
    assert (judged.production, judged.restored, judged.lost) == (Production.CHANGED, "", 0)
    assert "✔ No row was lost." in verdict.lines(judged)


def test_a_restore_where_none_was_needed_is_said(place):
    incident = happen(place, "database-down")
    happened, mails = SystemClock().now(), subjects(place.scene.stack)
    place.mtn(*steps.start_arguments())
    place.scene.stack.postgres.drop_database(DATABASE)
    place.mtn("restore", place.backup(0).handle, "--target", DATABASE)
    judged = place.judged(incident, happened, mails)
    newest = place.scene.points[0]
    assert (judged.right_way, judged.restored) == (RecoveryMode.LEAVE, newest.name)
    assert judged.needless == judged.lost == newest.held.missing(place.scene.held)
    assert f"✖ Restored from {newest.name}, though nothing was lost." in verdict.lines(judged)


# The backups themselves


@pytest.fixture
def own_crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crontab of the test's own, in place of the machine's."""
    program, lines = tmp_path / "bin" / "crontab", tmp_path / "lines"
    lines.touch()
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then cat {lines}; else cat > {lines}; fi\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


@pytest.mark.slow
@pytest.mark.usefixtures("own_crontab")
def test_backups_that_stopped_two_days_ago_are_mended_by_a_full(drilled, capsys):
    place = drilled
    incident = find("stale")
    mails = subjects(place.scene.stack)
    stale = Place(place.config, incident.happen(place.scene))
    happened = SystemClock().now()
    assert stale.healthy == [True] * 6
    newest = stale.backup(0)
    assert (newest.proven, newest.usable[0].standing.value, len(newest.copies)) == (True, "whole", 2)
    assert timedelta(hours=47) < happened - newest.moment < timedelta(hours=49)
    assert {one.name for one in stale.scene.points}.isdisjoint(one.name for one in place.scene.points)
    for job in list_jobs(stale.context.jobs):
        assert job.started < happened - timedelta(hours=47)
    assert "2 d" in stale.scene.said()
    judged = stale.judged(incident, happened, mails)
    assert (judged.recovered, judged.backups.since, judged.backups.lost) == (False, None, ())
    assert len(judged.backups.troubles) == 3, judged.backups.troubles
    assert "✖ The backups were not in order when you left." in verdict.lines(judged)
    named = "Full backup, Differentials, RPO and RTO"
    subject, told = alerted(stale)
    assert subject == f"[MTN ✖] CRITICAL: 3 problems: {named}"
    over = solved(stale, lambda: stale.mtn("backup", "full"))
    assert over == [(f"[MTN ✔] Solved: {named}", to) for to in told]
    judged = stale.judged(incident, happened, mails)
    assert verdict.well(judged), verdict.lines(judged)
    (still,) = [line for line in verdict.lines(judged) if line.startswith("⚠")]
    assert "no schedule starts the backups" in still
    assert "install it: mtn schedule install." in still, "not with the practice's configuration"
    assert verdict.lines(judged)[-1] == "All that could be done here went well. What has a ⚠ is still open."
    assert 0 < judged.seconds < 300
    json.dumps(judged.facts(), default=str)
    tell_of_schedule(place.config)
    assert "outlives it" not in capsys.readouterr().err
    stale.mtn("schedule", "install", "--system", "cron", "--yes")
    judged = stale.judged(incident, happened, mails)
    assert verdict.lines(judged)[-1] == "All went well."
    tell_of_schedule(place.config)
    assert str(place.config) in capsys.readouterr().err
    name = stale.scene.points[1].name
    stale.context.stores.disk.delete(name)
    stale.context.stores.bucket.delete(f"full/{name}")
    judged = stale.judged(incident, happened, mails)
    assert (judged.recovered, judged.backups.lost, verdict.well(judged)) == (True, (name,), False)
    assert f"✖ Backups from before were lost: {name}" in verdict.lines(judged)


@pytest.mark.slow
@pytest.mark.usefixtures("own_crontab")
def test_a_full_disk_is_mended_by_what_retention_deletes_and_a_new_backup(drilled):
    incident, place, scene = find("disk-full"), drilled, drilled.scene
    if scene.stack.disk is None:
        pytest.skip("no small disk can be mounted here")

    def back_up() -> str:
        context = scene.context
        job = Job.create(context.jobs, kind="backup-diff", subject=DATABASE, operator="ana")
        return host.run(job, lambda job: differential_backup(job, context)).manifest.payload

    place.mtn("backup", "full")  # the database is another since the test before: no base is left for changes
    full = Place(place.config, incident.happen(replace(scene, back_up_changes=back_up)))
    mails, happened = subjects(scene.stack), SystemClock().now()
    assert list_jobs(full.context.jobs)[0].error == "NoSpace"
    assert full.healthy == [True] * 6
    assert "is full" in full.scene.said()
    assert f"mtn --config {full.config} prune --dry-run" in full.scene.said(), "two words, to be pasted"
    judged = full.judged(incident, happened, mails)
    assert not judged.recovered
    assert any("are free on the disk of the backups" in one for one in judged.backups.troubles)
    subject, told = alerted(full)
    assert subject == "[MTN ✖] CRITICAL: 2 problems: Last runs, Disk"
    full.mtn("backup", "full", check=2)
    (found,) = [one for one in disk(Inspection(full.context)) if "backups" in one.says]
    assert (found.status, found.fix) == (Status.FAIL, ("prune",))
    assert solved(full, lambda: full.mtn(*found.fix)) == [("[MTN ✔] Solved: Disk", to) for to in told]
    judged = full.judged(incident, happened, mails)
    assert judged.backups.troubles == ("No proven backup has been made since.",)
    full.mtn("backup", "full")
    judged = full.judged(incident, happened, mails)
    assert verdict.well(judged), verdict.lines(judged)
    assert any(line.startswith("⚠ Still open: no schedule") for line in verdict.lines(judged))


def test_where_no_disk_can_be_mounted_it_is_said_and_why(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError) as raised, small_disk(tmp_path / "disk"):
        pass
    assert "No such file" in raised.value.title
    assert "root or user namespaces" in raised.value.hint


# The command


def test_the_incidents_are_listed_each_in_a_line(tmp_path):
    code, out, _err = command(tmp_path, "demo", "--list")
    names = [line.split()[0] for line in out.splitlines()]
    known = [
        "lost-database",
        "database-down",
        "corrupt-backup",
        "s3-down",
        "bad-delete",
        "stale",
        "disk-full",
    ]
    assert (code, names) == (0, known)
    _code, out, _err = command(tmp_path, "demo", "--list", "--json")
    assert [one["name"] for one in json.loads(out)] == names


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--incident", "s3-down"], "needs a terminal"),
        (["--incident", "fire"], "There is no practice incident 'fire'"),
        (["--incident", "s3-down", "--headless"], "exclude each other"),
        (["--json"], "--json goes with"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_started(tmp_path, arguments, said):
    code, _out, err = command(tmp_path, "demo", *arguments)
    assert code == 64
    assert said in err
