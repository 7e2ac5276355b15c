"""Keeps the garbage collector from looking through what is made to stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Stop garbage collection in the block, which makes thousands of objects and keeps them all.

    Collecting would take up to a quarter of the time. The new objects count as old
    afterwards, or the collector would look through all of them at once.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        gc.unfreeze()


@contextmanager
def only_young_collected() -> Iterator[None]:
    """In the block the collector leaves alone what has lived for long, until somebody calls ``gc.collect``.

    To look through thousands of backups holds up every thread for a tenth of a second, or several.
    """
    youngest, middle, oldest = gc.get_threshold()
    gc.set_threshold(youngest, middle, 1 << 30)
    try:
        yield
    finally:
        gc.set_threshold(youngest, middle, oldest)
