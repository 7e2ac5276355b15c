"""A moment to restore to is read as an operator types it, and nothing is guessed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.core import i18n
from mtn_tui.core.errors import UsageError
from mtn_tui.core.moments import with_offset
from mtn_tui.core.typed_moment import RepeatedHour, read_typed
from mtn_tui.operations.common import labels

CHILE = ZoneInfo("America/Santiago")
SPAIN = ZoneInfo("Europe/Madrid")
NOW = datetime(2025, 10, 4, 1, 0, tzinfo=UTC)
"""22:00 of 3 October in Chile."""
YEAR = datetime(2025, 1, 1, tzinfo=UTC)
MINUTES = 365 * 24 * 60
LATER = datetime(2026, 2, 1, tzinfo=UTC)

AT_1430 = datetime(2025, 10, 3, 17, 30, tzinfo=UTC)


@pytest.fixture(params=["America/Santiago", "Europe/Madrid", "UTC"])
def own_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoneInfo]:
    """The machine's own zone."""
    with monkeypatch.context() as environment:
        environment.setenv("TZ", request.param)
        time.tzset()
        yield ZoneInfo(request.param)
    time.tzset()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-10-03 14:30", AT_1430),
        ("2025-10-03 14:30:15", AT_1430 + timedelta(seconds=15)),
        ("  2025-10-3   14:30 ", AT_1430),
        ("03-10-2025 14:30", AT_1430),
        ("3/10/2025 14:30", AT_1430),
        ("2025-10-03T14:30", AT_1430),
        ("2025-10-03T14:30-03:00", AT_1430),
        ("2025-10-03T17:30Z", AT_1430),
        ("2025-10-03 17:30 UTC", AT_1430),
        ("2025-10-03 14:30 -03", AT_1430),
        ("2025-10-03 14:30 -3", AT_1430),
        ("2025-10-03 14:30:00 -03:00", AT_1430),
        ("2025-10-03 23:00 +0530", AT_1430),
        ("2025-10-03T17:30:00.123456+00:00", AT_1430 + timedelta(microseconds=123456)),
        ("2025-10-03T17:30:00,1234567Z", AT_1430 + timedelta(microseconds=123456)),
        ("14:30", AT_1430),
        ("14:30:15", AT_1430 + timedelta(seconds=15)),
        ("17:30Z", AT_1430),
        ("today 14:30", AT_1430),
        ("Hoy 14:30", AT_1430),
        ("yesterday 14:30", AT_1430 - timedelta(days=1)),
        ("AYER 14:30", AT_1430 - timedelta(days=1)),
        ("ayer a las 14:30", AT_1430 - timedelta(days=1)),
        ("anteayer 14:30", AT_1430 - timedelta(days=2)),
        ("hoy a la 1:30", AT_1430 - timedelta(hours=13)),
        ("yesterday at 14:30", AT_1430 - timedelta(days=1)),
        ("2025-10-03 a las 14:30 -03", AT_1430),
        ("ayer 14:30 -03", AT_1430 - timedelta(days=1)),
        ("9:05", datetime(2025, 10, 3, 12, 5, tzinfo=UTC)),
        ("22:01", NOW + timedelta(minutes=1)),
        ("10/3/2025 14:30", datetime(2025, 3, 10, 17, 30, tzinfo=UTC)),
        ("2025-07-01 12:00", datetime(2025, 7, 1, 16, 0, tzinfo=UTC)),
        ("2h", NOW - timedelta(hours=2)),
        ("1h ago", NOW - timedelta(hours=1)),
        ("hace 1 h", NOW - timedelta(hours=1)),
        ("hace 90 minutos", NOW - timedelta(minutes=90)),
        ("45 min", NOW - timedelta(minutes=45)),
        ("2 days ago", NOW - timedelta(days=2)),
        ("hace 3 DÍAS", NOW - timedelta(days=3)),
    ],
)
def test_a_moment_is_read_as_an_operator_types_it(text, moment):
    said = read_typed(text, NOW, CHILE)
    assert (said, said.tzinfo) == (moment, UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "14",
        "2025-10-03",
        "ayer",
        "mañana 14:30",
        "a las 14:30 ayer",
        "ayera las 14:30",
        "hoyt14:30",
        "2:30 pm",
        "24:00",
        "14:60",
        "14:30:60",
        "31-02-2025 14:30",
        "10/25/2025 14:30",
        "3/10/25 14:30",
        "3/10 14:30",
        "3/10-2025 14:30",
        "2025-10-03 14:30 -30",
        "2025-10-03 14:30-15:30",
        "2025-10-03 14:30 +14:01",
        "2025-10-03 14:30 -03:60",
        "2025-10-03 14:30 America/Santiago",
        "0001-01-01 00:00",
        "0001-01-01 00:00 +14",
        "0000-01-01 00:00",
        "1969-12-31 23:59",
        "1970-01-01 00:00 +14",
        "9999-12-31 23:59",
        "9999-12-31 23:59 -12",
        "999999d",
        "-1h",
        "hace mucho",
        "2w",
        "\u0661\u0664:30",
        "14:30\x00",
    ],
)
@pytest.mark.parametrize("zone", [CHILE, None], ids=["given", "own"])
def test_what_is_no_moment_is_refused_with_examples(text, zone):
    with pytest.raises(UsageError) as refused:
        read_typed(text, NOW, zone)
    assert refused.value.title == f"{text} is not a moment."
    assert "03-10-2025 14:30 (day first)" in refused.value.hint


