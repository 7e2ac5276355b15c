"""The folders: can they be written, have they room, are they closed to other users."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from mtn_tui.core.i18n import _
from mtn_tui.engine.statefiles import try_writing
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.folder_guard import open_folder, strangers_folder

_LITTLE_ROOM = 0.1
"""Part of a disk; if less is free, there is a warning."""


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
        reason = refuses(folder)
        yield closed("folders", setting, folder, reason) if reason else _room(setting, folder)


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
        hint.format(setting=setting, folder=_nearest(folder)),
    )


def refuses(folder: Path) -> OSError | None:
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
