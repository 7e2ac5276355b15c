"""Checks whether a restore can succeed, before it makes anything; each check names its fix."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial

from mtn_tui.archive.reader import check_header
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import (
    ArchiveError,
    MtnError,
    Refused,
    StorageError,
    UsageError,
)
from mtn_tui.core.i18n import _
from mtn_tui.core.suggested import command
from mtn_tui.core.values import LONGEST_NAME
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status, looked
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.production import is_production
from mtn_tui.operations.inventory.model import Backup, CopyStatus
from mtn_tui.operations.restore import leftovers, unsigned
from mtn_tui.operations.restore.incomplete import is_incomplete
from mtn_tui.operations.restore.preflight import extensions, permissions
from mtn_tui.operations.restore.preflight import server as of_server
from mtn_tui.operations.restore.preflight import target as of_target
from mtn_tui.operations.restore.preflight.disk_space import disk_space
from mtn_tui.operations.restore.preflight.requirements import needs_of_backup
from mtn_tui.operations.restore.preflight.server import Site
from mtn_tui.operations.restore.request import Request
from mtn_tui.operations.verify.read_through import source_of
from mtn_tui.postgres.connection import MAINTENANCE, Connection
from mtn_tui.postgres.kept import since

RESERVED = (MAINTENANCE, "template0", "template1")


def check_request(context: Context, backup: Backup, target: str, *, legacy_allowed: bool) -> None:
    """Check what can be told without the server, where production is not replaced.

    Raises Refused, UsageError or an ArchiveError.
    """
    check_target(context, target)
    if is_production(context.settings, target):
        raise Refused(
            _("{target} is production. It is not restored from here.").format(target=target),
            _("Restore beside it: {name}. In an emergency, press [3]: it leads you step by step.").format(
                name=context.settings.staging_db_name
            ),
            "5.1",
        )
    check_backup(backup, legacy_allowed=legacy_allowed)
    check_usable(backup)


def check_options(request: Request) -> None:
    """Raise Refused for options that do not go together, UsageError for wrong extensions."""
    if request.backup.base is not None and request.keep_going:
        raise Refused(
            _("A differential needs all of its full: --keep-going may leave some out."),
            _("Restore the full alone: mtn restore {name} --target {target}").format(
                name=shlex.quote(request.backup.base.handle), target=shlex.quote(request.target)
            ),
        )
    if request.keep_going and (request.in_place or request.backup.legacy):
        raise Refused(
            _("--keep-going does not go with --in-place, nor with a file that has no manifest."),
            _("Leave out one of them."),
        )
    extensions.check_names(request)


def check_backup(backup: Backup, *, legacy_allowed: bool) -> None:
    """Raise Refused for a differential without its full, and for a legacy copy unless that is allowed."""
    if backup.unusable:
        raise Refused(
            _("{name} is a differential, and {reason}.").format(name=backup.name, reason=backup.unusable),
            _("Restore another moment: mtn list"),
            "5.2",
        )
    for copy in backup.copies:
        if copy.standing is CopyStatus.LEGACY and not legacy_allowed:
            raise Refused(
                _("Nothing vouches for what is in {name}.").format(name=backup.name),
                _("If you know where it comes from, say so with --legacy."),
            )


def check_target(context: Context, target: str) -> None:
    """Raise UsageError or Refused if no database may have that name."""
    settings = context.settings
    if not nameable(target):
        raise UsageError(
            _("{target!r} can't be a database's name.").format(target=target),
            _("Name a database of at most 63 bytes."),
        )
    if target in RESERVED:
        raise Refused(
            _("{target} belongs to PostgreSQL itself and is never replaced.").format(target=target),
            _("Choose another name with --target, for example {name}.").format(name=settings.staging_db_name),
        )
    if leftovers.is_half_made(target) or is_incomplete(target) or since(target) is not None:
        raise UsageError(
            _("{target} is the name of a database that a restore is working on, or has replaced.").format(
                target=target
            ),
            _("Choose another name. What was replaced comes back by: mtn undo TARGET --kept NAME"),
        )


def check_usable(backup: Backup) -> None:
    """Raise the reason if no copy of it can be restored."""
    if not backup.usable:
        trouble = next((copy.trouble for copy in backup.copies if copy.trouble), None)
        raise trouble or Refused(
            _("{name} was never finished: it has no manifest.").format(name=backup.name),
            _("Use the backup before it: mtn list"),
            "5.3",
        )


def archive_checks(context: Context, backup: Backup) -> list[Check]:
    """Check the key and the copies, without reading all of them; a restore itself reads every byte first."""
    checks = [looked("key", lambda: _key(context)), looked("archive", lambda: _archive(context, backup))]
    doubts = [_doubted(backup)] if backup.suspect else []
    return [*checks, *doubts, *(_refused(one) for one in backup.chain if one.refused)]


def script_checks(connection: Connection, context: Context, request: Request) -> list[Check]:
    """Check whether an unsigned backup's script can be run here. Reads every byte of one copy."""
    if not request.backup.legacy or not request.backup.usable:
        return []
    return [looked("script", lambda: _script(connection, context, request))]


