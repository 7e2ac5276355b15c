"""``mtn doctor``: is everything there that backups and restores need, and what to do where it is not.

One function a check, each of which yields what it found. What could not be
looked at is ``unknown`` and never ``ok``.
"""

from __future__ import annotations

import errno
import locale
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mtn_tui.core import paths
from mtn_tui.core.errors import MtnError, PostgresError
from mtn_tui.core.i18n import _, is_utf8
from mtn_tui.core.settings_file import Loaded
from mtn_tui.engine.detached import ASK_LOGIND
from mtn_tui.engine.statefiles import try_writing
from mtn_tui.operations.common import labels, production
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.folder_guard import open_folder, strangers_folder
from mtn_tui.operations.health.alerting import alerts
from mtn_tui.operations.health.bucket import bucket
from mtn_tui.operations.health.configuration import configuration, environment, key, key_of_backups
from mtn_tui.operations.health.leftovers import leftovers
from mtn_tui.operations.health.role import role
from mtn_tui.operations.inventory import known_stores
from mtn_tui.postgres.connection import connect
from mtn_tui.postgres.identity import server_identity
from mtn_tui.postgres.tools import find_pg_dump

_LITTLE_ROOM = 0.1
"""Part of a disk; if less is free, there is a warning."""


Look = Callable[[Context], Iterator[Check]]


def examine(loaded: Loaded, context: Context) -> list[Check]:
    """All checks, in the order in which one would mend things."""
    findings = [*configuration(loaded), *environment(context, loaded.path)]
    for name, check in CHECKS.items():
        try:
            findings += check(context)
        except MtnError as error:
            findings.append(Check(name, Status.FAIL, error.title, error.hint))
    return [*findings, *machine()]


def without_configuration(error: MtnError) -> list[Check]:
    """What can be told where there is no configuration, or a wrong one."""
    title = _("Not looked at: there is no configuration to go by.")
    hint = _("Mend the configuration first.")
    unseen = [Check(name, Status.UNKNOWN, title, hint) for name in CHECKS]
    return [Check("configuration", Status.FAIL, error.title, error.hint), *unseen, *machine()]


def worst(findings: Sequence[Check]) -> Status:
    """The overall status: the first of fail, unknown and warn that any check has, else ok."""
    order = (Status.FAIL, Status.UNKNOWN, Status.WARN)
    return next((one for one in order if any(found.status is one for found in findings)), Status.OK)


def folders(context: Context) -> Iterator[Check]:
    """Whether the folders can be written, have room, and are closed to other users."""
    settings = context.settings
    context.stores.disk.check()
    problem = open_folder(settings.backup_dir)
    if problem is not None:
        yield Check("folders", Status.FAIL, problem.title, problem.hint, problem.runbook)
    doubt = strangers_folder(settings.backup_dir, context.configuration)
    if doubt is not None:
        yield Check("folders", Status.WARN, doubt.title, doubt.hint, doubt.runbook)
    yield _room("BACKUP_DIR", settings.backup_dir)
    others = (
        ("LOG_DIR", settings.log_dir),
        ("METRICS_DIR", settings.metrics_dir),
        ("TEMP_DIR", settings.temp_dir),
    )
    for setting, folder in others:
        reason = _refuses(folder)
        yield _closed("folders", setting, folder, reason) if reason else _room(setting, folder)


def _room(setting: str, folder: Path) -> Check:
    there = _nearest(folder)
    found = shutil.disk_usage(there)
    text = _("{setting} is {folder}, on the disk {mount}: {free} of {total} are free.").format(
        setting=setting,
        folder=folder,
        mount=_mount_of(there),
        free=labels.size(found.free),
        total=labels.size(found.total),
    )
    if found.free < found.total * _LITTLE_ROOM:
        return Check("folders", Status.WARN, text, _("Make room, or let it point to a larger disk."))
    return Check("folders", Status.OK, text)


def _closed(check: str, setting: str, folder: Path, reason: OSError) -> Check:
    text = _("{setting} is {folder}, and no file can be written there: {reason}.")
    hint = _("Correct {setting}, or the owner and mode of {folder}.")
    if reason.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = _("Make room, or let it point to a larger disk.")
    elif reason.errno == errno.EROFS:
        hint = _("See why its disk is mounted read-only (“dmesg”), or let {setting} point to another.")
    return Check(
        check,
        Status.FAIL,
        text.format(setting=setting, folder=folder, reason=reason.strerror),
        hint.format(setting=setting, folder=_nearest(folder)),
    )


