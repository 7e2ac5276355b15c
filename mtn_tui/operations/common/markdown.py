"""Text in Markdown."""

from __future__ import annotations

import re

from mtn_tui.core.printable import printable

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def escaped(said: str) -> str:
    """Escape what Markdown would interpret, and what does not print."""
    return _SPECIAL.sub(r"\\\1", printable(said))
