"""How wide a dialog's text is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.screen import Screen

from mtn_tui.ui.text.cells import longest_word

_USUAL = 66
"""Cells of a dialog's lines, as ``ask.tcss`` has them; lines of more are hard to read."""
_AROUND = 4
"""Cells of its border."""


def room(dialog: Screen[Any], texts: Iterable[str] = ()) -> int:
    """Make a dialog wide enough for the longest word of these texts, a path for one; its lines in cells."""
    most = dialog.app.size.width - _AROUND
    usual = min(_USUAL, most - _AROUND)
    wanted = max(usual, min(longest_word(texts), most))
    for one in dialog.query_one("#box").children:
        one.styles.width = max(wanted, _USUAL)
    return wanted
