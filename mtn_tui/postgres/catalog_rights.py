"""Rights on what PostgreSQL and its extensions keep from ordinary users, in a database that was made new.

Whoever may call ``lo_export`` or ``dblink_connect_u`` in any database reaches the
server's files and its other databases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mtn_tui.core.errors import NotABackup
from mtn_tui.core.i18n import _
from mtn_tui.postgres.load import LoadConnection

_FIRST_OF_USERS = 16384
"""The lowest OID of what is not made with the server. FirstNormalObjectId in its access/transam.h."""
_PUBLIC = 2200
"""The OID of the schema public, which belongs to the database's owner."""

_KEPT_BACK = (
    "SELECT objoid FROM pg_catalog.pg_init_privs WHERE classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass"
)
"""Functions of the server and of extensions whose rights are not the usual ones."""

_OWNERS = f"""
    SELECT 'FUNCTION ' || oid::pg_catalog.regprocedure, proowner::pg_catalog.regrole::text
    FROM pg_catalog.pg_proc WHERE oid < {_FIRST_OF_USERS} OR oid IN ({_KEPT_BACK})
    UNION ALL SELECT 'TYPE ' || oid::pg_catalog.regtype, typowner::pg_catalog.regrole::text
    FROM pg_catalog.pg_type WHERE oid < {_FIRST_OF_USERS}
    UNION ALL SELECT 'SCHEMA ' || oid::pg_catalog.regnamespace, nspowner::pg_catalog.regrole::text
    FROM pg_catalog.pg_namespace WHERE oid < {_FIRST_OF_USERS} AND oid <> {_PUBLIC}
"""  # noqa: S608 - texts of our own

_GIVEN = f"""
    SELECT pg_catalog.replace(said, '%s', privilege_type),
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::pg_catalog.regrole::text END
    FROM (
        SELECT '%s ON FUNCTION ' || oid::pg_catalog.regprocedure, proacl
        FROM pg_catalog.pg_proc WHERE oid IN ({_KEPT_BACK})
        UNION ALL SELECT '%s ON TABLE ' || oid::pg_catalog.regclass, relacl
        FROM pg_catalog.pg_class WHERE oid < {_FIRST_OF_USERS}
        UNION ALL
        SELECT '%s (' || pg_catalog.quote_ident(attname) || ') ON TABLE ' || attrelid::pg_catalog.regclass,
            attacl
        FROM pg_catalog.pg_attribute WHERE attrelid < {_FIRST_OF_USERS}
        UNION ALL SELECT '%s ON SCHEMA ' || oid::pg_catalog.regnamespace, nspacl
        FROM pg_catalog.pg_namespace WHERE oid < {_FIRST_OF_USERS} AND oid <> {_PUBLIC}
    ) AS objects(said, acl), pg_catalog.aclexplode(acl)
"""  # noqa: S608 - texts of our own

_Pairs = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class CatalogRights:
    """Who owns these objects of a database, and who has which rights on them."""

    owners: _Pairs
    given: _Pairs


def look(connection: LoadConnection) -> CatalogRights:
    """What is so now. ``connection`` has an empty search path, so that names come with their schemas."""
    return CatalogRights(_pairs(connection, _OWNERS), _pairs(connection, _GIVEN))


def _pairs(connection: LoadConnection, query: str) -> _Pairs:
    return frozenset((str(what), str(whom)) for what, whom in connection.rows(query.encode()))


def given_since(before: CatalogRights, now: CatalogRights) -> Iterator[tuple[str, bytes]]:
    """Yield each right that was given between two looks, as a GRANT, and the statement that takes it back.

    Raises NotABackup if an object has another owner, which pg_dump never writes.
    """
    if given_away := sorted(what for what, _owner in now.owners - before.owners):
        raise NotABackup(
            _("The script gives away what belongs to the server: {objects}").format(
                objects=", ".join(given_away)
            ),
            _("Nothing of it was kept. Find out where the file comes from before anything else."),
        )
    for what, whom in sorted(now.given - before.given):
        if (what, "PUBLIC") not in before.given:
            yield f"GRANT {what} TO {whom}", f"REVOKE {what} FROM {whom} CASCADE".encode()
