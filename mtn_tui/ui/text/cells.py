"""Text in a terminal's cells: no control characters, never wider than its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size

from mtn_tui.core.i18n import Figure, _
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


def more_below(count: int, key: str = "") -> str:
    """Says that there are so many lines more, and the ``key`` that shows them."""
    return "▾ " + _("{count:,} more below").format(count=Figure(count)) + (f": {key}" if key else "")


def cut_to(lines: Sequence[str], height: int, width: int, key: str = "") -> list[str]:
    """The first lines; where there are more, the last one says how many are not seen whole, and the ``key``
    that shows them."""
    if len(lines) <= height:
        return list(lines)
    below = more_below(len(lines) - height + 1, key)
    *seen, last = lines[: max(height, 1)]
    room = max(width - cell_len(below) - 2, 0)
    return [*seen, fit(last if cell_len(last) > room else last + MORE, room) + "  " + below]


_JOINTS = "/_-.,="
"""After these a word that is longer than a line, a path for one, is broken."""

BROKEN = "\\"
"""At the end of a line after which a path goes on, without a blank: pasted into a shell it is one word."""


def wrapped(text: str, width: int, *, broken: str = BROKEN) -> list[str]:
    """Lines of ``width`` cells at most, broken at blanks where there are any.

    Only a word that is longer than a line is broken; it begins a line of its own, and if it is a path each of
    its lines but the last ends with ``broken``.
    """
    lines, line = [], ""
    for word in printable(text).split(" "):
        rest = word
        longer = f"{line} {rest}" if line else rest
        if cell_len(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        mark = broken if "/" in word else ""
        while cell_len(rest) > width:
            head = _head(rest, width - len(mark))
            if not head:
                break
            lines.append(head + mark)
            rest = rest[len(head) :]
        line = rest
    return [*lines, line]


def _head(word: str, width: int) -> str:
    """As much of a word as fits, to a joint of it if one is near; empty if nothing can be told apart."""
    head = set_cell_size(word, width).rstrip(" ")
    if not word.startswith(head):
        return ""
    joint = max(head.rfind(one) for one in _JOINTS) + 1
    return head[:joint] if joint > len(head) // 2 else head


def longest_word(texts: Iterable[str]) -> int:
    """Cells of the longest word of all these texts."""
    return max((cell_len(word) for text in texts for word in printable(text).split(" ")), default=0)


def beside(name: str, value: str, column: int, width: int) -> list[tuple[str, str]]:
    """A value in lines beside its name, which has ``column`` cells: for each line what stands before it.

    Where a word of it fits only without the name, a path for one, it stands below the name.
    """
    heads, room = [fit(name, column), " " * column], width - column
    if longest_word([value]) > room:
        named = [(clipped(name, width), "")] if name else []
        return [*named, *(("", line) for line in wrapped(value, width))]
    return [(heads[bool(number)], line) for number, line in enumerate(wrapped(value, room))]


_GOES_ON = " \\"
"""At the end of a line after which a command goes on with another word."""

_WORD = re.compile(r"(?:'[^']*'|\"[^\"]*\"|[^ ])+")
"""A word of a command: in quotes it may have blanks."""


def command_lines(command: str, width: int) -> list[str]:
    """A shell's command in lines of ``width`` cells, which pasted together are that command.

    They end between words. Only a word that is longer than a line, a path for one, is broken.
    """
    if cell_len(printable(command)) <= width:
        return [printable(command)]
    lines, line = list[str](), ""
    words = _WORD.findall(printable(command))
    for number, word in enumerate(words, 1):
        room = width - (len(_GOES_ON) if number < len(words) else 0)
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= room:
            line = longer
            continue
        lines += [line + _GOES_ON] if line else []
        *begun, line = _broken_word(word, room)
        lines += begun
    return [*lines, line]


def _broken_word(word: str, width: int) -> list[str]:
    """A word of a command in lines that a shell reads as that word; quotes are closed and opened again."""
    lines = list[str]()
    while cell_len(word) > width:
        head = _head(word, max(width - len(BROKEN) - 1, 3))
        if not head:
            break
        quote = _open_quote(head)
        lines.append(head + quote + BROKEN)
        word = quote + word[len(head) :]
    return [*lines, word]


def _open_quote(text: str) -> str:
    """The quote that is open at the end of a piece of a command; empty if none is."""
    quote = ""
    for letter in text:
        if letter in "'\"" and quote in ("", letter):
            quote = "" if quote else letter
    return quote
