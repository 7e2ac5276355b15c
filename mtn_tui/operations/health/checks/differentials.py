"""Runbook 4.1: do the differentials run? 6.2: none in two hours is a warning."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.models import Kind
from mtn_tui.core.moments import is_future
from mtn_tui.core.settings import Settings
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.checks.full import of_the_future
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.schedule.description import runs

LIMIT = timedelta(hours=2)
"""Age of the newest differential, by runbook 6.2, at least. A full that is as new stands for one."""

_SLACK = 1.5
"""Times the interval at which they are due: where that is long, one must not be missed before it is due."""

_EARLY, _LATE = timedelta(minutes=1), timedelta(minutes=15)
"""By how much one may be made before it is due, or after."""

_MAKE = ("backup", "diff")


def differentials(inspection: Inspection) -> Iterator[Check]:
    """How many were made today, and how old the newest point is that can be restored."""
    usable = (one for one in inspection.ours if one.usable and one.kind is Kind.DIFF)
    made = [one for one in usable if not is_future(one.moment, inspection.now)]
    newest = inspection.newest_point
    if not made and newest is None and (ahead := inspection.future_point) is not None:
        yield of_the_future("differentials", ahead)
        return
    allowed = limit(inspection.context.settings)
    if not made and newest is not None and _stands_in(newest, inspection.now, allowed):
        says = _("None yet; the full of {moment} counts as one.").format(moment=labels.moment(newest.moment))
        short = _("none yet; the full stands for one")
        yield Check("differentials", Status.OK, says, runbook="4.1", short=short)
        return
    if not made:
        says = _("There is no differential yet.")
        hint = _("Make one: mtn backup diff. To have them made: mtn schedule install")
        yield Check("differentials", Status.WARN, says, hint, "4.1", fix=_MAKE)
        return
    today, text = _today(inspection, made)
    age = max(inspection.now - made[0].moment, timedelta(0))
    told_age = labels.age(inspection.now - age, inspection.now)
    short = text + ", " + _("last {age} ago").format(age=told_age)
    text += ", " + _("the last {age} ago, of {moment}.").format(
        age=told_age, moment=labels.moment(made[0].moment)
    )
    figures = {
        "differential_age_seconds": age.total_seconds(),
        "differential_age_target_seconds": allowed.total_seconds(),
        "differentials_today": float(today),
    }
    ok = Check(
        "differentials",
        Status.OK,
        text,
        runbook="4.1",
        figures=figures,
        short=short,
        aged=made[0].moment,
        age=told_age,
    )
    if age <= allowed or _stands_in(newest, inspection.now, allowed):
        unusable = [one for one in inspection.ours if one.unusable]
        if unusable:
            text += " " + _unusable(unusable)
            hint = _("See why: mtn show {name}").format(name=shlex.quote(unusable[0].handle))
            yield Check("differentials", Status.WARN, text, hint, "4.1", figures=figures)
            return
        yield ok
        return
    hint = _("Make one now: mtn backup diff. Then see why the last did not run: mtn job list")
    since = max(one.moment for one in (made[0], newest) if one is not None) + allowed
    yield replace(ok, status=Status.WARN, hint=hint, runbook="7.6", fix=_MAKE, since=since)


def limit(settings: Settings) -> timedelta:
    """How old the newest may be: two hours, or longer where DIFF_EVERY_MINUTES has them due less often."""
    return max(LIMIT, timedelta(minutes=settings.diff_every_minutes * _SLACK))


def _today(inspection: Inspection, made: list[Backup]) -> tuple[int, str]:
    """How many were made today, and of how many that were due: in words too.

    Whether any is scheduled is said by the check of the schedule, and by no other.
    """
    midnight = inspection.now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    count = sum(one.moment >= midnight for one in made)
    found = inspection.scheduled
    if found is None or "differential" not in found.runs:
        return count, _("{count} today").format(count=count)
    (run,) = (one for one in runs(inspection.context.settings) if one.id == "differential")
    begun = max(midnight, min(one.moment for one in made) - _EARLY)  # before the first, none was due
    due = run.when.due(begun, inspection.now - _LATE, None)
    return count, _("{count} of {due} due today").format(count=count, due=max(count, len(due)))


def _stands_in(newest: Backup | None, now: datetime, allowed: timedelta) -> bool:
    """Whether a full was made so lately that no differential is due yet."""
    return newest is not None and newest.kind is Kind.FULL and now - newest.moment <= allowed


def _unusable(found: list[Backup]) -> str:
    text = ngettext(
        "{count} can't be used: its full is gone or broken.",
        "{count} can't be used: their fulls are gone or broken.",
        len(found),
    )
    return text.format(count=len(found))
