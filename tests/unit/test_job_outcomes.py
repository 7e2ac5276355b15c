"""What a job came to, from the facts in its journal: of this version, and of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mtn_tui.operations import job_outcomes

COPY = {"name": "a.gpg", "store": "disk", "rung": "complete", "trouble": "", "unknown": False}
SWAPPED = {
    "kept": "db_before",
    "safety": "a",
    "replaced": True,
    "seconds_without": 0.2,
    "fresh_copies": ["SELECT 1"],
}
BACKUP = {
    "id": "q7kx2maa",
    "name": "a.gpg",
    "size": 1,
    "raw_size": 2,
    "seconds": {"total": 1.5},
    "rung": "complete",
    "instead_of_differential": "",
}
FACTS: dict[str, dict[str, Any]] = {
    "backup-full": BACKUP,
    "backup-diff": BACKUP,
    "verify": {"copies": [COPY]},
    "restore": {
        "target": "db",
        "name": "a.gpg",
        "store": "disk",
        "rows": 3,
        "tables": 2,
        "seconds": {"total": 1.5},
        "not_counted": ["a.b"],
        "inserted": ["a.c"],
        "stays": True,
        **SWAPPED,
    },
    "drill": {
        "chain": ["a.gpg"],
        "stores": ["disk"],
        "rows": 3,
        "tables": 2,
        "checksum": "ab",
        "checks": [{"status": "ok", "says": "It is so."}],
        "seconds": {"load": 1.0},
        "rto_seconds": 60.0,
        "target_rto_hours": 2,
    },
    "undo": {"target": "db", "put_back": "db_before", **SWAPPED},
    "promote": {"target": "db", "source": "db_recovery", **SWAPPED},
    "recover": {
        "rows": 3,
        "from": "db_recovery",
        "target": "db",
        "tables": [{"name": "a.b", "written": 3}],
        "linked": 2,
    },
    "kept-drop": {"dropped": "db_before", "size": 3},
    "prune": {
        "kept": 120,
        "deleted": [{"id": "a"}],
        "left": [{"name": "a.gpg", "store": "disk", "reason": "in use just now"}],
        "freed": {"disk": 3},
        "versions_kept": True,
        "records": 2,
        "databases": ["db_before"],
    },
    "sync": {"copied": [{"id": "a"}], "failed": [], "bytes": 3},
    "test-load": {
        "id": "a",
        "name": "a.gpg",
        "loads": True,
        "reason": "",
        "without": ["postgis"],
        "where": "db1:5432",
        "rows_of_each": 100,
    },
}
"""Of each kind that comes to something."""

NEEDED = {
    "backup-full": ("id", "name", "size", "raw_size", "seconds", "rung"),
    "restore": ("target", "name", "store", "rows", "tables", "seconds"),
    "drill": ("chain", "stores", "rows", "tables", "checksum", "checks", "seconds", "rto_seconds"),
    "undo": ("target", "put_back"),
    "promote": ("target", "source"),
    "recover": ("rows", "from", "target", "tables"),
    "kept-drop": ("dropped", "size"),
    "prune": ("kept", "deleted", "left", "freed", "versions_kept", "records", "databases"),
    "sync": ("copied", "bytes"),
    "test-load": ("name", "loads", "without", "where", "rows_of_each"),
}


@pytest.mark.parametrize("kind", FACTS)
def test_each_kind_is_told_alike_from_the_job_itself_and_from_its_journal(kind):
    said = job_outcomes.lines(kind, FACTS[kind])
    assert said
    assert job_outcomes.of_journal(kind, FACTS[kind]) == said


@pytest.mark.parametrize(("kind", "fact"), [(kind, fact) for kind, facts in NEEDED.items() for fact in facts])
def test_an_outcome_of_which_another_version_recorded_less_is_left_out(kind, fact):
    less = {name: value for name, value in FACTS[kind].items() if name != fact}
    with pytest.raises(KeyError):
        job_outcomes.lines(kind, less)
    assert job_outcomes.of_journal(kind, less) == []


def changed(facts: Any) -> Iterator[Any]:
    """The same with one value, however deep, of another type or shape."""
    if isinstance(facts, dict):
        for name, value in facts.items():
            yield {other: one for other, one in facts.items() if other != name}
            for another in (None, "x", 7, [], [7], {}, {"x": 7}, float("inf")):
                yield {**facts, name: another}
            for deeper in changed(value):
                yield {**facts, name: deeper}
    elif isinstance(facts, list):
        for index, value in enumerate(facts):
            for deeper in changed(value):
                yield [*facts[:index], deeper, *facts[index + 1 :]]


@pytest.mark.filterwarnings("ignore:Plural value must be an integer:DeprecationWarning")  # newer Python
@pytest.mark.parametrize("kind", FACTS)
def test_no_facts_of_another_version_make_it_fail(kind):
    for facts in changed(FACTS[kind]):
        said = job_outcomes.of_journal(kind, facts)
        assert all(isinstance(line, str) for line in said), facts


@pytest.mark.parametrize(
    ("loads", "came"),
    [
        (True, "✔ It loads here."),
        (False, "✖ It does not load here: No such function."),
        (None, "? Whether it loads could not be tried: No such function."),
    ],
)
def test_a_test_load_says_what_was_tried_and_what_came_of_it(loads, came):
    name, tried, said = job_outcomes.lines(
        "test-load", FACTS["test-load"] | {"loads": loads, "reason": "" if loads else "No such function."}
    )
    assert name == "a.gpg"
    for part in ("db1:5432, without postgis", "the schema", "the first 100 rows", "without foreign keys"):
        assert part in tried
    assert said == came


def test_a_kind_without_an_outcome_and_one_that_nobody_knows_say_nothing():
    for kind in ("monitor", "teleport"):
        assert job_outcomes.of_journal(kind, {"overall_status": "OK"}) == []
