"""What is sent is as short as it can be, and looks the same."""

from __future__ import annotations

import pyte
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.ui.terminal.diff import scrolled, sequence

PLAIN = "38;2;208;208;208;48;2;18;18;18"
GOOD = "38;2;95;175;95;48;2;18;18;18"


def run(style: str, text: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m"


def test_only_what_is_different_in_a_style_is_sent():
    first = run(PLAIN, " full ") + run(GOOD, "complete") + run(GOOD, "!") + run("1;" + PLAIN, "x")
    assert sequence([(0, first), (4, run("1;" + PLAIN, "y"))]) == (
        f"\x1b[1;1H\x1b[0;{PLAIN}m full \x1b[38;2;95;175;95mcomplete!\x1b[0;1;{PLAIN}mx\x1b[5;1Hy\x1b[0m"
    )


def test_of_256_colours_too():
    line = run("38;5;252;48;5;233", "a") + run("38;5;71;48;5;236", "b")
    assert sequence([(0, line)]) == "\x1b[1;1H\x1b[0;38;5;252;48;5;233ma\x1b[38;5;71;48;5;236mb\x1b[0m"


def test_what_is_made_otherwise_is_left_as_it_is():
    for line in ("plain", "\x1b[31mred\x1b[0m", run(PLAIN, "a") + " ", run("2;39;49", "a")):
        assert sequence([(0, line)]) == f"\x1b[1;1H\x1b[0m{line}\x1b[0m\x1b[0m"


def drawn(*sequences: str) -> list[str]:
    screen = pyte.Screen(10, 8)
    stream = pyte.Stream(screen)
    for one in sequences:
        stream.feed(one)
    return [line.rstrip() for line in screen.display]


def styles(*sequences: str) -> list[tuple[str, bool]]:
    screen = pyte.Screen(10, 8)
    stream = pyte.Stream(screen)
    for one in sequences:
        stream.feed(one)
    return [(cell.fg, cell.bold) for cell in (screen.buffer[2][x] for x in range(10))]


def whole(lines: list[str]) -> list[tuple[int, str]]:
    return [(y, run(PLAIN, line.ljust(10))) for y, line in enumerate(lines)]


def test_a_line_is_sent_from_where_it_differs():
    before = run("1;" + PLAIN, " MTN ") + run(PLAIN, "Admisión  ") + run(GOOD, "ok") + run(PLAIN, " 11:42")
    after = before.replace("11:42", "11:43")
    assert sequence([(0, after)], [before]) == f"\x1b[1;23H\x1b[0;{PLAIN}m3\x1b[0m"
    other = before.replace("ok", "no")
    assert sequence([(0, other)], [before]) == (
        f"\x1b[1;16H\x1b[0;{GOOD}mno\x1b[38;2;208;208;208m 11:42\x1b[0m"
    )


def test_what_is_wide_on_some_terminals_is_never_passed_over_nor_parted_from_what_is_before_it():
    for glyph in ("✖", "⚠", "界", "\u0301", "\u00ad", "▸"):
        before, after = run(PLAIN, f"abc{glyph} 11:42"), run(PLAIN, f"abc{glyph} 11:43")
        assert sequence([(0, after)], [before]) == f"\x1b[1;3H\x1b[0;{PLAIN}mc{glyph} 11:43\x1b[0m", glyph
    assert sequence([(0, run(PLAIN, "abe\u0301"))], [run(PLAIN, "abex")]) == (
        f"\x1b[1;3H\x1b[0;{PLAIN}me\u0301\x1b[0m"
    )


STYLED = st.lists(
    st.tuples(st.sampled_from([PLAIN, GOOD, "1;" + PLAIN]), st.text("ab ✖⚠é", max_size=4)), max_size=2
)


@given(STYLED, STYLED)
def test_a_line_that_is_sent_from_where_it_differs_is_the_line_drawn_anew(one, other):
    before, after = (
        "".join(run(*each) for each in (*line, (PLAIN, "." * (10 - sum(len(text) for _style, text in line)))))
        for line in (one, other)
    )
    sent = "" if before == after else sequence([(2, after)], ["", "", before])
    assert drawn(sequence([(2, before)]), sent) == drawn(sequence([(2, after)]))
    assert styles(sequence([(2, before)]), sent) == styles(sequence([(2, after)]))


LINES = st.lists(st.sampled_from(["", "a", "b", "c", "d", "e"]), min_size=8, max_size=8)


@given(LINES, LINES, st.integers(0, 3), st.integers(4, 8), st.sampled_from([1, -1]))
def test_a_scrolled_screen_is_the_screen_drawn_anew(before, other, top, bottom, by):
    after = list(before)
    block = before[top:bottom]
    after[top:bottom] = [*block[1:], other[0]] if by > 0 else [other[0], *block[:-1]]
    for wanted in (after, other):
        known, lines = ([line for _y, line in whole(one)] for one in (before, wanted))
        move, shown = scrolled(known, lines)
        news = [(y, line) for y, line in enumerate(lines) if line != shown[y]]
        assert drawn(sequence(whole(before)), move + sequence(news, shown)) == wanted


def test_a_list_that_scrolls_by_a_row_is_sent_as_one_line():
    rows = [run(PLAIN, f"row {number}") for number in range(9)]
    for before, after in ((rows[:8], rows[1:]), (rows[1:], rows[:8])):
        move, shown = scrolled(before, after)
        assert move
        assert sum(old != new for old, new in zip(shown, after, strict=True)) == 1