@given(
    st.text(max_size=30)
    | st.from_regex(r"[0-9/ .-]{1,12}( |T)[0-9]?[0-9]:[0-5][0-9][ 0-9:Z+-]{0,8}", fullmatch=True)
)
def test_any_text_is_a_past_moment_in_utc_or_an_error_for_the_operator(text):
    try:
        moment = read_typed(text, NOW, CHILE)
    except UsageError:
        return
    assert moment.tzinfo is UTC
    assert moment <= NOW + timedelta(minutes=1)


def test_every_example_in_the_error_is_understood_in_both_languages():
    for language, (before, after) in {"en": ("like ", " or "), "es": ("Por ejemplo: ", " o ")}.items():
        i18n.use(language)
        with pytest.raises(UsageError) as refused:
            read_typed("?", NOW, CHILE)
        listed = refused.value.hint.removesuffix(".").partition(before)[2].replace(after, ", ").split(", ")
        assert len(listed) == 7
        for example in listed:
            read_typed(example.partition(" (")[0], NOW, CHILE)


@pytest.mark.parametrize(
    ("language", "text", "title", "hint"),
    [
        (
            "en",
            "22:30",
            "2025-10-03 22:30 -03 is in the future: it is 2025-10-03 22:00 -03 now.",
            "For yesterday's, write: yesterday 22:30",
        ),
        (
            "es",
            "hoy 22:30 -03",
            "2025-10-03 22:30 -03 está en el futuro: ahora es 2025-10-03 22:00 -03.",
            "Si es de ayer, escriba: ayer 22:30 -03",
        ),
        (
            "en",
            "4/10/2025 01:01:01Z",
            "2025-10-03 22:01:01 -03 is in the future: it is 2025-10-03 22:00 -03 now.",
            "",
        ),
        (
            "en",
            "2025-12-01 10:00",
            "2025-12-01 10:00 -03 is in the future: it is 2025-10-03 22:00 -03 now.",
            "",
        ),
    ],
)
def test_a_moment_in_the_future_is_refused_and_yesterdays_form_named(language, text, title, hint):
    i18n.use(language)
    with pytest.raises(UsageError) as refused:
        read_typed(text, NOW, CHILE)
    assert (refused.value.title, refused.value.hint) == (title, hint)


@pytest.mark.parametrize(
    ("text", "zone", "moments", "answers"),
    [
        (
            "2025-04-05 23:30",
            CHILE,
            (datetime(2025, 4, 6, 2, 30, tzinfo=UTC), datetime(2025, 4, 6, 3, 30, tzinfo=UTC)),
            ("2025-04-05 23:30 -03", "2025-04-05 23:30 -04"),
        ),
        (
            "26/10/2025 02:00:07",
            SPAIN,
            (datetime(2025, 10, 26, 0, 0, 7, tzinfo=UTC), datetime(2025, 10, 26, 1, 0, 7, tzinfo=UTC)),
            ("2025-10-26 02:00:07 +02", "2025-10-26 02:00:07 +01"),
        ),
    ],
)
def test_an_hour_that_occurred_twice_asks_which_and_either_answer_is_understood(text, zone, moments, answers):
    with pytest.raises(RepeatedHour) as asked:
        read_typed(text, LATER, zone)
    assert asked.value.moments == moments
    assert asked.value.hint == f"Write {answers[0]} for the first, {answers[1]} for the second."
    assert tuple(read_typed(answer, LATER, zone) for answer in answers) == moments


def test_the_words_for_days_ask_too():
    now = datetime(2025, 4, 6, 15, 0, tzinfo=UTC)
    with pytest.raises(RepeatedHour) as asked:
        read_typed("ayer 23:30", now, CHILE)
    assert read_typed("ayer 23:30 -04", now, CHILE) == asked.value.moments[1]


def test_what_occurred_only_once_so_far_asks_nothing():
    now = datetime(2025, 4, 6, 2, 45, tzinfo=UTC)
    assert read_typed("23:30", now, CHILE) == datetime(2025, 4, 6, 2, 30, tzinfo=UTC)


