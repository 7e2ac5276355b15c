"""Inventories that are taken on threads of their own, and shared by all who want one at the same time."""

from __future__ import annotations

import threading
from functools import partial

from mtn_tui.archive.keys import Key
from mtn_tui.core.errors import KeyFileError
from mtn_tui.engine.pipeline import background
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.model import Inventory
from mtn_tui.operations.inventory.scan import take_inventory

PATIENCE = 8.0
"""Seconds that a store has to answer, before the others are judged without it."""

SHARED_FOR = 5.0
"""Seconds from its beginning for which an inventory is as good as a new one."""


class Taking:
    """An inventory that is being taken."""

    def __init__(self, context: Context) -> None:
        self.began = context.clock.monotonic()
        self.key: Key | None = None
        self.trouble: KeyFileError | None = None
        """Why there is no key, and so no manifest that is believed."""
        try:
            self.key = context.key
        except KeyFileError as error:
            self.trouble = error
        self.partial: Inventory | None = None
        """What is known while stores have not answered; None in the first second."""
        take = partial(take_inventory, context.stores, self.key, context.cache, self._meanwhile)
        self._thread = background(take, "mtn-inventory")

    def _meanwhile(self, inventory: Inventory) -> None:
        self.partial = inventory

    @property
    def done(self) -> bool:
        """Whether all stores have answered, or failed."""
        return self._thread.done

    def join(self, seconds: float) -> bool:
        """Wait until it is done, at most so long; whether it is."""
        return self._thread.join(seconds)

    def result(self) -> Inventory:
        """Wait until it is done, and return the inventory."""
        return self._thread.result()


class Inventories:
    """Takes one whenever none is new enough. Thread-safe."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._last: Taking | None = None
        self._outdated = False

    def current(self) -> Taking:
        """The last if it is new enough, else a new one.

        A store that hangs is not asked again: one that is being taken for long is shared as well.
        """
        with self._lock:
            last = self._last
            if last is None or not self._is_shared(last):
                last = self._last = Taking(self._context)
                self._outdated = False
            return last

    def outdate(self) -> None:
        """From now on no inventory that was begun before is new enough: a job may have made a backup."""
        with self._lock:
            self._outdated = True

    def _is_shared(self, last: Taking) -> bool:
        age = self._context.clock.monotonic() - last.began
        if last.done:
            return age <= SHARED_FOR and not self._outdated
        return age > PATIENCE or not self._outdated
