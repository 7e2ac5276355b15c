"""From worker threads to the screens: everything goes one way, as messages.

The threads are daemons and never wait for the screen, so that neither a stalled
terminal holds them up, nor a store that does not answer holds up quitting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial

from textual.message import Message
from textual.message_pump import MessagePump

from mtn_tui.archive.keys import Key
from mtn_tui.core.errors import KeyFileError, MtnError, StorageError
from mtn_tui.engine.job_watch import Journals
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.incident.file import Found
from mtn_tui.operations.incident.watch import Watch
from mtn_tui.operations.inventory.model import Inventory
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.ui.data.state import tally

LOOK_EVERY = 0.25
"""Seconds between looks at the journals."""


class JobsSeen(Message):
    def __init__(self, jobs: tuple[JobView, ...]) -> None:
        super().__init__()
        self.jobs = jobs


class JobsUnseen(Message):
    """Why the jobs' folder can't be read."""

    def __init__(self, trouble: MtnError) -> None:
        super().__init__()
        self.trouble = trouble


class InventoryTaken(Message):
    """``inventory`` is None where it could not be taken at all; where stores are awaited, another follows."""

    def __init__(self, inventory: Inventory | None, trouble: MtnError | None, database: str) -> None:
        super().__init__()
        self.inventory = inventory
        self.tally = tally(inventory, database) if inventory else None
        self.trouble = trouble


class Back(Message):
    """Something that a thread wants done where the screens are."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self.work = work


class IncidentsSeen(Message):
    """All there ever were; or why they can't be read."""

    def __init__(self, found: Found | MtnError) -> None:
        super().__init__()
        self.found = found


class Poller:
    """Started once the first screen is painted; ``stop`` lets the threads end by themselves."""

    def __init__(self, context: Context, screen: MessagePump, machine: str) -> None:
        self._context = context
        self._machine = machine
        self._screen = screen
        self._stop = threading.Event()
        self._wanted = threading.Event()
        self._key: Key | None = None
        """That of ``_told``."""
        self._told: Inventory | None = None
        """The last inventory that was told."""

    def start(self) -> None:
        self._wanted.set()
        self._begin(self._follow_jobs, "mtn-ui-jobs")
        self._begin(self._take_inventories, "mtn-ui-inventory")
        self._begin(self._watch_incidents, "mtn-ui-incidents")

    def stop(self) -> None:
        self._stop.set()
        self._wanted.set()

    def reload(self) -> None:
        """Take the inventory anew; soon after one another, that is done once."""
        self._wanted.set()

    def errand(self, work: Callable[[], object], then: Callable[[object, MtnError | None], None]) -> None:
        """Do ``work`` on a thread of its own; then ``then`` where the screens are, with what came of it."""

        def run() -> None:
            what, failed = None, None
            try:
                what = work()
            except MtnError as error:
                failed = error
            self.back(lambda: then(what, failed))

        self._begin(run, "mtn-ui-errand")

    def back(self, work: Callable[[], None]) -> None:
        """Do it where the screens are, soon; from any thread."""
        self._post(Back(work))

    def _watch_incidents(self) -> None:
        watch = Watch(self._context.state, self._context.spare_folders)
        while not self._stop.is_set():
            found = watch.look()
            if found is not None:
                self._post(IncidentsSeen(found))
            self._stop.wait(LOOK_EVERY)

    def _begin(self, work: Callable[[], None], name: str) -> None:
        def run() -> None:
            try:
                work()
            except Exception as bug:  # noqa: BLE001 - it ends the program, and is told; here it would be lost
                self.back(partial(_raise, bug))

        threading.Thread(target=run, name=name, daemon=True).start()

    def _post(self, message: Message) -> None:
        with suppress(RuntimeError):  # the loop has closed: nobody is there to be told
            self._screen.post_message(message)

    def _take_inventories(self) -> None:
        while self._wanted.wait() and not self._stop.is_set():
            self._wanted.clear()
            trouble: MtnError | None = None
            key = None
            try:
                key = self._context.key
            except KeyFileError as error:
                trouble = error
            if key != self._key:  # what was said without it is no more true
                self._key, self._told = key, None
            try:
                told = partial(self._tell_inventory, trouble=trouble)
                told(take_inventory(self._context.stores, key, self._context.cache, told))
            except MtnError as error:
                self._tell_inventory(None, error)

    def _tell_inventory(self, inventory: Inventory | None, trouble: MtnError | None) -> None:
        if inventory is not None:
            inventory = inventory.over(self._told)
            if (
                inventory.is_partial
                and not inventory.backups
                and inventory.silent.keys() <= inventory.awaited
            ):
                return  # nothing is known yet
            self._told = inventory
        self._post(InventoryTaken(inventory, trouble, self._context.settings.db_name))

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


def _raise(bug: Exception) -> None:
    raise bug
