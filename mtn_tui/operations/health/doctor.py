"""``mtn doctor``: all health checks at once, and what to do where something is missing or wrong."""

from __future__ import annotations

from collections.abc import Callable

from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.settings_file import Loaded
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health import last_known
from mtn_tui.operations.health.catalogue import CHECKS
from mtn_tui.operations.health.checks.machine import machine
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.registry import LOOKS
from mtn_tui.operations.health.runner import Result
from mtn_tui.operations.health.runner import examine as look_at

WITHOUT_CONFIGURATION = ("configuration", "machine")
"""Checks that say something where there is no configuration."""


def examine(loaded: Loaded, context: Context, then: Callable[[Result], None] | None = None) -> list[Result]:
    """All checks, in their order; ``then`` gets each as soon as it has a result. They are remembered."""
    results = look_at(Inspection(context, loaded), CHECKS, LOOKS, then)
    last_known.keep(context, results)
    return results


def without_configuration(error: MtnError) -> list[Result]:
    """What can be told where there is no configuration, or a wrong one."""
    title = _("Not looked at: there is no configuration to go by.")
    hint = _("Correct the configuration first.")
    known = {
        "configuration": (Check("configuration", Status.FAIL, error.title, error.hint, error.runbook),),
        "machine": tuple(machine()),
    }
    now = SystemClock().now()
    return [
        Result(one, known.get(one.id, (Check(one.id, Status.UNKNOWN, title, hint),)), now, 0.0)
        for one in sorted(CHECKS, key=lambda one: one.id not in known)
    ]
