"""``mtn promote``: a validated database takes the place of another, which is kept."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from mtn_tui.core.errors import MtnError, Refused, UsageError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common import production
from mtn_tui.operations.common.beside import writable
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.restore import leftovers
from mtn_tui.operations.restore.incomplete import is_incomplete, missing_in
from mtn_tui.operations.restore.preflight.preflight import RESERVED, check_target, nameable
from mtn_tui.operations.restore.swap import Exchanged, check_swap, claimed, exchange
from mtn_tui.operations.services import restart
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, Connection, connect
from mtn_tui.postgres.identity import database_properties, server_identity


@dataclass(frozen=True)
class Promoted:
    """What a promotion has done."""

    target: str
    source: str
    exchanged: Exchanged

    def facts(self) -> dict[str, object]:
        """For the journal, and for ``--json``."""
        return {"target": self.target, "source": self.source, **self.exchanged.facts()}


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

    It may be read-only until now, restored with ``Request.closed``. With ``oid`` a
    database of the same name but another oid is refused. The services are stopped
    only once all checks have passed.
    """
    job.phase("prepare", unit="items")
    _check_names(context, source, target)
    with claimed(job, context, target, source) as (server, other, here):
        there = _check_source(server, source, target, oid)
        _check_nobody_works_in(context, server, source, oid)
        check_swap(server, context, here, source, target, confirm)
        if is_incomplete(source):
            production.check_confirmed(context.settings, target, confirm, here.system_identifier)
            for line in missing_in(server, source):
                job.warn("missing", _("{source} lacks: {what}").format(source=source, what=line))
        if stop_services:
            restart.stop_services(job, context)
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


def check_promotion(context: Context, source: str, target: str, confirm: str, oid: int | None) -> None:
    """Raise what is refused whatever the databases hold: their names, or the words of confirmation."""
    _check_names(context, source, target)
    with connect(context.server, MAINTENANCE, "mtn promote") as server:
        _check_source(server, source, target, oid)
        _check_nobody_works_in(context, server, source, oid)
        if is_incomplete(source) or databases.oid(server, target) is not None:
            here = server_identity(server).system_identifier
            production.check_confirmed(context.settings, target, confirm, here)


def _check_names(context: Context, source: str, target: str) -> None:
    """Raise UsageError or Refused if no promotion may have these names."""
    check_target(context, target)
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


def _check_source(server: Connection, source: str, target: str, validated: int | None) -> int:
    """Its oid. Raises UsageError if it is missing, Refused if it is not the one that was validated."""
    there = databases.oid(server, source)
    if there is None:
        raise UsageError(
            _("There is no database {source} to put in the place of {target}.").format(
                source=source, target=target
            ),
            _("Restore it first: mtn restore --latest --target {source}").format(source=shlex.quote(source)),
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


def _check_nobody_works_in(context: Context, server: Connection, source: str, validated: int | None) -> None:
    """Raise Refused where it may be another application's: not validated, of no name for that, and in use."""
    if validated is not None or production.is_practice(context.settings, source):
        return
    there = databases.describe(server, source)
    if count := there.sessions if there else 0:
        text = ngettext(
            "{count} session is connected to {source}: it may be what another application works with.",
            "{count} sessions are connected to {source}: it may be what another application works with.",
            count,
        )
        raise Refused(
            text.format(count=count, source=source),
            _("If it is what was restored and checked, close what is connected to it, and try again."),
            "5.1",
        )


@contextmanager
def _saying_what_stopped(services: bool) -> Iterator[None]:
    """Add to the hint of an error in the block that the services are stopped."""
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
