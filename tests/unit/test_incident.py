"""The incident: which step may begin, who may do it, and what is left after anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.core.clock import SystemClock
from mtn_tui.core.contacts import load
from mtn_tui.core.errors import MtnError, Refused, StorageError, UsageError
from mtn_tui.operations.incident.escalation import clock
from mtn_tui.operations.incident.file import (
    Found,
    IncidentFile,
    find,
    incidents,
    open_incident,
    path_of,
    read,
)
from mtn_tui.operations.incident.state import (
    Actor,
    Incident,
    Record,
    RecoveryMode,
    Step,
    StepStatus,
    check,
    fold,
)
from mtn_tui.operations.incident.watch import Watch
from mtn_tui.ui.wizard.session import is_gone

ANA = Actor("ana", "db1", "s1")
LUIS = Actor("luis", "db1", "s2")
CLOCK = SystemClock()
DATABASE = "Admisión_MTN_DB"


@pytest.fixture
def file(tmp_path) -> IncidentFile:
    return open_incident(tmp_path, DATABASE, ANA, CLOCK)


def as_another(file: IncidentFile, who: Actor = LUIS) -> IncidentFile:
    return IncidentFile(file.path, who, CLOCK)


def do(file: IncidentFile, *steps: Step) -> None:
    for step in steps:
        file.begin(step)
        file.done(step)


def test_it_begins_at_step_one_and_belongs_to_who_opened_it(file):
    assert (file.state.number, file.state.step, file.state.holder) == (1, Step.ASSESS, ANA)
    assert file.state.is_open
    assert file.is_mine


def test_the_steps_come_in_their_order(file):
    for step in Step:
        if step is not Step.REPORT:
            with pytest.raises(Refused):
                file.begin(Step(step + 1))
        do(file, step)
    assert all(state.standing is StepStatus.DONE for state in file.state.steps.values())


def test_a_step_that_was_not_begun_can_not_end(file):
    with pytest.raises(Refused):
        file.done(Step.ASSESS)


def test_after_a_failure_the_step_is_begun_again_and_nothing_after_it(file):
    do(file, Step.ASSESS, Step.NOTIFY, Step.CHOOSE)
    file.begin(Step.STAGING, job="aaaaaaaa")
    file.failed(Step.STAGING, MtnError("The disk is full.", "Make room."))
    assert file.state.steps[Step.STAGING].reason == "The disk is full."
    assert file.state.step is Step.STAGING
    with pytest.raises(Refused):
        file.begin(Step.VALIDATE)
    do(file, Step.STAGING)
    assert file.state.step is Step.VALIDATE


def test_going_back_undoes_what_rested_on_it(file):
    do(file, Step.ASSESS, Step.NOTIFY, Step.CHOOSE, Step.STAGING, Step.VALIDATE)
    file.begin(Step.CHOOSE)
    assert [file.state.steps[step].standing for step in Step][1:5] == [
        StepStatus.DONE,
        StepStatus.RUNNING,
        StepStatus.PENDING,
        StepStatus.PENDING,
    ]


def test_what_was_not_validated_is_never_put_into_production(file):
    do(file, Step.ASSESS, Step.NOTIFY, Step.CHOOSE, Step.STAGING)
    for step in (Step.VALIDATE, Step.PRODUCTION):
        with pytest.raises(Refused):
            file.skip(step, "no time")
    with pytest.raises(Refused):
        file.begin(Step.PRODUCTION)


def test_a_step_is_left_out_for_a_reason_that_is_kept(file):
    do(file, Step.ASSESS)
    with pytest.raises(Refused):
        file.skip(Step.NOTIFY, " ")
    file.skip(Step.NOTIFY, "all of them are in the room")
    assert file.state.step is Step.CHOOSE
    assert file.state.steps[Step.NOTIFY].reason == "all of them are in the room"


@pytest.mark.parametrize(
    ("way", "left"),
    [
        (RecoveryMode.RESTORE, [3, 4, 5, 6, 7, 8]),
        (RecoveryMode.BESIDE, [3, 4, 5, 6, 7, 8]),
        (RecoveryMode.LEAVE, [7, 8]),
    ],
)
def test_each_way_has_its_steps(file, way, left):
    file.begin(Step.ASSESS)
    file.done(Step.ASSESS, way=way)
    do(file, Step.NOTIFY)
    for step in left:
        assert file.state.step == step
        do(file, Step(step))
    file.close("over")
    assert not file.state.is_open


def test_assessing_again_may_go_another_way(file):
    file.begin(Step.ASSESS)
    file.done(Step.ASSESS, way=RecoveryMode.LEAVE)
    file.begin(Step.ASSESS)
    file.done(Step.ASSESS, way=RecoveryMode.RESTORE)
    do(file, Step.NOTIFY)
    assert file.state.step is Step.CHOOSE


def test_a_second_operator_takes_over_and_the_first_is_refused_and_told_by_whom(file):
    other = as_another(file)
    with pytest.raises(Refused, match="ana@db1"):
        other.begin(Step.ASSESS)
    other.note("I am here")
    other.take()
    do(other, Step.ASSESS)
    with pytest.raises(Refused, match="luis@db1"):
        file.begin(Step.NOTIFY)
    file.look()
    assert not file.is_mine
    assert file.state.step is Step.NOTIFY
    file.take()
    assert file.is_mine


def test_the_same_person_at_another_screen_takes_it_over_too(file):
    again = as_another(file, Actor("ana", "db1", "s3"))
    with pytest.raises(Refused):
        again.begin(Step.ASSESS)
    again.take()
    again.begin(Step.ASSESS)


def test_there_is_one_open_incident_of_a_database(file, tmp_path):
    with pytest.raises(Refused, match="1"):
        open_incident(tmp_path, DATABASE, LUIS, CLOCK)
    assert open_incident(tmp_path, "another", LUIS, CLOCK).state.number == 2
    file.close("over")
    assert open_incident(tmp_path, DATABASE, LUIS, CLOCK).state.number == 3
    assert [one.number for one in incidents(tmp_path)] == [3, 2, 1]


def test_many_open_one_at_once_and_one_of_them_does(tmp_path):
    opened, refused = [], []

    def go(number):
        try:
            opened.append(open_incident(tmp_path, DATABASE, Actor("ana", "db1", str(number)), CLOCK))
        except Refused:
            refused.append(number)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(opened), len(refused)) == (1, 7)


def test_a_closed_incident_is_not_changed_any_more(file):
    file.close("over")
    for change in (lambda: file.begin(Step.ASSESS), lambda: file.note("late"), file.take):
        with pytest.raises(Refused):
            change()


def test_it_is_found_by_number_or_as_the_one_that_is_open(file, tmp_path):
    assert find(tmp_path, None) == file.state
    assert path_of(tmp_path, find(tmp_path, 1)) == file.path
    with pytest.raises(UsageError):
        find(tmp_path, 7)


@pytest.mark.parametrize("place", ["incidents", "."])
def test_a_folder_that_can_not_be_read_is_not_said_to_be_empty(tmp_path, place):
    state = tmp_path / "state"
    (state / place).parent.mkdir(exist_ok=True)
    (state / place).write_bytes(b"")
    watch = Watch(state)
    for look in (
        lambda: incidents(state),
        lambda: find(state, None),
        lambda: open_incident(state, DATABASE, ANA, CLOCK),
    ):
        with pytest.raises(StorageError, match="could not be used"):
            look()
    assert isinstance(watch.look(), StorageError)
    assert watch.look() is None
    (state / place).unlink()
    assert watch.look() == Found((), {})


def test_without_a_number_an_incident_of_ones_own_database_comes_first(file, tmp_path):
    another = open_incident(tmp_path, "another", LUIS, CLOCK).state.number
    assert find(tmp_path, None, DATABASE).number == file.state.number
    file.close("over")
    assert find(tmp_path, None, DATABASE).number == file.state.number
    again = open_incident(tmp_path, DATABASE, ANA, CLOCK).state.number
    open_incident(tmp_path, "a third", ANA, CLOCK)
    assert find(tmp_path, None, DATABASE).number == again
    assert find(tmp_path, None, "another").number == another
    assert find(tmp_path, None, "none of these").number == again + 1
    assert find(tmp_path, another, DATABASE).number == another


def test_one_that_can_not_be_read_is_passed_over_and_told(file, tmp_path):
    file.close("over")
    (file.path.parent / "0007.jsonl").symlink_to("nowhere")
    watch = Watch(tmp_path)
    found = watch.look()
    assert [one.number for one in found.incidents] == [1]
    assert "0007.jsonl could not be used" in found.unread[7].title
    assert watch.look() is None
    assert find(tmp_path, None).number == 1
    with pytest.raises(StorageError, match="0007"):
        find(tmp_path, 7)
    assert open_incident(tmp_path, DATABASE, LUIS, CLOCK).state.number == 8
    assert [one.number for one in watch.look().incidents] == [8, 1]


def test_where_none_can_be_read_that_is_said(tmp_path):
    (tmp_path / "incidents").mkdir()
    (tmp_path / "incidents" / "0001.jsonl").symlink_to("nowhere")
    with pytest.raises(StorageError, match="0001"):
        find(tmp_path, None)


@pytest.mark.parametrize("rubbish", [b"{", b'{"at": "x"}\n', b"\xff\xfe\n", b"[]\n", b'{"at"', b"null\n"])
def test_a_torn_or_foreign_line_takes_nothing_with_it(file, rubbish):
    file.begin(Step.ASSESS)
    with file.path.open("ab") as stream:
        stream.write(rubbish)
    file.done(Step.ASSESS)
    assert read(file.path).step is Step.NOTIFY


@pytest.mark.parametrize(
    "change",
    [
        {"event": "began", "step": None},
        {"event": "done", "step": 1, "facts": {"way": "of tomorrow"}},
        {"event": "skipped", "step": 9},
        {"event": "closed", "at": "0001-01-01T00:00:00+00:00"},
    ],
)
def test_a_record_that_makes_no_sense_is_passed_over(file, change):
    file.begin(Step.ASSESS)
    told = json.loads(file.path.read_bytes().split(b"\n")[-2]) | change
    with file.path.open("ab") as stream:
        stream.write(json.dumps(told).encode() + b"\n" + b"[" * 200_000 + b"\n")
    file.done(Step.ASSESS)
    assert read(file.path).is_open
    assert read(file.path).step is Step.NOTIFY


@pytest.mark.parametrize("pid", ["²", "9" * 5000, "", "x", "-1"], ids=lambda pid: ascii(pid[:8]))
def test_a_session_that_names_no_process_is_not_said_to_be_gone(pid):
    assert not is_gone(Actor("ana", "db1", f"{pid}/another boot:1/aaaaaaaa"), "db1")
    assert is_gone(Actor("ana", "db1", "999999999/another boot:1/aaaaaaaa"), "db1")


def test_a_severity_of_another_version_calls_whom_the_worst_one_calls(file):
    contacts = load(Path(__file__).parents[2] / "config" / "contacts.toml")
    now = CLOCK.now()
    states = []
    for severity in ("of tomorrow", "critical"):
        file.begin(Step.ASSESS)
        states.append(clock(contacts, file.done(Step.ASSESS, severity=severity), now))
    assert states[0] == states[1]
    assert states[0].next_calls


def test_a_moment_without_a_zone_is_in_utc(file):
    told = json.loads(file.path.read_bytes()) | {"event": "closed", "at": "2026-11-24T03:00:00"}
    with file.path.open("ab") as stream:
        stream.write(json.dumps(told).encode() + b"\n")
    assert read(file.path).closed_at == datetime(2026, 11, 24, 3, tzinfo=UTC)


def test_what_is_written_survives_a_killed_process(tmp_path):
    script = """
