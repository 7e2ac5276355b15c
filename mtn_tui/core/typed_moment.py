"""A moment as an operator types it: ``2025-10-03 14:30``, ``ayer 14:30``, ``2h ago``.

Nothing is guessed: a date without a year, a time of the 12-hour clock and a bare
date are refused, and a date with slashes has its day first.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.moments import YEARS, with_offset

_AGO = re.compile(
    r"(?:hace )?(?P<count>\d{1,6}) ?"
    r"(?:(?P<minutes>m|min|minutes?|minutos?)|(?P<hours>h|hours?|horas?)|(?P<days>d|days?|d[ií]as?))(?: ago)?"
)

_WRITTEN = re.compile(
    r"(?:(?P<day>[a-z]+|[\d/-]+)(?: (?:at |a las? )?|(?<=\d)t))?"
    r"(?P<time>(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?)"
    r" ?(?P<offset>z|utc|[+-]\d{1,2}(?::?[0-5]\d)?)?",
    re.ASCII,
)

_DATE = re.compile(
    r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})|(?P<first>\d{1,2})([-/])(?P<second>\d{1,2})\5(?P<last>\d{4})",
    re.ASCII,
)

_DAYS = {"today": 0, "hoy": 0, "yesterday": 1, "ayer": 1, "anteayer": 2}
"""Words for a day, and how many days ago it was. Both languages are always understood."""

_OFFSETS = timedelta(hours=-12), timedelta(hours=14)
"""The least and the greatest on earth: what follows in ``14:30-15:30`` is no offset."""

_AHEAD = timedelta(minutes=1)
"""How far in the future a moment may be: clocks differ."""


class RepeatedHour(UsageError):
    """The time occurred twice, because the clocks were set back; ``moments`` are both, in UTC."""

    def __init__(self, first: datetime, second: datetime, zone: tzinfo | None) -> None:
        self.moments = first, second
        one, other = (with_offset(moment, zone) for moment in self.moments)
        super().__init__(
            _("{time} occurred twice because the clocks were set back. Which one?").format(
                time=one.rpartition(" ")[0]
            ),
            _("Write {first} for the first, {second} for the second.").format(first=one, second=other),
        )


def read_typed(text: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """Read a moment that a person typed, not later than a minute after ``now``, and return it in UTC.

    Understood are a time (of today), a day and a time, each with or without an
    offset, and ``2h ago``. A day is ``today``, ``yesterday``, ``anteayer``, ``2025-10-03``
    or, the day first, ``03-10-2025`` and ``3/10/2025``. An offset is ``Z``, ``UTC``,
    ``-03`` or ``-03:00``, also after a space; without one it is the time in
    ``zone``, the machine's own unless given. ``today`` is the day in ``zone`` even
    with an offset.

    Raises RepeatedHour if it occurred twice, and UsageError if it never did, is in
    the future, or cannot be read.
    """
    wanted = " ".join(text.casefold().split())
    ago, written = _AGO.fullmatch(wanted), _WRITTEN.fullmatch(wanted)
    try:
        if ago is not None:
            units = {unit: int(ago["count"]) for unit in ("minutes", "hours", "days") if ago[unit]}
            moments = [now.astimezone(UTC) - timedelta(**units)]
        elif written is not None:
            local = datetime.combine(_day(written["day"], now.astimezone(zone).date()), _time(written))
            if local.year not in YEARS:
                raise ValueError(text)
            moments = _moments(local, _offset(written["offset"]), zone)
        else:
            raise ValueError(text)
        if moments[0].year not in YEARS:
            raise ValueError(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            _("{text} is not a moment.").format(text=text),
            _(
                "Write it like 2025-10-03 14:30, 03-10-2025 14:30 (day first), 14:30, yesterday 14:30,"
                " 2h ago, 2025-10-03 14:30 -03 or 2025-10-03T14:30Z."
            ),
        ) from error
    past = [moment for moment in moments if moment <= now + _AHEAD]
    if not past:
        raise _in_future(moments[0], now, zone, written)
    if len(past) > 1:
        raise RepeatedHour(past[0], past[1], zone)
    return past[0]


def _day(text: str | None, today: date) -> date:
    """Raises ValueError."""
    if text is None:
        return today
    if text in _DAYS:
        return today - timedelta(days=_DAYS[text])
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, month, day = (
        found["y"] or found["last"],
        found["m"] or found["second"],
        found["d"] or found["first"],
    )
    return date(int(year), int(month), int(day))


def _time(written: re.Match[str]) -> time:
    """Raises ValueError."""
    microsecond = f"{written['fraction'] or '':0<6}"[:6]
    return time(int(written["hour"]), int(written["minute"]), int(written["second"] or 0), int(microsecond))


def _offset(text: str | None) -> timezone | None:
    """Raises ValueError if no place on earth has it."""
    if text is None:
        return None
    if text in ("z", "utc"):
        return UTC
    digits = text[1:].replace(":", "")
    hours, minutes = (digits, "0") if len(digits) < 3 else (digits[:-2], digits[-2:])
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if text[0] == "-" else 1)
    if not _OFFSETS[0] <= offset <= _OFFSETS[1]:
        raise ValueError(text)
    return timezone(offset)


def _moments(local: datetime, offset: timezone | None, zone: tzinfo | None) -> list[datetime]:
    """When clocks showed ``local``: once, or twice. Raises UsageError if they never did."""
    if offset is not None:
        return [local.replace(tzinfo=offset).astimezone(UTC)]
    # Where the clocks jump, an aware and a naive datetime differ in what fold means: so it is read back.
    both = sorted({local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)})
    shown = [moment for moment in both if moment.astimezone(zone).replace(tzinfo=None) == local]
    if not shown:
        raise _skipped(local, both[0], both[-1], zone)
    return shown


def _skipped(local: datetime, before: datetime, after: datetime, zone: tzinfo | None) -> UsageError:
    """``before`` and ``after`` are moments on either side of the jump."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    jump = after.replace(microsecond=0)
    return UsageError(
        _("{time} never occurred: the clocks jumped from {before} to {after}.").format(
            time=f"{local:%Y-%m-%d %H:%M}",
            before=with_offset(jump, timezone(old or timedelta())),
            after=with_offset(jump, zone),
        ),
        _("Write a moment before or after that."),
    )


def _in_future(
    moment: datetime, now: datetime, zone: tzinfo | None, written: re.Match[str] | None
) -> UsageError:
    hint = ""
    if written is not None and (written["day"] is None or _DAYS.get(written["day"]) == 0):
        of_day = written["time"] + (f" {written['offset'].upper()}" if written["offset"] else "")
        hint = _("For yesterday's, write: yesterday {time}").format(time=of_day)
    return UsageError(
        _("{moment} is in the future: it is {now} now.").format(
            moment=with_offset(moment, zone), now=with_offset(now, zone)
        ),
        hint,
    )
