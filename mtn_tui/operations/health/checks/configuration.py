"""The configuration, and what the environment changes in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from mtn_tui.core import outside
from mtn_tui.core.advice import Notice
from mtn_tui.core.i18n import _
from mtn_tui.core.settings import Settings
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.schedule.times import every


def configuration(inspection: Inspection) -> Iterator[Check]:
    """What is doubtful in the configuration. Invalid values were refused when it was read."""
    loaded = inspection.loaded
    doubtful: tuple[Notice, ...] = loaded.warnings if loaded else ()
    doubtful += tuple(_rpo_out_of_reach(inspection.context.settings))
    for notice in doubtful:
        yield Check("configuration", Status.WARN, notice.title, notice.hint)
    if not doubtful:
        path = inspection.context.configuration
        yield Check("configuration", Status.OK, _("The configuration is {path}.").format(path=path))


def _rpo_out_of_reach(settings: Settings) -> Iterator[Notice]:
    """Where differentials are due as rarely as that, the RPO is missed each time, and people told of it."""
    apart, target = every(settings.diff_every_minutes).apart, timedelta(hours=settings.target_rpo_hours)
    if apart < target:
        return
    text = _("An RPO of {target} can't be kept: differentials are {apart} apart.")
    yield Notice(
        text.format(
            target=labels.duration(target.total_seconds()), apart=labels.duration(apart.total_seconds())
        ),
        _("Lower DIFF_EVERY_MINUTES, then: mtn schedule install. Or raise TARGET_RPO_HOURS."),
    )


def environment(inspection: Inspection) -> Iterator[Check]:
    """Which values are not the file's: another account, or cron, would have others."""
    context = inspection.context
    if context.configuration is None or not context.outside:
        yield Check("environment", Status.OK, _("No setting is taken from the environment."))
        return
    contradicting = list(outside.notices(context.outside, context.configuration))
    for notice in contradicting:
        yield Check("environment", Status.WARN, notice.title, notice.hint)
    if not contradicting:
        text = _("Taken from the environment: {keys}").format(keys=outside.named(context.outside))
        yield Check("environment", Status.OK, text)
