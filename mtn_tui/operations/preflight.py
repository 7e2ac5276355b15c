"""Will it restore here? Asked before anything is made, each answer with its fix."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from mtn_tui.archive.manifest import About
from mtn_tui.core.errors import MtnError, NoSpace, PostgresError, Refused, UsageError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.models import Kind
from mtn_tui.operations.context import Context
from mtn_tui.operations.inventory import Backup, Standing
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, Connection, translated
from mtn_tui.postgres.databases import Described

_LONGEST = 63
_RESERVED = (MAINTENANCE, "template0", "template1")
_LOADED_PER_SQL = 1.3
"""Bytes on the server's disk for each byte of SQL, indexes included; measured on admission data."""


@dataclass(frozen=True)
class Preflight:
    """What was found; that there is one means that nothing stands in the way."""

    existing: Described | None
    """The target as it is now."""
    doubts: tuple[str, ...]
    """What does not stop a restore, and should be known."""


def check_request(context: Context, backup: Backup, target: str, *, legacy_allowed: bool) -> None:
    """What can be told without asking the server. Raises Refused or UsageError."""
    settings = context.settings
    if not _nameable(target):
        raise UsageError(
            _("{target!r} can't be a database's name.").format(target=target),
            _("Name a database of at most 63 bytes with --target."),
        )
    if target in _RESERVED:
        raise Refused(
            _("{target} belongs to PostgreSQL itself and is never replaced.").format(target=target),
            _("Choose another name with --target, for example {name}.").format(name=settings.staging_db_name),
        )
    if target == settings.db_name or target in settings.production_databases:
        raise Refused(
            _("{target} is production. Restoring into production is not part of this version.").format(
                target=target
            ),
            _("Restore beside it: --target {name}. Then see what is in it.").format(
                name=settings.staging_db_name
            ),
            "5.1",
        )
    if backup.kind is Kind.DIFF:
        raise Refused(
            _("{name} is a differential. Restoring differentials is not part of this version.").format(
                name=backup.name
            ),
            _("Restore the full before it: mtn list --kind full"),
            "5.2",
        )
    for copy in backup.copies:
        if copy.standing is Standing.LEGACY and not legacy_allowed:
            raise Refused(
                _("{name} was made by the scripts: nothing vouches for its contents.").format(
                    name=backup.name
                ),
                _("If you know where it comes from, say so with --legacy."),
            )
    if not backup.usable:
        trouble = next((copy.trouble for copy in backup.copies if copy.trouble), None)
        raise trouble or Refused(
            _("{name} was never finished: it has no manifest.").format(name=backup.name),
            _("Use the backup before it: mtn list"),
            "5.3",
        )


def check_server(
    connection: Connection, context: Context, manifest: About | None, target: str, *, drop: bool
) -> Preflight:
    """What the server says, asked in its maintenance database."""
    existing = databases.describe(connection, target)
    if existing is not None and not drop:
        raise Refused(
            _("The database {target} exists already.").format(target=target),
            _("Choose another name, or say --drop: it is replaced once the new one is verified."),
        )
    doubts: list[str] = []
    if manifest is not None:
        _check_roles(connection, manifest)
        _check_extensions(connection, manifest)
        _check_room(connection, context, manifest)
        major = connection.info.server_version // 10000
        if major < manifest.server.major:
            doubts.append(
                _(
                    "The server is PostgreSQL {here}, the backup is of {there}: it may not be understood."
                ).format(here=major, there=manifest.server.major)
            )
    return Preflight(existing, tuple(doubts))


def _nameable(target: str) -> bool:
    try:
        return 0 < len(target.encode()) <= _LONGEST and "\0" not in target
    except UnicodeEncodeError:  # bytes of the command line that are no UTF-8
        return False


def _check_roles(connection: Connection, manifest: About) -> None:
    with translated():
        there = {str(name) for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
    missing = [role for role in manifest.roles if role not in there]
    if missing:
        raise _refusal(
            ngettext(
                "The server has no role {names}, which the backup names.",
                "The server has no roles {names}, which the backup names.",
                len(missing),
            ).format(names=", ".join(missing)),
            _("Create them (the restore card tells how to read {file}), then start again.").format(
                file=manifest.payload + ".roles.enc"
            ),
        )


def _check_extensions(connection: Connection, manifest: About) -> None:
    with translated():
        rows = connection.execute("SELECT name FROM pg_available_extensions").fetchall()
    there = {str(name) for (name,) in rows}
    missing = [extension.name for extension in manifest.extensions if extension.name not in there]
    if missing:
        raise _refusal(
            _("The server has not got the extensions {names}.").format(names=", ".join(missing)),
            _("Install them on the server (postgresql-contrib holds most), then start again."),
        )


def _check_room(connection: Connection, context: Context, manifest: About) -> None:
    """Only where the server is this machine and lets us know where its data is: else nobody can tell."""
    if context.server.host not in ("localhost", "127.0.0.1", "::1"):
        return
    with translated():
        row = connection.execute("SELECT setting FROM pg_settings WHERE name = 'data_directory'").fetchone()
    folder = Path(str(row[0])) if row else None
    try:
        free = shutil.disk_usage(folder).free if folder else None
    except OSError:
        return
    needed = int(manifest.raw * _LOADED_PER_SQL)
    if free is not None and free < needed:
        raise NoSpace(
            _(
                "The server's disk has {free:,} MB free; the restored database needs about {needed:,} MB."
            ).format(free=free >> 20, needed=needed >> 20),
            _("Make room on the server's disk. Nothing was made."),
        )


def _refusal(title: str, hint: str) -> MtnError:
    return PostgresError(title, hint, "5.1")
