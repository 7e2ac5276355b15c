"""``mtn`` without a command, on a terminal: the screens."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mtn_tui.cli import diagnostics
from mtn_tui.cli.session import Session
from mtn_tui.core.garbage import only_young_collected
from mtn_tui.core.i18n import is_utf8

if TYPE_CHECKING:
    from mtn_tui.ui.host import Practice

_FAILED = 2


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
