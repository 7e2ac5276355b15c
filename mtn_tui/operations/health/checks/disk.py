"""Runbook 6.2 and 8.2: how much room is left, how fast it goes, and when none will be left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta
from pathlib import Path

from mtn_tui.core.errors import KeyFileError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.models import Kind
from mtn_tui.operations.backup import room
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.server_disk import disk_of
from mtn_tui.operations.health import last_known
from mtn_tui.operations.health.accepted import SERVER_DISK, accepted
from mtn_tui.operations.health.checks.folders import mount_of, nearest
from mtn_tui.operations.health.growth import WEEK, Stored, added, days_left, measured_left
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.inventory.model import Inventory
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, connect

CRITICAL = 0.1
WARNED = 0.2
"""Parts of a disk; less than that free is critical, or a warning, by runbook 6.2."""

_NAME = "disk"
_PRUNED = {"BACKUP_DIR", "LOG_DIR", "METRICS_DIR", "STATE_DIR"}
"""Where retention deletes something: backups, logs, metrics, journals."""


def disk(inspection: Inspection) -> Iterator[Check]:
    """The room on each filesystem that we write to, that of the backups first, with its growth."""
    context = inspection.context
    settings = context.settings
    folders = {
        "BACKUP_DIR": settings.backup_dir,
        "LOG_DIR": settings.log_dir,
        "METRICS_DIR": settings.metrics_dir,
        "TEMP_DIR": settings.temp_dir,
        "STATE_DIR": context.state,
    }
    by_device: dict[int, list[str]] = {}
    for setting, folder in folders.items():
        try:
            by_device.setdefault(nearest(folder).stat().st_dev, []).append(setting)
        except OSError as error:
            said = _("{folder} can't be looked at: {reason}.").format(folder=folder, reason=error.strerror)
            yield Check(_NAME, Status.UNKNOWN, said, _("Correct {setting}.").format(setting=setting))
    for names in by_device.values():
        yield _room(inspection, names, nearest(folders[names[0]]))


def _room(inspection: Inspection, names: list[str], folder: Path) -> Check:
    try:
        found, inodes, mount = shutil.disk_usage(folder), os.statvfs(folder), mount_of(folder)
    except OSError as error:
        said = _("{folder} can't be looked at: {reason}.").format(folder=folder, reason=error.strerror)
        return Check(_NAME, Status.UNKNOWN, said, _("See why its disk does not answer (“dmesg”)."))
    usable = found.used + found.free  # without what is reserved for root, as df counts
    share = found.free / (usable or 1)
    text = _("{free} of {total} free, {percent} %, on {mount}: {contents}.").format(
        free=labels.size(found.free),
        total=labels.size(usable),
        percent=int(100 * share),
        mount=mount,
        contents=", ".join(_contents()[name] for name in names),
    )
    left = inodes.f_favail / inodes.f_files if inodes.f_files else 1.0
    if left < min(share, WARNED):
        text += " " + _("Free inodes: {percent} %.").format(percent=int(100 * left))
    status = judged(min(share, left))
    figures: dict[str, float] = {}
    short = _("{percent} % free, {free}").format(percent=int(100 * share), free=labels.size(found.free))
    if "BACKUP_DIR" in names:
        figures = {"disk_free_bytes": float(found.free), "disk_total_bytes": float(usable)}
        if refused := _refused(inspection, found.free):
            told, brief = _too_little(refused)
            status = Status.FAIL
            figures["disk_full_in_seconds"] = 0.0
        else:
            days, told = _growth(inspection, found.free, figures)
            brief = _("not full within a year") if days is None else _full_by(inspection, days)
            if status is Status.OK and days is not None and days < WEEK.days:
                status = Status.WARN
        text += " " + told
        short += ", " + brief
    hint = "" if status is Status.OK else _room_for(names)
    section = "8.2" if status is Status.OK else "6.2"
    fix = ("prune",) if hint and not _PRUNED.isdisjoint(names) else ()
    of = f"{mount} {inodes.f_fsid:x}"
    return Check(_NAME, status, text, hint, section, fix=fix, figures=figures, of=of, short=short)


def _contents() -> dict[str, str]:
    """What lies in the folder that each setting names."""
    return {
        "BACKUP_DIR": _("backups"),
        "LOG_DIR": _("logs"),
        "METRICS_DIR": _("metrics"),
        "TEMP_DIR": _("temporary files"),
        "STATE_DIR": _("state of the program"),
    }


def _full_by(inspection: Inspection, days: int) -> str:
    return _("full by {day}").format(day=f"{(inspection.now + timedelta(days=days)).astimezone():%Y-%m-%d}")


def _refused(inspection: Inspection, free: int) -> dict[Kind, int]:
    """The kinds of backup that would be refused now for want of room, with the bytes that each wants.

    Of a kind that was never made on this disk nothing is known. Without the key nothing is either.
    """
    database = inspection.context.settings.db_name
    last: dict[Kind, int] = {}
    try:
        known = inspection.of_our_server
    except KeyFileError:
        return {}
    for one in known.backups:  # newest first
        copy = one.copy_in("disk")
        if one.manifest is not None and one.manifest.database == database and copy is not None:
            last.setdefault(one.kind, room.required(copy.size))
    return {kind: needed for kind, needed in last.items() if needed > free}


def _too_little(refused: Mapping[Kind, int]) -> tuple[str, str]:
    """That those backups do not fit, in a sentence and in few words."""
    if len(refused) > 1:
        text = _("No backup fits any more: {needed} have to be free.")
        short = _("no backup fits")
    elif Kind.FULL in refused:
        text, short = (
            _("The next full does not fit: {needed} have to be free."),
            _("the next full does not fit"),
        )
    else:
        text = _("The next differential does not fit: {needed} have to be free.")
        short = _("the next differential does not fit")
    return text.format(needed=labels.size(max(refused.values()))), short


def judged(share: float) -> Status:
    """What runbook 6.2 calls it when that part of a disk is free."""
    return Status.FAIL if share < CRITICAL else Status.WARN if share < WARNED else Status.OK


def _room_for(names: list[str]) -> str:
    hint = ngettext(
        "Make room, or let {settings} point to a larger disk.",
        "Make room, or let {settings} point to a larger disk.",
        len(names),
    ).format(settings=", ".join(names))
    if not _PRUNED.isdisjoint(names):
        hint += " " + _("See what retention would delete: mtn prune --dry-run")
    return hint


def _growth(inspection: Inspection, free: int, figures: dict[str, float]) -> tuple[int | None, str]:
    """Days until the backups' disk is full (None: not in a year), and that in words."""
    context, now = inspection.context, inspection.now
    stored = _stored(inspection.listed)
    daily = sum(added(stored, now).values())
    known = last_known.load(context).get(_NAME)
    measured = (known.series or {}).get("disk_free_bytes", ()) if known else ()
    settings = context.settings
    keep: Mapping[Kind, int] = {
        Kind.FULL: settings.full_backup_retention_days,
        Kind.DIFF: settings.diff_backup_retention_days,
    }
    both = (  # backups are refused before the last byte is gone
        days_left(max(free - room.SPARE, 0), stored, now, keep),
        measured_left(free, measured, now, room.SPARE),
    )
    days = min((one for one in both if one is not None), default=None)
    figures["disk_growth_per_day_bytes"] = daily
    told = _("Backups add {size} a day.").format(size=labels.size(int(daily)))
    if days is None:
        return None, told + " " + _("With what retention deletes it will not be full within a year.")
    figures["disk_full_in_seconds"] = timedelta(days=days).total_seconds()
    full = ngettext(
        "It will be full in {count} day, on {day}.", "It will be full in {count} days, on {day}.", days
    ).format(count=days, day=f"{(now + timedelta(days=days)).astimezone():%Y-%m-%d}")
    return days, told + " " + full


