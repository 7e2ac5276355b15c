"""Temporary logins for one load each: they own its database, have no other privileges, and are dropped."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace

import psycopg
from psycopg import sql

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.postgres.connection import Connection, translated
from mtn_tui.postgres.server import Server

_NAME = re.compile("mtn_load_([a-z2-7]{8})")
_PASSWORD_BYTES = 24

_CONFIGURATION = sql.SQL(
    "(SELECT nspname, relname, relkind FROM pg_catalog.pg_extension CROSS JOIN unnest(extconfig) AS its(oid)"
    " JOIN pg_catalog.pg_class AS c ON c.oid = its.oid"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = relnamespace WHERE relkind IN ('r', 'p', 'S')) AS found"
)

_AS_NEW = (
    "ALTER DATABASE {database} RESET ALL",
    "ALTER DATABASE {database} CONNECTION LIMIT -1",
    "ALTER DATABASE {database} IS_TEMPLATE false",
    "COMMENT ON DATABASE {database} IS NULL",
)
_AS_GRANTED = (
    "REVOKE ALL ON DATABASE {database} FROM PUBLIC CASCADE",
    "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO PUBLIC",
    "GRANT ALL ON DATABASE {database} TO {owner}",
)
_GRANTED = """
    SELECT DISTINCT rolname FROM pg_catalog.pg_database CROSS JOIN pg_catalog.aclexplode(datacl)
    LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = grantee AND grantee <> datdba WHERE datname = %s
"""
"""Who has rights on a database that is not as new: roles, and NULL for its owner and PUBLIC."""


def make(connection: Connection, server: Server, database: str, job: str) -> Server:
    """Create a login for a job that may connect once, and make it owner of the empty ``database``.

    Returns the server with that login. Raises PostgresError if that is not
    possible; ``drop`` then removes what was made. Whether the server lets it in is
    seen when it connects: a connection made only to try would still count, for a
    moment after its end, as the one that it may have.
    """
    name, password = f"mtn_load_{job}", secrets.token_urlsafe(_PASSWORD_BYTES)
    role = sql.Identifier(name)
    try:
        # Statements appear in the server's log and statistics, so they contain only the password's hash.
        hashed = connection.pgconn.encrypt_password(password.encode(), name.encode()).decode()
        connection.execute(
            # It is a member of nothing; INHERIT gives a database's owner the schema public on PostgreSQL 15.
            sql.SQL(
                "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE INHERIT"
                " CONNECTION LIMIT 1 PASSWORD {}"
            ).format(role, sql.Literal(hashed))
        )
        if not _is_superuser(connection):
            # Others can give a database only to roles of which they are a member.
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(database), role))
    except psycopg.Error as error:
        raise no_login(" ".join(str(error.diag.message_primary or error).split())) from error
    return replace(server, user=name, password=password)


def no_login(reason: str) -> PostgresError:
    """Return the error for a login that could not be made."""
    return PostgresError(
        _("No login could be made for loading a file that nothing signs: {reason}").format(reason=reason),
        _(
            "Let DB_USER make roles (CREATEROLE), and let them in by password (pg_hba.conf). Or, if you know "
            "where the file comes from: --as-operator (its functions then run with the rights of DB_USER)."
        ),
    )


def _is_superuser(connection: Connection) -> bool:
    row = connection.execute(
        "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"
    ).fetchone()
    return row is not None and bool(row[0])


def end(connection: Connection, database: str, name: str) -> None:
    """Disable the login, end its sessions, and reset all that an owner may set of a database."""
    with translated():
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(name)))
        connection.execute(
            "SELECT pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity"
            " WHERE usename OPERATOR(pg_catalog.=) %s",
            [name],
        )
        granted = connection.execute(_GRANTED, [database]).fetchall()
        for statement in (*_AS_NEW, *(_AS_GRANTED if granted else ())):
            values = {"database": sql.Identifier(database), "owner": sql.Identifier(name)}
            connection.execute(sql.SQL(statement).format(**values))
        for (grantee,) in granted:
            if grantee:
                revoke = sql.SQL("REVOKE ALL ON DATABASE {} FROM {} CASCADE")
                connection.execute(revoke.format(sql.Identifier(database), sql.Identifier(str(grantee))))


def fillable(name: str) -> bytes:
    """Return a query for the GRANTs that let a login fill the extension tables whose rows are dumped.

    So triggers and checks of these tables run as the login, not the operator, in schemas of the login's.
    The grants are revoked with everything else that the login has.
    """
    query = sql.SQL("""
        SELECT DISTINCT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, {name}) FROM {tables} UNION ALL
        SELECT format('GRANT %s ON %I.%I TO %I',
            CASE relkind WHEN 'S' THEN 'UPDATE' ELSE 'SELECT, INSERT' END, nspname, relname, {name}
        ) FROM {tables}
    """).format(name=sql.Literal(name), tables=_CONFIGURATION)
    return query.as_bytes(None)


def taken_over(name: str) -> tuple[bytes, ...]:
    """Return statements that transfer what a login owns to the current user, in its database."""
    role = sql.Identifier(name)
    statements = (
        sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(role),
        sql.SQL("DROP OWNED BY {}").format(role),
    )
    return tuple(statement.as_bytes(None) for statement in statements)


def drop(connection: Connection, job: str) -> bool:
    """Drop the login of a job, which must own nothing any more; return whether there was one."""
    name = f"mtn_load_{job}"
    if name not in of_jobs(connection):
        return False
    with translated():
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
    return True


def of_jobs(connection: Connection) -> dict[str, str]:
    """Return the temporary logins on the server: name to job id."""
    with translated():
        rows = connection.execute("SELECT rolname FROM pg_catalog.pg_roles").fetchall()
    found = {str(name): _NAME.fullmatch(str(name)) for (name,) in rows}
    return {name: match[1] for name, match in found.items() if match}
