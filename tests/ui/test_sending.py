"""What is sent is as short as it can be, and looks the same."""

from __future__ import annotations

from mtn_tui.ui.sending import sequence

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
