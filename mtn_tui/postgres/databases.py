"""Creates, measures, configures and drops databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from mtn_tui.core import values
from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.core.identity import DatabaseProperties, ServerIdentity
from mtn_tui.postgres import server_errors
from mtn_tui.postgres.connection import MAINTENANCE, Connection, connect, translated
from mtn_tui.postgres.identity import database_properties
from mtn_tui.postgres.search_path import listed
from mtn_tui.postgres.server import Server
from mtn_tui.postgres.statement_kind import kind_of
from mtn_tui.postgres.subscriptions import detach

_JOB = re.compile("[a-z2-7]{8}")

_LOGIN_TRIGGERS = 170000
"""Version of the server from which on event triggers act at login, and can be turned off."""


@dataclass(frozen=True)
class Described:
    """A database with its size and its number of sessions."""

    name: str
    size: int | None
    """Bytes; None if hidden from us."""
    sessions: int


def describe(connection: Connection, database: str) -> Described | None:
    """Return the size and sessions of a database; None if it does not exist."""
    with translated():
        row = connection.execute(
            """
            SELECT CASE WHEN has_database_privilege(d.oid, 'CONNECT')
                    OR pg_has_role('pg_read_all_stats', 'USAGE') THEN pg_database_size(d.oid) END,
                (SELECT count(*) FROM pg_stat_activity WHERE datid = d.oid AND usesysid IS NOT NULL)
            FROM pg_database AS d WHERE datname = %s
            """,
            [database],
        ).fetchone()
    if row is None:
        return None
    return Described(database, None if row[0] is None else int(str(row[0])), int(str(row[1])))


def users_of(connection: Connection, database: str) -> list[str]:
    """Return who has a session in a database, each as user and application, once."""
    with translated():
        rows = connection.execute(
            "SELECT DISTINCT usename || ' ' || application_name FROM pg_stat_activity"
            " WHERE datname = %s AND usesysid IS NOT NULL AND pid <> pg_backend_pid() ORDER BY 1",
            [database],
        ).fetchall()
    return [str(one).strip() for (one,) in rows]


def oid(connection: Connection, database: str) -> int | None:
    """Return the OID of a database, which survives renaming; None if there is none of that name."""
    with translated():
        row = connection.execute(
            "SELECT oid::bigint FROM pg_database WHERE datname = %s", [database]
        ).fetchone()
    return None if row is None else int(str(row[0]))


def names(connection: Connection) -> list[str]:
    """Return every database except PostgreSQL's templates."""
    with translated():
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE datname NOT IN ('template0', 'template1')"
        ).fetchall()
    return [str(name) for (name,) in rows]


def commented(connection: Connection, beginning: str) -> list[str]:
    """Return the databases whose comments begin so."""
    with translated():
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(shobj_description(oid, 'pg_database'), %s)"
            " ORDER BY datname",
            [beginning],
        ).fetchall()
    return [str(name) for (name,) in rows]


def scratch_name(target: str, purpose: str, job: str) -> str:
    """Return ``<target>__<purpose>_<job>``, with ``target`` shortened to fit 63 bytes."""
    return values.scratch_name(target, f"__{purpose}_{job}")


def scratch_of(connection: Connection, target: str, purpose: str) -> dict[str, str]:
    """Return the databases named by ``scratch_name`` for this target and purpose: name to job id."""
    jobs = {name: name.rpartition("_")[2] for name in names(connection)}
    return {
        name: job
        for name, job in jobs.items()
        if _JOB.fullmatch(job) and name == scratch_name(target, purpose, job)
    }


def tablespace_of(connection: Connection, database: str) -> str:
    """Return the tablespace that a database lies in; empty if there is no such database."""
    with translated():
        row = connection.execute(
            "SELECT spcname FROM pg_database JOIN pg_tablespace AS t ON t.oid = dattablespace"
            " WHERE datname = %s",
            [database],
        ).fetchone()
    return str(row[0]) if row else ""


