"""Limits the memory of a process that allocates and frees large buffers on many threads.

For each large block that is freed, up to 32 MiB, glibc's malloc raises its
threshold and keeps the next of that size in the arena of its thread, where no
other thread can use it: up to 50 MB over a backup. A fixed threshold turns that
off, and larger blocks return to the system at once. It also stops the trim
threshold from adapting, so that is set too: at its default, 128 KiB, a third of
a verification's CPU time went into returning and refetching pages.
"""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
"""From glibc's malloc.h."""

_LARGE = 4 << 20
"""Bytes: parts of uploads and sections are larger, the blocks to compress are smaller."""


def give_back_large_buffers() -> None:
    """Configure malloc; call it before the work begins. Does nothing without glibc."""
    if sys.platform != "linux":
        return
    try:
        malloc = ctypes.CDLL(None)
        malloc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        malloc.mallopt(_M_TRIM_THRESHOLD, _LARGE)
    except (OSError, AttributeError):
        return  # musl has no such option, and does not need it
