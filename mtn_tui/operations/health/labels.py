"""The checklist in words, for the screen and for ``mtn check``."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.catalogue import CHECKS
from mtn_tui.operations.health.picture import Picture, Row
from mtn_tui.operations.health.runner import Result
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


def others(picture: Picture) -> str:
    """How many of all others are not ok: the header's count is of both groups."""
    amiss = [one for one in picture.others if one.known and not one.well]
    if not amiss:
        return also_watched()
    failing = sum(one.status in (Status.FAIL, Status.STOP) for one in amiss)
    warned = len(amiss) - failing
    told = [ngettext("{count} fails", "{count} fail", failing).format(count=failing)] if failing else []
    if warned:
        told.append(ngettext("{count} warning", "{count} warnings", warned).format(count=warned))
    return f"{also_watched()}: {', '.join(told)}"


def morning(picture: Picture, now: datetime, room: int | None = None) -> str:
    """What is broken besides, how many of the morning's are ok, when they were looked at, and who signed.

    In at most ``room`` cells, where the note, and then what stood on it, is left to where there is more.
    """
    rows, at, one = picture.morning, picture.looked_at(), picture.signed_now(now)
    gone = _gone(picture, now)
    well = _("{count} of {all} ok").format(count=sum(row.well for row in rows), all=len(rows))
    if at is None or not all(row.fresh(now) for row in rows):
        text = _("checked {age} ago, looking …").format(age=labels.age(at, now)) if at else looking()
        return " · ".join(filter(None, [gone, well, text]))
    looked, briefly = _("all looked at just now"), _("just now")
    if now - at >= timedelta(minutes=1):
        looked = _("all looked at within {age}").format(age=labels.age(at, now))
        briefly = _("{age} ago").format(age=labels.age(at, now))
    long, short = (gone, well, looked), (gone, f"{well}, {briefly}")
    tellings: list[tuple[str, ...]] = [long, short]
    if one:
        full, brief, least = (
            _signed_with(one, True),
            _signed_with(one, False),
            _signed_with(one, False, False),
        )
        tellings = [(*long, signed(one)), (*long, full), (*short, full), (*short, brief), (*short, least)]
    told = [" · ".join(filter(None, parts)) for parts in (*tellings, (gone, well))]
    return next((text for text in told if room is None or len(text) <= room), told[-1])


def _gone(picture: Picture, now: datetime) -> str:
    """The worst of what is also watched, where it decides and has failed; empty if nothing has."""
    failed = [one for one in picture.others if one.status in (Status.FAIL, Status.STOP)]
    for one in sorted(failed, key=lambda one: not one.check.emergency):
        if one.check.decides and one.known:
            text = _("{check}: {status} since {since}").format(
                check=one.check.title(), status=word(one.status), since=today_or_whole(one.known.since, now)
            )
            return f"{one.status.glyph} {text}"
    return ""


def today_or_whole(when: datetime, now: datetime) -> str:
    """The time of day, where it is of today."""
    today = when.astimezone().date() == now.astimezone().date()
    return f"{when.astimezone():%H:%M}" if today else labels.moment(when)


def signed(one: SignOff) -> str:
    """Who has signed the morning off, when, what stood on it then, and with which note."""
    text = _signed_with(one, True)
    return f"{text}: {one.note}" if one.note else text


def _signed_with(one: SignOff, named: bool, by: bool = True) -> str:
    """When it was signed, and how many were ok then; ``named``: which were not; ``by``: by whom."""
    stood = {check: one.statuses[check.id] for check in CHECKS if check.morning and check.id in one.statuses}
    amiss = [check.title() for check, status in stood.items() if status is not Status.OK]
    text = _("signed off {time}").format(time=f"{one.at.astimezone():%H:%M}")
    if stood:
        text += " " + _("with {count} of {all}").format(count=len(stood) - len(amiss), all=len(stood))
    if named and amiss:
        text += f" ({', '.join(amiss)})"
    return text + (" " + _("by {name}").format(name=one.name) if by else "")


def looking() -> str:
    """Where nothing is known yet."""
    return _("looking …")


