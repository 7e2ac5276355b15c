"""Text in a terminal's cells: no control characters, never wider than its place."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

from mtn_tui.core.printable import printable

Span = tuple[str, str]
"""A text and its tone: "", ``dim``, ``strong``, ``here``, ``good``, ``warn`` or ``bad``."""

MORE = "…"


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Exactly ``width`` cells; what does not fit ends in an ellipsis."""
    shown = printable(text)
    length = cell_len(shown)
    if length > width:
        return set_cell_size(set_cell_size(shown, max(width - 1, 0)) + MORE, width)
    blank = " " * (width - length)
    return blank + shown if right else shown + blank


def clipped(text: str, width: int) -> str:
    """``text`` in ``width`` cells at most."""
    shown = printable(text)
    return shown if cell_len(shown) <= width else fit(shown, width)


def width_of(pieces: Iterable[Span]) -> int:
    """Cells of all of them."""
    return sum(cell_len(text) for text, _tone in pieces)


def spread(left: list[Span], right: list[Span], width: int) -> list[Span]:
    """A line of two ends; if they do not fit, ``left`` is cut first, then ``right``."""
    right = _within(right, width)
    room = width - width_of(right)
    kept = _within(left, room)
    return [*kept, (" " * (room - width_of(kept)), ""), *right]


def _within(pieces: list[Span], room: int) -> list[Span]:
    kept: list[Span] = []
    for text, tone in pieces:
        kept.append((clipped(text, room), tone))
        room -= cell_len(kept[-1][0])
        if room <= 0:
            break
    return kept


_JOINTS = "/_-.,="
"""After these a word that is longer than a line, a path for one, is broken."""


def wrapped(text: str, width: int) -> list[str]:
    """Lines of ``width`` cells at most, broken at blanks where there are any."""
    lines, line = [], ""
    for word in printable(text).split(" "):
        rest = word
        longer = f"{line} {rest}" if line else rest
        if cell_len(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        while cell_len(rest) > width:
            head = set_cell_size(rest, width).rstrip(" ")
            if not head or not rest.startswith(head):
                break
            joint = max(head.rfind(one) for one in _JOINTS) + 1
            head = head[:joint] if joint > len(head) // 2 else head
            lines.append(head)
            rest = rest[len(head) :]
        line = rest
    return [*lines, line]


_GOES_ON = " \\"
"""At the end of a line after which a command goes on."""

_WORD = re.compile(r"(?:'[^']*'|\"[^\"]*\"|[^ ])+")
"""A word of a command: in quotes it may have blanks."""


def command_lines(command: str, width: int) -> list[str]:
    """A shell's command in lines of ``width`` cells, which pasted together are that command.

    They end between words. Only a word that is longer than a line, a path for one, is broken.
    """
    if cell_len(printable(command)) <= width:
        return [printable(command)]
    lines, line = list[str](), ""
    for word in _WORD.findall(printable(command)):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) + len(_GOES_ON) <= width:
            line = longer
            continue
        lines += [line + _GOES_ON] if line else []
        *begun, line = wrapped(word, width)
        lines += begun
    return [*lines, line]
