"""The folders: can they be written, are they closed to other users."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from mtn_tui.core.i18n import _
from mtn_tui.engine.statefiles import try_writing
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.folder_guard import open_folder, strangers_folder


def folders(context: Context) -> Iterator[Check]:
    """Whether the folders can be written, and are closed to other users."""
    settings = context.settings
    context.stores.disk.check()
    problem = open_folder(settings.backup_dir)
    if problem is not None:
        yield Check("folders", Status.FAIL, problem.title, problem.hint, problem.runbook)
    doubt = strangers_folder(settings.backup_dir, context.configuration)
    if doubt is not None:
        yield Check("folders", Status.WARN, doubt.title, doubt.hint, doubt.runbook)
    yield _open("BACKUP_DIR", settings.backup_dir)
    others = (
        ("LOG_DIR", settings.log_dir),
        ("METRICS_DIR", settings.metrics_dir),
        ("TEMP_DIR", settings.temp_dir),
    )
    for setting, folder in others:
        reason = refuses(folder)
        yield closed("folders", setting, folder, reason) if reason else _open(setting, folder)


def _open(setting: str, folder: Path) -> Check:
    text = _("{setting} is {folder}.").format(setting=setting, folder=folder)
    return Check("folders", Status.OK, text)


def closed(check: str, setting: str, folder: Path, reason: OSError) -> Check:
    """The check of a folder that a setting names, and where no file can be written."""
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
        hint.format(setting=setting, folder=nearest(folder)),
    )


def refuses(folder: Path) -> OSError | None:
    """Try to write there, or in the folder above in which it would be made; return the error."""
    try:
        try_writing(nearest(folder))
    except OSError as error:
        return error
    return None


def nearest(folder: Path) -> Path:
    """The folder itself or, where it is not made yet, the next above it."""
    return next((one for one in (folder, *folder.parents) if os.path.lexists(one)), folder)


def mount_of(folder: Path) -> Path:
    """Where the filesystem is mounted that a folder lies on.

    Of a folder that is reached through another mount namespace (``/proc/<pid>/root``) it is the way
    there: what its links lead to is another filesystem of ours. Raises OSError if it can't be looked at.
    """
    real = Path(os.path.realpath(folder))
    there = real if real.exists() and real.samefile(folder) else folder
    return next((one for one in (there, *there.parents) if one.is_mount()), there)
