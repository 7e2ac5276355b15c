"""The command line: ``mtn``."""

from __future__ import annotations

import gc
import os
import sys

from mtn_tui.core.garbage import uncollected
from mtn_tui.postgres.server import REDIRECTING


def main() -> None:
    """Set the caller's language, then run the command and exit with its code."""
    _open_streams()
    for name in REDIRECTING:
        os.environ.pop(name, None)

    from mtn_tui.core import i18n

    i18n.use(i18n.asked_for(sys.argv[1:]))
    # Help texts are translated as the commands are imported, so the language comes first.
    with uncollected():
        from mtn_tui.cli.app import run

    code = run()
    gc.freeze()  # the interpreter would look through all of it as it ends: a fifth of a short command's time
    sys.exit(code)


def _open_streams() -> None:
    """Make sure that stdin, stdout and stderr are open and accept any character.

    If the caller closed one, the next file opened would get its number, and
    warnings could be written into a backup.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
        elif mode == "w":
            stream.reconfigure(errors="backslashreplace")
