"""Textual's driver, changed so that a terminal that reads no more does not block the program.

Textual's own blocks the main thread, and with it signals and keys, once the
terminal has not read thirty pieces; and it restarts on SIGCONT, which the system
also sends when the terminal is gone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, cast

from textual.drivers.linux_driver import LinuxDriver

from mtn_tui.ui.terminal.hangup import hung_up

_BEHIND = 6
"""Unread pieces, about two frames, from which the terminal counts as behind."""

_FAREWELL = 2.0
"""Seconds that the terminal has to read the last sequences, which hand it back to the shell."""


class Terminal(LinuxDriver):
    """The driver of a terminal that may be slow, hang, or go away."""

    def __init__(self, app: Any, **options: Any) -> None:  # as Textual makes it
        super().__init__(app, **options)
        self.output = Output()
        self._file = cast("Any", self.output)

    @property
    def is_behind(self) -> bool:
        """Whether it has not read what it was sent: then it is better to wait than to send more."""
        return self._writer_thread is not None and self._writer_thread._queue.qsize() >= _BEHIND

    def start_application_mode(self) -> None:
        """Take the terminal, with a queue of output that never blocks."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._writer_thread is not None:
            self._writer_thread._queue.maxsize = 0  # unbounded: putting never blocks

    def close(self) -> None:
        """Wait two seconds at most for the last output: a terminal that hangs does not keep the program."""
        if self._writer_thread is not None:
            self._writer_thread._queue.put(None)
            self._writer_thread.join(_FAREWELL)

    def _sigcont_application(self, *_: object) -> None:
        if not self._auto_restart or hung_up():
            return
        if not self._must_signal_resume:  # stopped by another process: application mode has not ended yet
            self.suspend_application_mode()
            self._must_signal_resume = True
        super()._sigcont_application()


class Output:
    """Unbuffered output of the writer thread: Python would wait for a buffer's lock as it exits."""

    def __init__(self) -> None:
        stream = sys.__stderr__
        assert stream is not None  # noqa: S101 - the screens are opened on a terminal only
        self._fd, self._encoding = stream.fileno(), stream.encoding
        self.on_all_taken: Callable[[], object] | None = None
        """Called, on the writer thread, whenever the terminal has read all that was sent."""

    def fileno(self) -> int:
        """The descriptor of stderr, where the screens are drawn."""
        return self._fd

    def write(self, text: str) -> None:
        """Write all of ``text``; drops it if the terminal is gone."""
        left = memoryview(text.encode(self._encoding, errors="replace"))
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError:
            return  # the terminal is gone; hung_up notices

    def flush(self) -> None:
        """Called by the writer thread once it has written all that was queued."""
        if self.on_all_taken is not None:
            self.on_all_taken()
