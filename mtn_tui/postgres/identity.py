"""Queries about a server and a database before a dump or a load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, LiteralString

from psycopg.rows import namedtuple_row

from mtn_tui.core.identity import DatabaseProperties, Extension, Grant, ServerIdentity
from mtn_tui.postgres.connection import Connection, translated

# pg_database's locale columns by major version, under the names of the newest.
_LOCALE_COLUMNS: tuple[tuple[int, LiteralString], ...] = (
    (17, "datlocprovider, coalesce(datlocale, '') AS locale"),
    (15, "datlocprovider, coalesce(daticulocale, '') AS locale"),
    (0, "'c' AS datlocprovider, '' AS locale"),
)


def _row(
    connection: Connection, query: LiteralString, values: Sequence[object] = ()
) -> Any:  # a named tuple of the query's columns
    with translated(), connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(query, values or None).fetchone()


def data_directory(connection: Connection) -> Path | None:
    """Return the server's data directory; None if hidden from us."""
    with translated():
        row = connection.execute("SELECT setting FROM pg_settings WHERE name = 'data_directory'").fetchone()
    return Path(str(row[0])) if row else None


def location(connection: Connection, tablespace: str) -> Path | None:
    """Return the folder of a tablespace; None for the server's own ones, and if there is none."""
    row = _row(
        connection,
        "SELECT pg_tablespace_location(oid) AS folder FROM pg_tablespace WHERE spcname = %s",
        [tablespace],
    )
    return Path(row.folder) if row and row.folder else None


def server_identity(connection: Connection) -> ServerIdentity:
    """Identify the server, and the database of ``connection``."""
    major = connection.info.server_version // 10000
    columns = next(text for since, text in _LOCALE_COLUMNS if major >= since)
    row = _row(
        connection,
        f"""
        SELECT system_identifier, d.oid::bigint AS oid, current_setting('server_version') AS version,
               pg_encoding_to_char(encoding) AS encoding, datcollate, datctype, {columns},
               CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
                    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int
               END AS timeline
        FROM pg_database AS d, pg_control_system()
        WHERE datname = current_database()
        """,  # noqa: S608 - of our own constants
    )
    return ServerIdentity(
        system_identifier=row.system_identifier,
        database_oid=row.oid,
        timeline=row.timeline,
        version=row.version.split()[0],
        version_num=connection.info.server_version,
        encoding=row.encoding,
        locale_provider=row.datlocprovider,
        collate=row.datcollate,
        ctype=row.datctype,
        locale=row.locale,
    )


def database_properties(connection: Connection, database: str = "") -> DatabaseProperties:
    """Return the properties of ``database``, by default the connected one's, that no dump includes."""
    of = [database or connection.info.dbname]
    row = _row(
        connection,
        """
        SELECT pg_get_userbyid(datdba) AS owner, datconnlimit, datacl IS NULL AS default_grants,
               coalesce(shobj_description(oid, 'pg_database'), '') AS comment
        FROM pg_database WHERE datname = %s
        """,
        of,
    )
    with translated():
        grants = connection.execute(
            """
            SELECT CASE grantee WHEN 0 THEN '' ELSE pg_get_userbyid(grantee) END, privilege_type, is_grantable
            FROM pg_database, aclexplode(datacl) WHERE datname = %s ORDER BY 1, 2
            """,
            of,
        ).fetchall()
        settings = connection.execute(
            """
            SELECT CASE setrole WHEN 0 THEN '' ELSE pg_get_userbyid(setrole) END, setconfig
            FROM pg_db_role_setting
            WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = %s) ORDER BY 1
            """,
            of,
        ).fetchall()
    by_role: dict[str, tuple[str, ...]] = {str(role): tuple(config) for role, config in settings}  # type: ignore[arg-type]  # text[]
    return DatabaseProperties(
        owner=row.owner,
        grants=None if row.default_grants else tuple(Grant(*grant) for grant in grants),  # type: ignore[arg-type]
        comment=row.comment,
        connection_limit=max(row.datconnlimit, -1),  # -2: a DROP DATABASE of it broke off
        settings=by_role.pop("", ()),
        role_settings=by_role,
    )


def extensions(connection: Connection) -> tuple[Extension, ...]:
    """Return the installed extensions, except plpgsql."""
    with translated():
        rows = connection.execute(
            """
            SELECT extname, extversion, nspname FROM pg_extension AS e
            JOIN pg_namespace AS n ON n.oid = extnamespace WHERE extname <> 'plpgsql' ORDER BY 1
            """
        ).fetchall()
    return tuple(Extension(str(name), str(version), str(schema)) for name, version, schema in rows)


def roles_named(connection: Connection) -> tuple[str, ...]:
    """Return the roles that a dump of this database names: owners, and holders of privileges or policies.

    pg_shdepend lists all but the superuser made by initdb, who is found through
    the objects themselves; system objects and those of extensions are not dumped.
    """
    with translated():
        rows = connection.execute(
            """
            WITH ours AS (
                SELECT oid, nspowner FROM pg_namespace
                WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
            ), made (class, id, owner) AS (
                SELECT 'pg_namespace'::regclass, oid, nspowner FROM ours
                UNION ALL SELECT 'pg_class'::regclass, c.oid, relowner FROM pg_class AS c
                    JOIN ours ON ours.oid = relnamespace
                UNION ALL SELECT 'pg_proc'::regclass, p.oid, proowner FROM pg_proc AS p
                    JOIN ours ON ours.oid = pronamespace
                UNION ALL SELECT 'pg_type'::regclass, t.oid, typowner FROM pg_type AS t
                    JOIN ours ON ours.oid = typnamespace
                UNION ALL SELECT 'pg_largeobject'::regclass, oid, lomowner FROM pg_largeobject_metadata
            )
            SELECT DISTINCT rolname FROM pg_roles AS r WHERE r.oid IN (
                SELECT refobjid FROM pg_shdepend
                WHERE refclassid = 'pg_authid'::regclass
                  AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                UNION SELECT datdba FROM pg_database WHERE datname = current_database()
                UNION SELECT owner FROM made WHERE NOT EXISTS (
                    SELECT FROM pg_depend WHERE classid = class AND objid = id AND deptype = 'e')
            ) AND rolname NOT LIKE 'pg\\_%' ORDER BY 1
            """
        ).fetchall()
    return tuple(str(role) for (role,) in rows)
