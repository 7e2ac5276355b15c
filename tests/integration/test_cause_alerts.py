"""People are told once of what the health checks find, by the monitor and by jobs, and of its end."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from mtn_tui.core.clock import SystemClock
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health import cause_alerts
from mtn_tui.operations.health.catalogue import BY_ID
from mtn_tui.operations.health.runner import Result
from mtn_tui.operations.incident.file import open_incident
from mtn_tui.operations.incident.held_back import held_back
from mtn_tui.operations.incident.state import Actor
from tests.alert_fixtures import Sink, mail_server
from tests.operation_fixtures import Practice

ANA = "ana@mtn.cl"
ONCALL = "oncall@mtn.cl"
LATER = "later@mtn.cl"

CONTACTS = f"""
zone = "UTC"

[people.oncall]
name = "Eva Rojas"
role = "On call"
email = "{ONCALL}"

[people.later]
name = "Luis Soto"
role = "DBA"
email = "{LATER}"

[people.phone]
name = "Rosa Mena"
role = "CTO"
phone = "+56 9 1234"

[severity.critical]
respond_within = 15
steps = [{{ after = 0, tell = ["oncall", "phone"] }}, {{ after = 60, tell = ["later"] }}]

[severity.high]
respond_within = 60
steps = [{{ after = 0, tell = ["oncall"] }}]
"""


@pytest.fixture
def small(pg18, new_database):
    database = new_database(pg18)
    database.psql("CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 50) g")
    return database


@pytest.fixture
def sink():
    with mail_server() as server:
        yield server


@pytest.fixture
def practice(small, practise, sink) -> Practice:
    made: Practice = practise(
        small,
        ENABLE_MONITORING="true",
        SMTP_SERVER="127.0.0.1",
        SMTP_PORT=str(sink.port),
        ALERT_EMAIL=ANA,
    )
    (made.root / "config" / "contacts.toml").write_text(CONTACTS)
    return made


def text(mail) -> str:
    return " ".join(mail.get_body(("plain",)).get_content().split())


def subjects(sink: Sink) -> list[str]:
    """What was told, once for all recipients."""
    return [str(one) for one in dict.fromkeys(mail["Subject"] for mail in sink.mails)]


def fails(status: Status = Status.FAIL) -> list[Result]:
    return [
        Result(BY_ID["server"], (Check("server", status, "It is so.", "Do this."),), datetime.now(UTC), 0)
    ]


def told(practice: Practice, results: list[Result]) -> list[cause_alerts.Draft]:
    with cause_alerts.due(practice.context, results) as drafts:
        return list(drafts)


def test_a_monitor_tells_of_all_that_is_wrong_in_one_mail_once_and_of_its_end(practice, sink):
    practice.here("monitor", check=2)
    assert Counter(sink.to) == {ANA: 1, ONCALL: 1}
    (mail, _copy) = sink.mails
    assert mail["Subject"].startswith(
        "[MTN ✖] CRITICAL: 4 problems: Full backup, Differentials, RPO and RTO, "
    )
    assert "There is no full backup yet. Since" in text(mail)
    assert "Make one: mtn backup full" in text(mail)
    assert "Notified: Eva Rojas" in text(mail)
    assert "to be called: Rosa Mena +56 9 1234" in text(mail)
    assert "others are notified from" in text(mail)
    practice.here("monitor", "--quick", check=2)
    practice.here("monitor", check=2)
    assert len(sink.taken) == 2, "each knows what the one before it has told"
    practice.ready_made()
    practice.here("monitor", "--quick", check=1)
    assert sink.to[2:] == [ANA, ONCALL, ANA, ONCALL]
    new, solved = sink.mails[2], sink.mails[4]
    assert new["Subject"].startswith("[MTN ⚠] WARNING: RPO and RTO: RTO unknown")
    assert solved["Subject"] == "[MTN ✔] Solved: Full backup, Differentials, RPO and RTO"
    assert "Full backup is ok again. Since" in text(solved)
    practice.here("monitor", "--quick", check=1)
    assert len(sink.taken) == 6


def test_with_monitoring_switched_off_it_looks_and_tells_nobody(practice, sink):
    practice.configure(ENABLE_MONITORING="false")
    practice.here("monitor", check=2)
    assert sink.taken == []


def test_looks_at_the_same_moment_tell_it_once(practice, sink):
    def look() -> None:
        context = practice.context
        with cause_alerts.due(context, fails()) as drafts:
            for draft in drafts:
                cause_alerts.send(context, draft)

    looks = [threading.Thread(target=look) for _look in range(4)]
    for one in looks:
        one.start()
    for one in looks:
        one.join()
    assert sorted(sink.to) == [ANA, ONCALL]


def test_what_broke_off_before_it_was_sent_is_told_by_the_next_look(practice):
    def breaks_off() -> None:
        with cause_alerts.due(practice.context, fails()) as drafts:
            assert len(drafts) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        breaks_off()
    assert len(told(practice, fails())) == 1
    assert told(practice, fails()) == []


def test_a_state_folder_that_takes_no_file_does_not_make_it_told_again_and_again(practice, sink):
    (practice.root / "state").write_bytes(b"")
    assert len(told(practice, fails())) == 1
    assert told(practice, fails()) == []
    (practice.root / "state").unlink()
    assert told(practice, fails()) == [], "once it is back, what was kept elsewhere still counts"
    (solved,) = told(practice, fails(Status.OK))
    assert solved.to == (ONCALL,)


def test_a_damaged_record_counts_as_none(practice):
    assert len(told(practice, fails())) == 1
    (path,) = (practice.root / "state" / "health").glob("*.causes.json")
    path.write_bytes(b'{"at": 1')
    assert len(told(practice, fails())) == 1


def test_what_is_not_solved_in_an_hour_climbs_and_says_for_how_long_it_lasts(practice):
    class Clock(SystemClock):
        ahead = timedelta(0)

        def now(self) -> datetime:
            return super().now() + self.ahead

    clock = Clock()
    context = practice.context
    object.__setattr__(context, "clock", clock)
    with cause_alerts.due(context, fails()):
        pass
    clock.ahead = timedelta(minutes=61)
    with cause_alerts.due(context, fails()) as drafts:
        (climbing,) = drafts
    assert climbing.to == (LATER,)
    assert climbing.subject == "CRITICAL: not solved for 1 h 1 min: Database: It is so."
    with cause_alerts.due(context, fails(Status.OK)) as drafts:
        (solved,) = drafts
    assert set(solved.to) == {ONCALL, LATER}


def test_contacts_that_cannot_be_read_are_named_and_hold_up_no_alert(practice):
    (practice.root / "config" / "contacts.toml").write_text("nothing = [")
    (draft,) = told(practice, fails())
    assert draft.to == ()
    assert "No contact was notified" in draft.body


# After a job


def test_a_job_that_mends_it_tells_so_and_what_it_leaves_is_told_too(practice, sink):
    practice.here("monitor", "--quick", check=2)
    sink.taken.clear()
    practice.here("backup", "full")
    assert [one[:22] for one in subjects(sink)] == [
        "[MTN ✔] Full backup do",
        "[MTN ⚠] WARNING: RPO a",
        "[MTN ✔] Solved: Full b",
    ]
    sink.taken.clear()
    practice.here("backup", "full")
    assert [one[:22] for one in subjects(sink)] == ["[MTN ✔] Full backup do"]


def test_a_job_that_fails_and_what_is_wrong_since_are_one_mail(practice, sink):
    practice.configure(DB_PASSWORD="wrong")
    practice.here("backup", "full", check=2)
    assert subjects(sink) == ["[MTN ✖] CRITICAL: full backup failed"]
    assert Counter(sink.to) == {ANA: 1, ONCALL: 1}
    assert "There is no full backup yet. Since" in text(sink.mails[0])
    practice.here("backup", "full", check=2)
    assert Counter(sink.to) == {ANA: 2, ONCALL: 1}, "the job's own failure again; the state is as it was"
    practice.here("monitor", "--quick", check=2)
    others = [one[:30] for one in subjects(sink)[1:]]
    assert others == ["[MTN ⚠] WARNING: Restore drill"], "the monitor adds only what no backup looks at"


def test_a_job_that_changes_no_check_looks_at_none(practice, sink):
    practice.here("notify", "INFO", "a", "b")
    practice.here("list", check=None)
    assert not (practice.root / "state" / "health").exists()


# During an incident


def test_an_incident_holds_back_what_it_is_about_and_not_for_ever(practice, sink):
    context = practice.context
    assert held_back(context) == frozenset()
    file = open_incident(context.state, context.settings.db_name, Actor("ana", "db1", "s1"), SystemClock())
    assert "server" in held_back(context)
    assert "suspect" not in held_back(context)
    practice.here("monitor", "--quick", check=2)
    assert [one[:30] for one in subjects(sink)] == ["[MTN ⚠] WARNING: Restore drill"]
    sink.taken.clear()
    practice.configure(TARGET_RTO_HOURS="0.000001")
    assert held_back(practice.context) == frozenset(), "it may have been forgotten"
    practice.configure(TARGET_RTO_HOURS="4")
    file.close("solved")
    assert held_back(context) == frozenset()
    practice.here("monitor", "--quick", check=2)
    assert Counter(sink.to) == {ANA: 1, ONCALL: 1}
