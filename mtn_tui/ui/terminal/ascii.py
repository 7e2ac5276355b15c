"""``--ascii``: only ASCII characters reach the terminal."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_OURS = {
    "✔": "+",
    "✖": "x",
    "⚠": "!",
    "▶": ">",
    "▲": "^",
    "←": "<",
    "→": ">",
    "▸": ">",
    "›": ">",
    "▾": "v",
    "▴": "^",
    "★": "*",
    "·": ".",
    "…": "~",
    "—": "-",
    "─": "-",
    "│": "|",
    "█": "#",
    "░": ".",
    "¿": "?",
    "¡": "!",
    "•": "*",
    "±": "~",
    "≈": "~",
    "§": "s",
    # The ends of a scroll bar: its colour shows where they are.
    **dict.fromkeys("▁▂▃▄▅▆▇▉▊▋▌▍▎▏", " "),
}


@lru_cache(4096)
def folded(text: str) -> str:
    """``text`` in ASCII, as wide as before: without accents, and with ? for what has no equivalent."""
    if text.isascii():
        return text
    return "".join(char if char.isascii() else _likeness(char) for char in text)


def _likeness(char: str) -> str:
    cells = cell_len(char)
    plain = _OURS.get(char) or unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
    return plain if len(plain) == cells else "?" * cells


class Ascii(LineFilter):
    """A line filter that folds all that is drawn; it has to be the last one."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Fold the text of each segment; called by Textual for each line drawn."""
        return [Segment(folded(text), style, control) for text, style, control in segments]
