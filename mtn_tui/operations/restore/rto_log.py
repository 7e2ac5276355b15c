"""``LOG_DIR/rto-tests.log``: one line a drill, as runbook 8.4 has people write it. Never translated.

Fri Oct  3 14:30:11 -03 2025: RTO Test - Duration: 10.9 minutes; seconds=652.1 target_hours=4 backup=…
"""

from __future__ import annotations

import os
import re
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from mtn_tui.core.errors import StorageError
from mtn_tui.core.i18n import _
from mtn_tui.engine.joblog import event_text, fields_of
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.statefiles import LineFile, open_found, refusal
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.model import Backup

NAME = "rto-tests.log"

_READ = 1 << 16
"""Bytes of its end that are read: some hundred drills."""
_LINE = re.compile(
    r"\w{3} (\w{3}) +(\d{1,2}) (\d\d:\d\d:\d\d) (\S+) (\d{4}): RTO Test - (Duration|Failed after):"
    r"(?: *\[?(\d+(?:[.,]\d+)?) min)?"
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(frozen=True)
class Tested:
    """One line: when a drill ended, in UTC, and how."""

    at: datetime
    failed: bool
    seconds: float | None = None
    """How long the restore took; None if it failed, or nobody has said so."""
    job: str = ""
    """Its id; empty in lines of people."""
    database: str = ""
    """Of which it was; empty in lines of people, and of earlier versions."""

    def may_be_of(self, database: str) -> bool:
        """Whether it was of that database, or does not say of which: several may share the log."""
        return self.database in ("", database)


def last_test(context: Context) -> Tested | None:
    """The last line of our database, ours or as people write it by runbook 8.4; None without one.

    Raises StorageError.
    """
    path = context.settings.log_dir / NAME
    try:
        with os.fdopen(open_found(path), "rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - _READ, 0))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal(error, path) from error
    tests = (found for line in reversed(lines) if (found := read(line)) is not None)
    return next((one for one in tests if one.may_be_of(context.settings.db_name)), None)


def read(line: str) -> Tested | None:
    """A line, of ours or as people write it; None if it is neither."""
    found = _LINE.match(line)
    if found is None or found[1] not in _MONTHS:
        return None
    zone = {"UTC": "Z", "GMT": "Z"}.get(found[4], found[4] if found[4][0] in "+-" else "")
    day = f"{found[5]}-{_MONTHS.index(found[1]) + 1:02}-{int(found[2]):02}T{found[3]}"
    failed, fields = found[6] != "Duration", fields_of(line)
    try:
        at = datetime.fromisoformat(day + zone).astimezone(UTC)
        said = fields.get("seconds") or (float(found[7].replace(",", ".")) * 60 if found[7] else None)
        seconds = None if failed or said is None else float(said)
        return Tested(at, failed, seconds, fields.get("job", ""), fields.get("database", ""))
    except (ValueError, OverflowError):
        return None


def passed(job: Job, context: Context, backup: Backup, seconds: float) -> None:
    """Append how long the drill's restore took."""
    _append(job, context, backup, seconds, "Duration")


def failed(job: Job, context: Context, backup: Backup | None, seconds: float) -> None:
    """Append that the drill failed, and after how long; without a ``backup``, since there was none."""
    _append(job, context, backup, seconds, "Failed after")


def _append(job: Job, context: Context, backup: Backup | None, seconds: float, what: str) -> None:
    fields = {
        "seconds": f"{seconds:.1f}",
        "target_hours": f"{context.settings.target_rto_hours:g}",
        "backup": str(backup.name) if backup else "",
        "database": context.settings.db_name,
        "job": job.id,
    }
    now = context.clock.now().astimezone()
    said = event_text(f"{what}: {seconds / 60:.1f} minutes;", fields)
    line = f"{now:%a %b %e %H:%M:%S %Z %Y}: RTO Test - {said}"
    try:
        with closing(LineFile(context.settings.log_dir / NAME, mode=0o640)) as file:
            file.lock()
            file.begin_afresh()
            file.append(line.encode())
            file.sync()
            file.sync_name()
    except StorageError as error:
        text = _("This drill is not in {name}: {reason}")
        job.warn("no-rto-line", text.format(name=NAME, reason=error.title))
