"""Why nothing may be deleted now: somebody may need any backup while an incident is open."""

from __future__ import annotations

from mtn_tui.operations.common.context import Context
from mtn_tui.operations.incident.file import look_through
from mtn_tui.operations.retention import reasons
from mtn_tui.operations.retention.reasons import Reason


def reason_to_wait(context: Context) -> Reason | None:
    """The reason to wait, if an incident is open, or one can't be read. Raises StorageError if none can."""
    known = look_through(context.state, context.spare_folders)
    is_open = known.unread or any(one.is_open for one in known.incidents)
    return reasons.incident() if is_open else None
