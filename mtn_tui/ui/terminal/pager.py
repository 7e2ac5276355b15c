"""Hands the terminal to $PAGER, and restores its modes afterwards."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from textual.app import App

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _


def show(path: Path, at: int, environment: Mapping[str, str]) -> None:
    """Show a file in the pager, and wait until it is closed.

    ``less`` opens it at byte ``at``, and says how to come back. Raises UsageError if PAGER can't be run.
    """
    wanted = environment.get("PAGER") or "less"
    try:
        command = shlex.split(wanted)
        if Path(command[0]).name == "less":
            command += ["-n", *_prompts(_("[q] back to mtn")), f"+{at}P"]
        command.append(str(path))
        with _interrupts_are_the_childs(), _modes_kept():
            subprocess.run(command, env=environment, check=False)
    except (OSError, ValueError, IndexError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            _("The pager {pager} could not be started: {reason}.").format(pager=wanted, reason=reason),
            _("Correct the environment variable PAGER, or install less."),
        ) from error


def _prompts(text: str) -> list[str]:
    """Options of ``less`` that make this its prompt, in each of its three lengths."""
    literal = re.sub(r"[?:.%\\]", r"\\\g<0>", text)
    return [f"-P{length}?e(END) .{literal}" for length in "smM"]


def show_instead(app: App[None], path: Path, at: int, environment: Mapping[str, str]) -> None:
    """As ``show``, in place of the app, which comes back afterwards.

    Raises SuspendNotSupported as well, if the terminal can't be handed over.
    """
    trouble: Exception | None = None
    with app.suspend():
        try:
            show(path, at, environment)
        except Exception as error:  # noqa: BLE001 - the app has to come back first
            trouble = error
    if trouble is not None:
        raise trouble


@contextmanager
def _interrupts_are_the_childs() -> Iterator[None]:
    """Leave ^C to the pager. It is handled here, not ignored: a child would inherit that."""
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _modes_kept() -> Iterator[None]:
    """Restore the terminal's modes, which a pager that is killed leaves changed."""
    terminal = sys.__stdin__
    if terminal is None or not terminal.isatty():
        yield
        return
    modes = termios.tcgetattr(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, modes)
