"""Roles of a server: lists them, checks our rights over them, and makes missing ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from mtn_tui.core.identity import Membership
from mtn_tui.postgres import server_errors
from mtn_tui.postgres.connection import Connection, translated
from mtn_tui.postgres.statement_kind import kind_of

# Only a superuser may set or unset these.
_SUPERUSERS = re.compile(rb" (NO)?(SUPERUSER|REPLICATION|BYPASSRLS)(?= |\Z)")
_GRANTABLE = re.compile(rb" (CREATEROLE|CREATEDB)(?= |\Z)")
_PASSWORD = re.compile(rb" PASSWORD '")
_ADMIN = re.compile(rb"ADMIN (?:OPTION|TRUE)")
_GRANTED_BY = re.compile(rb" GRANTED BY .*\Z", re.DOTALL)


@dataclass(frozen=True)
class Rights:
    """What the connected user may do on the server."""

    user: str
    superuser: bool
    createdb: bool
    createrole: bool


def rights(connection: Connection) -> Rights:
    """Return the rights of the connected user."""
    with translated():
        row = connection.execute(
            "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row is not None  # noqa: S101 - whoever is connected is a role
    return Rights(str(row[0]), bool(row[1]), bool(row[2]) or bool(row[1]), bool(row[3]) or bool(row[1]))


def roles_there(connection: Connection) -> frozenset[str]:
    """Return the names of all roles on the server."""
    with translated():
        rows = connection.execute("SELECT rolname FROM pg_roles").fetchall()
    return frozenset(str(name) for (name,) in rows)


def not_ours(connection: Connection, roles: Sequence[str]) -> list[str]:
    """Return those of ``roles`` to which we may not give ownership."""
    how = "SET" if connection.info.server_version >= 160000 else "MEMBER"
    with translated():
        rows = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND NOT pg_has_role(oid, %s) ORDER BY 1",
            [list(roles), how],
        ).fetchall()
    return [str(name) for (name,) in rows]


def memberships(connection: Connection) -> frozenset[Membership]:
    """Return all role memberships on the server."""
    with translated():
        rows = connection.execute(
            "SELECT pg_get_userbyid(roleid), pg_get_userbyid(member) FROM pg_auth_members"
        ).fetchall()
    return frozenset(Membership(str(role), str(member)) for role, member in rows)


def make_role(connection: Connection, statements: Sequence[bytes], we: Rights) -> list[str]:
    """Make one role by its statements, CREATE ROLE first. Returns what was refused, without secrets.

    Raises PostgresError if it can't be made at all.
    """
    refused = []
    for number, statement in enumerate(statements):
        attempts = [statement]
        if not we.superuser and statement.startswith(b"ALTER ROLE"):
            attributes, password = _apart(statement)
            lowered = _SUPERUSERS.sub(b"", attributes)
            lost = [found[2].decode() for found in _SUPERUSERS.finditer(attributes) if not found[1]]
            if lost:
                refused.append(", ".join(lost))
            attempts = [lowered + password, _GRANTABLE.sub(b"", lowered) + password]
        problem = _first_accepted(connection, attempts)
        if problem is None:
            continue
        if not number:
            with translated():
                raise problem
        refused.append(f"{kind_of(statement)}: {server_errors.read(problem).says}")
    return refused


def grant_membership(connection: Connection, statement: bytes) -> str:
    """GRANT a role to another, in the syntax of this server. Returns what was refused, if anything."""
    bare, _with, options = _GRANTED_BY.sub(b"", statement).partition(b" WITH ")
    admin = b" WITH ADMIN OPTION" if _ADMIN.search(options) else b""
    whole = bare + (b" WITH " + options if options else b"")
    problem = _first_accepted(connection, [whole, bare + admin])
    return "" if problem is None else f"{kind_of(bare)}: {server_errors.read(problem).says}"


def _first_accepted(connection: Connection, attempts: Sequence[bytes]) -> psycopg.Error | None:
    problem: psycopg.Error | None = None
    for attempt in attempts:
        try:
            connection.execute(attempt)
        except psycopg.OperationalError:
            with translated():
                raise
        except psycopg.Error as error:
            problem = error
        else:
            return None
    return problem


def _apart(statement: bytes) -> tuple[bytes, bytes]:
    """Split into attributes, and the password with all that follows."""
    found = _PASSWORD.search(statement)
    return (statement, b"") if found is None else (statement[: found.start()], statement[found.start() :])
