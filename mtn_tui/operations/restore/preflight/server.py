"""Checks of what a backup needs of the server it is to be loaded into."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from mtn_tui.archive.manifest import About
from mtn_tui.core.errors import MtnError, PostgresError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.identity import ServerIdentity
from mtn_tui.core.models import ROLES
from mtn_tui.operations.common import labels, production
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.restore.preflight.requirements import Needs
from mtn_tui.operations.restore.request import Request
from mtn_tui.operations.restore.roles import read_companion
from mtn_tui.postgres import databases, logins
from mtn_tui.postgres import roles as server_roles
from mtn_tui.postgres.connection import Connection, translated
from mtn_tui.postgres.databases import Described
from mtn_tui.postgres.identity import server_identity


@dataclass(frozen=True)
class Site:
    """The server and the request, for the checks. Each fact is asked once."""

    connection: Connection
    context: Context
    request: Request
    needs: Needs | MtnError = field(repr=False)

    @property
    def manifest(self) -> About | None:
        """What is known of the backup; None for a file of the scripts."""
        return self.request.backup.manifest

    @cached_property
    def existing(self) -> Described | None:
        """The target as it is now."""
        return databases.describe(self.connection, self.request.target)

    @cached_property
    def here(self) -> ServerIdentity:
        """The server's version and identifier."""
        return server_identity(self.connection)

    @cached_property
    def we(self) -> server_roles.Rights:
        """What our user may do on the server."""
        return server_roles.rights(self.connection)

    @cached_property
    def roles(self) -> frozenset[str]:
        """Names of the server's roles."""
        return server_roles.roles_there(self.connection)


def version(site: Site) -> Check:
    """Whether the server is of the backup's major version or newer."""
    here = site.here
    if site.manifest is None:
        return Check(
            "version", Status.UNKNOWN, _("The server is PostgreSQL {here}.").format(here=here.version)
        )
    there = site.manifest.server
    if here.major < there.major:
        return Check(
            "version",
            Status.WARN,
            _("The server is PostgreSQL {here}, the backup is of {there}: it may not be understood.").format(
                here=here.major, there=there.major
            ),
            _("Better restore into a server of version {there} or newer.").format(there=there.major),
        )
    return Check(
        "version",
        Status.OK,
        _("The server is PostgreSQL {here}, the backup is of {there}.").format(
            here=here.version, there=there.version
        ),
    )


def identity(site: Site) -> Check:
    """Whether it is the server on which DB_NAME was last seen."""
    settings, here = site.context.settings, str(site.here.system_identifier)
    said = _("The server at {host}:{port} is {identifier}.").format(
        host=settings.db_host, port=settings.db_port, identifier=here
    )
    seen = production.last_seen(site.context)
    if seen is not None and str(seen.system_identifier) != here:
        return Check(
            "identity",
            Status.WARN,
            said
            + " "
            + _("{database} was last seen on another one: {identifier} at {host}:{port}, {moment}.").format(
                database=settings.db_name,
                identifier=seen.system_identifier,
                host=seen.host,
                port=seen.port,
                moment=labels.moment(seen.at),
            ),
            _("Look at DB_HOST and DB_PORT: is this the server that is meant?"),
        )
    return Check("identity", Status.OK, said)


def rights(site: Site) -> Check:
    """Whether our user may make databases. Raises PostgresError if not."""
    if not site.we.createdb:
        raise databases.may_not_create(site.we.user)
    if site.we.superuser:
        return Check("rights", Status.OK, _("{user} is a superuser.").format(user=site.we.user))
    return Check(
        "rights",
        Status.OK,
        _("{user} may make databases, and is no superuser.").format(user=site.we.user),
    )


def login(site: Site) -> Check:
    """Who loads an unsigned file. Raises PostgresError if we may not make a login for it."""
    user = site.we.user
    if site.request.as_operator:
        said = _("It is loaded by {user}, with all rights that {user} has, and nothing vouches for it.")
        return Check("login", Status.WARN, said.format(user=user), _("Leave out --as-operator."))
    if not site.we.createrole:
        raise logins.no_login(_("{user} may not make roles").format(user=user))
    return Check("login", Status.OK, _("It is loaded by a login of its own, which may do nothing else."))


def roles(site: Site) -> Check:
    """Whether the backup's roles are there, or will be made. Raises PostgresError if not."""
    manifest, request, user = site.manifest, site.request, site.we.user
    named = manifest.roles if manifest else ()
    missing = [role for role in named if role not in site.roles]
    beside: list[str] = []
    if request.roles and request.backup.usable:
        companion = read_companion(request.backup.usable[0], site.context.key)
        beside = [role for role in companion.roles if role not in site.roles]
        if site.we.createrole:
            missing = [role for role in missing if role not in beside]
        elif beside:
            said = _("{user} may not make roles. Not available here: {names}").format(
                user=user, names=", ".join(beside)
            )
            if missing and not request.no_owner:
                raise PostgresError(
                    said,
                    _(
                        "Let a superuser restore, or run: ALTER ROLE {user} CREATEROLE. Or do without them: "
                        "--no-owner (all will belong to {user})."
                    ).format(user=user),
                )
            return Check("roles", Status.WARN, said, _not_theirs(user) if missing else "")
    if missing and request.no_owner:
        return Check(
            "roles",
            Status.WARN,
            _("The server lacks {names}.").format(names=", ".join(missing)),
            _not_theirs(user),
        )
    if missing:
        raise _roles_missing(site, missing)
    if beside:
        return Check(
            "roles", Status.OK, _("These roles will be made: {names}").format(names=", ".join(beside))
        )
    if manifest is None:
        return Check("roles", Status.UNKNOWN, _("It is not known which roles a file of the scripts names."))
    return Check("roles", Status.OK, _("Every role that the backup names is there."))


