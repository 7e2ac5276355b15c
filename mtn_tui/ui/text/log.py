"""How lines of logs are drawn: rows under one another, a day's first one under its date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mtn_tui.core.i18n import _
from mtn_tui.engine.logs.stream import EVERYTHING, Level, Line, Wanted
from mtn_tui.ui.text.cells import Span, clipped, fit, wrapped

_TIME, _LEVEL = 9, 6
_WIDEST_SOURCE = 14

_TONES = {Level.INFO: "", Level.WARN: "warn", Level.ERROR: "bad"}


class Row(NamedTuple):
    """One row: a line of a log or, wrapped, a part of it; without ``line``, a date."""

    key: str
    text: str
    line: Line | None
    first: bool
    """Whether time, source and level stand before it; not where it plainly goes on with what is above."""


@dataclass(frozen=True)
class Layout:
    """Where things are at a width."""

    width: int
    source: int
    wrap: bool

    @property
    def head(self) -> int:
        return 1 + _TIME + self.source + _LEVEL

    @property
    def room(self) -> int:
        return max(self.width - self.head, 1)


def layout(lines: Sequence[Line], width: int, *, wrap: bool) -> Layout:
    longest = max((len(line.source) for line in lines), default=0)
    return Layout(width, min(longest, _WIDEST_SOURCE) + 1, wrap)


def key(line: Line) -> str:
    return f"{line.file}:{line.start}"


def rows(lines: Sequence[Line], how: Layout) -> list[Row]:
    made = []
    day = ""
    last: Line | None = None
    for line in lines:
        goes_on = line.follows and last is not None and (last.file, last.end) == (line.file, line.start)
        last = line
        today = f"{line.moment.astimezone():%Y-%m-%d}"
        if today != day:
            day = today
            made.append(Row(f"day:{key(line)}", day, None, first=False))
        if not how.wrap or len(line.text) <= how.room // 2:
            made.append(Row(key(line), line.text, line, first=not goes_on))
            continue
        for number, part in enumerate(wrapped(line.text, how.room)):
            made.append(
                Row(f"{key(line)}:{number}" if number else key(line), part, line, not (number or goes_on))
            )
    return made


def drawn(row: Row, how: Layout) -> list[Span]:
    line = row.line
    if line is None:
        return [(fit(f" ── {row.text} " + "─" * how.width, how.width).replace("…", "─"), "dim")]
    tone = _TONES[line.level]
    if not row.first:
        return [(" " * how.head, ""), (clipped(row.text, how.room), tone if line.follows else "")]
    return [
        (f" {line.moment.astimezone():%H:%M:%S} ", "dim"),
        (fit(line.source, how.source - 1) + " ", ""),
        (f"{line.level.name:<{_LEVEL}}", tone),
        (clipped(row.text, how.room), ""),
    ]


def asked(wanted: Wanted) -> str:
    """What the logs are narrowed to, in a few words."""
    said = [", ".join(sorted(wanted.sources)) if wanted.sources else _("All logs")]
    if wanted.level is not EVERYTHING.level:
        said.append({Level.WARN: _("warnings and errors"), Level.ERROR: _("errors only")}[wanted.level])
    if wanted.pattern is not None:
        said.append(f"/ {wanted.pattern.text}")
    return " · ".join(said)
