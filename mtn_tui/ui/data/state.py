"""What the screens show."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from mtn_tui.core.errors import MtnError
from mtn_tui.core.models import Kind
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.health.picture import Picture
from mtn_tui.operations.inventory.model import Inventory

FOLLOWING = ("test-load",)
"""Kinds of jobs that follow another by themselves."""


@dataclass(frozen=True)
class Tally:
    """Totals of an inventory, counted once when it is read, not at each drawing."""

    fulls: int
    others: int
    held: dict[str, int]
    """Bytes in each store that answered."""
    unusable: int = 0
    """Backups that are known to be damaged in every copy, or to build on one that is."""


def tally(inventory: Inventory) -> Tally:
    """Count an inventory."""
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
        sum(bool(one.broken or one.unusable) and not one.sound for one in every),
    )


@dataclass(frozen=True)
class State:
    """What is known of stores, jobs and health by now."""

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
    health: Picture | None = None
    """None until it is known what the checks came to last."""

    @property
    def whole(self) -> Inventory | None:
        """The inventory, once every store has answered or failed."""
        return None if self.inventory is None or self.inventory.is_partial else self.inventory

    @property
    def live(self) -> list[JobView]:
        """The jobs that have not ended, those that somebody has asked for first."""
        return sorted((job for job in self.jobs if not job.state.over), key=lambda job: job.kind in FOLLOWING)

    def running(self, kind: str, subject: str) -> JobView | None:
        """The newest job of this kind, about this database, that has not ended."""
        return next((job for job in self.live if (job.kind, job.subject) == (kind, subject)), None)

    def with_inventory(
        self, inventory: Inventory | None, tally: Tally | None, trouble: MtnError | None, now: datetime
    ) -> State:
        """After the stores were read; without an inventory the one before stays."""
        if inventory is None:
            return replace(self, trouble=trouble)
        return replace(self, inventory=inventory, tally=tally, taken=now, trouble=trouble)

    @property
    def last(self) -> JobView | None:
        """The job that ended last, of those that somebody has asked for if there is one."""
        ended = [job for job in self.jobs if job.ended is not None]
        ended = [job for job in ended if job.kind not in FOLLOWING] or ended
        return max(ended, key=lambda job: (job.ended, job.id), default=None)
