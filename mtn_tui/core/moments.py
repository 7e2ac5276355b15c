"""Moments as files have them."""

from __future__ import annotations

from datetime import UTC, datetime

YEARS = range(1970, 9000)
"""What lies beyond is no moment in every time zone, and ``strftime`` writes it otherwise."""


def read_moment(text: str) -> datetime:
    """An ISO 8601 moment, in UTC, as which one without a zone is taken. Raises ValueError for any other."""
    moment = datetime.fromisoformat(text)
    if moment.year in YEARS:  # others can't be had in every zone
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment.year not in YEARS:
        raise ValueError(text)
    return moment
