"""What single lines say, and how anything at all is shown."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.core.redact import MASK, redact
from mtn_tui.engine.joblog import event_text, fields_of
from mtn_tui.engine.logs.lines import SHOWN, Level, may_hold, read_line, read_record, shown

CHILE = timezone(timedelta(hours=-3))
AT = datetime(2025, 10, 3, 23, 34, tzinfo=UTC)


def read(line: str | bytes):
    raw = line.encode() if isinstance(line, str) else line
    return read_line(raw, len(raw), CHILE)


@pytest.mark.parametrize(
    ("line", "level", "text"),
    [
        ("2025-10-03T20:34:00-03:00 INFO  phase name=dump", Level.INFO, "phase name=dump"),
        ("2025-10-03T20:34:00-03:00 ERROR failed error=NoSpace", Level.ERROR, "failed error=NoSpace"),
        ("[2025-10-03 20:34:00] [INFO] Starting", Level.INFO, "Starting"),
        ("[2025-10-03 20:34:00] WARNING: bucket away", Level.WARN, "bucket away"),
        ("[2025-10-03 20:34:00] Starting", Level.INFO, "Starting"),
        ("2025-10-03 20:34:00 - ERROR - dump failed", Level.ERROR, "dump failed"),
        ("2025-10-03 20:34:00 [Error] dump failed", Level.ERROR, "dump failed"),
        ("[SUCCESS] 2025-10-03 20:34:00 - done", Level.INFO, "done"),
        ("[ADVERTENCIA] 2025-10-03 20:34:00 poco espacio", Level.WARN, "poco espacio"),
        ("\x1b[0;31m[ERROR]\x1b[0m 2025-10-03 20:34:00 no disk", Level.ERROR, "no disk"),
        ("2025-10-03 20:34:00,000 FATAL gone", Level.ERROR, "gone"),
        ("2025-10-03 23:34:00 UTC ERROR: gone", Level.ERROR, "gone"),
        ("[2025-10-03 20:34:00] pg_dump: error: no server", Level.ERROR, "pg_dump: error: no server"),
        ("[2025-10-03 20:34:00] errors so far: none", Level.INFO, "errors so far: none"),
        ("[2025-10-03 20:34:00] Information for all", Level.INFO, "Information for all"),
        ("2025-10-03 20:34:00 CRİTICAL: boom", Level.INFO, "CRİTICAL: boom"),
    ],
)
def test_times_and_levels_are_understood_as_we_and_scripts_write_them(line, level, text):
    assert read(line) == (AT, level, text)


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("pg_dump: error: connection to server failed", Level.ERROR),
        ("psql:/tmp/restore.sql:12: ERROR:  relation missing", Level.ERROR),
        ("pg_dump: warning: circular keys", Level.WARN),
        ("ERROR: dump failed", Level.ERROR),
        ("  File 'x.py', line 3, in run", None),
        ("DETAIL:  Key (id)=(1) exists.", None),
        ("=====================", None),
        ("", None),
        ("2025-13-41 20:34:00 no such day", None),
        ("0001-01-01T00:00:00Z ERROR a moment that is none in Chile", None),
        ("9999-12-31T23:59:59Z ERROR a moment that is none in Japan", None),
        ("İNFO: the letters of another alphabet are no level", None),
        ("crıt: nor are these", None),
        ("tool: crİtical: nor these", None),
        ("[avİso] 2025-10-03 20:34:00 nor these", None),
    ],
)
def test_a_line_without_a_time_keeps_its_text_whole(line, level):
    assert read(line) == (None, level, line)


@given(st.binary(max_size=300))
def test_any_bytes_are_shown_and_never_obeyed(raw):
    text = read_line(raw, len(raw)).text
    assert text.isprintable()
    assert not [char for char in text if unicodedata.category(char).startswith("C")]


@given(st.text(max_size=100))
def test_names_and_journals_are_shown_the_same_way(text):
    assert shown(text).isprintable()
    record = {
        "at": "2025-10-03T23:34:00Z",
        "event": "warning",
        "name": text,
        "text": text,
        "fields": {text: text},
    }
    head = read_record(json.dumps(record).encode(), 0)
    assert head is not None
    assert head.text.isprintable()


@pytest.mark.parametrize(
    "hostile", ["\x1b]52;c;aGk=\x07", "\x00", "\u202e", "\u2066", "\x9b31m", "\u2028", "\r"]
)
def test_what_a_terminal_would_obey_stands_as_an_escape(hostile):
    text = read(f"2025-10-03T20:34:00-03:00 INFO  name={hostile} end").text
    assert text.isprintable()
    assert "\\" in text
    assert text.endswith(" end")


def test_markup_is_text():
    assert read("[2025-10-03 20:34:00] [INFO] [bold red]x[/]").text == "[bold red]x[/]"


def test_invalid_utf8_and_tabs_are_shown():
    assert read(b"caf\xe9 \xc3\xb1\t|").text == "caf\\xe9 ñ   |"


def test_a_long_line_is_cut_and_says_by_how_much():
    raw = b"2025-10-03T20:34:00-03:00 INFO  " + b"x" * (1 << 20)
    text = read_line(raw[: 1 << 16], len(raw), CHILE).text
    assert text == "x" * SHOWN + f" … {len(raw) - SHOWN} bytes more"


def test_a_secret_is_masked_also_where_the_line_is_cut():
    redact.add("sesame-of-the-cave")
    raw = b"x" * (SHOWN - 5) + b"sesame-of-the-cave" + b"y" * 9000
    text = read_line(raw, len(raw)).text
    assert "sesam" not in text
    assert MASK in text


@pytest.mark.parametrize(
    ("record", "level", "text"),
    [
        ({"event": "job", "id": "abcdefgh", "kind": "verify"}, Level.INFO, "job id=abcdefgh kind=verify"),
        ({"event": "state", "state": "running"}, Level.INFO, "running"),
        ({"event": "state", "state": "failed", "title": "No."}, Level.ERROR, "failed title=No."),
        ({"event": "note", "level": "warn", "name": "bad", "fields": {"x": 1}}, Level.WARN, "bad x=1"),
        ({"event": "warning", "name": "bad", "text": "It is."}, Level.WARN, 'bad text="It is."'),
        ({"event": "result", "result": {"rungs": 5}}, Level.INFO, "result rungs=5"),
    ],
)  # fmt: skip
def test_a_journals_events_read_like_a_log(record, level, text):
    raw = json.dumps({"at": "2025-10-03T23:34:00.000000Z", **record}).encode()
    assert read_record(raw, len(raw)) == (AT, level, text)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[1]", b'{"at": 3}', b"\xff", b'{"at": "2025-10-03", "event": 1}']
)
def test_what_is_no_event_is_passed_over(raw):
    assert read_record(raw, len(raw)) is None


def test_progress_is_no_event():
    raw = b'{"at": "2025-10-03T23:34:00.000000Z", "event": "progress", "phase": "dump"}'
    assert read_record(raw, len(raw)) is None


@given(
    st.binary(max_size=60),
    st.sampled_from(["ERROR: ", "[Warning] ", "pg_dump: error: ", "FATAL ", "", "Err: "]),
)
def test_no_grave_line_is_missed_by_the_quick_look(tail, word):
    raw = word.encode() + tail
    level = read(raw).level
    assert level is None or may_hold(level, raw)


def test_an_events_text_is_one_form_for_logs_and_journals():
    assert event_text("failed", {"title": "a b", "code": 2}) == 'failed title="a b" code=2'


@given(st.dictionaries(st.sampled_from(["to", "subject", "id"]), st.text(max_size=30)))
def test_the_fields_of_an_event_are_read_back_as_they_were(fields):
    assert fields_of(event_text("sent", fields)) == {name: redact(value) for name, value in fields.items()}
