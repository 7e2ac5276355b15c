"""``python -m mtn_tui`` is ``mtn``."""

from mtn_tui.cli import main

main()
