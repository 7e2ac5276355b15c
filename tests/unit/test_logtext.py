"""How lines of logs are laid out in rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.engine.logs.lines import shown
from mtn_tui.engine.logs.stream import Level, Line
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
