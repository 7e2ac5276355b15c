"""Checks of what would keep the target from being replaced."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from psycopg import sql

from mtn_tui.core.errors import PostgresError, Refused
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.engine.locks import advisory_key
from mtn_tui.operations.common import labels, locking, production
from mtn_tui.operations.common.checks import Check, Status, looked
from mtn_tui.operations.restore.preflight.server import Site
from mtn_tui.operations.restore.request import Request
from mtn_tui.postgres.advisory import who_has
from mtn_tui.postgres.connection import Connection
from mtn_tui.postgres.subscriptions import fresh_copy
from mtn_tui.postgres.swap import Obstacles, obstacles


def target(site: Site) -> Check:
    """Whether the target exists, and what becomes of it. Raises Refused if it exists without --drop."""
    name, request = site.request.target, site.request
    if site.existing is None:
        return Check("target", Status.OK, _("There is no database {target} yet.").format(target=name))
    check_drop(request)
    said = _("{target} exists ({size}) and is replaced once the new one is verified.").format(
        target=name, size=labels.size(site.existing.size)
    )
    if request.in_place:
        return Check(
            "target",
            Status.WARN,
            _("{target} is backed up, then dropped, and is not there until the new one is loaded.").format(
                target=name
            ),
            _("Without --in-place it stays in use until then, where the disk can hold both."),
        )
    return Check("target", Status.OK, said)


def check_drop(request: Request) -> None:
    """Raise Refused if the target, which exists, is not to be replaced."""
    if not request.drop:
        raise Refused(
            _("The database {target} exists already.").format(target=request.target),
            _("Choose another name. What replaces a database is in: mtn restore --help"),
        )


def confirmed(site: Site) -> Check:
    """Whether replacing production is confirmed. Raises Refused if not."""
    settings, name = site.context.settings, site.request.target
    if not production.is_production(settings, name):
        return Check("production", Status.OK, _("{target} is not production.").format(target=name))
    if site.existing is None:
        return Check(
            "production", Status.OK, _("{target} is production, and is not there.").format(target=name)
        )
    production.check_confirmed(settings, name, site.request.confirm, site.here.system_identifier)
    return Check(
        "production", Status.OK, _("{target} is production, and that is confirmed.").format(target=name)
    )


def another_database(site: Site) -> Check:
    """Warn that production would be made of what was another database."""
    said = _("It is a backup of {database}, and {target} is production.")
    return Check(
        "source",
        Status.WARN,
        said.format(database=site.request.backup.database, target=site.request.target),
        _("If it is not meant, choose another: mtn list"),
    )


def swap_checks(connection: Connection, database: str, *, drops: bool = False) -> list[Check]:
    """Check all that could keep a database from being renamed or dropped; all is well if it is missing."""
    found, user = obstacles(connection, database), connection.info.user
    looks = SWAP | ({"subscriptions": partial(subscribed, drops=True)} if drops else {})
    return [looked(name, partial(look, database, found, user)) for name, look in looks.items()]


def owner(target: str, found: Obstacles, user: str) -> Check:
    """Raise PostgresError if our user may not rename or drop the target."""
    if found.owner:
        # Nobody is made a member of a superuser's role.
        hint = (
            _("As a superuser: ALTER DATABASE {target} OWNER TO {user};")
            if found.owner_is_superuser
            else _(
                "As a superuser: ALTER DATABASE {target} OWNER TO {user}; or set DB_USER to {owner}, or let"
                " {user} act as it: GRANT {owner} TO {user};"
            )
        )
        raise PostgresError(
            _("{target} belongs to {owner}: {user} may not rename or drop it.").format(
                target=target, owner=found.owner, user=user
            ),
            hint.format(
                owner=sql.Identifier(found.owner).as_string(),
                user=sql.Identifier(user).as_string(),
                target=sql.Identifier(target).as_string(),
            ),
        )
    return Check(
        "owner", Status.OK, _("{user} may rename or drop {target}.").format(user=user, target=target)
    )


def sessions(target: str, found: Obstacles, user: str) -> Check:
    """How many sessions will be ended. Raises PostgresError if we may not end one."""
    if found.stubborn:
        raise PostgresError(
            _("{target} is in use by {names}, whose sessions {user} may not end.").format(
                target=target, names=", ".join(found.stubborn), user=user
            ),
            _("Ask them to leave, or as a superuser: GRANT pg_signal_backend TO {user};").format(user=user),
            "5.1",
        )
    if not found.sessions:
        return Check("sessions", Status.OK, _("Nobody is connected to {target}.").format(target=target))
    return Check(
        "sessions",
        Status.OK,
        ngettext(
            "{count} session in {target} will be ended.",
            "{count} sessions in {target} will be ended.",
            found.sessions,
        ).format(count=found.sessions, target=target),
    )


def prepared(target: str, found: Obstacles, user: str) -> Check:
    """Raise PostgresError if the target holds prepared transactions."""
    if found.prepared:
        raise PostgresError(
            _("{target} holds prepared transactions; it can't be renamed or dropped: {names}").format(
                target=target, names=", ".join(found.prepared)
            ),
            _("End each, in that database: COMMIT PREPARED '{name}' or ROLLBACK PREPARED '{name}'").format(
                name=found.prepared[0]
            ),
        )
    return Check(
        "prepared", Status.OK, _("There is no prepared transaction in {target}.").format(target=target)
    )


def slots(target: str, found: Obstacles, user: str) -> Check:
    """Raise PostgresError if the target has logical replication slots."""
    if found.slots:
        raise PostgresError(
            _("{target} has logical replication slots, which the new one would not have: {names}").format(
                target=target, names=", ".join(found.slots)
            ),
            _(
                "Stop what reads them, then: SELECT pg_drop_replication_slot('{name}'). Create "
                "them again afterwards."
            ).format(name=found.slots[0]),
        )
    return Check(
        "slots", Status.OK, _("There is no logical replication slot on {target}.").format(target=target)
    )


def subscribed(target: str, found: Obstacles, user: str, *, drops: bool = False) -> Check:
    """Warn of live subscriptions: what they took since the backup is not sent again.

    Raises PostgresError if we may not disable one.
    """
    live = found.subscriptions
    if not live:
        return Check(
            "subscriptions", Status.OK, _("There is no live subscription in {target}.").format(target=target)
        )
    names = ", ".join(one.name for one in live)
    foreign = next((one for one in live if not one.ours), None)
    if foreign is not None:
        raise PostgresError(
            _("{target} has live subscriptions that {user} may not disable: {names}").format(
                target=target, user=user, names=names
            ),
            _("Their owner {owner} or a superuser may, in {target}: ALTER SUBSCRIPTION … DISABLE;").format(
                owner=foreign.owner, target=target
            ),
        )
    said = _(
        "{target} takes changes from another server (subscriptions: {names}). The swap disables them; in "
        "the new one they stay disabled: what was sent after the backup would not come again. mtn undo "
        "enables those of the old one."
    )
    if drops:
        said = _(
            "{target} takes changes from another server (subscriptions: {names}). They are dropped with it; "
            "in the new one they are disabled: what was sent after the backup would not come again."
        )
    return Check(
        "subscriptions",
        Status.WARN,
        said.format(target=target, names=names),
        _("For a fresh copy, the first line at the publisher: {lines}").format(
            lines=" ".join(line for one in live for line in fresh_copy(one))
        ),
    )


def _at_it(site: Site, operation: str) -> str:
    """Who holds the lock of an operation on the target, on this machine or another; empty if nobody does."""
    name = site.request.target
    holder = locking.holder(site.context, name, operation)
    if holder:
        return _("job {job} of {operator}").format(job=holder.job, operator=holder.operator)
    return who_has(site.connection, advisory_key(site.here.system_identifier, name, operation))


def running(site: Site) -> Check:
    """Warn of a running backup of the target, full or differential, which the swap would end."""
    name = site.request.target
    if who := next(filter(None, (_at_it(site, one) for one in ("backup", "differential"))), ""):
        return Check(
            "running",
            Status.WARN,
            _("{target} is being backed up just now ({who}): the restore would end that.").format(
                target=name, who=who
            ),
            _("Let it end first (mtn job list), or cancel it: mtn job cancel JOB"),
        )
    return Check("running", Status.OK, _("No backup of {target} is running.").format(target=name))


SWAP: dict[str, Callable[[str, Obstacles, str], Check]] = {
    "owner": owner,
    "sessions": sessions,
    "prepared": prepared,
    "slots": slots,
    "subscriptions": subscribed,
}
"""Checks, each given the target's name, what was found, and our user."""
