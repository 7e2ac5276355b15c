"""Runbook 6.2 and 8.4: was a restore tried within the month, and did it work?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from mtn_tui.core.i18n import _
from mtn_tui.core.moments import is_future
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.restore.rto_log import last_test

LIMIT = timedelta(days=36)
"""Age of the last drill: from one first Friday to the next are 35 days at most."""

_FIX = ("drill",)


def drill(inspection: Inspection) -> Iterator[Check]:
    """How the last test of a restore ended, by ``rto-tests.log``. One that failed is critical."""
    last = last_test(inspection.context)
    if last is None:
        text = _("No restore has been tried yet.")
        yield Check("drill", Status.WARN, text, _("Try one: mtn drill"), "8.4", fix=_FIX)
        return
    age = inspection.now - last.at
    figures = {"drill_age_seconds": age.total_seconds()}
    if last.failed:
        text = _("The last drill failed, {moment}.").format(moment=labels.moment(last.at))
        hint = _("See why: mtn job list, mtn logs --source drill. Then try again: mtn drill")
        yield Check("drill", Status.FAIL, text, hint, "6.2", fix=_FIX, figures=figures, since=last.at)
        return
    if is_future(last.at, inspection.now):
        text = _("The last drill is of {moment}, in the future.").format(moment=labels.moment(last.at))
        hint = _("See that this machine's clock is right (“timedatectl”). Then: mtn drill")
        yield Check("drill", Status.UNKNOWN, text, hint, "8.4", fix=_FIX)
        return
    day, until = (f"{one.astimezone():%Y-%m-%d}" for one in (last.at, last.at + LIMIT))
    text = _("The last drill passed {age} ago, {moment}.").format(
        age=labels.age(last.at, inspection.now), moment=labels.moment(last.at)
    )
    if age > LIMIT:
        text += " " + _("The next was due by {day}.").format(day=until)
        short = _("passed {day}, next was due by {until}").format(day=day, until=until)
        hint = _("Runbook 8.4 wants one a month: mtn drill")
        since = last.at + LIMIT
        yield Check(
            "drill", Status.WARN, text, hint, "8.4", fix=_FIX, figures=figures, short=short, since=since
        )
    else:
        text += " " + _("The next is due by {day}.").format(day=until)
        short = _("passed {day}, next due by {until}").format(day=day, until=until)
        yield Check("drill", Status.OK, text, runbook="8.4", figures=figures, short=short)
