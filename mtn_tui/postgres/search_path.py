"""The schemas in which a database's functions find names without a schema.

A pg_dump script is loaded with an empty search_path, so a function that calls ``unaccent(x)`` instead of
``public.unaccent(x)`` fails there although it works in the database. The search paths of the database are
kept with the backup; only a statement that fails for lack of one is tried again with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from psycopg import sql

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.core.identity import DatabaseProperties
from mtn_tui.postgres.connection import Connection, translated
from mtn_tui.postgres.load_advice import is_of_an_extension, lacks_a_name

_SETTINGS = """
    SELECT coalesce(rolname, ''), one FROM pg_db_role_setting
    LEFT JOIN pg_roles AS r ON r.oid = setrole, unnest(setconfig) AS one
    WHERE one LIKE 'search_path=%' AND (setrole = 0 OR rolname IS NOT NULL)
      AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    ORDER BY setdatabase = 0, setrole <> 0, rolname
"""
_SERVERS = """
    SELECT CASE WHEN source IN ('database', 'user', 'database user', 'session', 'client') THEN boot_val
                ELSE reset_val END FROM pg_settings WHERE name = 'search_path'
"""
_THERE = """
    SELECT nspname, EXISTS (SELECT FROM pg_roles WHERE rolname = nspname) FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' ORDER BY 1
"""
_USER = "$user"
_ON_THE_SERVERS_PATH = re.compile(
    r"CREATE (?:UNIQUE )?INDEX |REFRESH MATERIALIZED VIEW |ALTER TABLE .* ADD CONSTRAINT "
)


def of_source(connection: Connection) -> tuple[str, ...]:
    """Return the schemas on the search paths of this database's sessions, without pg_catalog, each once.

    Order: the database's own setting, settings of roles in it, settings of roles for every database, the
    server's default. ``$user`` becomes the schemas that are named like roles.
    """
    with translated():
        settings = connection.execute(_SETTINGS).fetchall()
        (default,) = connection.execute(_SERVERS).fetchone() or ("",)
        there = {str(name): bool(of_role) for name, of_role in connection.execute(_THERE).fetchall()}
    named: list[str] = []
    for role, setting in [*settings, ("", f"search_path={default}")]:
        for name in listed(str(setting).partition("=")[2]):
            if name != _USER:
                named.append(name)
            elif role:
                named.append(str(role))
            else:
                named += [schema for schema, of_role in there.items() if of_role]
    return tuple(dict.fromkeys(name for name in named if name in there))


def of_properties(properties: DatabaseProperties) -> tuple[str, ...]:
    """Return the schemas from the properties in a manifest that does not record the search path itself."""
    settings = [*properties.settings, *(one for many in properties.role_settings.values() for one in many)]
    paths = [one.partition("=")[2] for one in settings if one.startswith("search_path=")]
    return tuple(dict.fromkeys(name for path in [*paths, "public"] for name in listed(path) if name != _USER))


def listed(path: str) -> list[str]:
    """Parse a list of names as in pg_db_role_setting: ``"$user", public``."""
    found = re.findall(r'"((?:[^"]|"")*)"|([^",\s]+)', path)
    return [name for quoted, plain in found if (name := quoted.replace('""', '"') or plain)]


def with_catalog(schemas: Iterable[str]) -> str:
    """Return a value for search_path, with pg_catalog first so that nothing shadows it."""
    names = ["pg_catalog", *(name for name in schemas if name != "pg_catalog")]
    return ", ".join(sql.Identifier(name).as_string(None) for name in names)


@dataclass(frozen=True)
class SearchPath:
    """The search path for statements that fail because a function uses names without a schema."""

    schemas: tuple[str, ...] = ()
    """If empty, nothing is tried again."""
    always: bool = False
    """Whether it was requested and applies from the start, for work that can't be repeated."""
    used: Callable[[str], None] = lambda _statement: None
    """Called with each statement that needed it."""

    @property
    def value(self) -> str:
        """The value for search_path."""
        return with_catalog(self.schemas)

    def helps(self, error: PostgresError) -> bool:
        """Return whether a statement that failed with ``error`` may succeed with this path."""
        return bool(self.schemas) and lacks_a_name(error) and not is_of_an_extension(error)

    def in_vain(self, error: PostgresError) -> str:
        """Return what to do if trying again failed too."""
        text = _("It failed as well with search_path {path}.")
        if _ON_THE_SERVERS_PATH.match(error.doing):
            text += " " + _(
                "PostgreSQL 17 and newer ignore it while an index is made or a view is refreshed. In the "
                "source: ALTER FUNCTION … SET search_path = {path}; and then another backup."
            )
        return text.format(path=self.value)
