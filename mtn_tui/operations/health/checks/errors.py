"""Runbook 4.1: errors in the logs and journals since somebody last signed the morning off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.moments import is_future
from mtn_tui.engine.logs.stream import Level, Line, Logs, Wanted
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.log_words import in_words
from mtn_tui.operations.common.logs import open_logs
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.sign_off import last_sign_off

MOST_READ = 32 << 20
"""Bytes of logs that one look reads."""

_MOST = 1000
"""Errors that are counted."""
_SINCE = timedelta(hours=24)
"""Where nobody has signed off yet."""
_ERRORS = Wanted(Level.ERROR, heads=True)


def errors(inspection: Inspection) -> Iterator[Check]:
    """How many errors there are, and the newest of them. Raises StorageError."""
    signed = last_sign_off(inspection.context)
    if signed is not None and is_future(signed.at, inspection.now):
        signed = None
    since = signed.at if signed else inspection.now - _SINCE
    logs = open_logs(inspection.context)
    found, whole = _look(logs, since)
    figures = {"log_errors": float(len(found))}
    moment = labels.moment(since)
    if signed:
        moment = _("the sign-off of {moment}").format(moment=moment)
    if found:
        text = ngettext(
            "{count} error since {since}; it is of {moment}, in {source}: {text}",
            "{count} errors since {since}; the newest is of {moment}, in {source}: {text}",
            len(found),
        ).format(
            count=f"{len(found)}+" if not whole else len(found),
            since=moment,
            moment=labels.moment(found[0].moment),
            source=found[0].source,
            text=in_words(found[0].text),
        )
        hint = _("See them: mtn logs --level error --since {since}. Then: mtn check --sign-off NOTE").format(
            since=f"{since.astimezone():%Y-%m-%dT%H:%M}"
        )
        yield Check("errors", Status.WARN, text, hint, "4.1", figures=figures)
    elif whole:
        yield Check("errors", Status.OK, _("No errors since {since}.").format(since=moment), runbook="4.1")
    else:
        text = _("No errors in the newest {size} of the logs; what is older, since {since}, was not read.")
        text = text.format(size=labels.size(MOST_READ), since=moment)
        hint = _("Read them: mtn logs --level error. Logs that grow so fast should be looked at.")
        yield Check("errors", Status.UNKNOWN, text, hint, "4.1")
    for trouble in logs.troubles:
        text = _("{path} can't be read: {reason}.").format(path=trouble.path, reason=trouble.reason)
        hint = _("Give it back to the user that makes backups, or remove it.")
        yield Check("errors", Status.UNKNOWN, text, hint, "7.1")


def _look(logs: Logs, since: datetime) -> tuple[list[Line], bool]:
    """The errors since then, the newest first, and whether all of the logs was read."""
    start, end = logs.seek(since), logs.end()
    if sum(max(at - start.get(number, 0), 0) for number, at in end.items()) <= MOST_READ:
        page = logs.after(start, _MOST, _ERRORS, until=end)
        return list(reversed(page.lines)), page.ended
    page = logs.before(end, _MOST, _ERRORS, limit=MOST_READ)
    return [line for line in reversed(page.lines) if line.moment >= since], False