import os, signal, sys
from pathlib import Path
from mtn_tui.core.clock import SystemClock
from mtn_tui.operations.incident.state import Actor, Step
from mtn_tui.operations.incident.file import open_incident
file = open_incident(Path(sys.argv[1]), "db", Actor("ana", "db1", "s"), SystemClock())
file.begin(Step.ASSESS, job="aaaaaaaa")
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=os.environ, check=False)
    (left,) = incidents(tmp_path)
    assert left.steps[Step.ASSESS].standing is StepStatus.RUNNING
    assert left.steps[Step.ASSESS].facts == {"job": "aaaaaaaa"}


EVENTS = ["began", "done", "failed", "skipped", "took", "note", "called", "ticked", "closed"]
records = st.builds(
    Record,
    st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    st.sampled_from(EVENTS),
    st.sampled_from([ANA, LUIS]),
    st.sampled_from(Step),
    st.sampled_from([{}, {"way": "leave"}, {"way": "beside"}, {"way": "restore"}]),
    st.sampled_from(["", "a word"]),
)


@given(st.lists(records, max_size=60))
def test_whatever_is_tried_production_is_only_reached_by_its_steps(tried):
    incident = fold(1, [Record(datetime(2026, 1, 1, tzinfo=UTC), "opened", ANA)])
    for record in tried:
        try:
            check(incident, record)
        except Refused:
            continue
        incident = incident.after(record)
        production = incident.steps[Step.PRODUCTION]
        if production.standing in (StepStatus.RUNNING, StepStatus.DONE):
            assert incident.way is RecoveryMode.RESTORE
            before = [incident.steps[step].standing for step in (Step.CHOOSE, Step.STAGING, Step.VALIDATE)]
            assert before == [StepStatus.DONE] * 3
        assert sum(one.standing is StepStatus.RUNNING for one in incident.steps.values()) <= 1


@given(st.lists(records, max_size=30))
def test_records_of_any_order_are_read(tried):
    assert isinstance(fold(1, tried), Incident)
