"""Runs as cron starts them: once a night, quietly, and never in each other's way."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mtn_tui.core.errors import StorageError
from mtn_tui.core.models import JobState, Kind
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.announced import announced
from mtn_tui.operations.backup.make import OPERATION
from mtn_tui.operations.common.locking import operation_lock
from mtn_tui.operations.schedule.description import runs
from tests.alert_fixtures import mail_server
from tests.operation_fixtures import Practice


@pytest.fixture
def practice(pg18, new_database, practise) -> Practice:
    return practise(new_database(pg18))


def scheduled(practice: Practice, *arguments: str, check: int = 0) -> str:
    """What it says, which cron throws away; on stderr, which cron mails, it says nothing."""
    done = practice.here("--scheduled", *arguments, check=check)
    assert done.stderr == ""
    return done.stdout


def test_a_full_is_made_once_a_night_and_again_only_if_that_failed(practice):
    broken = practice.values["DB_PORT"]
    practice.configure(DB_PORT="1")
    assert "error" in practice.here("--scheduled", "backup", "full", check=2).stderr
    practice.configure(DB_PORT=broken)
    said = scheduled(practice, "backup", "full")
    assert practice.jobs[0].id in said.splitlines()[0]
    assert "made; it was due" in scheduled(practice, "backup", "full")
    assert [job.state for job in practice.jobs] == [JobState.SUCCEEDED, JobState.FAILED]
    practice.here("backup", "full")  # by hand it is always made
    assert len(practice.jobs) == 3


@pytest.mark.parametrize("run", ["full", "diff"])
def test_a_run_that_finds_another_ends_quietly_and_tells_nobody(practice, run):
    with mail_server() as sink:
        practice.configure(SMTP_SERVER="127.0.0.1", SMTP_PORT=str(sink.port), ALERT_EMAIL="ana@mtn.cl")
        context, name = practice.context, practice.source.name
        job = Job.create(context.jobs, kind=f"backup-{run}", subject=name, operator="ana")
        with operation_lock(job, context, name, OPERATION[Kind(run)]):
            assert "ana" in scheduled(practice, "backup", run, check=75)
        job.end()
        job.close()
        assert sink.mails == []


def test_whatever_a_schedule_starts_is_told_if_it_fails(practice):
    def prune(job: Job) -> None:
        raise StorageError("nothing can be deleted")

    with mail_server() as sink:
        practice.configure(SMTP_SERVER="127.0.0.1", SMTP_PORT=str(sink.port), ALERT_EMAIL="ana@mtn.cl")
        context = replace(practice.context, scheduled=True)
        with pytest.raises(StorageError):
            practice.run("verify", announced(context, prune), context)
        (mail,) = sink.mails
    assert mail["Subject"] == "[MTN ✖] CRITICAL: verify failed"


def test_show_tells_each_run_what_starts_it_and_what_is_missing(practice, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    described = json.loads(practice.here("schedule", "show", "--json", check=1).stdout)
    assert [one["id"] for one in described["runs"]] == [run.id for run in runs(practice.context.settings)]
    assert described["scripts"] == []
    said = practice.here("schedule", "show", check=1)
    assert "mtn schedule install" in said.stderr
    assert "daily at 02:00" in said.stdout
    for system, sign in (("cron", "0 2,3 * * *"), ("systemd", "OnCalendar="), ("launchd", "<plist")):
        assert sign in practice.here("schedule", "show", "--system", system).stdout


def test_install_without_anybody_to_ask_changes_nothing_unless_it_is_meant(practice, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    refused = practice.here("schedule", "install", "--system", "launchd", check=64)
    assert "--yes" in refused.stderr
    assert "+" in refused.stdout
    practice.here("schedule", "install", "--system", "launchd", "--dry-run")
    practice.here("--read-only", "schedule", "install", "--system", "launchd", "--yes", check=64)
    assert not (tmp_path / "home").exists()
