"""All that goes to stderr: errors, warnings, progress. Nothing else writes there."""

from __future__ import annotations

import shutil
import sys
import textwrap

from mtn_tui.cli.output import to_nowhere
from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.printable import printable
from mtn_tui.core.redact import redact
from mtn_tui.core.traces import traced


def say(text: str) -> None:
    """On a terminal lines are folded at its width, each under its own indent."""
    for part in redact(text).split("\n"):
        line = printable(part)
        indent = line[: len(line) - len(line.lstrip())]
        width = shutil.get_terminal_size().columns - 1 if is_terminal() else sys.maxsize
        folded = textwrap.fill(line, width, subsequent_indent=indent, break_on_hyphens=False)
        _write((folded if line else "") + "\n")


def warning(text: str, hint: str = "") -> None:
    say(_("warning: {text}").format(text=text))
    if hint:
        say("  " + hint)


def error(failure: MtnError) -> None:
    """What happened, what to do, and where the runbook speaks of it."""
    say(_("error: {text}").format(text=failure.title))
    for note in getattr(failure, "__notes__", ()):
        say("  " + note)
    if failure.hint:
        say("  " + failure.hint.replace("\n", "\n  "))
    if failure.private and is_terminal():  # else it is cron's, who mails it, or a file that others read
        say("  " + failure.private.replace("\n", "\n  "))
    if failure.runbook:
        say("  " + _("Runbook, section {section}.").format(section=failure.runbook))


def fault(failure: Exception) -> None:
    """A fault of the program's own, with its traceback."""
    say(traced(failure).rstrip())
    say(_("error: {text}").format(text=_("This is a fault of the program, not of yours.")))
    say("  " + _("Nothing half-made was put in place. Send the above to whoever maintains the program."))


def is_terminal() -> bool:
    return sys.stderr.isatty()


def replace_line(text: str) -> None:
    """On a terminal: write over the present line."""
    width = shutil.get_terminal_size().columns - 1
    _write("\r" + printable(redact(text))[:width].ljust(width))


def end_line() -> None:
    _write("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r")


def _write(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        to_nowhere(sys.stderr)  # Whoever was reading has gone; the work, its log and its journal go on.