def _roles_missing(site: Site, missing: list[str]) -> PostgresError:
    name = site.manifest.payload if site.manifest else str(site.request.backup.name)
    hint = _("Have them made: --roles. Or create them (the restore card tells how to read {file}).")
    if site.request.roles:
        hint = _("They are not in {file}. Create them by hand, or do without them: --no-owner")
    return PostgresError(
        ngettext(
            "The server has no role {names}, which the backup names.",
            "The server has no roles {names}, which the backup names.",
            len(missing),
        ).format(names=", ".join(missing)),
        hint.format(file=name + ROLES),
    )


def _not_theirs(user: str) -> str:
    return _("What is theirs will belong to {user}, and what they may do is left out.").format(user=user)


def owners(site: Site) -> Check:
    """Whether owners can be given what is theirs. Raises PostgresError if not.

    A superuser may give it to anybody, others only to roles that they may act for.
    """
    if site.we.superuser:
        return Check("owners", Status.OK, _("Everything can be given to its owner."))
    if isinstance(site.needs, MtnError):
        return Check("owners", Status.UNKNOWN, site.needs.title)
    others = [owner for owner in site.needs.owners if owner not in (site.we.user, "pg_database_owner")]
    if not others:
        return Check("owners", Status.OK, _("Everything in it belongs to {user}.").format(user=site.we.user))
    said = _("{user}, who is no superuser, can't give to {names} what is theirs in the backup.").format(
        user=site.we.user, names=", ".join(others)
    )
    if site.request.no_owner:
        return Check("owners", Status.WARN, said, _not_theirs(site.we.user))
    if not server_roles.not_ours(site.connection, others):
        # It may act for them all; whether they may make anything in its schemas is seen when it is loaded.
        said = _("What belongs to {names} can be given to them where they may create in its schema.").format(
            names=", ".join(others)
        )
        return Check("owners", Status.WARN, said, _("Or let all of it be yours: --no-owner"))
    raise PostgresError(said, _("Restore as a superuser (DB_USER). Or let all of it be yours: --no-owner"))


def settings(site: Site) -> Check:
    """Whether the server knows the parameters that the script sets; others are left out."""
    if isinstance(site.needs, MtnError):
        return Check("settings", Status.UNKNOWN, site.needs.title)
    with translated():
        rows = site.connection.execute("SELECT lower(name) FROM pg_settings").fetchall()
    there = {str(name) for (name,) in rows}
    unknown = [name for name in site.needs.settings if "." not in name and name not in there]
    if unknown:
        return Check(
            "settings",
            Status.WARN,
            _("The server does not know what the script sets: {names}").format(names=", ".join(unknown)),
            _("They are left out. No data depends on them."),
        )
    return Check("settings", Status.OK, _("The server knows every parameter that the script sets."))


def tablespaces(site: Site) -> Check:
    """Whether the tablespaces are there. Raises PostgresError if we may make nothing in one."""
    if isinstance(site.needs, MtnError):
        return Check("tablespaces", Status.UNKNOWN, site.needs.title)
    with translated():
        rows = site.connection.execute(
            "SELECT spcname, has_tablespace_privilege(oid, 'CREATE') FROM pg_tablespace"
        ).fetchall()
    there = {str(name): bool(may) for name, may in rows}
    closed = [name for name in site.needs.tablespaces if not there.get(name, True)]
    if closed:
        raise PostgresError(
            _("{user} may make nothing in the tablespaces {names}.").format(
                user=site.we.user, names=", ".join(closed)
            ),
            _("As a superuser: GRANT CREATE ON TABLESPACE {name} TO {user};").format(
                name=closed[0], user=site.we.user
            ),
        )
    missing = [name for name in site.needs.tablespaces if name not in there]
    if missing:
        return Check(
            "tablespaces",
            Status.WARN,
            _("The server lacks the tablespaces {names}.").format(names=", ".join(missing)),
            _("Its contents go into the default one. If that matters, create them first."),
        )
    return Check("tablespaces", Status.OK, _("Every tablespace that the backup names is there."))


def locale(site: Site) -> Check:
    """Whether the server has the backup's locale."""
    if site.manifest is None:
        return Check("locale", Status.OK, _("The server's own locale is used."))
    like, major = site.manifest.server, site.here.major
    wanted = [like.locale] if like.locale_provider != "c" else [like.collate, like.ctype]
    with translated():
        rows = site.connection.execute(
            """
            SELECT collprovider::text, coalesce(collcollate, '') FROM pg_collation
            UNION SELECT 'c', datcollate FROM pg_database UNION SELECT 'c', datctype FROM pg_database
            """
        ).fetchall()
    if like.locale_provider == "c":
        there = {_normal(str(name)) for provider, name in rows if provider == "c"} | {"c", "posix"}
        missing = [name for name in dict.fromkeys(wanted) if _normal(name) not in there]
    else:
        has = any(str(provider) == like.locale_provider for provider, _name in rows)
        since = {"i": 15, "b": 17}.get(like.locale_provider, 0)
        missing = [] if has and major >= since else wanted
    if missing:
        return Check(
            "locale",
            Status.WARN,
            _("The server lacks the backup's locale {names}: its own is used.").format(
                names=", ".join(missing)
            ),
            _("Text may sort in another order; the data is the same. Or install the locale first."),
        )
    return Check(
        "locale", Status.OK, _("The locale is {names}.").format(names=", ".join(dict.fromkeys(wanted)))
    )


def _normal(name: str) -> str:
    return name.lower().replace("-", "")