def _stored(inventory: Inventory) -> list[Stored]:
    """The backups on disk. None where it can't be listed, which ``folders`` tells."""
    there = ((one, one.copy_in("disk")) for one in inventory.backups)
    return [
        Stored(one.kind, one.name.stamp.astimezone(UTC), copy.size) for one, copy in there if copy is not None
    ]


def server_disk(inspection: Inspection) -> Iterator[Check]:
    """The room on the database server's disk. Unknown where it can't be seen, until somebody watches it.

    Raises PostgresError.
    """
    context = inspection.context
    server = context.server
    with connect(server, MAINTENANCE, "mtn doctor") as connection:
        found = disk_of(server.host, connection)
        database = databases.describe(connection, context.settings.db_name)
    if found is not None:
        free, total = found
        figures = {"server_disk_free_bytes": float(free), "server_disk_total_bytes": float(total)}
        status = judged(free / (total or 1))
        text = _("{free} of {total} free, {percent} %, where PostgreSQL keeps its data.").format(
            free=labels.size(free), total=labels.size(total), percent=int(100 * free / (total or 1))
        )
        hint = _("Make room there, or PostgreSQL stops: old logs, kept databases (mtn kept).")
        hint = "" if status is Status.OK else hint
        yield Check("server-disk", status, text, hint, "6.2", figures=figures, of=place_of(context))
        return
    text = _("The disk of {place} can't be seen from here; the database takes {size} of it.").format(
        place=place_of(context), size=labels.size(database.size if database else None)
    )
    mark = accepted(context, SERVER_DISK, place_of(context))
    if mark is not None:
        said = _("{operator} said that it is watched, {moment}.")
        text += " " + said.format(operator=mark.operator, moment=labels.moment(mark.at))
        yield Check("server-disk", Status.OK, text, runbook="6.2")
        return
    hint = _("Have its free space watched there (20 %, 10 %). If it is: mtn accept --server-disk")
    yield Check("server-disk", Status.UNKNOWN, text, hint, "6.2")


def place_of(context: Context) -> str:
    """What an acceptance of the server's disk is of."""
    return f"{context.server.host}:{context.server.port}"
