"""Which health checks people are not told of while they are at an incident: it escalates by itself."""

from __future__ import annotations

from datetime import timedelta

from mtn_tui.core.errors import MtnError
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.incident.file import look_through

_ABOUT = frozenset({"server", "full", "differentials", "objectives"})
"""What a database that is gone, or being restored, makes fail."""


def held_back(context: Context) -> frozenset[str]:
    """The ids of those checks; none without an open incident of our database.

    An incident that is open for longer than the RTO's target holds back nothing: it
    may have been forgotten. Nor does one that can't be read.
    """
    limit = timedelta(hours=context.settings.target_rto_hours)
    try:
        found = look_through(context.state, context.spare_folders).incidents
    except MtnError:
        return frozenset()
    for one in found:
        if not one.is_open or one.opened_at is None or one.database != context.settings.db_name:
            continue
        if context.clock.now() - one.opened_at <= limit:
            return _ABOUT
    return frozenset()
