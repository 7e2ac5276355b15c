"""What would be deleted, in words."""

from __future__ import annotations

from collections.abc import Sequence

from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.operations.common import labels
from mtn_tui.operations.retention.records import Record


def would_free(store: str, size: int) -> str:
    """Bytes that would be freed in a store."""
    return _("{store}: {size} would be freed").format(store=labels.store(store), size=labels.size(size))


def old_records(records: Sequence[Record]) -> str:
    """How many old logs and records would go, and the bytes that this frees."""
    text = ngettext(
        "{count} old log or record would be deleted: {size} would be freed",
        "{count} old logs and records would be deleted: {size} would be freed",
        len(records),
    )
    size = sum(one.size for one in records)
    return text.format(count=Figure(len(records)), size=labels.size(size))
