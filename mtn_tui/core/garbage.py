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
