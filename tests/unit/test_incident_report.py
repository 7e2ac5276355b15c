"""The report says what happened, in the order in which it did, and nothing in it is markup by accident."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mtn_tui.operations.incident.report import lasted, report, took
from mtn_tui.operations.incident.state import Actor, Record, RecoveryMode, Step, fold

ANA = Actor("ana", "db1", "s1")
START = datetime(2026, 1, 1, 6, 0, tzinfo=UTC)
RTO = timedelta(hours=4)

END = START + timedelta(minutes=10)


def records(*told):
    """(event, step, facts, text), a minute apart."""
    for minute, (event, step, facts, text) in enumerate(told):
        yield Record(START + timedelta(minutes=minute), event, ANA, step, facts, text)


def test_it_says_what_was_seen_chosen_and_done():
    seen = {
        "way": RecoveryMode.RESTORE,
        "severity": "high",
        "findings": ["fail: no answer", "ok: the disk has room"],
    }
    sent = {"channels": {"mail ana@mtn.cl": "sent", "mail eva@mtn.cl": "kept It does not answer."}}
    facts = {"backup": "abc", "moment": "2026-01-01T02:00:00+00:00", "loses_seconds": 5400, "store": "disk"}
    incident = fold(
        7,
        records(
            ("opened", None, {"database": "Admisión_MTN_DB"}, ""),
            ("began", Step.ASSESS, {}, ""),
            ("done", Step.ASSESS, seen, ""),
            ("began", Step.NOTIFY, {}, ""),
            ("done", Step.NOTIFY, sent, ""),
            ("began", Step.NOTIFY, {}, ""),
            ("skipped", Step.NOTIFY, {}, "all in the room"),
            ("began", Step.CHOOSE, {}, ""),
            ("done", Step.CHOOSE, facts, ""),
            ("began", Step.STAGING, {}, ""),
            ("failed", Step.STAGING, {"hint": "Make room."}, "The disk is full."),
            ("called", None, {}, "devops@mtn.cl"),
            ("called", None, {"name": "Carla Soto"}, "dba"),
            ("ticked", None, {}, "login works"),
        ),
    )
    said = report(incident, START + timedelta(minutes=10), RTO)
    for part in (
        r"# Incident 7: Admisión\_MTN\_DB",
        "Still open: at step 4, Staging",
        "Took 10 min, within the RTO of 4 h",
        "| 4 | Staging | failed |",
        "| 2 | Notify | left out |",
        "- severity: high",
        "  - ✖ no answer",
        "  - ✔ the disk has room",
        "  - e-mail ana@mtn.cl: sent\n",
        "  - e-mail eva@mtn.cl: kept, and sent later: It does not answer.",
        "- what was written after it, and is lost: at most 1 h 30 min",
        "- what to do: Make room.",
        "- called: devops@mtn.cl",
        "- called: Carla Soto",
        "called Carla Soto",
        "- seen: login works (ana@db1)",
        "left out 2 Notify: all in the room",
    ):
        assert part in said, said


def test_it_took_as_long_as_people_were_told_when_it_ended():
    told = ("opened", None, {}, ""), ("began", Step.REPORT, {}, ""), ("done", Step.REPORT, {}, "")
    open_still = fold(1, records(*told))
    closed = fold(1, records(*told, ("closed", None, {}, "")))
    assert closed.closed_at == START + timedelta(minutes=3)
    for one in (open_still, closed):
        assert took(one, START + timedelta(hours=1)) == timedelta(minutes=1)


def said_of(*told) -> str:
    opened = ("opened", None, {"database": "admision"}, "")
    return report(fold(1, records(opened, *told)), START + timedelta(minutes=30), RTO)


def test_what_was_wrong_when_it_was_opened_and_what_mended_it_stand_in_it():
    first = {"findings": ["fail: PostgreSQL does not answer.", "ok: The disk has room."]}
    now = {"findings": ["ok: PostgreSQL answers.", "ok: The disk has room."]}
    said = said_of(
        ("began", Step.ASSESS, {}, ""),
        ("looked", None, first, ""),
        ("mended", None, {"kind": "database-start", "job": "aaaaaaaa"}, ""),
        ("looked", None, now, ""),
        ("done", Step.ASSESS, {"way": "leave", **now}, ""),
    )
    opened, _rest = said.split("## 1 Assess")
    assert "## When it was opened\n\n- ✖ PostgreSQL does not answer." in opened
    assert "- PostgreSQL was started (" in opened
    assert "saw: PostgreSQL does not answer. |" in said
    assert "saw nothing critical |" in said


def test_it_says_nothing_twice_and_nothing_of_what_is_empty():
    sent = {"recipients": ["ana@mtn.cl"], "channels": {"mail ana@mtn.cl": "sent"}}
    said = said_of(
        ("began", Step.ASSESS, {}, ""),
        ("done", Step.ASSESS, {"way": "restore", "hint": ""}, ""),
        ("began", Step.NOTIFY, {}, ""),
        ("done", Step.NOTIFY, sent, ""),
        ("began", Step.CHOOSE, {}, ""),
        ("done", Step.CHOOSE, {"store": None, "expected_seconds": None}, ""),
        ("began", Step.STAGING, {"job": ""}, ""),
        ("began", Step.STAGING, {"job": "aaaaaaaa"}, ""),
        ("failed", Step.STAGING, {"hint": "Make room."}, "The disk is full."),
        ("began", Step.STAGING, {"job": ""}, ""),
        ("began", Step.STAGING, {"job": "bbbbbbbb"}, ""),
        ("done", Step.STAGING, {"rows": 3}, ""),
        ("began", Step.VALIDATE, {}, ""),
        ("done", Step.VALIDATE, {"newest": None, "problems": []}, ""),
        ("began", Step.PRODUCTION, {"job": "cccccccc"}, ""),
        ("done", Step.PRODUCTION, {"kept": "", "away_seconds": 0.04, "without_seconds": 720}, ""),
        ("began", Step.SERVICES, {"job": "dddddddd"}, ""),
        ("done", Step.SERVICES, {"services": {"db1:8082": True, "db1:8083": False}}, ""),
        ("began", Step.REPORT, {}, ""),
        ("done", Step.REPORT, {"channels": {}}, ""),
        ("closed", None, {}, "It took 20 min."),
    )
    lines = said.splitlines()
    for one in lines:
        assert not one.endswith((":", ": —", ": ")) or lines[lines.index(one) + 1].startswith("  - "), one
    for text, count in {
        "ana@mtn.cl": 1,
        "restore all of it": 1,
        "| began 4 Staging |": 2,
        "It took 20 min.": 1,
        "Make room.": 0,
        "differences: none": 1,
        "the swap itself took: 0.0 s": 1,
        "without a database since the incident was opened: 12 min": 1,
        "db1:8082: healthy": 1,
        "db1:8083: not healthy": 1,
        "It reached nobody": 1,
    }.items():
        assert said.count(text) == count, (text, said)


def test_over_the_rto_is_said():
    incident = fold(1, records(("opened", None, {}, ""), ("closed", None, {}, "restored")))
    assert "within the RTO" in report(incident, START, RTO)
    assert "over the RTO" in report(incident, START, timedelta(seconds=30))


def test_hostile_words_are_text_and_take_one_line():
    evil = "|x|\n# owned <script>alert(1)</script> [a](javascript:b) `c`\x1b[2J\u202e"
    incident = fold(1, records(("opened", None, {"database": evil}, ""), ("note", None, {evil: evil}, evil)))
    said = report(incident, START, RTO)
    assert all(line.isprintable() for line in said.splitlines())
    assert "\n# owned" not in said
    assert "<script" not in said.replace(r"\<script", "")
    rows = [line for line in said.splitlines() if "owned" in line and line.startswith("|")]
    assert rows
    assert all(line.replace(r"\|", "").count("|") == 4 for line in rows)


def test_two_moments_of_one_minute_are_told_apart_in_it():
    facts = {
        "backup": "abc",
        "moment": "2026-01-01T02:00:11+00:00",
        "asked": "2026-01-01T02:00:40+00:00",
        "loses_seconds": 0,
        "lost_until": "2026-01-01T02:00:59+00:00",
    }
    said = said_of(("began", Step.CHOOSE, {}, ""), ("done", Step.CHOOSE, facts, ""))
    for seconds in (":00:11", ":00:40", ":00:59"):
        assert seconds in said, said


def test_the_steps_together_took_as_long_as_the_incident_with_what_was_thought_over():
    told = [("opened", None, {}, ""), ("note", None, {}, "")]
    for step in (Step.ASSESS, Step.NOTIFY, Step.CHOOSE):
        told += [("note", None, {}, ""), ("began", step, {}, ""), ("done", step, {}, "")]
    incident = fold(1, records(*told))
    incident = replace(
        incident, steps={**incident.steps, Step.CHOOSE: replace(incident.steps[Step.CHOOSE], began=END)}
    )
    incident = replace(
        incident, steps={**incident.steps, Step.CHOOSE: replace(incident.steps[Step.CHOOSE], ended=END)}
    )
    passed = [lasted(incident, step) for step in (Step.ASSESS, Step.NOTIFY, Step.CHOOSE)]
    assert passed == [timedelta(minutes=4), timedelta(minutes=3), timedelta(minutes=3)]
    assert sum(passed, timedelta()) == END - START
    assert lasted(incident, Step.STAGING) is None
    assert "| 3 | Choose backup | done | " in report(incident, END, RTO)
    assert "| 3 min |" in report(incident, END, RTO).partition("| 3 | Choose")[2].partition("\n")[0]
    assert " 0 s " not in report(incident, END, RTO)


def test_a_role_that_was_called_stands_in_it_without_the_brackets_of_a_key():
    called = ("called", None, {"name": "[DBA], Sur"}, "dba")
    said = report(fold(1, records(("opened", None, {}, ""), called)), START, RTO)
    assert "- called: DBA, Sur" in said
    assert "called DBA, Sur" in said
    assert "[DBA" not in said.replace("\\", "")


def test_what_was_ticked_before_the_database_or_the_services_were_changed_is_taken_back():
    ticked = ("ticked", None, {}, "login")
    for step in (Step.PRODUCTION, Step.SERVICES):
        begun = [("opened", None, {}, ""), ticked, ("began", step, {"job": ""}, "")]
        assert fold(1, records(*begun)).ticked, "no job has begun yet"
        restarted = [*begun, ("began", step, {"job": "a1"}, "")]
        incident = fold(1, records(*restarted))
        assert (incident.ticked, incident.taken_back) == ({}, {"login": "ana@db1"})
        said = report(incident, START + timedelta(hours=1), RTO)
        assert (
            "- seen before production or the services were changed, and not again: Users can log in" in said
        )
        assert "- seen: " not in said
        again = fold(1, records(*restarted, ticked))
        assert (again.ticked, again.taken_back) == ({"login": "ana@db1"}, {})


@pytest.mark.parametrize("what", ["The database is gone.", "PostgreSQL does not answer."])
def test_what_was_seen_when_it_was_opened_stands_there_though_step_1_still_finds_it(what):
    seen = {"findings": [f"fail: {what}", "ok: The disk has room."]}
    said = said_of(
        ("began", Step.ASSESS, {}, ""),
        ("looked", None, seen, ""),
        ("done", Step.ASSESS, {"way": "restore", **seen}, ""),
        *[(event, step, {}, "") for step in Step if 1 < step < 7 for event in ("began", "done")],
        ("began", Step.SERVICES, {"job": "a1"}, ""),
        ("done", Step.SERVICES, {}, ""),
    )
    opened = said.split("## When it was opened\n\n")[1].split("\n\n")[0]
    assert opened == f"- ✖ {what}\n- The services were restarted."


def test_each_step_begins_in_its_table_when_the_one_before_it_was_over():
    said = said_of(*[(event, step, {}, "") for step in Step for event in ("began", "done")])
    rows = [line.split(" | ") for line in said.splitlines() if line[:3] in [f"| {int(one)}" for one in Step]]
    began = [(START + timedelta(minutes=2 * number)).astimezone() for number in range(len(Step))]
    assert [row[3] for row in rows] == [f"{one:%H:%M:%S}" for one in began]
    assert {row[4] for row in rows} == {"2 min"}


def test_what_was_written_after_the_backup_is_lost_at_most():
    said = said_of(("began", Step.ASSESS, {}, ""), ("done", Step.ASSESS, {"loses_seconds": 60}, ""))
    assert "is lost: at most 1 min" in said
