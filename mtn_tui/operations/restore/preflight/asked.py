"""What a restore refuses before there is a job: a slip of the operator is no failed job."""

from __future__ import annotations

from mtn_tui.core.errors import ServerLost
from mtn_tui.operations.common import production
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.restore.preflight.preflight import check_backup, check_options, check_target
from mtn_tui.operations.restore.preflight.target import check_drop
from mtn_tui.operations.restore.request import Request
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, connect
from mtn_tui.postgres.identity import server_identity


def check_asked(context: Context, request: Request) -> None:
    """Raise UsageError or Refused for options, a name, or a confirmation that can't be meant.

    A server that does not answer is left to the job, which records that it failed.
    """
    check_target(context, request.target)
    check_options(request)
    if not request.fall_back:
        check_backup(request.backup, legacy_allowed=request.legacy)
    try:
        with connect(context.server, MAINTENANCE, "mtn restore") as server:
            if databases.oid(server, request.target) is None:
                return
            here = server_identity(server).system_identifier
    except ServerLost:
        return
    check_drop(request)
    production.check_confirmed(context.settings, request.target, request.confirm, here)
