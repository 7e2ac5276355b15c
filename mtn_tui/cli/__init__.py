"""The command line: ``mtn``."""

from __future__ import annotations


def main() -> None:
    """Speak the caller's language, then run the command."""
    import sys

    from mtn_tui.core import i18n

    i18n.use(i18n.asked_for(sys.argv[1:]))
    # Help texts are translated as the commands are imported, so the language comes first.
    from mtn_tui.cli.app import run

    sys.exit(run())
