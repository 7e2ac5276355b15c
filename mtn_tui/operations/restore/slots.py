"""Warns of slots at publishers whose subscriptions are gone."""

from __future__ import annotations

from collections.abc import Sequence

from mtn_tui.core.i18n import _
from mtn_tui.engine.jobs import Job


def tell_slots(job: Job, slots: Sequence[str]) -> None:
    """Warn of slots that nobody reads any more: each fills its publisher's disk."""
    for slot in slots:
        text = _(
            "The publisher keeps all changes for slot {slot}, until there: "
            "SELECT pg_drop_replication_slot('{slot}');"
        )
        job.warn("slot-left", text.format(slot=slot))
