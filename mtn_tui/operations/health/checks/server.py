"""The server: does it answer, and does pg_dump fit it."""

from __future__ import annotations

from collections.abc import Iterator

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels, production
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health.catalogue import GONE
from mtn_tui.postgres import databases
from mtn_tui.postgres.connect_errors import NO_DATABASE
from mtn_tui.postgres.connection import connect
from mtn_tui.postgres.identity import server_identity
from mtn_tui.postgres.tools import find_pg_dump


def server(context: Context) -> Iterator[Check]:
    """Whether the server answers and has the database. Raises PostgresError if it does not answer."""
    settings = context.settings
    try:
        with connect(context.server, settings.db_name, "mtn doctor") as connection:
            identity = server_identity(connection)
            found = databases.describe(connection, settings.db_name)
    except PostgresError as error:
        if error.sqlstate != NO_DATABASE:
            raise
        yield Check(GONE, Status.FAIL, error.title, error.hint, error.runbook)
        return
    production.remember(context, identity.system_identifier)
    size = found.size if found else None
    text = _("PostgreSQL {version} answers at {host}:{port}, and has the database {database}, of {size}.")
    yield Check(
        "server",
        Status.OK,
        text.format(
            version=identity.version,
            host=settings.db_host,
            port=settings.db_port,
            database=settings.db_name,
            size=labels.size(size),
        ),
        figures={} if size is None else {"database_size_bytes": float(size)},
    )


def pg_dump(context: Context) -> Iterator[Check]:
    """Whether there is a pg_dump that fits the server."""
    settings = context.settings
    try:
        with connect(context.server, settings.db_name, "mtn doctor") as connection:
            major, minor = divmod(connection.info.server_version, 10000)
    except PostgresError as error:
        tool = find_pg_dump(settings.pg_dump, 0)
        yield Check(
            "pg_dump",
            Status.UNKNOWN,
            _("pg_dump {version} is there ({path}); whether it fits the server is not known.").format(
                version=tool.version, path=tool.path
            ),
            error.title,
        )
        return
    tool = find_pg_dump(settings.pg_dump, major)
    if tool.major == major and tool.minor is not None and tool.minor < minor:
        yield Check(
            "pg_dump",
            Status.WARN,
            _("pg_dump {version} ({path}) is older than the server, which is {server}.").format(
                version=tool.version, path=tool.path, server=f"{major}.{minor}"
            ),
            _("It lacks fixes that the server has. Update the client programs to {server}.").format(
                server=f"{major}.{minor}"
            ),
        )
        return
    yield Check(
        "pg_dump",
        Status.OK,
        _("pg_dump {version} ({path}) fits the server, which is {major}.").format(
            version=tool.version, path=tool.path, major=major
        ),
    )
