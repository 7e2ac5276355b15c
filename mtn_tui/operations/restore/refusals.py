"""Records beside a backup that restoring it failed because of the backup, and not of the target."""

from __future__ import annotations

from dataclasses import replace

from mtn_tui.archive.proof import Tried
from mtn_tui.core.errors import PostgresError
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.fallback import use_another
from mtn_tui.operations.restore.count_rows import OtherRows
from mtn_tui.operations.restore.request import Request
from mtn_tui.operations.verify.verify import record_tried
from mtn_tui.postgres.load_advice import UNRESOLVED, lies_in_the_script


def remember(job: Job, context: Context, request: Request, error: PostgresError) -> None:
    """Write the failure beside each copy, and name the backup to use instead in the error's hint."""
    if job.stop_asked or job.token.cancelled:
        return
    if not (isinstance(error, OtherRows) or lies_in_the_script(error)):
        return
    if request.without and error.sqlstate in UNRESOLVED:
        return  # it may be of an extension that was left out
    where = f"{context.server.host}:{context.server.port} {request.target}"
    tried = Tried(context.clock.now(), where, error.title)
    record_tried(job, context, request.backup, lambda proof: replace(proof, refused=tried))
    job.note("warn", "restore-refused", name=str(request.backup.name))
    if request.earlier:
        error.hint = use_another(request.backup, request.earlier[0], request.target, error.hint)
