"""The checklist in words, for the screen and for ``mtn check``."""

from __future__ import annotations

from datetime import datetime

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.health.picture import Picture, Row
from mtn_tui.operations.health.sign_off import SignOff


def word(status: Status) -> str:
    """A status as one short word."""
    known = {Status.OK: _("ok"), Status.WARN: _("warn"), Status.UNKNOWN: _("no data")}
    return known.get(status, _("fail"))


def words_width() -> int:
    """Cells of the longest of them."""
    return max(len(word(one)) for one in Status)


def title() -> str:
    """The name of the five of runbook 4.1."""
    return _("Morning checklist")


def also_watched() -> str:
    """The name of all others."""
    return _("Also watched")


def morning(picture: Picture, now: datetime) -> str:
    """How many of the morning's are ok, and who has signed them off, or when they were looked at."""
    rows = picture.morning
    parts = [_("{count} of {all} ok").format(count=sum(one.well for one in rows), all=len(rows))]
    at = picture.looked_at()
    if at is None:
        parts.append(looking())
    elif not all(one.fresh(now) for one in rows):
        parts.append(_("checked {age} ago, looking …").format(age=labels.age(at, now)))
    elif picture.signed is not None and picture.signed.holds(now):
        parts.append(signed(picture.signed))
    else:
        parts.append(_("checked {time}").format(time=f"{at.astimezone():%H:%M}"))
    return " · ".join(parts)


def signed(one: SignOff) -> str:
    """Who has signed the morning off, when, and with which note."""
    text = _("signed off {time} by {name}").format(time=f"{one.at.astimezone():%H:%M}", name=one.name)
    return f"{text}: {one.note}" if one.note else text


def looking() -> str:
    """Where nothing is known yet."""
    return _("looking …")


def evidence(row: Row, now: datetime) -> str:
    """What a check says in one line, with its age where that is more than its pace explains."""
    if row.known is None:
        if row.check.writes:
            return _("Not tried yet: mtn doctor tries it.")
        return looking()
    says = row.known.result.leading.says
    if row.fresh(now) and not row.check.writes:
        return says
    return _("{age} ago: {says}").format(age=labels.age(row.known.result.at, now), says=says)


def since(row: Row, now: datetime) -> str:
    """Since when it has its status, and when it was looked at."""
    if row.known is None:
        return ""
    text = _("{status} since {since}, looked at {age} ago")
    return text.format(
        status=word(row.status),
        since=labels.moment(row.known.since),
        age=labels.age(row.known.result.at, now),
    )


def runbook(row: Row) -> str:
    """The section of the runbook that has more: ``§4.1``; empty if none has."""
    section = (row.known.result.leading.runbook if row.known else "") or row.check.runbook
    return f"§{section}" if section else ""
