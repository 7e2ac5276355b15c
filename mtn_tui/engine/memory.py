"""Keeps a process small that fills and drops large buffers on many threads.

glibc's malloc learns from each large block that is freed, up to 32 MiB, to keep
the next of its size in the arena of its thread, where no other thread gets at
it: over a backup that adds up to 50 MB. A fixed threshold turns that off, and
what lies above it goes back to the system as soon as it is freed. It also stops
the trimming from learning, so that is told its threshold too: at its first one,
128 KiB, a third of a verification's CPU went into pages given back and fetched.
"""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
"""From glibc's malloc.h."""

_LARGE = 4 << 20
"""Bytes: parts of uploads and sections are above, the blocks that are compressed below."""


def give_back_large_buffers() -> None:
    """To be called before the work begins. Does nothing where malloc is not glibc's."""
    if sys.platform != "linux":
        return
    try:
        malloc = ctypes.CDLL(None)
        malloc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        malloc.mallopt(_M_TRIM_THRESHOLD, _LARGE)
    except (OSError, AttributeError):
        return  # musl has no such switch, and no such habit
