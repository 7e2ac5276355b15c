"""Who is told of what is wrong, once, when they are due by runbook section 9, and of its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mtn_tui.core.contacts import Contacts, parse
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.catalogue import BY_ID
from mtn_tui.operations.health.causes import Cause, Judged, judge
from mtn_tui.operations.health.runner import Result

MONDAY_NOON = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)
"""12:00 in Santiago: all are on duty."""
NIGHT = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
"""Monday 03:00 there."""

OK, WARN, FAIL, UNKNOWN = Status.OK, Status.WARN, Status.FAIL, Status.UNKNOWN
EXAMPLE = Path(__file__).parents[2] / "config" / "contacts.toml"


@pytest.fixture(scope="module")
def contacts() -> Contacts:
    return parse(EXAMPLE.read_text(), EXAMPLE)


def result(check: str, **findings: Status) -> Result:
    found = tuple(Check(name, status, f"{name} is {status}", "hint") for name, status in findings.items())
    return Result(BY_ID[check], found, MONDAY_NOON, 0.1)


def server(status: Status) -> Result:
    return result("server", server=status)


@dataclass
class Watched:
    """Looks at results one after the other, as monitors do that know only what the last one kept."""

    contacts: Contacts | None
    now: datetime = MONDAY_NOON
    causes: tuple[Cause, ...] = ()
    held: frozenset[str] = frozenset()
    told: list[set[str]] = field(default_factory=list)

    def look(self, *results: Result, later: float = 15) -> Judged:
        judged = judge(self.causes, results, self.contacts, self.now, self.held)
        self.causes = judged.causes
        self.now += timedelta(minutes=later)
        return judged


@pytest.fixture
def watched(contacts: Contacts) -> Watched:
    return Watched(contacts)


def keys(judged: Judged) -> list[str]:
    return [call.person.key for call in judged.tell]


def of(causes: Sequence[Cause]) -> list[str]:
    return [one.finding for one in causes]


def test_a_failure_tells_levels_1_and_2_at_once_and_an_hour_later_the_dba_and_the_cto(watched):
    looks = [watched.look(server(FAIL)) for _quarter in range(8)]
    assert [keys(one) for one in looks] == [
        ["operations", "devops"],
        [],
        [],
        [],
        ["dba", "cto"],
        [],
        [],
        [],
    ]
    assert [bool(one.alerts) for one in looks] == [True, False, False, False, True, False, False, False]
    assert looks[0].next_at == MONDAY_NOON + timedelta(hours=1)
    assert looks[4].next_at is None


def test_a_warning_tells_level_1_and_level_2_if_it_is_not_solved_in_two_hours(watched):
    looks = [watched.look(result("full", full=WARN), later=60) for _hour in range(4)]
    assert [keys(one) for one in looks] == [["operations"], [], ["devops"], []]


def test_one_alert_a_cause_until_its_status_changes_and_both_statuses_are_told(watched):
    assert of(watched.look(server(WARN)).alerts) == ["server"]
    assert watched.look(server(WARN)).alerts == ()
    worse = watched.look(server(FAIL))
    assert [one.status for one in worse.alerts] == [FAIL]
    assert keys(worse) == ["operations", "devops"]
    better = watched.look(server(WARN))
    assert [one.status for one in better.alerts] == [WARN]
    assert keys(better) == ["operations"]
    assert set(better.also) == {"devops"}, "who heard of the worse hears of the better"


def test_well_again_is_told_to_all_who_were_told_of_any_status(watched):
    watched.look(server(FAIL), later=61)
    watched.look(server(FAIL))
    watched.look(server(WARN))
    (over,) = watched.look(server(OK)).recovered
    assert over.everyone == {
        "operations": "admin@mtn.cl",
        "devops": "devops@mtn.cl",
        "dba": "dba@mtn.cl",
        "cto": "cto@mtn.cl",
    }
    assert watched.causes == ()
    assert watched.look(server(OK)).recovered == ()
    assert keys(watched.look(server(FAIL))) == ["operations", "devops"], "it begins anew"


def test_an_unknown_after_a_failure_is_no_recovery_and_no_new_cause_and_it_still_climbs(watched):
    watched.look(server(FAIL))
    unknown = watched.look(server(UNKNOWN), later=60)
    assert (unknown.alerts, unknown.recovered) == ((), ())
    assert keys(watched.look(server(UNKNOWN))) == ["dba", "cto"]
    again = watched.look(server(FAIL))
    assert (again.alerts, again.recovered) == ((), ())
    assert of(watched.look(server(OK)).recovered) == ["server"]


def test_an_unknown_is_told_once_it_has_lasted_and_one_that_passes_is_not_told_at_all(watched):
    assert watched.look(server(UNKNOWN), later=5).alerts == ()
    passed = watched.look(server(OK))
    assert (passed.alerts, passed.recovered) == ((), ())
    watched.look(server(UNKNOWN))
    lasting = watched.look(server(UNKNOWN))
    assert [one.status for one in lasting.alerts] == [UNKNOWN]
    assert keys(lasting) == ["operations"]
    assert of(watched.look(server(OK)).recovered) == ["server"]


def test_a_failure_that_follows_an_unknown_is_told_at_once(watched):
    watched.look(server(UNKNOWN))
    assert [one.status for one in watched.look(server(FAIL)).alerts] == [FAIL]


def test_who_is_off_duty_is_passed_over_and_named_and_told_once_they_are_back(contacts):
    watched = Watched(contacts, NIGHT)
    first = watched.look(server(FAIL), later=60)
    assert (keys(first), [one.person.key for one in first.off_duty]) == (["devops"], ["operations"])
    hour = watched.look(server(FAIL), later=4 * 60 + 15)
    assert keys(hour) == ["cto"]
    assert [one.person.key for one in hour.off_duty] == ["operations", "dba"]
    assert keys(watched.look(server(FAIL), later=60)) == ["operations"], "at 08:00 level 1 is back"
    assert keys(watched.look(server(FAIL))) == ["dba"], "at 09:00 the DBA is"
    assert watched.look(server(FAIL)).alerts == ()


def test_several_causes_of_one_moment_are_one_alert_to_all_who_are_due_for_any(watched):
    found = watched.look(server(FAIL), result("full", full=WARN), result("suspect", suspect=OK))
    assert of(found.alerts) == ["server", "full"]
    assert keys(found) == ["operations", "devops"]
    assert watched.look(server(FAIL), result("full", full=WARN)).alerts == ()
    over = watched.look(server(OK), result("full", full=OK))
    assert of(over.recovered) == ["server", "full"]
    assert all(set(one.everyone) == {"operations", "devops"} for one in over.recovered)


def test_the_findings_of_one_check_are_causes_of_their_own(watched):
    assert of(watched.look(result("objectives", rpo=FAIL, rto=OK)).alerts) == ["rpo"]
    both = watched.look(result("objectives", rpo=OK, rto=WARN))
    assert (of(both.recovered), of(both.alerts)) == (["rpo"], ["rto"])


def test_what_is_not_found_this_time_is_over_only_if_all_is_well(watched):
    watched.look(result("objectives", rpo=FAIL, rto=WARN))
    assert watched.look(result("objectives", rpo=FAIL)).recovered == ()
    assert watched.look(result("objectives", objectives=UNKNOWN)).recovered == ()
    watched.look(result("objectives", objectives=UNKNOWN))
    over = watched.look(result("objectives", rpo=OK, rto=WARN))
    assert set(of(over.recovered)) == {"rpo", "objectives"}, "what could not be looked at was looked at"
    assert of(watched.look(result("objectives", rpo=OK)).recovered) == ["rto"]


def test_the_worst_of_several_findings_of_one_name_counts(watched):
    two = Result(
        BY_ID["folders"],
        (Check("folders", OK, "the one"), Check("folders", WARN, "the other")),
        MONDAY_NOON,
        0.1,
    )
    (alert,) = watched.look(two).alerts
    assert (alert.status, alert.says) == (WARN, "the other")


def test_what_decides_nothing_wakes_nobody(watched):
    assert not BY_ID["machine"].decides
    assert watched.look(result("machine", machine=FAIL)).alerts == ()


def test_what_was_not_looked_at_stays_as_it_is(watched):
    watched.look(server(FAIL), later=120)
    other = watched.look(result("full", full=OK))
    assert (other.alerts, other.recovered) == ((), ())
    assert of(watched.causes) == ["server"]


def test_what_an_incident_is_about_is_told_after_it_if_it_lasts_and_not_during_it(watched):
    watched.held = frozenset({"server"})
    during = watched.look(server(FAIL), result("suspect", suspect=WARN), later=90)
    assert of(during.alerts) == ["suspect"]
    watched.held = frozenset()
    after = watched.look(server(FAIL))
    assert (of(after.alerts), keys(after)) == (["server"], ["operations", "devops", "dba", "cto"])


def test_the_end_of_what_was_told_before_an_incident_is_told_during_it(watched):
    watched.look(server(FAIL))
    watched.held = frozenset({"server"})
    assert watched.look(server(FAIL), later=120).alerts == ()
    assert of(watched.look(server(OK)).recovered) == ["server"]


def test_without_contacts_those_are_told_who_get_every_alert():
    watched = Watched(None)
    first = watched.look(server(FAIL), later=120)
    assert (of(first.alerts), first.tell) == (["server"], ())
    assert watched.look(server(FAIL)).alerts == ()
    assert of(watched.look(server(OK)).recovered) == ["server"]


def test_a_change_of_status_during_an_incident_does_not_forget_that_people_were_told(watched):
    watched.contacts = None
    watched.look(server(WARN))
    watched.held = frozenset({"server"})
    watched.look(server(FAIL))
    assert of(watched.look(server(OK)).recovered) == ["server"]
