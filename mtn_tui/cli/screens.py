"""``mtn`` without a command, on a terminal: the screens."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from mtn_tui.cli import diagnostics
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import UsageError
from mtn_tui.core.garbage import only_young_collected
from mtn_tui.core.i18n import _, is_utf8

if TYPE_CHECKING:
    from mtn_tui.ui.host import Practice

_FAILED = 2

_CANNOT_DRAW = ("", "dumb", "unknown")
"""What TERM says of a terminal that only writes line after line; empty as well where it is not set."""


def can_draw() -> bool:
    """Whether this terminal can show screens, as far as TERM says."""
    return os.environ.get("TERM", "") not in _CANNOT_DRAW


def must_be_able_to_draw() -> None:
    """Raise UsageError, with the commands that work without screens, if this terminal can't show any."""
    if can_draw():
        return
    term = os.environ.get("TERM", "")
    title = _("The screens need a terminal that can be drawn on; TERM is not set.")
    if term:
        title = _("The screens need a terminal that can be drawn on; TERM is {term}.").format(term=term)
    works = _(
        "Without screens: mtn check, mtn list, mtn backup full, mtn restore --help, mtn job list, mtn --help."
    )
    more = _("If this terminal can do more than that: TERM=xterm-256color mtn")
    raise UsageError(title, f"{works}\n{more}")


def show(session: Session, *, practice: Practice | None = None) -> int:
    """Show the screens until they are left, and return the exit code. Faults are reported on stderr.

    ``practice`` is what they are tried on; None where the servers are real.
    """
    from mtn_tui.ui.app import MtnApp  # commands without screens need not load Textual

    app = MtnApp(
        session.context,
        session.begin,
        read_only=session.read_only,
        ascii=session.ascii or not is_utf8(sys.stdout.encoding or ""),
        light=session.light,
        loaded=session.loaded,
        practice=practice,
    )
    with only_young_collected():
        app.run()
    if app.fault is None:
        return 0
    diagnostics.fault(app.fault)
    return _FAILED
