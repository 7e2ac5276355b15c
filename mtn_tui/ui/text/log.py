"""Lines of logs as rows, each day's first one under its date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.core.redact import redact
from mtn_tui.engine.logs.stream import EVERYTHING, Level, Line, Trouble, Wanted, as_text
from mtn_tui.operations.common.log_words import in_words
from mtn_tui.ui.text.cells import Span, clipped, cut_to, fit, spread, width_of, wrapped

_TIME, _LEVEL = 9, 6
_WIDEST_SOURCE = 14

_TONES = {Level.INFO: "", Level.WARN: "warn", Level.ERROR: "bad"}


class Row(NamedTuple):
    """A line of a log, a part of a wrapped one, or a date."""

    key: str
    text: str
    line: Line | None
    """None for a date."""
    first: bool
    """Whether time, source and level stand before it, which a row that continues the one above lacks."""


@dataclass(frozen=True)
class Layout:
    """The columns at a width, in cells."""

    width: int
    source: int
    wrap: bool

    @property
    def head(self) -> int:
        """Cells before the text."""
        return 1 + _TIME + self.source + _LEVEL

    @property
    def room(self) -> int:
        """Cells of the text."""
        return max(self.width - self.head, 1)


def layout(lines: Sequence[Line], width: int, *, wrap: bool) -> Layout:
    """Columns wide enough for the sources of these lines."""
    longest = max((len(line.source) for line in lines), default=0)
    return Layout(width, min(longest, _WIDEST_SOURCE) + 1, wrap)


def key(line: Line) -> str:
    """Names a line, as long as its file exists."""
    return f"{line.file}:{line.start}"


def rows(lines: Sequence[Line], how: Layout) -> list[Row]:
    """The rows of these lines, with their dates; warnings and errors in words."""
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
        said = line.text if line.level is Level.INFO or line.follows else in_words(line.text)
        if not how.wrap or len(said) <= how.room // 2:
            made.append(Row(key(line), said, line, first=not goes_on))
            continue
        for number, part in enumerate(wrapped(said, how.room, broken="")):
            made.append(
                Row(f"{key(line)}:{number}" if number else key(line), part, line, not (number or goes_on))
            )
    return made


def drawn(row: Row, how: Layout) -> list[Span]:
    """A row as a styled line."""
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
    """What is shown of the logs, in a few words."""
    said = [", ".join(sorted(wanted.sources)) if wanted.sources else _("All logs")]
    if wanted.level is not EVERYTHING.level:
        said.append({Level.WARN: _("warnings and errors"), Level.ERROR: _("errors only")}[wanted.level])
    if wanted.pattern is not None:
        said.append(f"/ {wanted.pattern.text}")
    return " · ".join(said)


def heading(
    lines: Sequence[Line],
    chosen: Line | None,
    wanted: Wanted,
    width: int,
    *,
    following: bool,
    searching: bool,
    whole: bool,
) -> list[Span]:
    """The line above the rows: what is shown, and which error or warning the cursor is on.

    ``whole`` is whether these are all the lines wanted: then it says how many a narrowed list has.
    """
    more: list[Span] = [(" · " + (_("follow on") if following else _("follow off")), "dim")]
    narrowed = wanted.pattern is not None or wanted.level is not EVERYTHING.level
    if whole and lines and narrowed and not searching:
        text = ngettext("{count:,} line", "{count:,} lines", len(lines))
        more.insert(0, (" · " + text.format(count=Figure(len(lines))), "dim"))
    grave = [one for one in lines if one.level > Level.INFO and not one.follows]
    if grave:
        told = _("errors and warnings {count}").format(count=len(grave))
        more.append((" · " + told, "warn"))
    right: list[Span] = []
    if searching:
        right = [(" " + _("searching …") + " ", "warn")]
    elif chosen is not None and chosen in grave:
        told = _("{number} of {count}").format(number=grave.index(chosen) + 1, count=len(grave))
        right = [(f" {told} ", "dim")]
    left: list[Span] = [(" " + asked(wanted), "strong")]
    for span in more:
        if width_of([*left, span, *right]) <= width:
            left.append(span)
    return spread(left, right, width)


def no_error(wanted: Wanted, *, forwards: bool) -> str:
    """That there is no further error, and in which lines: one that is hidden is not looked for."""
    if wanted.pattern is None and not wanted.sources:
        return _("No error after this one.") if forwards else _("No error before this one.")
    text = _("No error after this one in {shown}") if forwards else _("No error before this one in {shown}")
    return text.format(shown=asked(wanted))


def pane(
    line: Line | None, troubles: Sequence[Trouble], width: int, height: int, *, wrap: bool = False
) -> list[list[Span]]:
    """The whole of a line, as far as it fits, beneath what could not be read: exactly ``height`` lines.

    What does not fit is counted, with the key that shows it; with ``wrap`` the list shows it already.
    """
    said: list[list[Span]] = []
    if troubles:
        text = _("Not readable ({reason}): {path}").format(path=troubles[0].path, reason=troubles[0].reason)
        if len(troubles) > 1:
            text += " " + _("And {count} more.").format(count=len(troubles) - 1)
        said = [[(" " + part, "warn")] for part in wrapped("⚠ " + text, width - 2)[: height - 1]]
    if line is not None:
        whole = wrapped(redact(as_text(line)), width - 2)
        said += [
            [(" " + part, "")] for part in cut_to(whole, height - len(said), width - 2, "" if wrap else "[w]")
        ]
    return (said + [[]] * height)[:height]


def how_to_see_more(wanted: Wanted) -> list[str]:
    """That no lines match, and for each thing that narrows them, the key that shows more."""
    said = [_("No lines match.")]
    if wanted.pattern is not None:
        said.append(_("[esc] ends the search."))
    if wanted.level is Level.WARN:
        said.append(_("[l] pressed twice shows every level."))
    elif wanted.level is Level.ERROR:
        said.append(_("[l] shows every level."))
    if wanted.sources:
        said.append(_("[s] chooses another log, or all."))
    return said
