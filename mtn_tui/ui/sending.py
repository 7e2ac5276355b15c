"""Only lines that differ from what the terminal shows already are sent.

Textual paints a whole screen two to four times as one is opened; over a slow
line the operator would wait for each. This leans on parts of Textual that are
not its public interface, of the one version that is pinned.
"""

from __future__ import annotations

from rich.console import Console
from rich.control import Control
from textual._compositor import CompositorUpdate
from textual.screen import Screen


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
        changed = [
            Control.move_to(0, y).segment.text + line
            for y, (line, before) in enumerate(zip(lines, known, strict=True))
            if line != before
        ]
        return _Sequences("".join(changed)) if changed else None


class _Sequences(CompositorUpdate):
    def __init__(self, text: str) -> None:
        self._text = text

    def render_segments(self, console: Console) -> str:
        return self._text
