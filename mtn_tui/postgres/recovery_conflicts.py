"""What a hot standby ends because changes that its primary sent are in the way."""

from __future__ import annotations

import psycopg

from mtn_tui.core.i18n import _

_WORDS = ("conflict with recovery", "conflicto con la recuperación")


def says_so(words: str) -> bool:
    """Whether a program of PostgreSQL's tells of one, in the languages that are known here."""
    return any(one in words for one in _WORDS)


def is_one(error: psycopg.Error) -> bool:
    """The same of what the server said, in any language: whoever only reads meets no other 40001 there."""
    return error.sqlstate == "40001" and error.diag.source_file == "postgres.c"


def hint() -> str:
    """What to set, so that it does not come again."""
    return _(
        "A hot standby cancels what conflicts with its primary's changes. Set on the standby: "
        "max_standby_streaming_delay = -1 and hot_standby_feedback = on; or back up the primary."
    )
