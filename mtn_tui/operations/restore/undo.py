"""``mtn undo``: a database that was replaced comes back, and what was live is kept in its turn."""

from __future__ import annotations

from dataclasses import dataclass

from mtn_tui.core.i18n import _
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common import production
from mtn_tui.operations.common.checks import Check, Status, looked
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.restore.kept import newest_kept
from mtn_tui.operations.restore.plan import Target, target_of
from mtn_tui.operations.restore.preflight.preflight import check_target
from mtn_tui.operations.restore.preflight.target import swap_checks
from mtn_tui.operations.restore.swap import Exchanged, check_swap, claimed, exchange
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, connect
from mtn_tui.postgres.identity import server_identity
from mtn_tui.postgres.kept import ReplacedDatabase


@dataclass(frozen=True)
class Undone:
    """What an undo has done."""

    target: str
    put_back: ReplacedDatabase
    exchanged: Exchanged

    def facts(self) -> dict[str, object]:
        """For the journal, and for ``--json``."""
        return {
            "target": self.target,
            "put_back": self.put_back.name,
            "since": self.put_back.since.isoformat(),
            **self.exchanged.facts(),
        }


@dataclass(frozen=True)
class UndoPlan:
    """What ``undo`` would do."""

    now: Target
    back: ReplacedDatabase
    checks: tuple[Check, ...]

    def facts(self) -> dict[str, object]:
        """For ``--json``."""
        existing = self.now.existing
        return {
            "target": self.now.name,
            "host": self.now.host,
            "port": self.now.port,
            "system_identifier": str(self.now.system_identifier),
            "size": existing.size if existing else None,
            "sessions": existing.sessions if existing else None,
            "put_back": self.back.name,
            "since": self.back.since.isoformat(),
            "checks": [check.facts() for check in self.checks],
        }


def plan_undo(context: Context, target: str, *, confirm: str = "", kept: str = "") -> UndoPlan:
    """Plan an undo, and change nothing. Raises UsageError if nothing is kept."""
    check_target(context, target)
    with connect(context.server, MAINTENANCE, "mtn undo plan") as server:
        now, back = target_of(context, server, target), newest_kept(server, target, kept)
        checks = [check for name in (target, back.name) for check in swap_checks(server, name)]
        if now.existing is not None:
            words = looked("production", lambda: _confirmed(context, now, confirm))
            checks.insert(0, words if confirm else production.still_to_confirm(words, now.system_identifier))
    return UndoPlan(now, back, tuple(checks))


def _confirmed(context: Context, now: Target, confirm: str) -> Check:
    production.check_confirmed(context.settings, now.name, confirm, now.system_identifier)
    return Check("production", Status.OK, _("Nothing has to be confirmed any more."))


def check_undo(context: Context, target: str, *, confirm: str, kept: str) -> None:
    """Raise what is refused whatever the databases hold: nothing is kept, or the words are wrong."""
    check_target(context, target)
    with connect(context.server, MAINTENANCE, "mtn undo") as server:
        newest_kept(server, target, kept)
        if databases.oid(server, target) is not None:
            here = server_identity(server).system_identifier
            production.check_confirmed(context.settings, target, confirm, here)


def undo(job: Job, context: Context, target: str, *, confirm: str = "", kept: str = "") -> Undone:
    """Swap the newest kept database of that name back, or the one named by ``kept``.

    What was live is kept in its turn, so that an undo can be undone.
    """
    job.phase("prepare", unit="items")
    check_target(context, target)
    with claimed(job, context, target) as (server, other, here):
        back = newest_kept(server, target, kept)
        check_swap(server, context, here, back.name, target, confirm)
        done = Undone(target, back, exchange(job, context, server, other, back.name, target, confirm=confirm))
    job.result(done.facts())
    return done
