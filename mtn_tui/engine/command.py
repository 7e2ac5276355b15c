"""Runs a command line configured by the operator in a shell, and reports its output.

The output goes to a file, not through a pipe: background processes that the
command starts (services, usually) keep it open long after, and writing to a
pipe that nobody reads would kill them. The command has no terminal and its own
session. Processes that it leaves running are not ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import JobError
from mtn_tui.core.i18n import _
from mtn_tui.core.redact import redact
from mtn_tui.engine.statefiles import open_shared, refusal

_LOOK_EVERY = 0.1
_GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""

_PIECE = 1 << 16
_LONGEST_LINE = 4096
_LAST_LINES = 5


@dataclass(frozen=True)
class Ran:
    """The result of a command that ended by itself."""

    code: int
    """Its exit status; if negative, the signal that ended it."""
    seconds: float
    last: tuple[str, ...]
    """The last lines of its output."""


def run_shell(
    line: str,
    *,
    output: Path,
    limit: float,
    token: CancelToken,
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
) -> Ran:
    """Run ``sh -c line`` until it ends; its output is appended to ``output`` and passed to ``on_line``.

    After ``limit`` seconds, or if ``token`` is cancelled, all processes of its
    group are ended. Raises Cancelled, JobError if it took too long or no shell
    could be started, StorageError if ``output`` can't be written.
    """
    began = time.monotonic()
    try:
        fd = open_shared(output, os.O_WRONLY | os.O_APPEND, 0o640)
    except OSError as error:
        raise refusal(error, output) from error
    try:
        with output.open("rb") as said:
            said.seek(0, os.SEEK_END)
            process = _started(line, fd, environment)
            tail = _Tail(on_line)
            try:
                while process.poll() is None:
                    tail.feed(said.read(_PIECE))
                    token.check()
                    if time.monotonic() - began > limit:
                        raise JobError(
                            _("The command had not ended after {seconds:.0f} s: {line}").format(
                                seconds=limit, line=redact(line)
                            ),
                            _("What it said is in {path}.").format(path=output),
                        )
                    token.wait(_LOOK_EVERY)
            finally:
                _end(process)
            end = os.fstat(fd).st_size  # processes left running may go on writing
            while said.tell() < end and (piece := said.read(_PIECE)):
                tail.feed(piece)
            tail.finish()
            return Ran(process.returncode, time.monotonic() - began, tuple(tail.last))
    finally:
        os.close(fd)


def _started(line: str, output: int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", line],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise JobError(
            _("The command could not be started: {reason}.").format(reason=error.strerror or error)
        ) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole process group, if the process still runs."""
    if process.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(_GRACE)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
        else:
            break
    process.wait()


class _Tail:
    """Splits output into lines; an unfinished line is reported at the end, or once it is too long."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""
        self.last: list[str] = []

    def feed(self, piece: bytes) -> None:
        *whole, self._rest = (self._rest + piece).split(b"\n")
        for line in whole:
            self._tell(line)
        while len(self._rest) > _LONGEST_LINE:
            self._tell(self._rest[:_LONGEST_LINE])
            self._rest = self._rest[_LONGEST_LINE:]

    def finish(self) -> None:
        if self._rest:
            self._tell(self._rest)
            self._rest = b""

    def _tell(self, line: bytes) -> None:
        text = redact(line.decode(errors="backslashreplace").rstrip())
        if text:
            self.last = [*self.last, text][-_LAST_LINES:]
            self._on_line(text)
