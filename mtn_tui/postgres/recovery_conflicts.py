"""Detects sessions that a hot standby ended because they conflicted with changes of its primary."""

from __future__ import annotations

import psycopg

from mtn_tui.core.i18n import _

_WORDS = ("conflict with recovery", "conflicto con la recuperación")


def says_so(words: str) -> bool:
    """Return whether the output of one of PostgreSQL's tools reports a conflict, in the known languages."""
    return any(one in words for one in _WORDS)


def is_one(error: psycopg.Error) -> bool:
    """Return whether an error is a conflict, in any language: reading causes no other 40001 there."""
    return error.sqlstate == "40001" and error.diag.source_file == "postgres.c"


def hint() -> str:
    """Return the settings that prevent it."""
    return _(
        "A hot standby cancels what conflicts with its primary's changes. Set on the standby: "
        "max_standby_streaming_delay = -1 and hot_standby_feedback = on; or back up the primary."
    )
