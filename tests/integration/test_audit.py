"""What changes something is in the audit trail, whatever it is done by."""

from __future__ import annotations

import json

import pytest

from mtn_tui.core.clock import SystemClock
from mtn_tui.operations.audit.trail import NAME, Entry, last, verify
from mtn_tui.operations.incident.file import open_incident
from mtn_tui.operations.incident.state import Actor, Step
from tests.operation_fixtures import Practice


@pytest.fixture
def practice(pg18, new_database, practise) -> Practice:
    return practise(new_database(pg18))


def told(practice: Practice) -> list[Entry]:
    return last(practice.root / "state", 99)


def test_a_first_backup_and_a_pin_are_in_it_in_order_and_a_slip_is_not(practice):
    practice.key_file.unlink()
    made = json.loads(practice.here("backup", "full", "--json", check=1).stdout)
    practice.here("pin", made["id"], "--note", "fin de año")
    practice.here("undo", "--confirm", "no", check=64)
    begun, key, ended, pinned = told(practice)
    assert [one.action for one in (begun, key, ended)] == ["job-begun", "key-made", "job-ended"]
    assert ended.facts["name"] == made["name"]
    assert (pinned.action, pinned.subject, pinned.facts["note"]) == ("pinned", made["name"], "fin de año")
    assert practice.values["DB_PASSWORD"] not in (practice.root / "state" / NAME).read_text()


def test_the_command_shows_the_last_lines_and_names_the_first_that_does_not_fit(practice):
    practice.ready_made()
    name = str(practice.inventory.latest().name)
    for note in ("one", "two", "three"):
        practice.here("pin", name, "--note", note)
    said = practice.here("audit", "-n", "2").stdout.splitlines()
    assert len(said) == 3
    assert "note=three" in said[-1]
    assert [one["facts"]["note"] for one in json.loads(practice.here("audit", "--json").stdout)] == [
        *("one", "two", "three")
    ]
    assert "3 lines" in practice.here("audit", "--verify").stdout
    path = practice.root / "state" / NAME
    path.write_bytes(path.read_bytes().replace(b"two", b"six"))
    assert "line 3 does not fit" in practice.here("audit", "--verify", check=2).stdout
    (found,) = json.loads(practice.here("audit", "--verify", "--json", check=2).stdout)
    assert (found["lines"], found["wrong"]) == (3, 3)


def test_the_steps_of_an_incident_are_in_it(tmp_path):
    who = Actor("ana", "db1", "s1")
    file = open_incident(tmp_path, "school", who, SystemClock())
    file.begin(Step.ASSESS)
    file.close("nothing was wrong")
    opened, began, closed = last(tmp_path, 9)
    assert [one.action for one in (opened, began, closed)] == [
        *("incident-opened", "incident-began", "incident-closed")
    ]
    assert (began.subject, began.facts, closed.facts) == (
        "incident 1",
        {"step": 1},
        {"text": "nothing was wrong"},
    )
    assert verify(tmp_path).wrong is None


def test_a_trail_that_can_t_be_written_is_said_and_stops_neither_a_mark_nor_an_incident(practice):
    state = practice.root / "state"
    (state / NAME).mkdir(parents=True)
    practice.ready_made()
    done = practice.here("pin", str(practice.inventory.latest().name), check=1)
    assert "audit trail" in done.stderr
    assert practice.inventory.latest().pinned
    file = open_incident(state, "school", Actor("ana", "db1", "s1"), SystemClock())
    assert "audit trail" in str(file.state.records[0].facts["audit"])
