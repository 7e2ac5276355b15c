"""``mtn logs``: all logs and journals as one stream, merged by time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

import click

from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.engine.logs.stream import Cursor, Level, Line, Logs, Pattern, Wanted, as_text
from mtn_tui.operations.common.logs import open_logs, since

_AT_ONCE = 1000
_LEVELS = [level.name.lower() for level in Level]


@click.command(
    short_help=_("Show all logs, merged by time."), help=_("Show all logs and journals, merged by time.")
)
@click.option("-f", "--follow", is_flag=True, help=_("Keep printing new lines, until Ctrl-C."))
@click.option(
    "-n",
    "--lines",
    "count",
    type=click.IntRange(0),
    metavar=_("COUNT"),
    help=_("How many of the last lines; 50, or all with --since."),
)
@click.option("--level", type=click.Choice(_LEVELS), default=_LEVELS[0], help=_("Minimum level."))
@click.option(
    "--source", "sources", multiple=True, metavar=_("NAME"), help=_("Only these logs: full-backup, restore …")
)
@click.option(
    "--grep", metavar=_("REGEX"), help=_("Only lines it matches; case counts where it has a capital.")
)
@click.option("--since", "moment", metavar=_("TIME"), help=_("From this time on: 2h, 03:00, 2026-11-24."))
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object a line."))
@click.pass_obj
def logs(
    session: Session,
    follow: bool,
    count: int | None,
    level: str,
    sources: Sequence[str],
    grep: str | None,
    moment: str | None,
    as_json: bool,
) -> None:
    context = session.context
    wanted = Wanted(Level[level.upper()], frozenset(sources), Pattern(grep) if grep is not None else None)
    begin = since(moment, context.clock.now()) if moment is not None else None
    found = open_logs(context)
    if not follow:
        _known(found, sources)
    try:
        _show(found, wanted, begin, count, _Shown(as_json), follow=follow)
    except KeyboardInterrupt:
        raise output.ReaderGone from None


def _show(
    found: Logs, wanted: Wanted, begin: datetime | None, count: int | None, shown: _Shown, *, follow: bool
) -> None:
    end = found.end()
    start = _start(found, end, wanted, begin, count)
    ended = False
    while not ended:
        page = found.after(start, _AT_ONCE, wanted, until=end)
        start, ended = page.cursor, page.ended
        shown.lines(page.lines)
        shown.troubles(found)
    if follow:
        for lines in found.follow({**end, **start}, wanted, _sleep):
            shown.lines(lines)
            shown.troubles(found)


def _known(found: Logs, sources: Sequence[str]) -> None:
    strange = sorted(set(sources) - set(found.sources)) if sources else []
    if strange:
        raise UsageError(
            _("There is no log of {name}.").format(name=strange[0]),
            _("There are: {names}").format(names=", ".join(found.sources) or "—"),
        )


def _start(found: Logs, end: Cursor, wanted: Wanted, begin: datetime | None, count: int | None) -> Cursor:
    """Return where to start printing. Lines on the way back are not kept, so ``count`` may be large."""
    earliest = found.seek(begin) if begin is not None else {}
    if count is None and begin is not None:
        return earliest
    left, cursor = 50 if count is None else count, end
    if left == 0:
        return end
    ended = False
    while left > 0 and not ended:
        page = found.before(cursor, min(left, _AT_ONCE), wanted)
        left, cursor, ended = left - len(page.lines), page.cursor, page.ended
        if begin is not None and page.lines and page.lines[0].moment < begin:
            return earliest
    return {} if ended else cursor


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


class _Shown:
    """Prints lines, and each trouble once."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._told: set[object] = set()

    def lines(self, lines: Sequence[Line]) -> None:
        if not lines:
            return
        if self._as_json:
            output.json_lines([_facts(line) for line in lines])
        else:
            output.lines([as_text(line) for line in lines])

    def troubles(self, found: Logs) -> None:
        for trouble in found.troubles:
            if trouble not in self._told:
                self._told.add(trouble)
                diagnostics.warning(
                    _("{path} could not be read: {reason}.").format(path=trouble.path, reason=trouble.reason)
                )


def _facts(line: Line) -> dict[str, object]:
    return {"at": line.moment, "source": line.source, "level": line.level, "text": line.text}
