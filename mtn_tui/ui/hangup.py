"""Whether the terminal is gone, where no signal says so.

SIGHUP goes to a terminal's session; whoever came by ``su -c`` is in one of its
own, and would go on for ever with nobody to see it.
"""

from __future__ import annotations

import select
import sys


def hung_up() -> bool:
    if sys.__stdin__ is None:
        return False
    poll = select.poll()
    poll.register(sys.__stdin__.fileno(), 0)
    return any(event & select.POLLHUP for _fd, event in poll.poll(0))
