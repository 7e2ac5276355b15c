"""Runbook 3.3 and 7.6: are the runs installed, once each, and were they started when they were due?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.schedule.description import Run, runs
from mtn_tui.operations.schedule.history import missed
from mtn_tui.operations.schedule.installed import Found, installed
from mtn_tui.operations.schedule.machine import Machine

_NAME = "schedule"


def schedule(inspection: Inspection, machine: Machine | None = None) -> Iterator[Check]:
    """Which runs are missing, doubled or were not started; and which scripts still are.

    Raises StorageError if no journal can be read.
    """
    context = inspection.context
    configuration = context.configuration
    if machine is None or configuration is None:
        found = inspection.scheduled  # read once for all checks
    else:
        found = installed(configuration, machine)
    if found is None:
        text = _("Not looked at: there is no configuration to go by.")
        yield Check(_NAME, Status.UNKNOWN, text, _("Correct the configuration first."), "3.3")
        return
    described = runs(context.settings)
    doubts = [
        *_installed(found, described),
        *_missed(context, [one for one in described if one.id in found.runs]),
    ]
    yield from doubts
    if not doubts:
        text = ngettext(
            "{count} run is installed, and was started when it was due.",
            "All {count} runs are installed, and were started when they were due.",
            len(described),
        )
        yield Check(_NAME, Status.OK, text.format(count=len(described)), runbook="3.3")


def _installed(found: Found, described: Sequence[Run]) -> Iterator[Check]:
    for place, reason in found.unreadable.items():
        text = _("{path} can't be read: {reason}.").format(path=place, reason=reason)
        hint = _("See whether it has runs: mtn schedule show")
        yield Check(_NAME, Status.UNKNOWN, text, hint, "3.3")
    absent = [one.name for one in described if one.id not in found.runs]
    if absent:
        text = _("Not started by itself: {names}.").format(names=", ".join(absent))
        yield Check(_NAME, Status.WARN, text, _("Have them started: mtn schedule install"), "3.3")
    for one in described:
        twice = found.runs.get(one.id, [])
        if len(twice) > 1:
            text = _("{name} is started more than once: by {places}.").format(
                name=one.name, places=", ".join(command.place for command in twice)
            )
            hint = _("Remove all but one of them. See where they stand: mtn schedule show")
            yield Check(_NAME, Status.WARN, text, hint, "3.3")
    if found.scripts:
        text = _("Scripts that mtn replaces are still started: {command} ({place}).").format(
            command=found.scripts[0].command, place=found.scripts[0].place
        )
        hint = _("Have them commented out: mtn schedule install")
        yield Check(_NAME, Status.WARN, text, hint, "3.3")


def _missed(context: Context, described: Sequence[Run]) -> Iterator[Check]:
    late = missed(context, described)
    for one in described:
        moments = late.moments.get(one.id, ())
        if moments:
            text = ngettext(
                "{name} was not started when it was due, {moment}.",
                "{name} was not started {count} times in two days, last {moment}.",
                len(moments),
            ).format(name=one.name, count=len(moments), moment=labels.moment(moments[-1]))
            hint = _("See whether this machine was on, and what cron or systemd says: mtn schedule show")
            figures = {f"missed_{one.id}_runs": float(len(moments))}
            yield Check(_NAME, Status.WARN, text, hint, "7.6", figures=figures)
        elif one.id in late.unseen:
            text = _("{name} was not started in two days, though it is installed.").format(name=one.name)
            hint = _("If it was installed just now, wait for it. Else see what starts it: mtn schedule show")
            yield Check(_NAME, Status.WARN, text, hint, "7.6")
