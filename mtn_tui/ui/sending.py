"""Only lines that differ from what the terminal shows already are sent.

Textual paints a whole screen two to four times as one is opened; over a slow
line the operator would wait for each. This leans on parts of Textual that are
not its public interface, of the one version that is pinned.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.console import Console
from rich.control import Control
from textual._compositor import CompositorUpdate
from textual.screen import Screen

_RUN = re.compile(r"\x1b\[([0-9;]*)m([^\x1b]*)\x1b\[0m")
"""A text in one style, as it is rendered: the style, the text, and an end of all style."""

_STYLE = re.compile(r"((?:[1-9];)*)(38;[25];[0-9;]*?);(48;[25];[0-9;]*)")
"""Attributes, colour, and background."""

_NO_STYLE = ("", "", "")


class Shown:
    """What the terminal shows, line by line, as far as that is known."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def forget(self) -> None:
        """Somebody else has drawn, or the terminal has another size."""
        self._lines = []

    def news(self, screen: Screen[object], console: Console) -> CompositorUpdate | None:
        """What has to be sent for ``screen`` to be seen, and counts as sent; None where nothing has."""
        lines = [strip.render(console) for strip in screen._compositor.render_strips()]
        known = self._lines if len(self._lines) == len(lines) else [""] * len(lines)
        self._lines = lines
        changed = [(y, line) for y, line in enumerate(lines) if line != known[y]]
        return _Sequences(sequence(changed)) if changed else None


class _Sequences(CompositorUpdate):
    def __init__(self, text: str) -> None:
        self._text = text

    def render_segments(self, console: Console) -> str:
        return self._text


def sequence(lines: Iterable[tuple[int, str]]) -> str:
    """What draws these lines, each with its row: of a style after another, only what is different in it."""
    parts: list[str] = []
    before = _NO_STYLE
    for y, line in lines:
        parts.append(Control.move_to(0, y).segment.text)
        runs = [(_STYLE.fullmatch(match[1]), match[2]) for match in _RUN.finditer(line)]
        if _RUN.sub("", line) or any(style is None for style, _text in runs):
            parts.append(f"\x1b[0m{line}\x1b[0m")  # something else is in it
            before = _NO_STYLE
            continue
        for style, text in runs:
            after = (style[1], style[2], style[3]) if style else _NO_STYLE
            parts += [_change(before, after), text]
            before = after
    return "".join(parts) + "\x1b[0m"


def _change(before: tuple[str, str, str], after: tuple[str, str, str]) -> str:
    if before == after:
        return ""
    flags, colour, ground = after
    if before == _NO_STYLE or flags != before[0]:
        return f"\x1b[0;{flags}{colour};{ground}m"
    changed = [new for new, old in zip((colour, ground), before[1:], strict=True) if new != old]
    return f"\x1b[{';'.join(changed)}m"
