"""``mtn kept drop``, and which of the databases that were replaced is meant."""

from __future__ import annotations

import shlex

from mtn_tui.core.errors import Refused, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.locking import operation_lock
from mtn_tui.operations.restore.incomplete import IncompleteDatabase, incomplete_databases
from mtn_tui.operations.restore.slots import tell_slots
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, Connection, application, connect
from mtn_tui.postgres.kept import ReplacedDatabase, kept_databases, kept_of


def drop_kept(job: Job, context: Context, name: str) -> None:
    """Drop a database that was kept, and no other."""
    job.phase("prepare", unit="items")
    named = application(job.kind, job.id, context.host)
    with connect(context.server, MAINTENANCE, named, token=job.token) as server:
        one = find_kept(server, name)
        with operation_lock(job, context, one.of, "restore"):
            tell_slots(job, databases.drop(server, one.name))
    since = one.since.isoformat() if one.since else None
    job.result({"dropped": one.name, "of": one.of, "since": since, "size": one.size})


def find_kept(server: Connection, name: str) -> ReplacedDatabase | IncompleteDatabase:
    """The kept or incomplete database of that name. Raises UsageError if there is none."""
    there: list[ReplacedDatabase | IncompleteDatabase] = [
        *kept_databases(server),
        *incomplete_databases(server),
    ]
    found = next((one for one in there if one.name == name), None)
    if found is None:
        raise UsageError(
            _("There is no kept database {name!r}.").format(name=name), _("See which there are: mtn kept")
        )
    return found


def newest_kept(server: Connection, target: str, name: str = "") -> ReplacedDatabase:
    """The newest kept database of that target, or the one called ``name``.

    Raises UsageError if there is none, Refused if its name was cut short and may be another's.
    """
    found = [one for one in kept_of(server, target) if name in ("", one.name)]
    if not found:
        raise UsageError(
            _("No previous version of {target} is kept.").format(target=target),
            _("See what is kept: mtn kept"),
        )
    if not name and not found[0].has_whole_name:
        raise Refused(
            _("{name} may have been {target}, or another database whose name begins like it.").format(
                name=found[0].name, target=target
            ),
            _("Say which one is to come back: mtn undo {target} --kept NAME").format(
                target=shlex.quote(target)
            ),
        )
    return found[0]
