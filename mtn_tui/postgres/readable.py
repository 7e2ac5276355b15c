"""Checks whether the connected role may read everything that a backup needs."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from mtn_tui.core.i18n import _
from mtn_tui.postgres.connection import Connection, translated

# Objects of extensions are not dumped, except configuration tables.
_RELATIONS = """
    WITH dumped AS (
        SELECT c.oid, n.oid AS namespace, relkind, relrowsecurity,
               quote_ident(nspname) || '.' || quote_ident(relname) AS name
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
        WHERE relkind IN ('r', 'p', 'S') AND relpersistence <> 't'
          AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
          AND NOT EXISTS (
              SELECT FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = refobjid
              WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
                AND NOT c.oid = ANY(coalesce(extconfig, '{}')))
    )
    SELECT
        (SELECT count(*) FROM dumped
         WHERE NOT (has_schema_privilege(namespace, 'USAGE') AND CASE relkind
             WHEN 'S' THEN has_sequence_privilege(oid, 'SELECT')
             ELSE has_table_privilege(oid, 'SELECT') END)),
        ARRAY(SELECT name FROM dumped WHERE relrowsecurity AND row_security_active(oid) ORDER BY 1)
"""

_LARGE_OBJECTS = """
    SELECT count(*) FROM pg_largeobject_metadata
    WHERE current_setting('lo_compat_privileges') = 'off'
      AND NOT pg_has_role(lomowner, 'USAGE')
      AND NOT EXISTS (SELECT FROM aclexplode(lomacl) AS a WHERE privilege_type = 'SELECT'
                      AND (grantee = 0 OR pg_has_role(grantee, 'USAGE')))
"""

# What pg_dump leaves out, with a warning at most, unless run by a superuser.
_UNTOLD = """
    SELECT (SELECT count(*) FROM pg_subscription
            WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())),
           (SELECT count(*) FROM pg_user_mappings WHERE umoptions IS NULL)
"""


@dataclass(frozen=True)
class Readable:
    """What a role may read of a database."""

    role: str
    """Name of the role, quoted if necessary."""
    restores: bool
    """Whether it may create databases."""
    unreadable: int
    """Number of tables and sequences that it may not read."""
    behind_policies: tuple[str, ...]
    """Tables with rows hidden by row security, which pg_dump refuses."""
    large_objects: int
    """Number of large objects that it may not read."""
    left_out: int
    """Number of subscriptions, and of user mappings with options hidden from it; 0 for a superuser."""


def mend(role: str) -> str:
    """Return what lets a role, quoted if need be, read all tables and sequences."""
    return _("As a superuser: GRANT pg_read_all_data TO {name}; or let it own the database.").format(
        name=role
    )


def look(connection: Connection) -> Readable:
    """Check the database of ``connection``. Raises PostgresError."""
    large_objects = sql.SQL(_LARGE_OBJECTS)
    if connection.info.server_version >= 180000:
        large_objects = sql.SQL(
            "SELECT count(*) FROM pg_largeobject_metadata WHERE NOT has_largeobject_privilege(oid, 'SELECT')"
        )
    with translated():
        who = connection.execute(
            "SELECT rolsuper, rolcreatedb, quote_ident(rolname) FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        relations = connection.execute(_RELATIONS).fetchone()
        objects = connection.execute(large_objects).fetchone()
        untold = connection.execute(_UNTOLD).fetchone()
    assert who is not None  # noqa: S101 - each gives one row, as do those below
    assert relations is not None  # noqa: S101
    assert objects is not None  # noqa: S101
    assert untold is not None  # noqa: S101
    superuser, makes, name = who
    policies: list[str] = relations[1]  # type: ignore[assignment]  # text[]
    return Readable(
        str(name),
        bool(superuser or makes),
        int(str(relations[0])),
        tuple(policies),
        int(str(objects[0])),
        0 if superuser else sum(int(str(count)) for count in untold),
    )
