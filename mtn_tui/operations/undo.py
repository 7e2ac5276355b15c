"""``mtn undo`` and ``mtn kept drop``: what was replaced comes back, or goes for good."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace

from mtn_tui.core.errors import MtnError, Refused, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.identity import ServerIdentity
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import advisory_key
from mtn_tui.operations import leftovers, production, starting
from mtn_tui.operations.checks import Check, Status, looked, raise_first
from mtn_tui.operations.context import Context
from mtn_tui.operations.exchange import Exchanged, exchange, writable
from mtn_tui.operations.incomplete import (
    IncompleteDatabase,
    incomplete_databases,
    is_incomplete,
    missing_in,
)
from mtn_tui.operations.locking import operation_lock
from mtn_tui.operations.obstacles import swap_checks
from mtn_tui.operations.plan import Target, target_of
from mtn_tui.operations.preflight import RESERVED, check_target, nameable
from mtn_tui.operations.slots import tell_slots
from mtn_tui.postgres import databases
from mtn_tui.postgres.advisory import advisory_lock
from mtn_tui.postgres.connection import MAINTENANCE, Connection, application, connect
from mtn_tui.postgres.identity import database_properties, server_identity
from mtn_tui.postgres.kept import Kept, kept_databases, kept_of
from mtn_tui.postgres.roles import rights


@dataclass(frozen=True)
class Undone:
    target: str
    put_back: Kept
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
class Promoted:
    target: str
    source: str
    exchanged: Exchanged

    def facts(self) -> dict[str, object]:
        """For the journal, and for ``--json``."""
        return {"target": self.target, "source": self.source, **self.exchanged.facts()}


@dataclass(frozen=True)
class UndoPlan:
    """What ``undo`` would do."""

    now: Target
    back: Kept
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
    """Look at everything, and change nothing. UsageError where nothing is kept."""
    check_target(context, target, production_allowed=True)
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


def undo(job: Job, context: Context, target: str, *, confirm: str = "", kept: str = "") -> Undone:
    """Swap the newest kept database of that name back, or the one named by ``kept``.

    What was live is kept in its turn, so that an undo can be undone.
    """
    job.phase("prepare", unit="items")
    check_target(context, target, production_allowed=True)
    with _claimed(job, context, target) as (server, other, here):
        back = newest_kept(server, target, kept)
        _check(server, context, here, back.name, target, confirm)
        done = Undone(target, back, exchange(job, context, server, other, back.name, target, confirm=confirm))
    job.result(done.facts())
    return done


def promote(
    job: Job,
    context: Context,
    source: str,
    target: str,
    *,
    confirm: str = "",
    stop_services: bool = False,
    oid: int | None = None,
) -> Promoted:
    """Put a database that was validated, ``source``, in the place of ``target``, which is kept.

    It may have been restored with ``Request.closed``: read-only until now. With
    ``oid`` another that has its name by now is refused. The services are stopped
    only once nothing stands in the way any more.
    """
    job.phase("prepare", unit="items")
    check_target(context, target, production_allowed=True)
    hint = _("Name the database that was restored beside it.")
    if not nameable(source):
        raise UsageError(
            _("{target!r} can't be a database's name.").format(target=source),
            hint,
        )
    if production.is_production(context.settings, source):
        raise Refused(
            _("{source} is production: it is not put in another's place.").format(source=source),
            hint,
            "5.1",
        )
    if source == target:
        raise UsageError(
            _("{source} can't take its own place.").format(source=source),
            hint,
        )
    if source in RESERVED or leftovers.is_half_made(source):
        raise Refused(
            _("{source} is half-made, or belongs to PostgreSQL itself.").format(source=source),
            hint,
        )
    with _claimed(job, context, target, source) as (server, other, here):
        there = _check_source(server, source, target, oid)
        _check(server, context, here, source, target, confirm)
        if is_incomplete(source):
            production.check_confirmed(context.settings, target, confirm, here.system_identifier)
            for line in missing_in(server, source):
                job.warn("missing", _("{source} lacks: {what}").format(source=source, what=line))
        if stop_services:
            starting.stop_services(job, context)
        with _saying_what_stopped(stop_services):
            _check_source(server, source, target, there)  # the services may have taken minutes to stop
            own = writable(database_properties(server, source))
            if is_incomplete(source):
                own = replace(own, comment="")  # it lists what is missing
            done = Promoted(
                target,
                source,
                exchange(job, context, server, other, source, target, confirm=confirm, otherwise=own),
            )
    if target == context.settings.db_name:
        production.remember(context, here.system_identifier)
    job.result(done.facts())
    return done


def _check_source(server: Connection, source: str, target: str, validated: int | None) -> int:
    """Its oid. Raises where it is not there, or not the one that was validated, where that is known."""
    there = databases.oid(server, source)
    if there is None:
        raise UsageError(
            _("There is no database {source} to put in the place of {target}.").format(
                source=source, target=target
            ),
            _("Restore it first: mtn restore --latest --target {source}").format(source=source),
        )
    if validated is not None and there != validated:
        raise Refused(
            _("{source} is not the database that was validated: another has its name by now.").format(
                source=source
            ),
            _("Restore and validate again: steps 4 and 5."),
            "5.1",
        )
    return there


@contextmanager
def _saying_what_stopped(services: bool) -> Iterator[None]:
    """Let what fails with the services stopped say that they are."""
    try:
        yield
    except MtnError as error:
        if services:
            told = _(
                "The services are stopped now: run it again, or start them "
                "(mtn services --restart; runbook 5.1, step 7)."
            )
            error.hint = f"{error.hint} {told}".strip()
        raise


def drop_kept(job: Job, context: Context, name: str) -> None:
    """Drop a database that was kept, and no other."""
    job.phase("prepare", unit="items")
    named = application(job.kind, job.id, context.host)
    with connect(context.server, MAINTENANCE, named, token=job.token) as server:
        one = find_kept(server, name)
        with _locked(job, context, one.of):
            tell_slots(job, databases.drop(server, one.name))
    since = one.since.isoformat() if one.since else None
    job.result({"dropped": one.name, "of": one.of, "since": since, "size": one.size})


def find_kept(server: Connection, name: str) -> Kept | IncompleteDatabase:
    """UsageError where it is none."""
    there: list[Kept | IncompleteDatabase] = [*kept_databases(server), *incomplete_databases(server)]
    found = next((one for one in there if one.name == name), None)
    if found is None:
        raise UsageError(
            _("There is no kept database {name!r}.").format(name=name), _("See which there are: mtn kept")
        )
    return found


def newest_kept(server: Connection, target: str, name: str = "") -> Kept:
    """The newest of that target, or the one that is called ``name``. UsageError where there is none."""
    found = [one for one in kept_of(server, target) if name in ("", one.name)]
    if not found:
        raise UsageError(
            _("Nothing is kept that {target} was before.").format(target=target),
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


def _check(
    server: Connection, context: Context, here: ServerIdentity, new: str, target: str, confirm: str
) -> None:
    """All that could stand in the way, before anything is changed."""
    we = rights(server)
    if not we.createdb:
        raise databases.may_not_create(we.user)
    if databases.describe(server, target) is not None:
        production.check_confirmed(context.settings, target, confirm, here.system_identifier)
    for database in (target, new):
        raise_first(swap_checks(server, database))


@contextmanager
def _claimed(
    job: Job, context: Context, *targets: str
) -> Iterator[tuple[Connection, Connection, ServerIdentity]]:
    """The locks of a restore into each of the databases, and two connections to their server."""
    with ExitStack() as held:
        for target in targets:
            held.enter_context(_locked(job, context, target))
        named = application(job.kind, job.id, context.host)
        server = held.enter_context(connect(context.server, MAINTENANCE, named, token=job.token))
        other = held.enter_context(connect(context.server, MAINTENANCE, named, token=job.token))
        here = server_identity(server)
        for target in targets:
            key = advisory_key(here.system_identifier, target, "restore")
            held.enter_context(advisory_lock(context.server, key, named, job.token))
        yield server, other, here


def _locked(job: Job, context: Context, target: str) -> AbstractContextManager[None]:
    return operation_lock(job, context, target, "restore")