def create(connection: Connection, database: str, like: ServerIdentity, tablespace: str = "") -> str:
    """Create an empty database with the encoding and locale of ``like``.

    In ``tablespace`` if this user may make something there, else in the server's own.

    If the server lacks that locale, its own is used, and the reason is returned:
    the order of texts may differ, the data does not. Event triggers do not act in it
    until its properties are set: those at login would write rows that the backup has not.
    Raises PostgresError.
    """
    reason = _create(connection, database, like, tablespace)
    if connection.info.server_version < _LOGIN_TRIGGERS:
        return reason
    with translated(_("creating the database {database}").format(database=database)):
        may = connection.execute("SELECT has_parameter_privilege('event_triggers', 'SET')").fetchone()
        if may == (True,):
            off = sql.SQL("ALTER DATABASE {} SET event_triggers TO off")
            connection.execute(off.format(sql.Identifier(database)))
    return reason


def _create(connection: Connection, database: str, like: ServerIdentity, tablespace: str) -> str:
    plain = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {}").format(
        sql.Identifier(database), sql.Literal(like.encoding)
    )
    if tablespace and _may_use(connection, tablespace):
        plain += sql.SQL(" TABLESPACE {}").format(sql.Identifier(tablespace))
    major = connection.info.server_version // 10000
    try:
        connection.execute(plain + _locale_clause(like, major))
    except (
        psycopg.errors.WrongObjectType,
        psycopg.errors.InvalidParameterValue,
        psycopg.errors.FeatureNotSupported,
        psycopg.errors.UndefinedObject,
        psycopg.errors.SyntaxError,
    ) as error:
        reason = server_errors.read(error).says
        with translated(_("creating the database {database}").format(database=database)):
            connection.execute(plain)
        return reason
    except psycopg.errors.InsufficientPrivilege as error:
        raise may_not_create(connection.info.user) from error
    except psycopg.Error:
        with translated(_("creating the database {database}").format(database=database)):
            raise
    return ""


def _may_use(connection: Connection, tablespace: str) -> bool:
    with translated():
        row = connection.execute(
            "SELECT has_tablespace_privilege(oid, 'CREATE') FROM pg_tablespace WHERE spcname = %s",
            [tablespace],
        ).fetchone()
    return row == (True,)


def may_not_create(user: str) -> PostgresError:
    """Return the error for a user who may not create databases."""
    return PostgresError(
        _("The user {user} may not create databases.").format(user=user),
        _("Let a superuser run: ALTER ROLE {user} CREATEDB").format(user=user),
    )


def _locale_clause(like: ServerIdentity, major: int) -> sql.Composed:
    words: list[tuple[LiteralString, str]] = [(" LC_COLLATE {}", like.collate), (" LC_CTYPE {}", like.ctype)]
    if like.locale_provider == "i" and major >= 15:
        words += [(" LOCALE_PROVIDER {}", "icu"), (" ICU_LOCALE {}", like.locale)]
    elif like.locale_provider == "b" and major >= 17:
        words += [(" LOCALE_PROVIDER {}", "builtin"), (" BUILTIN_LOCALE {}", like.locale)]
    elif like.locale_provider != "c":
        words = []
    elif major >= 15:
        words += [(" LOCALE_PROVIDER {}", "libc")]
    return sql.Composed([sql.SQL(text).format(sql.Literal(value)) for text, value in words])


def end_sessions(connection: Connection, application: str) -> None:
    """End the sessions whose application name begins so, waiting up to 5 s for each."""
    with translated():
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE starts_with(application_name, %s) AND pid <> pg_backend_pid()",
            [application],
        )


def applications(connection: Connection) -> list[str]:
    """The application names of all sessions on the server."""
    with translated():
        rows = connection.execute("SELECT application_name FROM pg_stat_activity").fetchall()
    return [str(name) for (name,) in rows]


def hurry(connection: Connection) -> None:
    """Limit waiting for locks to 2 s and statements to 60 s, for this session."""
    with translated():
        connection.execute("SET lock_timeout = '2s'")
        connection.execute("SET statement_timeout = '60s'")


def drop(connection: Connection, database: str, *, force: bool = True) -> list[str]:
    """Drop a database, even a template, and end its sessions. No error if it does not exist.

    Without ``force`` sessions are not ended: PostgresError if there are any.

    Its subscriptions are dropped too; returns the slots that remain with their publishers.
    """
    slots = detach(connection, database)
    name = sql.Identifier(database)
    with translated(_("dropping the database {database}").format(database=database)):
        found = connection.execute(
            "SELECT FROM pg_database WHERE datname = %s AND datistemplate", [database]
        ).fetchone()
        if found is not None:
            connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(name))
        ending = sql.SQL(" WITH (FORCE)") if force else sql.SQL("")
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name) + ending)
    return slots


