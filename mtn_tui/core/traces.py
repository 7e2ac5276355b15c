"""Texts of unexpected errors, without data that a database server put into them.

psycopg's errors include DETAIL and CONTEXT, which contain rows: only their class is shown.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from mtn_tui.core.redact import redact

_MAY_HOLD_ROWS = ("psycopg", "psycopg_binary")


def text_of(error: BaseException) -> str:
    """Return the text of an error, secrets masked; empty if it may contain rows."""
    if type(error).__module__.partition(".")[0] in _MAY_HOLD_ROWS:
        return ""
    return redact(str(error))


def named(error: BaseException) -> str:
    """Return the class and text of an error."""
    name, text = type(error).__name__, text_of(error)
    return f"{name}: {text}" if text else name


def traced(error: BaseException) -> str:
    """Return the traceback of an error and of its causes, formatted as Python does, secrets masked."""
    return "".join(_chain(error, set()))


def _chain(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _chain(before, seen)
        how = "direct cause of the following exception" if error.__cause__ else "one that was being handled"
        yield f"\nThe above exception was the {how}:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from map(redact, traceback.format_tb(error.__traceback__))
    yield named(error) + "\n"
    for note in getattr(error, "__notes__", ()):
        yield redact(note) + "\n"
