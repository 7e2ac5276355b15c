"""A terminal as an operator has it: 80x24, and gone when the line drops."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence

import pyte

from tests.warm import Command

PATIENCE = 120
"""Seconds until a condition counts as never met."""

QUIET = 0.9
"""Seconds; the screens take no Enter that comes sooner after another, or after they have changed."""

_DECIDE = "\ry"
"""The keys of which that is so."""


class Terminal:
    """Runs a command as its session's leader, with the terminal for all three streams."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, controlling: bool = True
    ) -> None:
        """Without ``controlling`` it is not the session's own, as after ``su``: no signal tells its end."""
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._modes = termios.tcgetattr(theirs)
        self._theirs = theirs
        self.shown = ""
        """All that was ever written, as it came."""
        self._screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self._screen)
        self.process = Command(
            command,
            controlling=controlling,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**environment, "TERM": "xterm-256color"},
            start_new_session=True,
        )

    def wait_for(self, text: str) -> None:
        """Read until ``text`` stands on the screen, in one line."""
        end = time.monotonic() + PATIENCE
        while not self.shows(text):
            assert time.monotonic() < end, (text, "\n".join(self._screen.display))
            self._read(0.1)

    def shows(self, text: str) -> bool:
        return any(text in line for line in self._screen.display)

    def line_with(self, text: str) -> str:
        """The first line in which ``text`` stands; empty if it stands nowhere."""
        return next((line for line in self._screen.display if text in line), "")

    def press(self, what: str, *keys: str) -> None:
        """Wait for ``what``, which says what ``keys`` do; type them, and again while that stands there."""
        self.wait_for(what)
        end = time.monotonic() + PATIENCE
        while self.shows(what):
            assert time.monotonic() < end, (what, "\n".join(self._screen.display))
            for key in keys:
                if key[0] in _DECIDE:
                    self.read_for(QUIET)
                self.type(key)
            self.read_for(QUIET, what)

    def tick(self, what: str, *keys: str) -> None:
        """Type ``keys`` once, for they do something else the second time, and wait until it is ticked."""
        self.wait_for("[ ] " + what)
        for key in keys:
            self.read_for(QUIET)
            self.type(key)
        self.wait_for("[✔] " + what)

    def read_for(self, seconds: float, while_shown: str = "") -> None:
        """Read for so long, or until ``while_shown`` is gone."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.shows(while_shown):
            self._read(0.1)

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def ground(self, y: int) -> str:
        """The colour below the text of a line, at its beginning."""
        return str(self._screen.buffer[y][2].bg)

    def line(self, y: int) -> str:
        return "".join(self._screen.buffer[y][x].data for x in range(self._screen.columns))

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Read until ``condition`` holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, (what, "\n".join(self._screen.display))
            self._read(0.05)

    def ended(self) -> int:
        """Read until the command has ended; its exit code."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end, "\n".join(self._screen.display)
            self._read(0.1)
        self._read(0)
        return self.process.returncode

    @property
    def sane(self) -> bool:
        """Whether its modes are what they were at the start."""
        return termios.tcgetattr(self._theirs) == self._modes

    @property
    def full(self) -> bool:
        """Whether it holds so much that nobody has read that it takes no more."""
        return not select.select([], [self._theirs], [], 0)[1]

    def stop_output(self) -> None:
        termios.tcflow(self._theirs, termios.TCOOFF)

    def hang_up(self) -> None:
        """The line drops: both ends are gone, and the session is told by SIGHUP."""
        for fd in (self._theirs, self._ours):
            os.close(fd)
        self._ours = self._theirs = -1

    def close(self) -> None:
        if self._ours >= 0:
            self.hang_up()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def _read(self, seconds: float) -> None:
        while select.select([self._ours], [], [], seconds)[0]:
            piece = os.read(self._ours, 65536)
            self._stream.feed(piece)
            self.shown += piece.decode(errors="replace")
            seconds = 0