def _script(connection: Connection, context: Context, request: Request) -> Check:
    named = unsigned.examine(
        request.backup.usable[0],
        context.key,
        context.settings.db_name,
        as_operator=request.as_operator,
        token=CancelToken(),
        advance=lambda _size: None,
    )
    unsigned.check_roles(connection, named, no_owner=request.no_owner)
    return Check("script", Status.OK, _("Every statement of its script is one that pg_dump writes."))


def server_checks(connection: Connection, context: Context, request: Request) -> list[Check]:
    """Run the checks that ask the server, in its maintenance database. Raises only ServerLost."""
    site = Site(connection, context, request, needs_of_backup(request.backup, context.key))
    looks: dict[str, Callable[[Site], Check]] = {
        "version": of_server.version,
        "identity": of_server.identity,
        "writable": permissions.writable,
        "connections": permissions.connections,
        "rights": of_server.rights,
        "target": of_target.target,
        "production": of_target.confirmed,
        "running": of_target.running,
        "roles": of_server.roles,
        "owners": of_server.owners,
        "extensions": extensions.available,
        "privileges": permissions.privileges,
        "settings": of_server.settings,
        "tablespaces": of_server.tablespaces,
        "locale": of_server.locale,
        "room": disk_space,
    }
    of, name = request.backup.database, request.target
    if of not in ("", name) and is_production(context.settings, name):
        looks["source"] = of_target.another_database
    if request.without:
        looks["left-out"] = extensions.left_out
    if request.backup.legacy:
        looks["login"] = of_server.login
    checks = [looked(name, partial(look, site)) for name, look in looks.items()]
    if site.existing is None:
        return checks
    return [*checks, *of_target.swap_checks(connection, request.target, drops=request.in_place)]


def nameable(target: str) -> bool:
    """Whether PostgreSQL takes it as a database's name, unchanged."""
    try:
        return 0 < len(target.encode()) <= LONGEST_NAME and "\0" not in target
    except UnicodeEncodeError:  # bytes of the command line that are no UTF-8
        return False


def _key(context: Context) -> Check:
    path = context.settings.encryption_key_file
    return Check(
        "key",
        Status.OK,
        _("The key {path} is there, its fingerprint is {fingerprint}.").format(
            path=path, fingerprint=context.key.fingerprint
        ),
    )


def _archive(context: Context, backup: Backup) -> Check:
    """Which copy will be read: the best proven that is there. Raises what is wrong if there is none."""
    for one in backup.chain:
        found = _archive_of_one(one)
        if found.status is not Status.OK:
            return found
    return found


def _doubted(backup: Backup) -> Check:
    text = _("It is suspect: {reason}.").format(reason=backup.suspect)
    hint = _("Look at what it is restored to. If it is right: {command}")
    return Check("suspect", Status.WARN, text, hint.format(command=command("accept", backup.handle)))


def _refused(backup: Backup) -> Check:
    assert backup.refused is not None  # noqa: S101 - for the type checker
    text = _("Restoring {name} failed, {moment}: {reason}").format(
        name=backup.name, moment=labels.moment(backup.refused.at), reason=backup.refused.reason
    )
    return Check(
        "refused", Status.WARN, text, _("Unless what was in the way is mended, choose another: mtn list")
    )


def _archive_of_one(backup: Backup) -> Check:
    check_usable(backup)
    wrong: list[MtnError] = [copy.trouble for copy in backup.copies if copy.trouble]
    for copy in backup.usable:
        try:
            copy.store.stat(copy.key)
            if copy.manifest is not None:
                check_header(source_of(copy), copy.manifest)
        except (ArchiveError, StorageError) as error:
            wrong.append(error)
            continue
        where = _("It will be read from {place}: signature and size are right.")
        if copy.manifest is None:
            where = _("It will be read from {place}: nothing vouches for it.")
        said = " ".join([where.format(place=copy.store.place), *(error.title for error in wrong)])
        good = copy.manifest is not None and not wrong and copy.rung.proven
        if not copy.rung.proven:
            said += " " + _("It has not been proven yet.")
        hint = (
            ""
            if good
            else _("See how far it holds: mtn verify {name}").format(name=shlex.quote(backup.handle))
        )
        return Check("archive", Status.OK if good else Status.WARN, said, hint)
    raise wrong[-1]
