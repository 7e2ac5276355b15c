"""Runbook 4.1: did the monitor run lately, and what did it say?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mtn_tui.core.i18n import _
from mtn_tui.core.moments import YEARS, is_future
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.inspection import Inspection

LIMIT = timedelta(hours=7)
"""Age of the last report: it is due every six hours."""

STATUS = "backup-status"
"""Name of the reports' figures in METRICS_DIR."""

_MOST = 200
"""Reports that are looked through for one of our own, where others are newer."""

_NAME = "monitoring"
_AGAIN = ("monitor",)


def monitoring(inspection: Inspection) -> Iterator[Check]:
    """How old the last report is, and its overall status. What it found has checks of its own."""
    settings = inspection.context.settings
    path = settings.metrics_dir / f"{STATUS}_latest.json"
    try:
        report = json.loads(path.read_bytes())
        if report.get("database", settings.db_name) != settings.db_name:
            report = json.loads(_own(settings.metrics_dir, settings.db_name))
        at, status = _moment(str(report["report_timestamp"])), str(report["overall_status"])
    except FileNotFoundError:
        text = _("There is no report of the monitor yet.")
        hint = _("Make one: mtn monitor. To have it made: mtn schedule install")
        yield Check(_NAME, Status.WARN, text, hint, "4.1", fix=_AGAIN)
        return
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or _("it is not a report")
        text = _("{path} can't be read: {reason}.").format(path=path, reason=reason)
        yield Check(_NAME, Status.UNKNOWN, text, _("Make a new one: mtn monitor"), "4.1", fix=_AGAIN)
        return
    if is_future(at, inspection.now):
        text = _("The last report is of {moment}, in the future.").format(moment=labels.moment(at))
        hint = _("See that this machine's clock is right (“timedatectl”). Then: mtn monitor")
        yield Check(_NAME, Status.UNKNOWN, text, hint, "4.1", fix=_AGAIN)
        return
    age = inspection.now - at
    text = _("The last report is {age} old, of {moment}: {status}.").format(
        age=labels.age(at, inspection.now), moment=labels.moment(at), status=status
    )
    figures = {"monitor_age_seconds": age.total_seconds()}
    if age > LIMIT:
        hint = _("Run it: mtn monitor. Then see why it did not run by itself: mtn schedule show")
        yield Check(_NAME, Status.WARN, text, hint, "4.1", fix=_AGAIN, figures=figures, since=at + LIMIT)
    elif status != "OK":
        hint = _("Correct what it found, each as its own line says; then run it again: mtn monitor")
        yield Check(_NAME, Status.WARN, text, hint, "6.2", fix=_AGAIN, figures=figures, since=at)
    else:
        yield Check(_NAME, Status.OK, text, runbook="4.1", figures=figures)


def _own(folder: Path, database: str) -> bytes:
    """The last report of this database, where another one's is the latest. Raises FileNotFoundError."""
    newest_first = sorted(folder.glob(f"{STATUS}_[0-9]*.json"), reverse=True)
    for path in newest_first[:_MOST]:
        try:
            content = path.read_bytes()
            if json.loads(content).get("database") == database:
                return content
        except (OSError, ValueError, AttributeError):
            continue  # pruned meanwhile, or no report
    raise FileNotFoundError


def _moment(text: str) -> datetime:
    """In UTC; local without an offset, as the scripts wrote it. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.year not in YEARS:
        raise ValueError(text)
    return moment.astimezone(UTC)
