"""``LOG_DIR/rto-tests.log``: one line a drill, as runbook 8.4 has people write it. Never translated.

Fri Oct  3 14:30:11 -03 2025: RTO Test - Duration: 10.9 minutes; seconds=652.1 target_hours=4 backup=…
"""

from __future__ import annotations

from contextlib import closing

from mtn_tui.core.errors import StorageError
from mtn_tui.core.i18n import _
from mtn_tui.engine.joblog import event_text
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.statefiles import LineFile
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.model import Backup

NAME = "rto-tests.log"


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
        "job": job.id,
    }
    now = context.clock.now().astimezone()
    said = event_text(f"{what}: {seconds / 60:.1f} minutes;", fields)
    line = f"{now:%a %b %e %H:%M:%S %Z %Y}: RTO Test - {said}"
    try:
        with closing(LineFile(context.settings.log_dir / NAME, mode=0o640)) as file:
            file.begin_afresh()
            file.append(line.encode())
            file.sync()
            file.sync_name()
    except StorageError as error:
        text = _("This drill is not in {name}: {reason}")
        job.warn("no-rto-line", text.format(name=NAME, reason=error.title))
