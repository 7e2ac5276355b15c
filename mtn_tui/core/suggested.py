"""The commands of ``mtn`` that texts suggest, made so that they work where they are pasted.

Whoever named a configuration by ``--config`` has to name it again in the next command. So every
suggested command has the option, from the moment at which the command line was read.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

COMMANDS = (
    *("accept", "audit", "backup", "check", "completion", "demo", "doctor", "drill", "help", "incident"),
    *("init", "job", "kept", "list", "logs", "monitor", "notify", "pin", "promote", "prune", "recover"),
    *("report", "restore", "schedule", "services", "show", "sync", "undo", "verify"),
)
"""What follows ``mtn`` in a suggested command; any other word is prose about the program."""

SUGGESTED = re.compile(rf"\bmtn (?=(?:{'|'.join(COMMANDS)})\b|\{{command\}})")

_options: tuple[str, ...] = ()


def name_configuration(path: Path | None) -> None:
    """Set the file that was named by ``--config``; None where it was found in its usual place."""
    global _options  # noqa: PLW0603 - one command line a process
    _options = () if path is None else ("--config", str(path.absolute()))


def command(*words: str) -> str:
    """A command of ``mtn``, quoted, to be pasted into a shell."""
    return shlex.join(["mtn", *_options, *words])


def pasteable(text: str) -> str:
    """Put the option into each command in a translated text, which may have places to fill in."""
    if not _options or "mtn " not in text:
        return text
    options = shlex.join(_options)
    if "{" in text:  # it goes through str.format
        options = options.replace("{", "{{").replace("}", "}}")
    return SUGGESTED.sub(lambda _found: f"mtn {options} ", text)
