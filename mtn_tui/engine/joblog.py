"""A job's log for people and their tools, one line per event:

    2026-11-24T03:00:04-03:00 INFO  phase name=dump total=4200000000
    2026-11-24T03:09:40-03:00 ERROR failed error=NoSpace title="The disk is full: …"

Times are local, with their offset. Values with blanks, quotes or ``=`` are
quoted, and unprintable characters are escaped, so that no name can forge a line
or control a terminal.
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
_FIELD = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))')
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))")


class JobLog:
    """Writes a job's log. Not thread-safe: the job serializes calls.

    Creating it and writing raise NoSpace or another StorageError.
    """

    def __init__(self, path: Path, clock: Clock, zone: tzinfo | None = None) -> None:
        """Open the file, or append to it. ``zone`` defaults to the machine's."""
        self._lines = LineFile(path, mode=0o640)
        self._clock = clock
        self._zone = zone

    @property
    def path(self) -> Path:
        """Path of the log."""
        return self._lines.path

    def write(self, level: Level, event: str, fields: Mapping[str, object]) -> None:
        """Append one event with its fields, secrets masked."""
        moment = self._clock.now().astimezone(self._zone).isoformat(timespec="seconds")
        self._lines.append(f"{moment} {level.upper():<5} {event_text(event, fields)}".encode())

    def close(self) -> None:
        """Close the file."""
        self._lines.close()


def event_text(event: str, fields: Mapping[str, object]) -> str:
    """Format an event and its fields as in a line, after the time and level."""
    return " ".join([event, *(f"{name}={_quoted(value)}" for name, value in fields.items())])


def fields_of(text: str) -> dict[str, str]:
    """The fields of what ``event_text`` made, without the event."""
    return {
        name: bare if quoted is None else _ESCAPE.sub(_meant, quoted)
        for name, quoted, bare in (found.groups() for found in _FIELD.finditer(text))
    }


def _meant(escape: re.Match[str]) -> str:
    code, char = escape[1] or escape[2] or escape[3], escape[4]
    return chr(int(code, 16)) if code else "\n" if char == "n" else char


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
