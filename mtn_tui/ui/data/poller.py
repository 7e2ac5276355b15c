"""Reads jobs, stores, incidents and health on threads, and posts what it reads to the app.

The threads are daemons and never wait for the app, so that a stalled terminal
does not block them, nor a store that does not answer block quitting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from functools import partial
from typing import TypeVar

from textual.message import Message
from textual.message_pump import MessagePump

from mtn_tui.archive.keys import Key
from mtn_tui.core.errors import MtnError, StorageError
from mtn_tui.core.settings_file import Loaded
from mtn_tui.engine.job_watch import Journals
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health.picture import Picture
from mtn_tui.operations.health.runner import Look
from mtn_tui.operations.health.watch import Watch as HealthWatch
from mtn_tui.operations.incident.file import Found
from mtn_tui.operations.incident.watch import Watch
from mtn_tui.operations.inventory.model import Inventory
from mtn_tui.operations.inventory.taking import Taking
from mtn_tui.ui.data.state import tally

R = TypeVar("R")

LOOK_EVERY = 0.25
"""Seconds between looks at the journals."""

HEALTH_EVERY = 1.0
"""Seconds between turns of the health checks, unless one has an answer sooner."""

ASK_AGAIN = 60.0
"""Seconds until a store that did not answer is asked again."""


class _Newest(Message):
    """All that is known by now: where a newer one waits already, it takes the place of this one."""

    def can_replace(self, message: Message) -> bool:
        """Called by Textual with the message that comes next."""
        return isinstance(message, type(self))


class JobsSeen(_Newest):
    """The jobs by now."""

    def __init__(self, jobs: tuple[JobView, ...]) -> None:
        super().__init__()
        self.jobs = jobs


class JobsUnseen(Message):
    """The jobs' folder can't be read."""

    def __init__(self, trouble: MtnError) -> None:
        super().__init__()
        self.trouble = trouble


class InventoryTaken(_Newest):
    """The inventory by now; None if it can't be taken. Another follows while stores have not answered."""

    def __init__(self, inventory: Inventory | None, trouble: MtnError | None) -> None:
        super().__init__()
        self.inventory = inventory
        self.tally = tally(inventory) if inventory else None
        self.trouble = trouble


class UiCall(Message):
    """A call that a thread wants made on the UI thread."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self.work = work


class IncidentsSeen(_Newest):
    """All incidents, or why they can't be read."""

    def __init__(self, found: Found | MtnError) -> None:
        super().__init__()
        self.found = found


class HealthSeen(_Newest):
    """What the health checks have come to by now."""

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.picture = picture


class Poller:
    """Runs the threads. Start it once the first screen is painted; ``stop`` lets them end by themselves."""

    def __init__(
        self,
        context: Context,
        screen: MessagePump,
        machine: str,
        loaded: Loaded | None = None,
        *,
        keeps: bool = True,
    ) -> None:
        """``loaded`` is the configuration as it was read; ``keeps`` says whether health may be recorded."""
        self._context = context
        self.health = HealthWatch(context, _looks, loaded, keeps=keeps)
        self._machine = machine
        self._screen = screen
        self._stop = threading.Event()
        self._wanted = threading.Event()
        self._key: Key | None = None
        """The key that ``_told`` was read with."""
        self._told: Inventory | None = None
        """The inventory that was posted last."""

    def start(self) -> None:
        """Start the threads."""
        self._wanted.set()
        self._begin(self._follow_jobs, "mtn-ui-jobs")
        self._begin(self._take_inventories, "mtn-ui-inventory")
        self._begin(self._watch_incidents, "mtn-ui-incidents")
        self._begin(self._watch_health, "mtn-ui-health")

    def stop(self) -> None:
        """Let the threads end."""
        self._stop.set()
        self._wanted.set()
        self.health.wake()

    def reload(self) -> None:
        """Take the inventory and look at the health again; calls that follow each other soon do it once."""
        self.health.recheck()
        self._wanted.set()

    def job_ended(self) -> None:
        """The same, but for what no job changes."""
        self.health.job_ended()
        self._wanted.set()

    def run_in_background(
        self, work: Callable[[], R], then: Callable[[R], None], failed: Callable[[MtnError], None]
    ) -> None:
        """Run ``work`` on a thread; then ``then`` with its result, or ``failed``, on the UI thread."""

        def run() -> None:
            try:
                result = work()
            except MtnError as error:
                self.run_on_ui_thread(partial(failed, error))
            else:
                self.run_on_ui_thread(partial(then, result))

        self._begin(run, "mtn-ui-background")

    def run_on_ui_thread(self, work: Callable[[], None]) -> None:
        """Run on the UI thread. Thread-safe."""
        self._post(UiCall(work))

    def _watch_incidents(self) -> None:
        watch = Watch(self._context.state, self._context.spare_folders)
        while not self._stop.is_set():
            found = watch.look()
            if found is not None:
                self._post(IncidentsSeen(found))
            self._stop.wait(LOOK_EVERY)

    def _watch_health(self) -> None:
        health = self.health
        if health.look_back():
            self._post(HealthSeen(health.picture))
        while not self._stop.is_set():
            if health.turn():
                self._post(HealthSeen(health.picture))
            health.wait(HEALTH_EVERY)

    def _begin(self, work: Callable[[], None], name: str) -> None:
        def run() -> None:
            try:
                work()
            except Exception as bug:  # noqa: BLE001 - raised on the UI thread, where it ends the program
                self.run_on_ui_thread(partial(_raise, bug))

        threading.Thread(target=run, name=name, daemon=True).start()

    def _post(self, message: Message) -> None:
        with suppress(RuntimeError):  # the app's loop is closed
            self._screen.post_message(message)

    def _take_inventories(self) -> None:
        while not self._stop.is_set():
            silent = self._told is not None and bool(self._told.unreachable)
            self._wanted.wait(ASK_AGAIN if silent else None)
            if self._stop.is_set():
                return
            self._wanted.clear()
            self._take_inventory(self.health.inventories.current())

    def _take_inventory(self, taking: Taking) -> None:
        if taking.key != self._key:  # the last inventory was read with another key
            self._key, self._told = taking.key, None
        told: Inventory | None = None
        try:
            while not taking.join(LOOK_EVERY):
                if taking.partial is not told and (told := taking.partial) is not None:
                    self._tell_inventory(told, taking.trouble)
            self._tell_inventory(taking.result(), taking.trouble)
        except MtnError as error:
            self._tell_inventory(None, error)

    def _tell_inventory(self, inventory: Inventory | None, trouble: MtnError | None) -> None:
        if inventory is not None:
            inventory = inventory.over(self._told)
            if (
                inventory.is_partial
                and not inventory.backups
                and inventory.unreachable.keys() <= inventory.pending
            ):
                return  # no store has answered yet
            self._told = inventory
        self._post(InventoryTaken(inventory, trouble))

    def _follow_jobs(self) -> None:
        with closing(Journals(lambda: self._context.job_folders, self._machine)) as journals:
            trouble = None
            while not self._stop.is_set():
                try:
                    if journals.look():
                        self._post(JobsSeen(journals.views))
                    trouble = None
                except StorageError as error:
                    if trouble is None:
                        self._post(JobsUnseen(error))
                    trouble = error
                self._stop.wait(LOOK_EVERY)


def _looks() -> Mapping[str, Look]:
    from mtn_tui.operations.health.registry import LOOKS  # imports much, which no first screen waits for

    return LOOKS


def _raise(bug: Exception) -> None:
    raise bug
