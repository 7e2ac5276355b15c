"""Timestamps: parsed as files contain them, and written for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

YEARS = range(1970, 9000)
"""Other years can't be converted to every time zone, and ``strftime`` formats them differently."""


AHEAD = timedelta(minutes=5)
"""By how much the clocks of two machines may differ, and nobody need be told."""


def is_future(moment: datetime, now: datetime) -> bool:
    """Whether it was written by a clock that was wrong: it is further ahead of ``now`` than AHEAD."""
    return moment > now + AHEAD


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


def with_offset(moment: datetime, zone: tzinfo | None = None) -> str:
    """Format as ``2026-11-24 02:00 -03``, with seconds unless these are 0: the time in ``zone``.

    ``zone`` is the machine's own unless given.
    """
    local = moment.astimezone(zone)
    seconds = f":{local:%S}" if local.second else ""
    return f"{local:%Y-%m-%d %H:%M}{seconds} {f'{local:%z}'.removesuffix('00')}"
