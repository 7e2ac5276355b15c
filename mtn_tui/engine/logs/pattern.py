"""Regular expressions over log lines, as typed by an operator.

Those of the standard library may backtrack endlessly while holding the GIL. The
regex package releases it, and supports a timeout.
"""

from __future__ import annotations

import re
from typing import Any

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _

PATIENCE = 0.5
"""Maximum seconds to match one line."""

_WORDS = re.compile(r"[^\\.*+?()\[\]{}|^$]+ [^\\.*+?()\[\]{}|^$]+")
"""Words without a character that is special in an expression."""


def _all_of(words: str) -> str:
    return "(?s)^" + "".join(f"(?=.*?{re.escape(word)})" for word in words.split())


class Pattern:
    """A regular expression, or several words that must all be in a line, in any order.

    Case-sensitive if it has a capital. Raises UsageError if invalid.
    """

    def __init__(self, text: str) -> None:
        import regex  # takes some ms, so only when searching

        self.text = text
        flags = regex.V0 if any(char.isupper() for char in text) else regex.V0 | regex.IGNORECASE
        try:
            # The package has no types.
            self._compiled: Any = regex.compile(_all_of(text) if _WORDS.fullmatch(text) else text, flags)
        except (regex.error, ValueError, OverflowError, RecursionError) as error:
            raise UsageError(
                _("{pattern} is not a regular expression: {reason}.").format(pattern=text, reason=error),
                _("To match the characters themselves, put a backslash before each of {special}").format(
                    special=". * + ? ( ) [ ] |"
                ),
            ) from error

    def is_in(self, line: str) -> bool:
        """Return whether the pattern matches in ``line``. Raises UsageError if that takes too long."""
        try:
            return self._compiled.search(line, timeout=PATIENCE, concurrent=True) is not None
        except TimeoutError:
            raise UsageError(
                _("{pattern} takes too long.").format(pattern=self.text),
                _("Write it without a choice or a repetition inside another repetition."),
            ) from None
