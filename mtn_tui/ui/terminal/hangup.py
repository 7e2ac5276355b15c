"""Notices that the terminal is gone where no signal says so.

SIGHUP goes to the terminal's session; a program started by ``su -c`` is in a
session of its own, and would run on with nobody to see it.
"""

from __future__ import annotations

import select
import sys


def hung_up() -> bool:
    """Whether stdin's other end is closed."""
    if sys.__stdin__ is None:
        return False
    poll = select.poll()
    poll.register(sys.__stdin__.fileno(), 0)
    return any(event & select.POLLHUP for _fd, event in poll.poll(0))