def evidence(row: Row, now: datetime) -> str:
    """What a check says in one line, with its age where that is more than its pace explains."""
    if row.known is None:
        if row.check.writes:
            return _("Not tried yet: mtn doctor tries it.")
        return looking()
    if row.fresh(now) and not row.check.writes:
        return in_short(row.known.result, now)
    says = in_short(row.known.result, row.known.result.at)
    return _("{age} ago: {says}").format(age=labels.age(row.known.result.at, now), says=says)


def in_short(result: Result, now: datetime) -> str:
    """What a check has found, what matters first: the worst; then the others that fit a row."""
    first = as_of(result.leading, now)
    if not first.short:
        return first.says
    others = [as_of(one, now) for one in result.findings if one.short and one is not result.leading]
    return " · ".join([first.short, *(one.short for one in others)])


def as_of(found: Check, now: datetime) -> Check:
    """A finding with the age that it tells reckoned at ``now``: as of the moment when it is shown."""
    if found.aged is None or now < found.aged:
        return found
    age = labels.age(found.aged, now)
    if found.id == "rpo":
        age = labels.roughly((now - found.aged).total_seconds())
    says, short = (text.replace(found.age, age, 1) for text in (found.says, found.short))
    return replace(found, says=says, short=short, age=age)


def since(row: Row, now: datetime) -> str:
    """Since when it has its status, and when it was looked at."""
    if row.known is None:
        return ""
    text = _("{status} since {since}, looked at {age} ago")
    if not row.well and row.known.is_first_seen:
        text = _("{status}, first seen {since}, looked at {age} ago")
    text = text.format(
        status=word(row.status),
        since=labels.moment(row.known.since),
        age=labels.age(row.known.result.at, now),
    )
    if section := runbook(row):
        text += " · " + _("runbook {section}").format(section=section)
    return text


def runbook(row: Row) -> str:
    """The section of the runbook that has more: ``§4.1``; empty if none has."""
    section = (row.known.result.leading.runbook if row.known else "") or row.check.runbook
    return f"§{section}" if section else ""


def figure(name: str) -> str:
    """What a figure of a check measures, in the reader's language; one of another version by its name."""
    store, _bar, rest = name.partition("_")
    if store in ("disk", "bucket") and rest in (of_store := _of_stores()):
        return of_store[rest].format(store=labels.store(store))
    if name.startswith("backups_missing_in_"):
        return _("Backups missing in the {store}").format(store=labels.store(name.rpartition("_")[2]))
    if name.startswith("missed_") and name.endswith("_runs"):
        return _("Runs that were not started")
    return _figures().get(name) or name.replace("_", " ")


def _of_stores() -> dict[str, str]:
    return {
        "fulls_bytes": _("Fulls in the {store}"),
        "differentials_bytes": _("Differentials in the {store}"),
        "last_week_bytes": _("Backups of a week in the {store}"),
    }


def _figures() -> dict[str, str]:
    return {
        "full_age_seconds": _("Age of the newest full"),
        "full_size_bytes": _("Size of the newest full"),
        "differential_age_seconds": _("Age of the newest differential"),
        "differential_age_target_seconds": _("Age that the newest differential may have"),
        "differentials_today": _("Differentials made today"),
        "rpo_seconds": "RPO",
        "rpo_target_seconds": _("Target of the RPO"),
        "rto_seconds": "RTO",
        "rto_target_seconds": _("Target of the RTO"),
        "log_errors": _("Errors in the logs"),
        "logs_bytes": _("Size of logs and metrics"),
        "monitor_age_seconds": _("Age of the monitor's last report"),
        "disk_free_bytes": _("Free space on the disk"),
        "disk_total_bytes": _("Size of the disk"),
        "disk_growth_per_day_bytes": _("Growth of the backups a day"),
        "disk_full_in_seconds": _("Time until the disk is full"),
        "server_disk_free_bytes": _("Free space on the server's disk"),
        "server_disk_total_bytes": _("Size of the server's disk"),
        "database_size_bytes": _("Size of the database"),
        "drill_age_seconds": _("Age of the last restore drill"),
        "oldest_row_transactions": _("Age of the oldest row, in transactions"),
        "backups_overdue": _("Copies that are past their days"),
        "services_down": _("Services that are not healthy"),
        "services_watched": _("Services that are asked"),
    }
