"""Textual's driver, save that a terminal that takes nothing any more holds up nothing.

Textual's own waits on the main thread once the terminal has not taken thirty
pieces, and with it signals and keys; and it starts anew by a SIGCONT, which the
system also sends to whoever's terminal has gone. This leans on parts of Textual
that are not its public interface, of the one version that is pinned.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, cast

from textual.drivers.linux_driver import LinuxDriver

from mtn_tui.ui.hangup import hung_up

_BEHIND = 6
"""Pieces not taken yet, two frames, from which on it is better to wait than to send more."""

_FAREWELL = 2.0
"""Seconds for the terminal to take the last words, which make it the shell's again."""


class Terminal(LinuxDriver):
    def __init__(self, app: Any, **options: Any) -> None:  # as Textual makes it
        super().__init__(app, **options)
        self.output = Output()
        self._file = cast("Any", self.output)

    @property
    def is_behind(self) -> bool:
        return self._writer_thread is not None and self._writer_thread._queue.qsize() >= _BEHIND

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._writer_thread is not None:
            self._writer_thread._queue.maxsize = 0  # without an end: nobody waits to put something in

    def close(self) -> None:
        if self._writer_thread is not None:
            self._writer_thread._queue.put(None)
            self._writer_thread.join(_FAREWELL)

    def _sigcont_application(self, *_: object) -> None:
        if not self._auto_restart or hung_up():
            return
        if not self._must_signal_resume:  # stopped by somebody else, who did not ask: it has not ended yet
            self.suspend_application_mode()
            self._must_signal_resume = True
        super()._sigcont_application()


class Output:
    """What the writing thread writes to: no buffer, whose lock Python would wait for as it ends."""

    def __init__(self) -> None:
        stream = sys.__stderr__
        assert stream is not None  # noqa: S101 - the screens are opened on a terminal only
        self._fd, self._encoding = stream.fileno(), stream.encoding
        self.on_all_taken: Callable[[], object] | None = None
        """Called, on the writing thread, whenever the terminal has taken all there was."""

    def fileno(self) -> int:
        return self._fd

    def write(self, text: str) -> None:
        left = memoryview(text.encode(self._encoding, errors="replace"))
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError:
            return  # it has gone, which hung_up tells

    def flush(self) -> None:
        if self.on_all_taken is not None:
            self.on_all_taken()
