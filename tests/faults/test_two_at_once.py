"""Two at the same thing: one goes on, the other says who is at it and leaves."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mtn_tui.core.models import JobState
from mtn_tui.core.operator import host_name
from mtn_tui.demo.postgres_server import PostgresServer
from tests.faults.aftermath import (
    assert_nothing_half_made,
    begin,
    locked,
    template_busy,
)
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database, NewDatabase


@pytest.fixture
def source(pg18: PostgresServer, new_school: NewDatabase) -> Database:
    return new_school(pg18)


@pytest.fixture
def practice(source: Database, practise: Callable[..., Practice]) -> Practice:
    made: Practice = practise(source)
    return made


@pytest.fixture
def target(new_database: NewDatabase, pg18: PostgresServer) -> Database:
    database = new_database(pg18)
    database.psql("CREATE TABLE precious AS SELECT 42 AS answer")
    return database


def test_of_two_backups_at_once_one_runs_and_others_here_or_on_another_host_say_who_is_at_it(
    practice: Practice, source: Database, tmp_path: Path
) -> None:
    with locked(source, "students"):
        first = begin(practice, "backup", "full")
        first.reaches("dump")
        told = practice.mtn("backup", "full", check=75).stderr
        said = re.search(
            r"Already running, by (?P<who>\S+): backup of (?P<database>\S+) on (?P<host>\S+),"
            r" since (?P<since>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}), job (?P<job>\w{8})\.",
            " ".join(told.split()),
        )
        assert said, told
        view = first.view
        assert said["who"] == view.operator
        assert said["database"] == source.name
        assert said["host"] == view.host
        assert said["job"] == view.id
        assert f"mtn job cancel {view.id}" in told
        assert view.state is JobState.RUNNING
        elsewhere = practice.mtn("backup", "full", check=75, STATE_DIR=str(tmp_path / "another")).stderr
        assert f"Already running on another host: mtn backup {view.id}@{host_name()}" in elsewhere
        where = r"connected from 127\.0\.0\.1 since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
        assert re.search(where, " ".join(elsewhere.split()))
    first.ends(0)
    assert len(practice.inventory.backups) == 1
    assert_nothing_half_made(practice)


def test_of_two_restores_into_one_target_one_runs_and_the_other_says_who_is_at_it(
    practice: Practice, target: Database, tmp_path: Path
) -> None:
    practice.ready_made()
    command = ["restore", "--latest", "--drop", "--target", target.name]
    with template_busy(target):
        first = begin(practice, *command)
        first.reaches("check-disk")
        told = practice.mtn(*command, check=75).stderr
        assert "Already running, by " in told
        assert first.view.id in told
        elsewhere = practice.mtn(*command, check=75, STATE_DIR=str(tmp_path / "another")).stderr
        assert f"mtn restore {first.view.id}@" in elsewhere
        assert target.psql("SELECT answer FROM precious") == b"42\n"
    first.ends(0)


@pytest.mark.slow
def test_a_restore_into_another_target_goes_on_beside_it(practice: Practice, target: Database) -> None:
    practice.ready_made()
    with template_busy(target):
        first = begin(practice, "restore", "--latest", "--drop", "--target", target.name)
        first.reaches("check-disk")
        second = begin(practice, "restore", "--latest", "--target", f"{target.name}_b")
        practice.made.append(f"{target.name}_b")
        second.reaches("check-disk")
    first.ends(0)
    second.ends(0)
