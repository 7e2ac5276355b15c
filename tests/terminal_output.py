"""What a program has written to a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress


def shown_on(terminal: int, so_far: Callable[[bytes], object] = len) -> str:
    """All that is written at the other end until that is closed; closes this one.

    ``so_far`` is called with what there is whenever there is more.
    """
    shown = b""
    with suppress(OSError):  # so Linux says that the other end has gone
        while piece := os.read(terminal, 65536):
            shown += piece
            so_far(shown)
    os.close(terminal)
    return shown.decode()
