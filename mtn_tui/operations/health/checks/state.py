"""The state folder: can jobs be recorded, where all operators see them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from mtn_tui.core import paths
from mtn_tui.core.i18n import _
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health.checks.folders import closed, refuses


def state(context: Context, shared: Path = paths.SYSTEM_STATE) -> Iterator[Check]:
    """Whether jobs can be recorded, and in the folder that all operators share (``shared``)."""
    folder = context.state
    if reason := refuses(folder):
        yield closed("state", "STATE_DIR", folder, reason)
    elif context.settings.state_dir is None and folder != shared and shared.is_dir():
        yield Check(
            "state",
            Status.WARN,
            _("You may not write to {shared}: the jobs of other operators are not shown to you.").format(
                shared=shared
            ),
            _("sudo usermod -aG {group} {user}, then log in again.").format(
                group=paths.GROUP, user=shlex.quote(context.operator)
            ),
        )
    else:
        yield Check("state", Status.OK, _("Jobs are recorded in {folder}.").format(folder=folder))
