"""A regular expression over lines of logs, typed by an operator in a hurry.

The standard library's may backtrack without an end, and nothing else of the
process runs meanwhile. The regex package's lets others run, and gives up in time.
"""

from __future__ import annotations

from typing import Any

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _

PATIENCE = 0.5
"""Seconds that it may look at one line."""


class Pattern:
    """Case counts where it has a capital. Raises UsageError where it is none."""

    def __init__(self, text: str) -> None:
        import regex  # some ms that only those pay who search

        self.text = text
        flags = regex.V0 if any(char.isupper() for char in text) else regex.V0 | regex.IGNORECASE
        try:
            self._compiled: Any = regex.compile(text, flags)  # the package has no types
        except (regex.error, ValueError, OverflowError, RecursionError) as error:
            raise UsageError(
                _("{pattern} is not a regular expression: {reason}.").format(pattern=text, reason=error),
                _(
                    "Where the characters themselves are meant, put a backslash before each of {special}"
                ).format(special=". * + ? ( ) [ ] |"),
            ) from error

    def is_in(self, line: str) -> bool:
        """Raises UsageError where that takes too long to tell."""
        try:
            return self._compiled.search(line, timeout=PATIENCE, concurrent=True) is not None
        except TimeoutError:
            raise UsageError(
                _("{pattern} takes too long.").format(pattern=self.text),
                _("Write it without a choice or a repetition inside another repetition."),
            ) from None
