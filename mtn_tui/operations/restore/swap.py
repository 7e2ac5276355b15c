"""Gives a database the name of another, which is kept: the one step in which production changes.

What belongs to a name stays with the name: owner, grants, settings, comment and
connection limit of the database that had it go to the one that takes it. They
may have changed since the backup, so those of the live database count; a
backup's are used if no database has the name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from psycopg import sql

from mtn_tui.core.errors import MtnError, Refused
from mtn_tui.core.i18n import _
from mtn_tui.core.identity import DatabaseProperties, ServerIdentity
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import advisory_key
from mtn_tui.operations.common import production
from mtn_tui.operations.common.beside import Mark, mark_of, marked, unmarked
from mtn_tui.operations.common.checks import raise_first
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.locking import operation_lock
from mtn_tui.operations.restore.leftovers import REPLACED
from mtn_tui.operations.restore.preflight.target import swap_checks
from mtn_tui.operations.restore.slots import tell_slots
from mtn_tui.postgres import databases
from mtn_tui.postgres.advisory import advisory_lock
from mtn_tui.postgres.connection import MAINTENANCE, Connection, application, connect
from mtn_tui.postgres.identity import database_properties, server_identity
from mtn_tui.postgres.kept import kept_name
from mtn_tui.postgres.roles import rights
from mtn_tui.postgres.subscriptions import (
    Subscription,
    fresh_copy,
    pause,
    resume,
    subscriptions,
    with_tables,
)
from mtn_tui.postgres.swap import swap


@dataclass(frozen=True)
class Exchanged:
    """What a swap has done."""

    kept: str
    """The name of what was there before; empty if there was nothing, or it was not worth keeping."""
    replaced: bool
    seconds: float
    """During which there was no database to connect to."""
    fresh_copies: tuple[str, ...] = ()
    """Lines that give disabled subscriptions a fresh copy of what they take."""

    def facts(self) -> dict[str, object]:
        """For the journal, and for ``--json``."""
        return {
            "kept": self.kept,
            "replaced": self.replaced,
            "seconds_without": round(self.seconds, 3),
            "fresh_copies": list(self.fresh_copies),
        }


def exchange(
    job: Job,
    context: Context,
    server: Connection,
    other: Connection,
    new: str,
    target: str,
    *,
    replace_it: bool = True,
    confirm: str,
    otherwise: DatabaseProperties | None = None,
    took: Sequence[Subscription] = (),
    keep: bool = True,
    closed: Mark | None = None,
) -> Exchanged:
    """Put the database ``new`` in the place of ``target``, which may be missing.

    ``server`` and ``other`` are two connections to the maintenance database.
    Where the target is there, it is replaced only if ``replace_it`` allows that.
    ``confirm`` is looked at once more, on the very connection that renames.
    ``otherwise`` are the properties where nothing has the name, else those that
    ``new`` has, which can be connected to in any case; ``took`` are the
    subscriptions that it had where it is gone by now. Without ``keep`` what was
    replaced is dropped, and its properties with it; ``closed`` makes it
    read-only, and marks it so. A mark that ``new`` has stays with it under its
    own name, and goes under any other. Raises what stood in the way; nothing has changed then. The
    job's result says beforehand what is about to be done, in case the job is lost.
    """
    job.phase("put-in-place", unit="items")
    job.token.check()
    replacing = databases.describe(server, target) is not None
    if replacing and not replace_it:
        raise Refused(
            _("There is a database {target} by now. It was left as it is.").format(target=target),
            _("Choose another name. What replaces a database is in: mtn restore --help"),
        )
    if replacing:
        here = server_identity(server).system_identifier
        production.check_confirmed(context.settings, target, confirm, here)
    if replacing and keep:
        wanted = database_properties(server, target)
    else:
        wanted = otherwise or database_properties(server, new)
    mark = closed or mark_of(database_properties(server, new), target)
    wanted = marked(wanted, mark) if mark else unmarked(wanted)
    databases.allow_connections(server, new)
    for refused in databases.apply_properties(server, new, wanted):
        job.warn("property", _("Not carried over: {statement}").format(statement=refused))
    old = ""
    if replacing:
        old = databases.scratch_name(target, REPLACED, job.id)
        if keep:
            old = kept_name(target, context.clock.now(), databases.names(server))
    oid = databases.oid(server, new)
    job.result({"swap": {"target": target, "new_oid": oid, "kept": old if keep else ""}})
    _tell_moved(job, server, new, target)
    renames = [(target, old)] if replacing else []
    took = with_tables(server, target) if replacing else took
    with _paused(job, server, [target, new] if replacing else [new], target):
        seconds = swap(server, other, [*renames, (new, target)], context.clock)
    server.obey(None)  # the swap is done: what is left is not to be cancelled
    job.note("info", "swapped", target=target, kept=old if keep else "", seconds=round(seconds, 3))
    _resume(job, server, target, target)
    lines = _tell_disabled(job, server, target, old if keep else "", took)
    if replacing and not keep:
        _drop_replaced(job, server, old)
    return Exchanged(old if keep else "", replacing, seconds, tuple(lines))


def _tell_moved(job: Job, server: Connection, new: str, target: str) -> None:
    """Warn where the new database lies in another tablespace than the one that it replaces."""
    here, before = databases.tablespace_of(server, new), databases.tablespace_of(server, target)
    if before not in ("", here):
        text = _("{target} was in the tablespace {before}, and is in {here} now. To move it: {statement}")
        statement = sql.SQL("ALTER DATABASE {} SET TABLESPACE {};")
        names = sql.Identifier(target), sql.Identifier(before)
        told = statement.format(*names).as_string(server)
        job.warn("tablespace", text.format(target=target, before=before, here=here, statement=told))


@contextmanager
def _paused(job: Job, server: Connection, names: Sequence[str], target: str) -> Iterator[None]:
    """Disable the subscriptions of databases for the block, whose end gives one of them the name ``target``.

    If the block fails they are enabled again. If the process is killed they stay disabled, which loses
    nothing: the publisher waits, and a mark on each says that it is to be enabled.
    """
    paused = []
    try:
        for name in names:
            if pause(server, name, target):
                paused.append(name)
        yield
    except BaseException:
        for name in paused:
            _resume(job, server, name, target)
        raise


def _resume(job: Job, server: Connection, name: str, target: str) -> None:
    try:
        resumed = resume(server, name, target)
    except MtnError as error:
        text = _("Subscriptions of {database} are disabled, and could not be enabled again: {reason}")
        job.warn("subscriptions", text.format(database=name, reason=error.title))
        return
    if resumed:
        job.note("info", "subscriptions-enabled", database=name, names=", ".join(resumed))


def _tell_disabled(
    job: Job, server: Connection, target: str, kept: str, took: Sequence[Subscription]
) -> list[str]:
    """Say which subscriptions are not live any more; return the lines for a fresh copy."""
    try:
        here = {one.name: one for one in subscriptions(server, target)}
    except MtnError as error:
        job.warn("subscriptions", error.title)
        return []
    before = {one.name: one for one in took}
    still = [one for name, one in {**here, **before}.items() if name not in here or not here[name].enabled]
    if not still:
        return []
    text = _(
        "Subscriptions of {database} are disabled, for what their publisher sent after the backup would "
        "be missing: {names}. A fresh copy brings it."
    )
    job.warn("subscriptions", text.format(database=target, names=", ".join(one.name for one in still)))
    if slots := [one.slot for one in took if one.slot and kept]:
        text = _("Until {kept} is dropped, its publisher keeps all changes for it (slots: {slots}).")
        job.warn("subscriptions", text.format(kept=kept, slots=", ".join(slots)))
    return [line for one in still for line in fresh_copy(one, there=one.name in here)]


def _drop_replaced(job: Job, server: Connection, old: str) -> None:
    """Drop what was replaced. The swap is done, so a failure is only a warning."""
    try:
        tell_slots(job, databases.drop(server, old))
    except MtnError as error:
        job.warn(
            "replaced-left",
            _("What was replaced is still there, as {name}: {reason}").format(name=old, reason=error.title),
        )


def check_swap(
    server: Connection, context: Context, here: ServerIdentity, new: str, target: str, confirm: str
) -> None:
    """Raise what would keep ``new`` from taking the place of ``target``. Nothing is changed."""
    we = rights(server)
    if not we.createdb:
        raise databases.may_not_create(we.user)
    if databases.describe(server, target) is not None:
        production.check_confirmed(context.settings, target, confirm, here.system_identifier)
    for database in (target, new):
        raise_first(swap_checks(server, database))


@contextmanager
def claimed(
    job: Job, context: Context, *targets: str
) -> Iterator[tuple[Connection, Connection, ServerIdentity]]:
    """Hold the locks of restores into the databases; give two connections and the server's identity."""
    with ExitStack() as held:
        for target in targets:
            held.enter_context(operation_lock(job, context, target, "restore"))
        named = application(job.kind, job.id, context.host)
        server = held.enter_context(connect(context.server, MAINTENANCE, named, token=job.token))
        other = held.enter_context(connect(context.server, MAINTENANCE, named, token=job.token))
        here = server_identity(server)
        for target in targets:
            key = advisory_key(here.system_identifier, target, "restore")
            held.enter_context(advisory_lock(context.server, key, named, job.token))
        yield server, other, here
