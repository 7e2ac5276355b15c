"""Collects what is on record of a period. What can't be read is named, and holds nothing else up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.models import Kind
from mtn_tui.core.moments import read_moment
from mtn_tui.engine.joblog import fields_of
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.alerts import notify
from mtn_tui.operations.alerts.delivery import State
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.incident.file import look_through
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.reports.due import due
from mtn_tui.operations.reports.facts import Alert, Drill, Emergency, Facts, Stored
from mtn_tui.operations.reports.period import Period, Span, last_full
from mtn_tui.operations.reports.runs import runs
from mtn_tui.operations.restore import rto_log

_NOT_THERE = (State.KEPT, State.FAILED)


def collect(context: Context, span: Span) -> Facts:
    """All that is known of the last full week or month."""
    inspection = Inspection(context)
    period = last_full(span, inspection.now)
    settings = context.settings
    unknown: list[str] = []
    backups = _backups(inspection, unknown)
    found = runs(period, settings.metrics_dir, settings.db_name, _jobs(inspection, unknown), backups)
    if found.unread:
        text = ngettext(
            "{count} file of figures can't be read: {folder}",
            "{count} files of figures can't be read: {folder}",
            found.unread,
        )
        unknown.append(text.format(count=found.unread, folder=settings.metrics_dir))
    if found.unbelieved:
        text = ngettext(
            "{count} backup can't be trusted, and does not count: mtn list",
            "{count} backups can't be trusted, and do not count: mtn list",
            found.unbelieved,
        )
        unknown.append(text.format(count=found.unbelieved))
    return Facts(
        period=period,
        now=inspection.now,
        database=settings.db_name,
        host=context.host,
        rpo=timedelta(hours=settings.target_rpo_hours),
        rto=timedelta(hours=settings.target_rto_hours),
        due={kind: due(settings, kind, period) for kind in Kind},
        recorded=found.recorded,
        runs=found.found,
        drills=tuple(_drills(context, period, unknown)),
        alerts=tuple(_alerts(context, period, unknown)),
        emergencies=tuple(_emergencies(context, period, unknown)),
        stored=_stored(backups),
        unknown=tuple(unknown),
    )


def _backups(inspection: Inspection, unknown: list[str]) -> tuple[Backup, ...]:
    try:
        found, inventory = inspection.ours, inspection.inventory
    except MtnError as error:
        unknown.append(_("The backups were not looked at: {reason}").format(reason=labels.whole(error)))
        return ()
    for name, trouble in inventory.unreachable.items():
        text = _("The {store} did not answer, and what lies only there does not count: {reason}")
        unknown.append(text.format(store=labels.store(name), reason=trouble.title))
    return found


def _jobs(inspection: Inspection, unknown: list[str]) -> list[JobView]:
    try:
        jobs = inspection.jobs
    except MtnError as error:
        unknown.append(_("The journals of jobs were not looked at: {reason}").format(reason=error.title))
        return []
    if unread := sum(1 for one in jobs if not one.kind and one.title):
        text = ngettext(
            "The journal of {count} job can't be read.", "The journals of {count} jobs can't be read.", unread
        )
        unknown.append(text.format(count=unread))
    return jobs


def _stored(backups: Iterable[Backup]) -> tuple[Stored, ...]:
    sizes: dict[str, list[int]] = {}
    for backup in backups:
        for copy in backup.copies:
            sizes.setdefault(copy.store.name, []).append(copy.size)
    return tuple(Stored(name, len(known), sum(known)) for name, known in sorted(sizes.items()))


def _drills(context: Context, period: Period, unknown: list[str]) -> list[Drill]:
    """By their figures, and by the lines of those that have none here."""
    found, unread, jobs = [], 0, set()
    for path in sorted(context.settings.metrics_dir.glob("drill_[0-9]*.json")):
        try:
            figures = json.loads(path.read_bytes())
            if figures.get("database", context.settings.db_name) != context.settings.db_name:
                continue
            seconds = figures["rto_seconds"]
            at = read_moment(figures["timestamp"])
            drill = Drill(at, figures["status"] == "success", None if seconds is None else float(seconds))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            unread += period.is_of(path.stem)
            continue
        jobs.add(figures.get("job"))
        found.append(drill)
    for line in _lines(context.settings.log_dir / rto_log.NAME, unknown):
        tested = rto_log.read(line)
        if tested is not None and not tested.may_be_of(context.settings.db_name):
            continue
        if tested is None:
            unread += str(period.last.year) in line
        elif tested.job not in jobs:
            found.append(Drill(tested.at, not tested.failed, tested.seconds))
    if unread:
        text = ngettext(
            "The record of {count} drill can't be read.",
            "The records of {count} drills can't be read.",
            unread,
        )
        unknown.append(text.format(count=unread))
    return sorted((one for one in found if period.holds(one.at)), key=lambda one: one.at)


def _alerts(context: Context, period: Period, unknown: list[str]) -> Iterator[Alert]:
    """Those of the log, each with where it had not arrived when the log last told."""
    told: dict[str, tuple[datetime, dict[str, str], dict[tuple[str, str], str]]] = {}
    unread = 0
    for line in _lines(context.settings.log_dir / notify.LOG, unknown):
        moment, _blank, rest = line.partition(" ")
        fields = fields_of(rest)
        try:
            at = read_moment(moment)
        except ValueError:
            continue  # the rest of a line that was not written whole
        try:
            one = told.setdefault(fields["id"], (at, fields, {}))
            one[2][fields["channel"], fields["to"]] = rest.split()[1]
        except (KeyError, IndexError):
            unread += period.holds(at)
    if unread:
        text = ngettext(
            "{count} line of the log of alerts can't be read.",
            "{count} lines of the log of alerts can't be read.",
            unread,
        )
        unknown.append(text.format(count=unread))
    for at, fields, states in told.values():
        if period.holds(at):
            unsent = tuple(to for (_way, to), state in states.items() if state in _NOT_THERE)
            yield Alert(at, fields.get("level", ""), fields.get("subject", ""), unsent)


def _lines(path: Path, unknown: list[str]) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8", errors="backslashreplace") as file:
            yield from (line for line in file if line.strip())
    except FileNotFoundError:
        return
    except OSError as error:
        text = _("{path} can't be read: {reason}.")
        unknown.append(text.format(path=path, reason=error.strerror))


def _emergencies(context: Context, period: Period, unknown: list[str]) -> Iterator[Emergency]:
    try:
        found = look_through(context.state, context.spare_folders)
    except MtnError as error:
        unknown.append(_("The incidents were not looked at: {reason}").format(reason=error.title))
        return
    for number, trouble in found.unread.items():
        text = _("Incident {number} can't be read: {reason}")
        unknown.append(text.format(number=number, reason=trouble.title))
    for one in reversed(found.incidents):
        opened, closed = one.opened_at, one.closed_at
        if opened is None or one.database != context.settings.db_name:
            continue
        if opened < period.end and (closed is None or closed >= period.start):
            yield Emergency(one.number, opened, closed, one.records[-1].text if closed else "")
