"""Parsing of timestamps in files."""

from __future__ import annotations

from datetime import UTC, datetime

YEARS = range(1970, 9000)
"""Other years can't be converted to every time zone, and ``strftime`` formats them differently."""


def read_moment(text: str) -> datetime:
    """Parse an ISO 8601 timestamp and return it in UTC, which is also assumed if it has no zone.

    Raises ValueError if it is invalid or out of range.
    """
    moment = datetime.fromisoformat(text)
    if moment.year in YEARS:  # others can't be converted to every zone
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment.year not in YEARS:
        raise ValueError(text)
    return moment
