"""The configuration, and what the environment changes in it."""

from __future__ import annotations

from collections.abc import Iterator

from mtn_tui.core import outside
from mtn_tui.core.advice import Notice
from mtn_tui.core.i18n import _
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.inspection import Inspection


def configuration(inspection: Inspection) -> Iterator[Check]:
    """What is doubtful in the configuration. Invalid values were refused when it was read."""
    loaded = inspection.loaded
    doubtful: tuple[Notice, ...] = loaded.warnings if loaded else ()
    for notice in doubtful:
        yield Check("configuration", Status.WARN, notice.title, notice.hint)
    if not doubtful:
        path = inspection.context.configuration
        yield Check("configuration", Status.OK, _("The configuration is {path}.").format(path=path))


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
