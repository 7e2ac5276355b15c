"""What the checks of one run share, each part of it taken once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from mtn_tui.core.lazy import lazy
from mtn_tui.core.moments import is_future
from mtn_tui.core.settings_file import Loaded
from mtn_tui.engine.jobview import JobView, list_jobs
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.model import Backup, Inventory
from mtn_tui.operations.inventory.one_server import of_one_server
from mtn_tui.operations.inventory.taking import PATIENCE, Inventories, Taking
from mtn_tui.operations.retention.policy import Known
from mtn_tui.operations.retention.survey import circumstances
from mtn_tui.operations.schedule.installed import Found, installed

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
        inventories: Inventories | None = None,
    ) -> None:
        """``loaded`` is the configuration as it was read; None where only the settings are known.

        ``inventories`` are shared with others.
        """
        self.context = context
        self.loaded = loaded
        self.now = context.clock.now()
        """The moment that the whole run is judged at, in UTC."""
        self._patience = patience
        self._stores, self._servers, self._own, self._journals, self._retention, self._starts = (
            threading.Lock() for _ in range(6)
        )
        self._inventories = inventories or Inventories(context)

    @property
    def inventory(self) -> Inventory:
        """The backups in both stores. A store that is not done in time counts as one that does not answer.

        Raises KeyFileError.
        """
        with self._stores:
            if self._taking.trouble is not None:
                raise self._taking.trouble
            return self._listed

    @property
    def listed(self) -> Inventory:
        """The same, also where there is no key: what is there and how large, no manifest being believed."""
        with self._stores:
            return self._listed

    @lazy
    def _taking(self) -> Taking:
        return self._inventories.current()

    @lazy
    def _listed(self) -> Inventory:
        if not self._taking.join(self._patience) and self._taking.partial is not None:
            return self._taking.partial
        return self._taking.result()

    def settle(self, seconds: float) -> None:
        """Wait until slow stores have answered, at most so long: what they said is then kept for the next."""
        if "_taking" in vars(self):
            self._taking.join(seconds)

    @property
    def ours(self) -> tuple[Backup, ...]:
        """The backups of our database on our server, newest first.

        Raises KeyFileError; StorageError if no store has answered: then there may be many.
        """
        inventory = self.inventory
        if all(store.name in inventory.unreachable for store in self.context.stores):
            raise next(iter(inventory.unreachable.values()))
        with self._own:
            return self._ours

    @lazy
    def _ours(self) -> tuple[Backup, ...]:
        found = self.of_our_server.backups
        return tuple(one for one in found if one.may_be_of(self.context.settings.db_name))

    @property
    def of_our_server(self) -> Inventory:
        """The inventory without the backups of other servers that share the stores. Raises KeyFileError."""
        with self._servers:
            return self._of_our_server

    @lazy
    def _of_our_server(self) -> Inventory:
        return of_one_server(self.context, self.inventory).inventory

    @property
    def newest_point(self) -> Backup | None:
        """The newest of ``ours`` that could be restored and is proven; None if there is none.

        One of the future is none: its clock was wrong, so that nobody knows how old it is.
        """
        return next((one for one in self._points if not is_future(one.moment, self.now)), None)

    @property
    def future_point(self) -> Backup | None:
        """The newest of them that is of the future; None if there is none."""
        return next((one for one in self._points if is_future(one.moment, self.now)), None)

    @property
    def _points(self) -> Iterator[Backup]:
        return (one for one in self.ours if one.is_point and one.usable and one.proven)

    @property
    def known(self) -> Known:
        """What retention judges the inventory by. Raises KeyFileError."""
        with self._retention:
            return self._known

    @lazy
    def _known(self) -> Known:
        return circumstances(self.context, self.inventory)

    @property
    def jobs(self) -> list[JobView]:
        """The jobs that were last on record, newest first: a few days of them. Raises StorageError."""
        with self._journals:
            return self._jobs

    @lazy
    def _jobs(self) -> list[JobView]:
        return list_jobs(self.context.job_folders, limit=_JOBS)

    @property
    def scheduled(self) -> Found | None:
        """What this machine starts by itself; None where there is no configuration to go by."""
        with self._starts:
            return self._scheduled

    @lazy
    def _scheduled(self) -> Found | None:
        configuration = self.context.configuration
        return None if configuration is None else installed(configuration)
