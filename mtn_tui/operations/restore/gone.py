"""Lost rows in one sentence: how many are gone, and how many are new since, never the difference."""

from __future__ import annotations

from mtn_tui.core.i18n import Figure, ngettext


def gone_and_new(gone: int, new: int | None) -> str:
    """Both numbers in words. Where ``new`` is not known, ``gone`` is the least that it can be."""
    text = ngettext(
        "{gone:,} row that was there is gone, {new:,} new since",
        "{gone:,} rows that were there are gone, {new:,} new since",
        gone,
    )
    if new is None:
        text = ngettext(
            "at least {gone:,} row that was there is gone",
            "at least {gone:,} rows that were there are gone",
            gone,
        )
    return text.format(gone=Figure(gone), new=Figure(new or 0))


def were_gone_and_new(gone: int, new: int | None) -> str:
    """As ``gone_and_new``, of what is over by now."""
    text = ngettext(
        "{gone:,} row that had been there was gone, {new:,} new since",
        "{gone:,} rows that had been there were gone, {new:,} new since",
        gone,
    )
    if new is None:
        text = ngettext(
            "at least {gone:,} row that had been there was gone",
            "at least {gone:,} rows that had been there were gone",
            gone,
        )
    return text.format(gone=Figure(gone), new=Figure(new or 0))
