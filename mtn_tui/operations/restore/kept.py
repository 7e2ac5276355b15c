"""``mtn kept``: the databases that jobs have left beside others on purpose, and dropping one of them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from mtn_tui.core.errors import Refused, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.settings import Settings
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.beside import BesideDatabase, databases_beside
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.restore.incomplete import IncompleteDatabase, incomplete_databases
from mtn_tui.operations.restore.slots import tell_slots
from mtn_tui.operations.restore.swap import claimed
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, Connection, application, connect
from mtn_tui.postgres.kept import ReplacedDatabase, kept_databases, kept_of

Kept = ReplacedDatabase | IncompleteDatabase | BesideDatabase


def every_kept(server: Connection, settings: Settings, known: Iterable[str] = ()) -> list[Kept]:
    """All of them, by kind. ``known`` are names that databases have or had."""
    known = list(known)
    return [
        *kept_databases(server, known),
        *incomplete_databases(server, known),
        *databases_beside(server, settings),
    ]


def names_known(settings: Settings) -> list[str]:
    """The names that kept databases may have had before, for ``every_kept``."""
    return [settings.db_name, settings.staging_db_name, *settings.production_databases]


def drop_question(one: Kept) -> str:
    """Asks whether to drop one of them for good."""
    if isinstance(one, ReplacedDatabase):
        return _("Drop {name}, which {of} was until {moment} ({size})? It can't be brought back.").format(
            name=one.name, of=one.of, moment=labels.moment(one.since), size=labels.size(one.size)
        )
    if isinstance(one, BesideDatabase):
        return _("Drop {name}, restored from {backup} ({size})? The backup stays.").format(
            name=one.name, backup=one.backup, size=labels.size(one.size)
        )
    return _("Drop {name}, which is incomplete ({size})? It can't be brought back.").format(
        name=one.name, size=labels.size(one.size)
    )


def drop_kept(job: Job, context: Context, name: str) -> None:
    """Drop a database that was kept or restored beside, and no other. Raises Refused if it is in use."""
    job.phase("prepare", unit="items")
    named = application(job.kind, job.id, context.host)
    with connect(context.server, MAINTENANCE, named, token=job.token) as server:
        found = find_kept(server, context.settings, name)
    # What restores into a database beside is locked by its own name.
    locked = found.name if isinstance(found, BesideDatabase) else found.of
    with claimed(job, context, locked) as (server, _other, _here):
        one = find_kept(server, context.settings, name)  # another may have its name by now
        tell_slots(job, databases.drop(server, one.name, force=False))
    since = one.since.isoformat() if one.since else None
    job.result({"dropped": one.name, "of": one.of, "since": since, "size": one.size})


def find_kept(server: Connection, settings: Settings, name: str) -> Kept:
    """The one of that name. Raises UsageError if there is none, Refused if it is in use."""
    found = next((one for one in every_kept(server, settings) if one.name == name), None)
    if found is None:
        raise UsageError(
            _("There is no kept database {name!r}.").format(name=name), _("See which there are: mtn kept")
        )
    if users := databases.users_of(server, name):
        raise Refused(
            _("{name} is in use, by {who}.").format(name=name, who=", ".join(users)),
            _("Let them close it first. Nothing was dropped."),
        )
    return found


def newest_kept(server: Connection, target: str, name: str = "") -> ReplacedDatabase:
    """The newest kept database of that target, or the one called ``name``.

    Raises UsageError if there is none, Refused if its name was cut short and may be another's, or if
    another of them was replaced after it although its name says before: a clock was set back.
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
    last = min(found, key=lambda one: one.renamed)
    if last.renamed < found[0].renamed:
        raise Refused(
            _(
                "{name} has the newest name, but {last} was replaced, or altered, after it: a clock was set"
                " back."
            ).format(name=found[0].name, last=last.name),
            _("Say which one is to come back: mtn undo {target} --kept NAME").format(
                target=shlex.quote(target)
            ),
        )
    return found[0]