def _refuses(folder: Path) -> OSError | None:
    """Try to write there, or in the folder above in which it would be made; return the error."""
    try:
        try_writing(_nearest(folder))
    except OSError as error:
        return error
    return None


def _nearest(folder: Path) -> Path:
    """The folder itself or, where it is not made yet, the next above it."""
    return next((one for one in (folder, *folder.parents) if os.path.lexists(one)), folder)


def _mount_of(folder: Path) -> Path:
    real = Path(os.path.realpath(folder))
    return next((one for one in (real, *real.parents) if one.is_mount()), real)


def state(context: Context, shared: Path = paths.SYSTEM_STATE) -> Iterator[Check]:
    """Whether jobs can be recorded, and in the folder that all operators share (``shared``)."""
    folder = context.state
    if reason := _refuses(folder):
        yield _closed("state", "STATE_DIR", folder, reason)
    elif context.settings.state_dir is None and folder != shared and shared.is_dir():
        yield Check(
            "state",
            Status.WARN,
            _("You may not write to {shared}: the jobs of other operators are not shown to you.").format(
                shared=shared
            ),
            _("sudo usermod -aG {group} {user}, then log in anew.").format(
                group=paths.GROUP, user=shlex.quote(context.operator)
            ),
        )
    else:
        yield Check("state", Status.OK, _("Jobs are recorded in {folder}.").format(folder=folder))


def server(context: Context) -> Iterator[Check]:
    """Whether the server answers and has the database. Raises PostgresError if not."""
    settings = context.settings
    with connect(context.server, settings.db_name, "mtn doctor") as connection:
        identity = server_identity(connection)
    production.remember(context, identity.system_identifier)
    text = _("PostgreSQL {version} answers at {host}:{port}, and has the database {database}.")
    yield Check(
        "server",
        Status.OK,
        text.format(
            version=identity.version,
            host=settings.db_host,
            port=settings.db_port,
            database=settings.db_name,
        ),
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


CHECKS: dict[str, Look] = {
    "key": key,
    "key-of-backups": key_of_backups,
    "folders": folders,
    "state": state,
    "server": server,
    "role": role,
    "leftovers": leftovers,
    "pg_dump": pg_dump,
    "bucket": bucket,
    "stores": known_stores.check,
    "alerts": alerts,
}
"""Those that need a configuration, by their names."""


def machine() -> Iterator[Check]:
    """What does not depend on the configuration."""
    yield from encoding(locale.getencoding())
    yield from logind(ASK_LOGIND, Path("/run/systemd/system"))


def encoding(name: str) -> Iterator[Check]:
    """Whether the locale's encoding, ``name``, is UTF-8."""
    if is_utf8(name):
        yield Check("encoding", Status.OK, _("The locale's encoding is UTF-8."))
        return
    yield Check(
        "encoding",
        Status.WARN,
        _("The locale's encoding is {name}: names with accents are shown wrongly.").format(name=name),
        _("Set LANG to a UTF-8 locale, such as es_CL.UTF-8 or C.UTF-8 (locale -a lists them)."),
    )


def logind(command: Sequence[str], booted: Path) -> Iterator[Check]:
    """Whether a job would end with its operator's session. ``booted`` is a folder where systemd runs."""
    fine = Check("logind", Status.OK, _("Jobs go on when their operator logs out."))
    if not booted.is_dir():
        yield fine
        return
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except FileNotFoundError:
        yield fine  # systemd without logind's tools: a minimal system, or a container
        return
    except (OSError, subprocess.TimeoutExpired) as error:
        done = subprocess.CompletedProcess(command, 1, "", str(error))
    match done.stdout.split():
        case ["b", "false"]:
            yield fine
        case ["b", "true"]:
            yield Check(
                "logind",
                Status.WARN,
                _("logind ends all processes of a user who logs out (KillUserProcesses): jobs too."),
                _(
                    "Set KillUserProcesses=no in /etc/systemd/logind.conf, or name the operators in"
                    " KillExcludeUsers there; then: systemctl restart systemd-logind"
                ),
            )
        case _:
            yield Check(
                "logind",
                Status.UNKNOWN,
                _("Whether jobs go on when their operator logs out could not be asked: {reason}").format(
                    reason=" ".join(done.stderr.split()) or done.returncode
                ),
                _("See KillUserProcesses in /etc/systemd/logind.conf: it should be no."),
            )
