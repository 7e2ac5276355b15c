"""Hands the terminal to $PAGER for a while, and gets it back as it was."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _


def show(path: Path, at: int, environment: Mapping[str, str]) -> None:
    """Show a file and wait until it was read. UsageError where PAGER is no command that can be run.

    ``at`` is the byte that it opens at, where the pager is ``less``.
    """
    wanted = environment.get("PAGER") or "less"
    try:
        command = shlex.split(wanted)
        if Path(command[0]).name == "less":
            command += ["-n", f"+{at}P"]
        command.append(str(path))
        with _interrupts_are_the_childs(), _modes_kept():
            subprocess.run(command, env=environment, check=False)
    except (OSError, ValueError, IndexError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            _("The pager {pager} could not be started: {reason}.").format(pager=wanted, reason=reason),
            _("Correct the environment variable PAGER, or install less."),
        ) from error


@contextmanager
def _interrupts_are_the_childs() -> Iterator[None]:
    """A ^C reaches all who have the terminal; it is not ignored, so that the child does not inherit that."""
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _modes_kept() -> Iterator[None]:
    """A pager that is killed leaves the terminal as it had made it."""
    terminal = sys.__stdin__
    if terminal is None or not terminal.isatty():
        yield
        return
    modes = termios.tcgetattr(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, modes)
