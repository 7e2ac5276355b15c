"""Checks of what the server lets us do: write, connect as often as needed, and make what the backup holds."""

from __future__ import annotations

from psycopg import errors, sql

from mtn_tui.core.errors import MtnError, PostgresError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.restore.load import CONNECTIONS
from mtn_tui.operations.restore.preflight.server import Site
from mtn_tui.postgres import slots, standby
from mtn_tui.postgres.connection import Connection, translated

_ITS_OWN = 3
"""Connections that a restore holds from its beginning to its end."""

_SHOWN = 5
"""Statements that are named; of more, how many there are."""


def writable(site: Site) -> Check:
    """Whether the server takes changes. Raises PostgresError on a standby, or if a setting forbids them."""
    refusal = unwritable(site.connection, site.we.user)
    if refusal is not None:
        raise refusal
    return Check("writable", Status.OK, _("The server takes changes."))


def unwritable(connection: Connection, user: str) -> PostgresError | None:
    """Why the server takes no changes from ``user``, who is connected; None if it does."""
    found = standby.read_only(connection)
    if found is None:
        return None
    if found.standby:
        return PostgresError(
            _("The server is a hot standby: it takes no changes, and no database can be made there."),
            _("Restore on its primary (DB_HOST, DB_PORT). Or, if that is lost: SELECT pg_promote()"),
        )
    database = str(connection.info.dbname)
    fixes = {
        "user": _("As a superuser: ALTER ROLE {user} RESET default_transaction_read_only;"),
        "database": _("As a superuser: ALTER DATABASE {database} RESET default_transaction_read_only;"),
        "database user": _(
            "As a superuser: ALTER ROLE {user} IN DATABASE {database} RESET default_transaction_read_only;"
        ),
        "client": _("Take default_transaction_read_only out of PGOPTIONS."),
    }
    everywhere = _(
        "If the server is meant to be written, as a superuser: "
        "ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf(); "
        "and look at postgresql.conf."
    )
    return PostgresError(
        _("The server lets {user} only read (default_transaction_read_only, set for: {where}).").format(
            user=user, where=found.source
        ),
        fixes.get(found.source, everywhere).format(user=user, database=database),
    )


def connections(site: Site) -> Check:
    """How many connections are free to load over. Raises PostgresError if none is."""
    free = slots.free(site.connection) - max(_ITS_OWN - slots.held(site.connection), 0)
    if free < 1 and not site.we.superuser:
        raise PostgresError(
            _("The server has no connection left for a restore by {user}.").format(user=site.we.user),
            _(
                "See in pg_stat_activity who holds them, and end what is idle; see max_connections, and "
                "the limit of the role (ALTER ROLE {user} CONNECTION LIMIT …)."
            ).format(user=site.we.user),
        )
    if free < CONNECTIONS:
        return Check(
            "connections",
            Status.WARN,
            ngettext(
                "It loads over {count} connection only, for no more are free: that takes longer.",
                "It loads over {count} connections only, for no more are free: that takes longer.",
                max(free, 1),
            ).format(count=max(free, 1)),
            _("See in pg_stat_activity who holds them, and end what is idle."),
        )
    return Check("connections", Status.OK, _("Connections free for it: {count}.").format(count=free))


def privileges(site: Site) -> Check:
    """Whether our user may make all that the script does. Raises PostgresError if not."""
    if isinstance(site.needs, MtnError):
        return Check("privileges", Status.UNKNOWN, site.needs.title)
    unlabelled = _providers_missing(site, site.needs.label_providers)
    if unlabelled:
        raise PostgresError(
            _("The server has not loaded what its security labels are for: {names}").format(
                names=", ".join(unlabelled)
            ),
            _("Add it to shared_preload_libraries there, and restart the server."),
        )
    if site.we.superuser:
        return Check("privileges", Status.OK, _("A superuser may make everything in it."))
    refused = list(site.needs.for_superusers)
    if site.needs.subscriptions and not _may_subscribe(site):
        refused += site.needs.subscriptions
    hint = _("Restore as a superuser (DB_USER).")
    if refused == list(site.needs.subscriptions) and refused and site.here.major >= 16:
        hint += " " + _("Or, as a superuser: GRANT pg_create_subscription TO {user};").format(
            user=site.we.user
        )
    settings = _not_to_be_set(site, site.needs.routine_settings)
    refused += [_("functions that set {name}").format(name=name) for name in settings]
    if refused:
        shown = ", ".join(refused[:_SHOWN])
        if len(refused) > _SHOWN:
            shown += f" (+{len(refused) - _SHOWN})"
        raise PostgresError(
            _("{user}, who is no superuser, can't make what is in the backup: {names}").format(
                user=site.we.user, names=shown
            ),
            hint,
        )
    doubts = [*site.needs.system_grants, *(f"SECURITY LABEL FOR {one}" for one in site.needs.label_providers)]
    if doubts:
        return Check(
            "privileges",
            Status.WARN,
            _("The server may refuse to {user}, who is no superuser: {names}").format(
                user=site.we.user, names=", ".join(doubts[:_SHOWN])
            ),
            hint,
        )
    return Check(
        "privileges",
        Status.OK,
        _("Nothing else in it takes a superuser to make."),
    )


def _may_subscribe(site: Site) -> bool:
    if site.here.major < 16:
        return False
    with translated():
        row = site.connection.execute("SELECT pg_has_role('pg_create_subscription', 'USAGE')").fetchone()
    return bool(row and row[0])


def _not_to_be_set(site: Site, names: tuple[str, ...]) -> list[str]:
    if not names:
        return []
    may = "has_parameter_privilege(name, 'SET')" if site.here.major >= 15 else "false"
    query = sql.SQL(
        "SELECT lower(name) FROM pg_settings WHERE lower(name) = ANY(%s) AND context LIKE 'superuser%%'"
        " AND NOT {} ORDER BY 1"
    ).format(sql.SQL(may))  # one of the two above
    with translated():
        return [str(name) for (name,) in site.connection.execute(query, [list(names)]).fetchall()]


def _providers_missing(site: Site, names: tuple[str, ...]) -> list[str]:
    """Which providers of security labels the server has not loaded.

    Asked with an object that can't exist: the provider is looked up first, and nothing is labelled.
    """
    missing = []
    for name in names:
        statement = sql.SQL("SECURITY LABEL FOR {} ON LARGE OBJECT 0 IS NULL").format(sql.Identifier(name))
        try:
            site.connection.execute(statement)
        except errors.InvalidParameterValue:
            missing.append(name)
        except errors.UndefinedObject:
            continue
        except errors.DatabaseError:
            with translated():
                raise
    return missing
