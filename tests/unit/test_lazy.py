"""Properties that are computed once, read by several threads."""

from __future__ import annotations

import threading
from functools import cached_property

from mtn_tui.core.lazy import lazy
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.inventory.model import Backup, Copy, Inventory

WAIT = 60


class Link:
    """Two properties that ask for each other's, as a differential's do for its full's."""

    meet = threading.Barrier(2)

    def __init__(self, base: Link | None = None) -> None:
        self.base = base
        self.computed = 0

    @lazy
    def sound(self) -> str:
        self.computed += 1
        if self.base is None:
            return "sound"
        self.meet.wait(WAIT)
        return self.base.usable

    @lazy
    def usable(self) -> str:
        self.computed += 1
        if self.base is None:
            return "usable"
        self.meet.wait(WAIT)
        return self.base.sound


def test_threads_whose_properties_ask_for_each_others_do_not_wait_for_ever():
    full = Link()
    one, other = Link(full), Link(full)
    threads = [
        threading.Thread(target=lambda: one.sound, daemon=True),
        threading.Thread(target=lambda: other.usable, daemon=True),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert not any(thread.is_alive() for thread in threads)
    assert (one.sound, other.usable) == ("usable", "sound")


def test_it_is_computed_once():
    full = Link()
    assert [full.sound, full.sound] == ["sound", "sound"]
    assert full.computed == 1
    assert isinstance(Link.sound, lazy)


def test_what_threads_share_has_no_locks_of_a_whole_class():
    for shared in (Backup, Copy, Inventory, Inspection):
        locking = [name for name, one in vars(shared).items() if isinstance(one, cached_property)]
        assert not locking, f"{shared.__name__}: {locking}"
