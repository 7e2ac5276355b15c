"""Sends only lines that differ from what the terminal shows already, each from where it differs.

Textual paints a whole screen two to four times as one is opened; over a slow
line the operator would wait for each. A list that scrolls by a line is moved by
the terminal itself, as any terminal since the VT100 can.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.control import Control
from textual._compositor import CompositorUpdate
from textual.screen import Screen

_RUN = re.compile(r"\x1b\[([0-9;]*)m([^\x1b]*)\x1b\[0m")
"""A text in one style, as it is rendered: the style, the text, and an end of all style."""

_STYLE = re.compile(r"((?:[1-9];)*)(38;[25];[0-9;]*?);(48;[25];[0-9;]*)")
"""Attributes, colour, and background."""

_NO_STYLE = ("", "", "")

_Run = tuple[tuple[str, str, str], str]

_NOT_PLAIN = re.compile("[^ -~\u00a1-\u00ac\u00ae-\u024f]")
"""What may take up no cell or two, by the terminal: all but letters of Western scripts."""

_WORTH_SCROLLING = 3
"""Lines."""


class ScreenDiff:
    """Knows what the terminal shows, line by line, and what has to be sent to change it."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def forget(self) -> None:
        """Send every line next time: another program has drawn, or the size has changed."""
        self._lines = []

    def update(self, screen: Screen[object], console: Console) -> CompositorUpdate | None:
        """What to send so that the terminal shows ``screen``; None if it does already. It counts as sent."""
        lines = [strip.render(console) for strip in screen._compositor.render_strips()]
        known = self._lines if len(self._lines) == len(lines) else [""] * len(lines)
        self._lines = lines
        move, known = scrolled(known, lines)
        changed = [(y, line) for y, line in enumerate(lines) if line != known[y]]
        return _Sequences(move + sequence(changed, known)) if changed else None


class _Sequences(CompositorUpdate):
    def __init__(self, text: str) -> None:
        self._text = text

    def render_segments(self, console: Console) -> str:
        return self._text


def scrolled(known: list[str], lines: list[str]) -> tuple[str, list[str]]:
    """A sequence that scrolls lines by one row if that shows many of ``lines``, and what is shown after it.

    It sets the scroll region (DECSTBM), sends an index or reverse index at its
    edge (IND, RI), and resets the region. The line that comes free is unknown.
    """
    up, down = _longest(known, lines, 1), _longest(known, lines, -1)
    rows, by = (up, 1) if len(up) >= len(down) else (down, -1)
    if len(rows) < _WORTH_SCROLLING:
        return "", known
    top, bottom = min(rows.start, rows.start + by), max(rows.stop, rows.stop + by)
    moved = [*known[top + 1 : bottom], ""] if by > 0 else ["", *known[top : bottom - 1]]
    edge, index = (bottom, "\x1bD") if by > 0 else (top + 1, "\x1bM")
    move = f"\x1b[0m\x1b[{top + 1};{bottom}r\x1b[{edge};1H{index}\x1b[r"
    return move, [*known[:top], *moved, *known[bottom:]]


def _longest(known: list[str], lines: list[str], by: int) -> range:
    """The longest run of changed rows that show what was shown ``by`` rows below."""
    best, begin = range(0), 0
    for y, line in enumerate(lines):
        if not 0 <= y + by < len(known) or line != known[y + by] or line == known[y]:
            begin = y + 1
        elif y + 1 - begin > len(best):
            best = range(begin, y + 1)
    return best


def sequence(lines: Iterable[tuple[int, str]], known: Sequence[str] = ()) -> str:
    """The bytes that draw these lines at their rows; of each style only what differs from the one before.

    ``known`` is what each row shows already: what a line begins with in the same way is not sent.
    """
    parts: list[str] = []
    before = _NO_STYLE
    for y, line in lines:
        runs = _runs(line)
        if runs is None:
            parts += [Control.move_to(0, y).segment.text, f"\x1b[0m{line}\x1b[0m"]  # something else is in it
            before = _NO_STYLE
            continue
        there = _runs(known[y]) if y < len(known) else None
        cells, runs = _from_where_it_differs(runs, there or ())
        parts.append(Control.move_to(cells, y).segment.text)
        for after, text in runs:
            parts += [_change(before, after), text]
            before = after
    return "".join(parts) + "\x1b[0m"


def _runs(line: str) -> list[_Run] | None:
    """The texts of a line, each with its style; None if there is something else in it."""
    runs = [(_STYLE.fullmatch(match[1]), match[2]) for match in _RUN.finditer(line)]
    if _RUN.sub("", line) or any(style is None for style, _text in runs):
        return None
    return [((style[1], style[2], style[3]) if style else _NO_STYLE, text) for style, text in runs]


def _from_where_it_differs(line: Sequence[_Run], there: Sequence[_Run]) -> tuple[int, list[_Run]]:
    """The cells that two lines have in common at their beginning, and what follows of ``line``.

    Only characters are passed over that are one cell wide on every terminal.
    """
    cells = 0
    for number, (run, other) in enumerate(zip(line, there, strict=False)):
        style, text = run
        if style != other[0]:
            return cells, list(line[number:])
        same = next((at for at, (a, b) in enumerate(zip(text, other[1], strict=False)) if a != b), None)
        same = min(len(text), len(other[1])) if same is None else same
        if wide := _NOT_PLAIN.search(text, 0, same + 1):
            same = max(wide.start() - 1, 0)  # it may go together with the one before
        if same < len(text) or text != other[1]:
            return cells + same, [(style, text[same:]), *line[number + 1 :]]
        cells += same
    return cells, list(line[len(there) :])


def _change(before: tuple[str, str, str], after: tuple[str, str, str]) -> str:
    if before == after:
        return ""
    flags, colour, ground = after
    if before == _NO_STYLE or flags != before[0]:
        return f"\x1b[0;{flags}{colour};{ground}m"
    changed = [new for new, old in zip((colour, ground), before[1:], strict=True) if new != old]
    return f"\x1b[{';'.join(changed)}m"
