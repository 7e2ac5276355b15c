"""How lines of logs are laid out in rows."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtn_tui
from mtn_tui.core import i18n
from mtn_tui.core.models import JobState
from mtn_tui.engine.joblog import event_text
from mtn_tui.engine.logs.lines import shown
from mtn_tui.engine.logs.stream import Level, Line
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.log_words import in_words, known
from mtn_tui.ui.text import log as log_text
from mtn_tui.ui.text.cells import width_of

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def line(text="x", *, seconds=0, file=1, start=0, follows=False, level=Level.INFO, source="restore"):
    moment = START + timedelta(seconds=seconds)
    return Line(moment, source, level, text, follows, file, start, start + 10)


def drawn(lines, width=80, *, wrap=False):
    how = log_text.layout(lines, width, wrap=wrap)
    return ["".join(text for text, _tone in log_text.drawn(row, how)) for row in log_text.rows(lines, how)]


def test_a_days_first_line_stands_under_its_date():
    shown_rows = drawn([line("a"), line("b", seconds=1), line("c", seconds=86400 * 2)])
    assert ["──" in row for row in shown_rows] == [True, False, False, True, False]


def test_what_goes_on_with_the_line_above_has_no_head_of_its_own():
    lines = [
        line("failed", file=1, start=0, level=Level.ERROR),
        line("trace", file=1, start=10, follows=True, level=Level.ERROR),
        line("other", file=2, start=0),
        line("trace of the first", file=1, start=20, follows=True, level=Level.ERROR),
    ]
    assert ["restore" in row for row in drawn(lines)[1:]] == [True, False, True, True]


@given(st.lists(st.text(max_size=300), max_size=8), st.integers(40, 160), st.booleans())
def test_no_row_is_wider_than_the_screen_and_all_have_names_of_their_own(texts, width, wrap):
    lines = [
        line(shown(text), start=10 * number, source=shown(text)[:40] or "x")
        for number, text in enumerate(texts)
    ]
    how = log_text.layout(lines, width, wrap=wrap)
    rows = log_text.rows(lines, how)
    assert len({row.key for row in rows}) == len(rows)
    for row in rows:
        assert width_of(log_text.drawn(row, how)) <= width


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]) | st.just(" "), max_size=400))
def test_wrapped_lines_lose_nothing_but_blanks(text):
    how = log_text.layout([line(text)], 80, wrap=True)
    rows = [row for row in log_text.rows([line(text)], how) if row.line]
    assert "".join("".join(row.text.split()) for row in rows) == "".join(text.split())


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize(
    ("event", "fields", "said"),
    [
        (
            "failed",
            {
                "error": "ServerLost",
                "title": "It = gone.",
                "hint": "See:\nwhy.\nmtn restore a\nNot b.",
                "runbook": "7.3",
            },
            None,
        ),
        (
            "upload-failed",
            {"attempt": 1, "reason": 'No "answer".', "pause": 4},
            'El envío falló: No "answer".',
        ),
        ("warned-of", {"text": "All of it.", "store": "disk"}, "All of it."),
        ("not-deleted", {"path": "/a b", "reason": "Busy."}, "No se eliminó: /a b: Busy."),
        ("of-another-version", {"reason": "So."}, "of another version: So."),
    ],
)
def test_warnings_and_errors_are_said_in_words_and_their_raw_line_is_beneath(language, event, fields, said):
    i18n.use(language)
    if event == "failed":
        said = f"{labels.state(JobState.FAILED)}: It = gone. See: why. mtn restore a · Not b."
    raw = event_text(event, fields)
    for level in (Level.WARN, Level.ERROR):
        (_date, row) = drawn([line(raw, level=level)], 120)
        assert said in row or language == "en"
        assert not re.search(r"\w=", row)
        assert raw in log_text.pane(line(raw, level=level), (), 300, 1)[0][0][0]
    assert raw in drawn([line(raw)], 200)[1], "what nobody has to read stays as programs read it"


@pytest.mark.parametrize(
    "text", ["trace a=1", 'ERROR:  syntax error at or near "="', "failed", 'failed title="cut']
)
def test_what_is_not_in_our_form_stays_as_it_is(text):
    assert in_words(text) == text


def test_every_warning_and_error_of_ours_has_words():
    events = set()
    for path in Path(mtn_tui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr == "note" and len(node.args) == 2 and isinstance(node.args[1], ast.Constant):
                level, event = node.args
                if re.search("warn|error", ast.unparse(level)):
                    events.add(event.value)
    assert len(events) > 20
    assert events == set(known())
