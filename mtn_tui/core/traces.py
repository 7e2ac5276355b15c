"""What is shown of an error that nobody understood, without what a database's server put into it.

psycopg's errors say DETAIL and CONTEXT, which hold rows: of these only the kind is shown.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from mtn_tui.core.redact import redact

_MAY_HOLD_ROWS = ("psycopg", "psycopg_binary")


def text_of(error: BaseException) -> str:
    """Its text; empty where that may hold rows."""
    if type(error).__module__.partition(".")[0] in _MAY_HOLD_ROWS:
        return ""
    return redact(str(error))


def named(error: BaseException) -> str:
    """Its kind and text."""
    name, text = type(error).__name__, text_of(error)
    return f"{name}: {text}" if text else name


def traced(error: BaseException) -> str:
    """Its traceback, and those of what caused it, as Python prints them."""
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
