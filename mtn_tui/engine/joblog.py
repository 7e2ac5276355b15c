"""A job's log for people and their tools, a line for each event:

    2026-11-24T03:00:04-03:00 INFO  phase name=dump total=4200000000
    2026-11-24T03:09:40-03:00 ERROR failed error=NoSpace title="The disk is full: …"

Local time with its offset. Values that hold blanks, quotes or ``=`` stand in
quotes; whatever does not print stands as an escape, so that no name can forge a
line or reach a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Literal

from mtn_tui.core.clock import Clock
from mtn_tui.core.redact import redact
from mtn_tui.engine.statefiles import LineFile

Level = Literal["info", "warn", "error"]

_NEEDS_QUOTES = re.compile(r'[\s"=\\]')


class JobLog:
    """Not thread-safe: its job guards it. Raises NoSpace and other StorageErrors, from the opening on."""

    def __init__(self, path: Path, clock: Clock, zone: tzinfo | None = None) -> None:
        """Open, or go on with, the file. ``zone`` is the machine's own unless given."""
        self._lines = LineFile(path, mode=0o640)
        self._clock = clock
        self._zone = zone

    @property
    def path(self) -> Path:
        return self._lines.path

    def write(self, level: Level, event: str, fields: Mapping[str, object]) -> None:
        moment = self._clock.now().astimezone(self._zone).isoformat(timespec="seconds")
        self._lines.append(f"{moment} {level.upper():<5} {event_text(event, fields)}".encode())

    def close(self) -> None:
        self._lines.close()


def event_text(event: str, fields: Mapping[str, object]) -> str:
    """An event and its fields as they stand in a line, after its moment and level."""
    return " ".join([event, *(f"{name}={_quoted(value)}" for name, value in fields.items())])


def _quoted(value: object) -> str:
    text = redact(str(redact.within(value)))
    if text and text.isprintable() and not _NEEDS_QUOTES.search(text):
        return text
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    if char == "\n":
        return "\\n"
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
