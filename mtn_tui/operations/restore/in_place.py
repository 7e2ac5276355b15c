"""``mtn restore --in-place``: where the disk can't hold both, the present database goes first.

Not before a backup of it is proven. From then on there is no database until the
new one is loaded and verified; how to get the present one back is in the
journal before it is dropped, and in every message after.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from mtn_tui.core.i18n import _
from mtn_tui.core.identity import DatabaseProperties
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common import production
from mtn_tui.operations.common.checks import raise_first
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.restore.preflight.target import swap_checks
from mtn_tui.operations.restore.request import Request
from mtn_tui.operations.restore.slots import tell_slots
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import Connection
from mtn_tui.postgres.identity import database_properties, server_identity
from mtn_tui.postgres.subscriptions import Subscription, with_tables


@dataclass(frozen=True)
class Cleared:
    """What was dropped to make room."""

    safety: str
    """The id of its backup."""
    properties: DatabaseProperties
    took: tuple[Subscription, ...]
    """Its subscriptions."""
    at: float
    """By the clock's ``monotonic``."""


def make_room(job: Job, context: Context, server: Connection, request: Request) -> Cleared | None:
    """Back the target up, prove that, and drop it. None if there is no target.

    Raises what stood in the way; the target is then as it was.
    """
    target = request.target
    if databases.describe(server, target) is None:
        return None
    from mtn_tui.operations.backup.full import safety_backup  # which no other restore waits for

    made = safety_backup(job, context, target)
    properties = database_properties(server, target)
    job.token.check()
    here = server_identity(server).system_identifier
    production.check_confirmed(context.settings, target, request.confirm, here)
    # The backup may have taken hours. What still keeps it from being dropped must not cost its subscriptions.
    raise_first(swap_checks(server, target, drops=True))
    took = tuple(with_tables(server, target))
    job.result({"safety": made.manifest.id})
    job.note("warn", "dropped-to-make-room", target=target, safety=made.manifest.id)
    at = context.clock.monotonic()
    tell_slots(job, databases.drop(server, target))
    return Cleared(made.manifest.id, properties, took, at)


def get_back(target: str, safety: str) -> str:
    """Says how to get a database back that was dropped to make room."""
    return _("{target} was dropped to make room. Get it back: mtn restore {safety} --target {target}").format(
        target=shlex.quote(target), safety=safety
    )
