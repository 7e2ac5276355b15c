"""Extensions that behave as pg_cron does: their own scripts refuse every database but one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.workspace import Workspace
from tests.pg_fixtures import Database, new_place

REFUSES = """
    DO $$BEGIN
        IF current_database() <> current_setting('{setting}') THEN
            RAISE EXCEPTION 'can only create extension in database %', current_setting('{setting}');
        END IF;
    END$$;
"""
OBJECTS = """
    CREATE SCHEMA {schema};
    CREATE SEQUENCE {schema}.jobid_seq;
    CREATE TABLE {schema}.job (
        jobid bigint PRIMARY KEY DEFAULT nextval('{schema}.jobid_seq'), command text, username text
    );
    GRANT SELECT ON {schema}.job TO public;
    ALTER TABLE {schema}.job ENABLE ROW LEVEL SECURITY;
    CREATE POLICY cron_job_policy ON {schema}.job USING (username = current_user);
    CREATE TABLE {schema}.job_run_details (runid bigint PRIMARY KEY, command text);
    CREATE FUNCTION {schema}.schedule(command text) RETURNS bigint LANGUAGE sql AS
        'INSERT INTO {schema}.job (command) VALUES (command) RETURNING jobid';
    CREATE TYPE {schema}.state AS ENUM ('runs', 'rests');
    SELECT pg_catalog.pg_extension_config_dump('{schema}.job', '');
    SELECT pg_catalog.pg_extension_config_dump('{schema}.job_run_details', '');
    SELECT pg_catalog.pg_extension_config_dump('{schema}.jobid_seq', '');
"""
EXTENSIONS = {
    "pg_cron": ("", REFUSES.format(setting="cron.database_name") + OBJECTS.format(schema="cron")),
    # Nobody knows of this one beforehand.
    "lonely": ("", REFUSES.format(setting="lonely.home") + OBJECTS.format(schema="lonely")),
    "reports": ("requires = 'pg_cron'\n", "CREATE FUNCTION public.report() RETURNS int RETURN 1;"),
}


@contextmanager
def one_database_extensions(server: PostgresServer, workspace: Workspace) -> Iterator[None]:
    """Puts them within the reach of a server of version 18, one that nobody knows and one that requires
    pg_cron among them."""
    path = new_place(workspace, "one-database")
    folder = path / "extension"
    folder.mkdir()
    for name, (more, script) in EXTENSIONS.items():
        (folder / f"{name}.control").write_text(
            f"default_version = '1.0'\nrelocatable = false\nschema = pg_catalog\n{more}"
        )
        (folder / f"{name}--1.0.sql").write_text(script)
    for one in (path, folder, *folder.iterdir()):
        one.chmod(0o755 if one.is_dir() else 0o644)
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {server.user} SET extension_control_path = '$system:{path}'")
        yield
        connection.execute(f"ALTER ROLE {server.user} RESET ALL")


def at_home(source: Database) -> None:
    """Make ``source`` the one database that takes them."""
    with psycopg.connect(source.server.conninfo(), autocommit=True) as connection:
        for setting in ("cron.database_name", "lonely.home"):
            connection.execute(f"ALTER ROLE {source.server.user} SET \"{setting}\" = '{source.name}'")