def test_today_is_the_operators_day_even_with_an_offset():
    now = datetime(2025, 4, 6, 3, 45, tzinfo=UTC)  # 23:45 -04, of 5 April: in UTC and at -03 it is the 6th
    assert read_typed("23:30 -03", now, CHILE) == datetime(2025, 4, 6, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("own_zone", "text", "title"),
    [
        (
            "America/Santiago",
            "2025-09-07 00:30",
            "2025-09-07 00:30 never occurred: the clocks jumped"
            " from 2025-09-07 00:00 -04 to 2025-09-07 01:00 -03.",
        ),
        (
            "Europe/Madrid",
            "2025-03-30 02:00:01.5",
            "2025-03-30 02:00 never occurred: the clocks jumped"
            " from 2025-03-30 02:00 +01 to 2025-03-30 03:00 +02.",
        ),
        (
            "Pacific/Apia",
            "2011-12-30 12:00",
            "2011-12-30 12:00 never occurred: the clocks jumped"
            " from 2011-12-30 00:00 -10 to 2011-12-31 00:00 +14.",
        ),
    ],
    indirect=["own_zone"],
)
@pytest.mark.parametrize("given", [True, False], ids=["given", "own"])
def test_an_hour_that_was_skipped_is_refused_and_the_jump_told(own_zone, text, title, given):
    with pytest.raises(UsageError) as refused:
        read_typed(text, LATER, own_zone if given else None)
    assert refused.value.title == title


def moments_of(text: str, zone: ZoneInfo | None) -> tuple[datetime, ...]:
    """One, two, or none if it is said that it never occurred."""
    try:
        return (read_typed(text, LATER, zone),)
    except RepeatedHour as asked:
        return asked.moments
    except UsageError as refused:
        if "never occurred" not in refused.title:
            raise
        return ()


def minutes_of_the_year(zone: ZoneInfo) -> list[datetime]:
    """Each within three hours of a change of the clocks, and every 97th."""
    hours = [YEAR + timedelta(hours=hour) for hour in range(365 * 24)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    changes = [hour * 60 for hour in range(1, len(hours)) if offsets[hour] != offsets[hour - 1]]
    near = {minute for change in changes for minute in range(change - 360, change + 360)}
    return [YEAR + timedelta(minutes=minute) for minute in sorted(near | set(range(0, MINUTES, 97)))]


def wall(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


@pytest.mark.sample("America/Santiago")
@pytest.mark.parametrize("given", [True, False], ids=["given", "own"])
def test_what_the_clocks_showed_reads_back_once_or_twice_and_what_they_never_showed_not_at_all(
    own_zone, given
):
    zone = own_zone if given else None
    changes = 0 if own_zone.key == "UTC" else 60
    shown: dict[str, set[datetime]] = {}
    for moment in minutes_of_the_year(own_zone):
        shown.setdefault(wall(moment.astimezone(own_zone)), set()).add(moment)
        assert read_typed(with_offset(moment, zone), LATER, zone) == moment
    for text, moments in shown.items():
        assert set(moments_of(text, zone)) == moments
    assert [len(moments) for moments in shown.values()].count(2) == changes
    typed = {wall(moment): moments_of(wall(moment), zone) for moment in minutes_of_the_year(own_zone)}
    for text, of_text in typed.items():
        assert {wall(moment.astimezone(own_zone)) for moment in of_text} == ({text} if of_text else set())
    assert list(typed.values()).count(()) == changes


@given(
    st.integers(0, MINUTES - 1),
    st.sampled_from(["America/Santiago", "Europe/Madrid", "UTC", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_any_minute_of_a_year_in_any_zone_reads_back(minute, name):
    moment, zone = YEAR + timedelta(minutes=minute), ZoneInfo(name)
    local = moment.astimezone(zone)
    assert read_typed(with_offset(moment, zone), LATER, zone) == moment
    for form in (wall(local), f"{local:%d-%m-%Y %H:%M}", f"{local.day}/{local:%m/%Y %H:%M:%S}"):
        assert moment in moments_of(form, zone)


@pytest.mark.parametrize(
    ("moment", "zone", "said"),
    [
        (AT_1430, CHILE, "2025-10-03 14:30 -03"),
        (AT_1430 + timedelta(seconds=15), UTC, "2025-10-03 17:30:15 +00"),
        (AT_1430, timezone(timedelta(hours=-10)), "2025-10-03 07:30 -10"),
        (AT_1430, ZoneInfo("Asia/Kathmandu"), "2025-10-03 23:15 +0545"),
    ],
)
def test_a_moment_is_written_with_its_offset(moment, zone, said):
    assert with_offset(moment, zone) == said


@pytest.mark.parametrize("own_zone", ["Europe/Madrid"], indirect=True)
def test_a_moment_is_shown_on_three_clocks(own_zone):
    there = "2025-10-03 14:30:15 -03:00"
    shown = labels.three_clocks(AT_1430 + timedelta(seconds=15), "America/Santiago", there)
    assert shown == (
        "2025-10-03 19:30:15 +02",
        "2025-10-03 17:30:15 UTC",
        "2025-10-03 14:30:15 -03:00 America/Santiago",
    )
