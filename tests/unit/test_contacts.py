"""Who is called when: the matrix of runbook section 9, hours of the week, changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtn_tui.core.contacts import (
    Severity,
    load,
    next_escalation,
    parse,
    parse_hours,
    who_to_tell,
)
from mtn_tui.core.errors import ConfigError
from mtn_tui.core.values import WrongValue

EXAMPLE = Path(__file__).parents[2] / "config" / "contacts.toml"
CONTACTS = load(EXAMPLE)
CHILE = ZoneInfo("America/Santiago")
ZONES = ("America/Santiago", "America/New_York", "Europe/Madrid", "Australia/Lord_Howe", "UTC")
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=CHILE)
SUNDAY = datetime(2026, 11, 22, 3, 0, tzinfo=CHILE)

moments = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
days = st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])
clocks = st.integers(0, 24 * 60 - 1)


@st.composite
def hours_of_one_span(draw):
    first, last, start, end = draw(days), draw(days), draw(clocks), draw(clocks)
    if start == end:
        end = (end + 1) % (24 * 60)
    return f"{first}-{last} {start // 60}:{start % 60:02}-{end // 60}:{end % 60:02}"


def told(severity, since, now=None):
    return [
        (call.person.key, (call.due - since) // timedelta(minutes=1), call.reachable)
        for call in who_to_tell(CONTACTS, severity, since, now or since)
    ]


# The matrix


def test_critical_tells_levels_one_and_two_at_once_the_dba_and_the_cto_after_an_hour():
    assert told(Severity.CRITICAL, MONDAY) == [
        ("operations", 0, True),
        ("devops", 0, True),
        ("dba", 60, True),
        ("cto", 60, True),
    ]


def test_high_goes_to_level_one_and_to_level_two_after_two_hours():
    assert told(Severity.HIGH, MONDAY) == [("operations", 0, True), ("devops", 120, True)]
    assert told(Severity.MEDIUM, MONDAY) == [("operations", 0, True)]
    assert told(Severity.LOW, MONDAY) == []


def test_who_is_outside_their_hours_is_passed_over_and_named():
    calls = who_to_tell(CONTACTS, Severity.CRITICAL, SUNDAY, SUNDAY)
    assert [(call.person.key, call.reachable) for call in calls] == [
        ("operations", False),
        ("devops", True),
        ("dba", False),
        ("cto", True),
    ]
    assert calls[0].back_at == datetime(2026, 11, 23, 8, 0, tzinfo=CHILE)
    assert calls[2].back_at == datetime(2026, 11, 23, 9, 0, tzinfo=CHILE)
    assert calls[1].back_at is None


def test_whether_somebody_can_be_reached_is_asked_for_the_moment_of_their_call():
    late = datetime(2026, 11, 23, 16, 30, tzinfo=CHILE)
    assert told(Severity.CRITICAL, late)[2] == ("dba", 60, False)
    early = datetime(2026, 11, 23, 7, 30, tzinfo=CHILE)
    assert told(Severity.CRITICAL, early)[0] == ("operations", 0, False)
    assert told(Severity.CRITICAL, early, early + timedelta(minutes=30))[0] == ("operations", 0, True)


def test_the_next_escalation_is_the_next_call_that_is_not_due_yet():
    calls = who_to_tell(CONTACTS, Severity.CRITICAL, MONDAY, MONDAY)
    assert next_escalation(calls, MONDAY) == MONDAY + timedelta(hours=1)
    assert next_escalation(calls, MONDAY + timedelta(minutes=59)) == MONDAY + timedelta(hours=1)
    assert next_escalation(calls, MONDAY + timedelta(hours=1)) is None
    assert [call.is_due(MONDAY) for call in calls] == [True, True, False, False]


@given(since=moments, passed=st.timedeltas(timedelta(0), timedelta(days=3)), which=st.sampled_from(Severity))
@settings(max_examples=30, deadline=None)
def test_nobody_is_left_out_or_called_twice_and_the_order_is_that_of_the_calls(since, passed, which):
    calls = who_to_tell(CONTACTS, which, since, since + passed)
    keys = [call.person.key for call in calls]
    assert len(set(keys)) == len(keys)
    assert set(keys) == {key for step in CONTACTS.severity[which].steps for key in step.tell}
    assert [call.due for call in calls] == sorted(call.due for call in calls)
    assert all(call.due >= since for call in calls)
    assert all((call.back_at is None) == call.reachable for call in calls)
    assert {"devops", "cto"} & set(keys) <= {call.person.key for call in calls if call.reachable}


# Hours


def test_hours_are_by_the_clock_on_the_wall_and_their_end_is_not_in_them():
    hours = parse_hours("mon-fri 08:00-18:00")
    for day, hour, minute, within in [
        (23, 7, 59, False),
        (23, 8, 0, True),
        (23, 17, 59, True),
        (23, 18, 0, False),
        (27, 12, 0, True),
        (28, 12, 0, False),
    ]:
        moment = datetime(2026, 11, day, hour, minute, tzinfo=CHILE)
        assert hours.contain(moment, CHILE) is within, moment


def test_spanish_days_and_the_runbooks_own_words_will_do():
    assert parse_hours("Lun-Vie 8:00-18:00").spans == parse_hours("mon-fri 08:00-18:00").spans
    assert (
        parse_hours("sáb 9:00-13:00, dom 9:00-12:00").spans
        == parse_hours("sat 09:00-13:00,sun 09:00-12:00").spans
    )


def test_a_span_may_pass_midnight_and_the_end_of_the_week():
    hours = parse_hours("sun 22:00-06:00")
    assert hours.contain(datetime(2026, 11, 22, 23, 0, tzinfo=CHILE), CHILE)
    assert hours.contain(datetime(2026, 11, 23, 5, 59, tzinfo=CHILE), CHILE)
    assert not hours.contain(datetime(2026, 11, 23, 6, 0, tzinfo=CHILE), CHILE)
    assert not hours.contain(datetime(2026, 11, 22, 5, 0, tzinfo=CHILE), CHILE)
    assert parse_hours("fri-mon 00:00-24:00").spans == parse_hours("fri-sun 0:00-24:00, mon 0:00-24:00").spans


def test_hours_follow_a_change_of_the_clock():
    """In Chile Sunday 2026-09-06 has no 00:00 to 01:00, and Saturday 2026-04-04 has 23:00 to 24:00 twice."""
    hours = parse_hours("sun 00:30-02:00")
    opens = hours.next(datetime(2026, 9, 6, 3, 0, tzinfo=UTC), CHILE)
    assert opens == datetime(2026, 9, 6, 4, 0, tzinfo=UTC)
    assert opens.astimezone(CHILE).hour == 1
    twice = parse_hours("sat 23:00-24:00")
    for hour in (2, 3):
        assert twice.contain(datetime(2026, 4, 5, hour, 30, tzinfo=UTC), CHILE)
    assert not twice.contain(datetime(2026, 4, 5, 4, 0, tzinfo=UTC), CHILE)
    morning = parse_hours("mon-fri 08:00-18:00")
    assert [
        morning.next(datetime(2026, month, day, 12, tzinfo=UTC), CHILE).astimezone(CHILE).hour
        for month, day in ((9, 5), (4, 4))
    ] == [8, 8]


@given(text=hours_of_one_span(), moment=moments, name=st.sampled_from(ZONES))
def test_the_next_opening_is_within_and_nothing_before_it_is(text, moment, name):
    hours, zone = parse_hours(text), ZoneInfo(name)
    at = hours.next(moment, zone)
    assert at is not None
    assert at >= moment
    assert hours.contain(at, zone)
    before = at - timedelta(minutes=1)
    assert at == moment or before < moment or not hours.contain(before, zone)


@given(text=hours_of_one_span(), moment=moments, weeks=st.integers(-60, 60), name=st.sampled_from(ZONES))
def test_every_week_is_like_the_other_by_the_clock_on_the_wall(text, moment, weeks, name):
    hours, zone = parse_hours(text), ZoneInfo(name)
    local = moment.astimezone(zone)
    other = local.replace(tzinfo=None) + timedelta(weeks=weeks)
    there = other.replace(tzinfo=zone)
    if there.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != other:
        return  # an hour that the clock leaves out that week
    assert hours.contain(there, zone) == hours.contain(local, zone)


@given(moment=moments, name=st.sampled_from(ZONES))
@settings(max_examples=30)
def test_always_is_always(moment, name):
    assert parse_hours("24/7").contain(moment, ZoneInfo(name))
    assert parse_hours("mon-sun 00:00-24:00").contain(moment, ZoneInfo(name))


@given(first=hours_of_one_span(), second=hours_of_one_span(), moment=moments)
def test_several_spans_are_each_of_them(first, second, moment):
    both = parse_hours(f"{first}, {second}").contain(moment, CHILE)
    assert both == (parse_hours(first).contain(moment, CHILE) or parse_hours(second).contain(moment, CHILE))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "always",
            "mon-fri",
            "mon-fri 8-18",
            "mon 25:00-26:00",
            "mon 8:60-9:00",
            "xyz 8:00-9:00",
            "24/6",
        ),
        *("mon 08:00-08:00", "mon 24:00-08:00", "mon 08:00-24:01", "mon 08:00-09:00,", "mon,fri 08:00-09:00"),
    ],
)
def test_hours_that_are_none_are_refused_with_how_to_write_them(text):
    with pytest.raises(WrongValue) as caught:
        parse_hours(text)
    assert "mon-fri" in caught.value.fix


# The file


def test_the_example_has_the_people_of_the_runbook():
    people = CONTACTS.people
    assert {key: (one.level, one.email) for key, one in people.items()} == {
        "operations": (1, "admin@mtn.cl"),
        "devops": (2, "devops@mtn.cl"),
        "dba": (3, "dba@mtn.cl"),
        "cto": (None, "cto@mtn.cl"),
        "ti": (None, "ti@mtn.cl"),
    }
    assert [rule.respond_within for rule in CONTACTS.severity.values()] == [15, 60, 240, 1440]


def changed(old, new):
    text = EXAMPLE.read_text("utf-8")
    assert old in text
    with pytest.raises(ConfigError) as caught:
        parse(text.replace(old, new, 1), Path("/etc/mtn/contacts.toml"))
    assert caught.value.runbook == "9"
    assert caught.value.hint
    return caught.value


def line_of(part):
    return EXAMPLE.read_text("utf-8").split(part)[0].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "said", "fix"),
    [
        ('zone = "America/Santiago"', "zone = America/Santiago", "not TOML", "double quotes"),
        ('zone = "America/Santiago"', 'zone = "Chile/Nowhere"', "time zone", "America/Santiago"),
        ('zone = "America/Santiago"', 'zone = "../../etc/passwd"', "time zone", "America/Santiago"),
        ('hours = "mon-fri 09:00-17:00"', 'hours = "9 to 5"', "people.dba.hours", "mon-fri"),
        ('email = "dba@mtn.cl"', 'email = "dba at mtn.cl"', "people.dba.email", ""),
        ("level = 3", 'level = "three"', "people.dba.level", "mtn init"),
        ('name = "[DBA]"', 'nmae = "[DBA]"', "people.dba", "mtn init"),
        ('name = "[DBA]"', 'name = "[DBA]"\npager = "1"', "people.dba.pager is not known", "Remove"),
        ('tell = ["dba", "cto"]', 'tell = ["dbo", "cto"]', "names dbo", "[people.dbo]"),
        ('tell = ["dba", "cto"]', 'tell = "dba"', "severity.critical.steps", "mtn init"),
        ("[severity.medium]", "[severity.middling]", "severity.middling", "mtn init"),
        ("after = 60", "after = 99999999999999", "severity.critical.steps", "mtn init"),
        ("respond_within = 240", "respond_within = 9999999", "severity.medium.respond_within", "mtn init"),
        ("respond_within = 240", "respond_within = 0", "severity.medium.respond_within", "mtn init"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_a_fix(old, new, said, fix):
    error = changed(old, new)
    assert said in error.title
    assert fix in error.hint
    assert "line" in error.title


def test_the_line_is_the_right_one():
    error = changed('hours = "mon-fri 09:00-17:00"', 'hours = "9 to 5"')
    number = line_of('hours = "mon-fri 09:00-17:00"')
    assert f"line {number}:" in error.title
    assert f"line {line_of('zone = ')}" in changed('zone = "America/Santiago"', 'zone = "Mars"').title


@pytest.mark.parametrize("value", ["[" * 20_000, "9" * 5000], ids=["brackets", "figure"])
def test_what_the_parser_can_not_hold_is_told_as_no_toml(value):
    with pytest.raises(ConfigError) as caught:
        parse(f"zone = {value}", Path("contacts.toml"))
    assert "contacts.toml is not TOML" in caught.value.title


@pytest.mark.parametrize(
    "edited", [lambda data: b"\xef\xbb\xbf" + data, lambda data: data.replace(b"\n", b"\r\n")]
)
def test_what_an_editor_of_windows_has_written_is_read_too(tmp_path, edited):
    path = tmp_path / "contacts.toml"
    path.write_bytes(edited(EXAMPLE.read_bytes()))
    assert load(path) == load(EXAMPLE)


def test_no_file_and_no_text_are_told_as_such(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "contacts.toml")
    assert "CONTACTS_FILE" in caught.value.hint
    (tmp_path / "contacts.toml").write_bytes(b'zone = "\xff"')
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "contacts.toml")
    assert "UTF-8" in caught.value.title
    with pytest.raises(ConfigError):
        load(tmp_path)


@given(st.text())
def test_no_text_is_contacts_by_chance(text):
    with pytest.raises(ConfigError) as caught:
        parse(text, Path("contacts.toml"))
    assert caught.value.hint
