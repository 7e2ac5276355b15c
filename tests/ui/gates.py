"""What answers only once it may: a slow store or server, as a test wants it."""

from __future__ import annotations

import threading

from tests.ui.pilots import WITHIN


class Gate:
    """Holds up what goes through it while ``may`` is not set."""

    def __init__(self) -> None:
        self.asked = 0
        """How often something has come to it."""
        self.may = threading.Event()

    def before(self, work):
        """``work``, which waits here before it is done."""

        def waits(*arguments, **options):
            self.asked += 1
            assert self.may.wait(WITHIN)
            return work(*arguments, **options)

        return waits