def drop_tables(server: Server, database: str, application: str) -> None:
    """Drop every table of a database, largest first, which frees space without needing any."""
    with connect(server, MAINTENANCE, application) as connection:
        if describe(connection, database) is None:
            return
    with connect(server, database, application) as connection, translated(_("dropping tables")):
        tables = connection.execute(
            """
            SELECT nspname, relname FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
            WHERE relkind IN ('r', 'p') AND nspname NOT IN ('pg_catalog', 'information_schema')
            ORDER BY pg_total_relation_size(pg_class.oid) DESC
            """
        ).fetchall()
        for schema, name in tables:
            connection.execute(
                sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(sql.Identifier(str(schema), str(name)))
            )


def allow_connections(connection: Connection, database: str) -> None:
    """Allow connections to a database that was closed (``ALLOW_CONNECTIONS false``)."""
    with translated(_("setting the database's properties")):
        connection.execute(
            sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(database))
        )


def apply_properties(connection: Connection, database: str, properties: DatabaseProperties) -> list[str]:
    """Set the owner, comment, limit, settings and grants of a database; return what was refused, and why."""
    has = database_properties(connection, database)
    if has == properties:
        return []
    name = sql.Identifier(database)
    statements = [
        *_taken_away(name, has, properties),
        sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(properties.comment or None)),
        sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(
            name, sql.Literal(properties.connection_limit)
        ),
        *[_setting(sql.SQL("ALTER DATABASE {}").format(name), one) for one in properties.settings],
        *[
            _setting(sql.SQL("ALTER ROLE {} IN DATABASE {}").format(sql.Identifier(role), name), one)
            for role, settings in properties.role_settings.items()
            for one in settings
        ],
        # The owner before the grants: changing the owner drops the grants to the old one.
        sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, sql.Identifier(properties.owner)),
        *_grants(name, properties),
    ]
    refused = []
    for statement in statements:
        try:
            connection.execute(statement)
        except (
            psycopg.errors.InsufficientPrivilege,
            psycopg.errors.UndefinedObject,
            psycopg.errors.InvalidParameterValue,
        ) as error:
            refused.append(f"{kind_of(statement.as_string(connection))}: {server_errors.read(error).says}")
        except psycopg.Error:
            with translated(_("setting the database's properties")):
                raise
    return refused


def _taken_away(
    name: sql.Identifier, has: DatabaseProperties, wanted: DatabaseProperties
) -> Iterator[sql.Composed]:
    """Yield statements that remove what the database has and should not have."""
    if has.settings:
        yield sql.SQL("ALTER DATABASE {} RESET ALL").format(name)
    for role in has.role_settings:
        yield sql.SQL("ALTER ROLE {} IN DATABASE {} RESET ALL").format(sql.Identifier(role), name)
    if has.grants is None or has.grants == wanted.grants:
        return
    for grantee in {grant.grantee for grant in has.grants} - {"", has.owner}:
        yield sql.SQL("REVOKE ALL ON DATABASE {} FROM {} CASCADE").format(name, sql.Identifier(grantee))
    if wanted.grants is None:  # PostgreSQL's own defaults
        yield sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO PUBLIC").format(name)


def _setting(prefix: sql.Composed, setting: str) -> sql.Composed:
    parameter, _equals, value = setting.partition("=")
    # As in pg_dump: these are lists of names, already quoted, which must not become one literal.
    lists = ("search_path", "local_preload_libraries", "session_preload_libraries", "temp_tablespaces")
    values = (listed(value) or [""]) if parameter in lists else [value]
    text = sql.SQL(", ").join(map(sql.Literal, values))
    return prefix + sql.SQL(" SET {} TO ").format(_parameter(parameter)) + text


def _parameter(name: str) -> sql.Composed:
    return sql.SQL(".").join(sql.Identifier(part) for part in name.split("."))


def _grants(name: sql.Identifier, properties: DatabaseProperties) -> list[sql.Composed]:
    if properties.grants is None:
        return []
    made = [sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name)]
    for grant in properties.grants:
        made.append(
            sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
                sql.SQL(grant.privilege),  # the server's own word
                name,
                sql.Identifier(grant.grantee) if grant.grantee else sql.SQL("PUBLIC"),
                sql.SQL(" WITH GRANT OPTION" if grant.grantable else ""),
            )
        )
    return made
