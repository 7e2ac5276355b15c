"""What goes in circles is collected while nobody presses a key, and not under one."""

from __future__ import annotations

import gc
import weakref

import pytest

from mtn_tui.core.garbage import only_young_collected
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.terminal import base_app
from tests.ui.pilots import nothing_begins, operate


class Circle:
    """Garbage that only a collection finds."""

    def __init__(self) -> None:
        self.itself = self


def old_garbage() -> weakref.ref[Circle]:
    """It has lived for long when nobody refers to it any more."""
    made = Circle()
    gc.collect()
    return weakref.ref(made)


@pytest.mark.parametrize("idle", [True, False], ids=["no key for a while", "a key just now"])
def test_all_is_collected_once_no_key_has_come_for_a_while(pg18, new_school, practise, monkeypatch, idle):
    monkeypatch.setattr(base_app, "_COLLECT_EVERY", 0.0)
    monkeypatch.setattr(base_app, "_IDLE", 0.0 if idle else 3600.0)
    app = MtnApp(practise(new_school(pg18)).context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        with only_young_collected():
            garbage = old_garbage()
            if idle:
                await operator.until(lambda: garbage() is None, "the collection")
            else:
                await app.look_after_terminal()
                assert garbage() is not None

    operate(app, flow)
