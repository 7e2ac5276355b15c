"""What would be deleted, in words."""

from __future__ import annotations

from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.operations.common import labels


def would_free(store: str, size: int) -> str:
    """Bytes that would be freed in a store."""
    return _("{store}: {size} would be freed").format(store=labels.store(store), size=labels.size(size))


def old_records(count: int) -> str:
    """How many old logs and records would go."""
    text = ngettext(
        "{count} old log or record would be deleted",
        "{count} old logs and records would be deleted",
        count,
    )
    return text.format(count=Figure(count))
