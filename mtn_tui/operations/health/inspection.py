"""What the checks of one run share, each part of it taken once."""

from __future__ import annotations

import threading
from functools import cached_property, partial

from mtn_tui.core.settings_file import Loaded
from mtn_tui.engine.jobview import JobView, list_jobs
from mtn_tui.engine.pipeline import background
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.model import Backup, Inventory
from mtn_tui.operations.inventory.one_server import of_one_server
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.retention.policy import Known
from mtn_tui.operations.retention.survey import circumstances
from mtn_tui.operations.schedule.installed import Found, installed

PATIENCE = 8.0
"""Seconds that a store has to answer, before the others are judged without it."""

_JOBS = 300
"""Journals are read whole, and in three months there are thousands."""


class Inspection:
    """One run of checks. Thread-safe: whoever needs a part first takes it, the others wait for it."""

    def __init__(
        self,
        context: Context,
        loaded: Loaded | None = None,
        *,
        patience: float = PATIENCE,
        before: Inspection | None = None,
    ) -> None:
        """``loaded`` is the configuration as it was read; None where only the settings are known.

        While a store still hangs that ``before`` asked, it is not asked again.
        """
        self.context = context
        self.loaded = loaded
        self.now = context.clock.now()
        """The moment that the whole run is judged at, in UTC."""
        self._patience = patience
        self._stores, self._journals, self._retention, self._starts = (threading.Lock() for _ in range(4))
        self._taking: _Taking | None = before._taking if before is not None and before._gave_up else None
        self._gave_up: bool = False

    @property
    def inventory(self) -> Inventory:
        """The backups in both stores. A store that is not done in time counts as one that does not answer.

        Raises KeyFileError.
        """
        with self._stores:
            return self._inventory

    @cached_property
    def _inventory(self) -> Inventory:
        taking = self._taking
        if taking is None or taking.thread.done:
            taking = self._taking = _Taking(self.context)
        if not taking.thread.join(self._patience):
            self._gave_up = True
            if taking.partial is not None:
                return taking.partial
        return taking.thread.result()

    def settle(self, seconds: float) -> None:
        """Wait until slow stores have answered, at most so long: what they said is then kept for the next."""
        if self._taking is not None:
            self._taking.thread.join(seconds)

    @property
    def ours(self) -> tuple[Backup, ...]:
        """The backups of our database on our server, newest first.

        Raises KeyFileError; StorageError if no store has answered: then there may be many.
        """
        inventory = self.inventory
        if all(store.name in inventory.unreachable for store in self.context.stores):
            raise next(iter(inventory.unreachable.values()))
        found = of_one_server(self.context, inventory).inventory.backups
        return tuple(one for one in found if one.may_be_of(self.context.settings.db_name))

    @property
    def newest_point(self) -> Backup | None:
        """The newest of ``ours`` that could be restored and is proven; None if there is none."""
        return next((one for one in self.ours if one.is_point and one.usable and one.proven), None)

    @property
    def known(self) -> Known:
        """What retention judges the inventory by. Raises KeyFileError."""
        with self._retention:
            return self._known

    @cached_property
    def _known(self) -> Known:
        return circumstances(self.context, self.inventory)

    @property
    def jobs(self) -> list[JobView]:
        """The jobs that were last on record, newest first: a few days of them. Raises StorageError."""
        with self._journals:
            return self._jobs

    @cached_property
    def _jobs(self) -> list[JobView]:
        return list_jobs(self.context.job_folders, limit=_JOBS)

    @property
    def scheduled(self) -> Found | None:
        """What this machine starts by itself; None where there is no configuration to go by."""
        with self._starts:
            return self._scheduled

    @cached_property
    def _scheduled(self) -> Found | None:
        configuration = self.context.configuration
        return None if configuration is None else installed(configuration)


class _Taking:
    """An inventory that is being taken on a thread."""

    def __init__(self, context: Context) -> None:
        """Raises KeyFileError."""
        self.partial: Inventory | None = None
        """What is known while stores have not answered."""
        key = context.key
        take = partial(take_inventory, context.stores, key, context.cache, self._meanwhile)
        self.thread = background(take, "mtn-health-inventory")

    def _meanwhile(self, inventory: Inventory) -> None:
        self.partial = inventory
