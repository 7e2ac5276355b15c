"""What the screens show, and how bad it is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState, Kind
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.inventory.anomalies import chain_of
from mtn_tui.operations.inventory.model import Backup, Inventory
from mtn_tui.ui.text.cells import Span


@dataclass(frozen=True)
class Tally:
    """Totals of an inventory, counted once when it is read, not at each drawing."""

    fulls: int
    others: int
    held: dict[str, int]
    """Bytes in each store that answered."""
    proven: bool
    """Whether there is a full of the database that is proven."""
    doubtful: int
    """Backups that are suspect, broken, unusable, or made with another key; those of one chain count once."""


def tally(inventory: Inventory, database: str) -> Tally:
    """Count an inventory. ``database`` is the one that is looked after; others may share the stores."""
    every = inventory.backups
    fulls = [one for one in every if one.kind is Kind.FULL]
    held: Counter[str] = Counter()
    for backup in every:
        for copy in backup.copies:
            held[copy.store.name] += copy.size
    return Tally(
        len(fulls),
        len(every) - len(fulls),
        dict(held),
        any(one.proven and one.may_be_of(database) for one in fulls),
        len({_chain(one) for one in every if one.doubtful}),
    )


def _chain(one: Backup) -> str:
    return chain_of(one.manifest) if one.manifest else str(one.name)


@dataclass(frozen=True)
class State:
    """What is known of stores and jobs by now."""

    inventory: Inventory | None = None
    """None until the stores have answered for the first time."""
    tally: Tally | None = None
    """The totals of that inventory."""
    taken: datetime | None = None
    """When the inventory was taken, in UTC."""
    trouble: MtnError | None = None
    """Why the inventory is incomplete: no key, or it could not be taken at all."""
    jobs: tuple[JobView, ...] = ()
    """Newest first."""
    jobs_trouble: MtnError | None = None
    """Why jobs can't be read."""

    @property
    def whole(self) -> Inventory | None:
        """The inventory, once every store has answered or failed."""
        return None if self.inventory is None or self.inventory.is_partial else self.inventory

    @property
    def live(self) -> list[JobView]:
        """The jobs that have not ended."""
        return [job for job in self.jobs if not job.state.over]

    def with_inventory(
        self, inventory: Inventory | None, tally: Tally | None, trouble: MtnError | None, now: datetime
    ) -> State:
        """After the stores were read; without an inventory the one before stays."""
        if inventory is None:
            return replace(self, trouble=trouble)
        return replace(self, inventory=inventory, tally=tally, taken=now, trouble=trouble)

    @property
    def last(self) -> JobView | None:
        """The job that ended last."""
        ended = [job for job in self.jobs if job.ended is not None]
        return max(ended, key=lambda job: (job.ended, job.id), default=None)


def worst(state: State) -> Span:
    """The header's verdict on the backups: a glyph and a word, never only a colour."""
    if state.trouble is not None:
        return "✖ " + _("inventory"), "bad"
    if state.whole is None or state.tally is None:
        return "… " + _("reading"), "dim"
    if not state.tally.proven and not state.whole.unreachable:
        return "✖ " + _("no proven full"), "bad"
    warnings = state.tally.doubtful + len(state.whole.unreachable)
    if state.last is not None and state.last.state in (JobState.FAILED, JobState.LOST):
        warnings += 1
    if warnings:
        return "⚠ " + _("warnings: {count}").format(count=warnings), "warn"
    return "✔ " + _("backups ok"), "good"
