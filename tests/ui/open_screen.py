"""Opens the screens on a terminal: ``python -m tests.ui.open_screen CONFIGURATION [ascii]``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mtn_tui.core.settings import load
from mtn_tui.engine import detached
from mtn_tui.operations.context import Context
from mtn_tui.operations.stores import open_stores
from mtn_tui.ui.app import MtnApp


def main() -> int:
    settings = load(Path(sys.argv[1]), os.environ).settings
    assert settings.state_dir is not None
    context = Context(settings, open_stores(settings), settings.state_dir, "ana", "db-host-1")

    def start(arguments: object) -> str:
        return detached.start(list(arguments), context.jobs, os.environ).id  # type: ignore[call-overload]

    app = MtnApp(context, start, ascii="ascii" in sys.argv)
    app.run()
    if app.fault is not None:
        raise app.fault
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
