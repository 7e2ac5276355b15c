"""Output to stderr: errors, warnings, progress. Nothing else writes there."""

from __future__ import annotations

import shutil
import sys

from mtn_tui.cli.output import folded, to_nowhere
from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.printable import printable
from mtn_tui.core.redact import redact
from mtn_tui.core.traces import traced


def say(text: str) -> None:
    """Print a text, secrets masked; on a terminal, lines are wrapped between words, with their indent."""
    for part in redact(text).split("\n"):
        _write(folded(printable(part), sys.stderr))


def warning(text: str, hint: str = "") -> None:
    """Print a warning and, indented, its hint."""
    say(_("warning: {text}").format(text=text))
    if hint:
        say("  " + hint)


def error(failure: MtnError) -> None:
    """Print an error: what happened, what to do, and the section of the runbook."""
    say(_("error: {text}").format(text=failure.title))
    for note in getattr(failure, "__notes__", ()):
        say("  " + note)
    if failure.hint:
        say("  " + failure.hint.replace("\n", "\n  "))
    if failure.private and is_terminal():  # otherwise cron may mail it, or others may read the file
        say("  " + failure.private.replace("\n", "\n  "))
    if failure.runbook:
        say("  " + _("Runbook, section {section}.").format(section=failure.runbook))


def fault(failure: Exception) -> None:
    """Print an unexpected error of the program, with its traceback."""
    say(traced(failure).rstrip())
    say(_("error: {text}").format(text=_("This is a fault of the program, not of yours.")))
    say("  " + _("Nothing half-made was put in place. Send the above to whoever maintains the program."))


def is_terminal() -> bool:
    """Return whether stderr is a terminal."""
    return sys.stderr.isatty()


def replace_line(text: str) -> None:
    """Overwrite the current line of the terminal."""
    width = shutil.get_terminal_size().columns - 1
    _write("\r" + printable(redact(text))[:width].ljust(width))


def end_line() -> None:
    """Clear the current line of the terminal."""
    _write("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r")


def _write(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        to_nowhere(sys.stderr)  # The reader is gone; the work, its log and its journal continue.
