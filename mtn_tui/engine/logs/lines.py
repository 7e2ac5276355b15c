"""Parses one line of a log: time, level and text.

Understands our own format (``mtn_tui.engine.joblog``) and the usual ones of
shell scripts and PostgreSQL's tools:

    2026-11-24T03:00:04-03:00 WARN  upload-failed attempt=1
    [2025-10-03 20:34:00] [ERROR] dump failed
    [WARNING] 2025-10-03 20:34:00 - bucket not reachable
    pg_dump: error: connection to server failed

A time without an offset is local. What a line lacks is taken from the lines
before it (``mtn_tui.engine.logs.file``).
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from mtn_tui.core.i18n import _
from mtn_tui.core.moments import YEARS
from mtn_tui.core.printable import printable
from mtn_tui.core.redact import redact
from mtn_tui.engine.joblog import event_text

SHOWN = 4096
"""Maximum characters shown of a line; of the rest, only the number of bytes."""

_WITH_SLACK = SHOWN + 1024
"""Bytes of a line that are read: more than shown, so that no secret at the cut escapes its mask."""


class Level(IntEnum):
    """Level of a line; higher is more severe."""

    INFO = 1
    WARN = 2
    ERROR = 3


class Head(NamedTuple):
    """The parsed line; None for what it does not contain."""

    moment: datetime | None
    level: Level | None
    text: str


_SPELLED = {
    Level.INFO: "INFO NOTICE DEBUG SUCCESS",
    Level.WARN: "WARN WARNING ADVERTENCIA AVISO",
    Level.ERROR: "ERROR ERR FATAL CRITICAL CRIT PANIC",
}
_LEVEL = {word: level for level, words in _SPELLED.items() for word in words.split()}
_WORD = "|".join(sorted(_LEVEL, key=len, reverse=True))

_MARKS = {
    Level.WARN: (b"WARN", b"ADVERTENCIA", b"AVISO", b"ERR", b"FATAL", b"CRIT", b"PANIC"),
    Level.ERROR: (b"ERR", b"FATAL", b"CRIT", b"PANIC"),
}

_GAP = r"(?:\x1b\[[\d;]*m|[\s\[\](){}|:*>=–-])*+"
_TAIL = r"(?:\x1b\[[\d;]*m|[\s\])}|:*>=–-])*+"
"""Separates a line's head from its text; an opening bracket belongs to the text."""

_OFFSET = r"Z\b|UTC\b|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?(?!\d)"
_TIME = rf"(\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,](\d{{1,9}}))?(?: ?({_OFFSET}))?"

_OURS = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?(?:[+-]\d\d:\d\d|Z)) (INFO|WARN|ERROR) +(?=\S)"
)
_TIMED = re.compile(rf"{_GAP}(?:(?ai:({_WORD}))[\]\s:)-]{_GAP})?{_TIME}{_TAIL}")
_BARE = re.compile(rf"{_GAP}(?:({_WORD})(?![\w=.])|(?ai:({_WORD}))[\]:]){_TAIL}")
_OF_A_TOOL = re.compile(rf"\s*[\w./-]{{1,60}}(?::[\w./ -]{{1,80}})*: *(?ai:({_WORD})): ")

_LOOKED_AT = 240
"""Characters within which the time and level are looked for."""


def read_line(raw: bytes, length: int, zone: tzinfo | None = None) -> Head:
    """Parse a line without its newline; ``length`` is the whole line's, ``raw`` may be its start."""
    text, _used = codecs.utf_8_decode(raw[:_WITH_SLACK], "backslashreplace", length <= _WITH_SLACK)
    ours = _OURS.match(text)
    moment = _moment(ours[1], "", "", None) if ours is not None else None
    if ours is not None and moment is not None:
        return Head(moment, Level[ours[2]], shown(text[ours.end() :], length))
    start, moment, level = _slowly(text[:_LOOKED_AT], zone)
    return Head(moment, level, shown(text[start:], length))


def may_hold(level: Level, data: bytes) -> bool:
    """Return quickly whether ``data`` may have lines of ``level`` or above; never wrongly False."""
    marks = _MARKS.get(level)
    if marks is None:
        return True
    upper = data.upper()
    return any(mark in upper for mark in marks)


def shown(text: str, length: int = 0) -> str:
    """Return text as it is displayed: secrets masked, shortened, terminal controls escaped.

    ``length`` is the number of bytes of the whole if ``text`` is only its beginning.
    """
    text = redact(text.rstrip("\r").expandtabs(4))
    if length <= _WITH_SLACK:
        return printable(text)
    kept = text[:SHOWN]
    more = length - len(kept.encode(errors="replace"))
    return printable(kept) + " " + _("… {count} bytes more").format(count=more)


def read_record(raw: bytes, length: int) -> Head | None:
    """Parse a journal record as a line of a log; None for records that are not events, like progress."""
    if raw.find(b'"event": "progress"', 0, 80) > 0:
        return None
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    moment = _moment(str(record.pop("at", "")), "", "", UTC)
    event = record.pop("event", None)
    if moment is None or not isinstance(event, str):
        return None
    level = Level.INFO
    match event:
        case "note":
            level = _LEVEL.get(str(record.get("level", "")).upper(), level)
            event, record = str(record.get("name", "")), _fields(record)
        case "warning":
            level = Level.WARN
            event, record = str(record.get("name", "")), {"text": record.get("text", ""), **_fields(record)}
        case "state":
            event = str(record.pop("state", ""))
            level = {"failed": Level.ERROR, "cancelled": Level.ERROR, "cancelling": Level.WARN}.get(
                event, level
            )
        case "result":
            record = _mapping(record.get("result"))
    text = event_text(event, record)
    return Head(moment, level, shown(text, len(text)))


def _fields(record: Mapping[str, object]) -> dict[str, object]:
    return _mapping(record.get("fields"))


def _mapping(value: object) -> dict[str, object]:
    return {str(name): item for name, item in value.items()} if isinstance(value, dict) else {}


def _slowly(text: str, zone: tzinfo | None) -> tuple[int, datetime | None, Level | None]:
    """Return where the text begins, the time and the level of a line that is not in our format."""
    timed = _TIMED.match(text)
    moment = _moment(timed[2], timed[3] or "", timed[4] or "", zone) if timed else None
    if timed is None or moment is None:
        said = _BARE.match(text) or _OF_A_TOOL.match(text)
        return 0, None, _level(said)
    if timed[1]:
        return timed.end(), moment, _LEVEL[timed[1].upper()]
    bare = _BARE.match(text, timed.end())
    if bare is not None:
        return bare.end(), moment, _level(bare)
    return timed.end(), moment, _level(_OF_A_TOOL.match(text, timed.end())) or Level.INFO


def _level(said: re.Match[str] | None) -> Level | None:
    return None if said is None else next(_LEVEL[word.upper()] for word in said.groups() if word)


@lru_cache(maxsize=1024)
def _moment(when: str, fraction: str, offset: str, zone: tzinfo | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(when)
        if fraction:
            moment = moment.replace(microsecond=int(f"{fraction:0<6}"[:6]))
        if offset:
            moment = datetime.fromisoformat(moment.isoformat() + ("Z" if offset == "UTC" else offset))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone) if zone is not None else moment.astimezone()
        return moment.astimezone(UTC) if moment.year in YEARS else None
    except (ValueError, OverflowError, OSError):
        return None
