"""Translates the errors of a disk into those that an operator reads."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mtn_tui.core.errors import NoSpace, StorageError, StorageUnavailable
from mtn_tui.core.i18n import _

_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_AWAY = {errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENOTCONN, errno.EBUSY}
"""Errors of a network disk whose server is away."""
_BAD_NAME = {errno.ENAMETOOLONG, errno.EILSEQ}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError about ``path`` into the StorageError it means."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path) from error


def disk_error(error: OSError, path: Path) -> StorageError:
    """Return the StorageError that an OSError about ``path`` means to an operator."""
    code = error.errno or 0
    reason = os.strerror(code) if code else str(error)
    if code in _FULL:
        return no_space(path)
    if code in (errno.ENOENT, errno.ENOTDIR):
        return missing(path)
    if code in _AWAY:
        return StorageUnavailable(
            _("The disk that holds {path} does not answer: {reason}.").format(path=path, reason=reason),
            _("If it is a network disk, check its server and the mount."),
        )
    title, hint, runbook = _("{path} could not be used: {reason}."), "", ""
    if code in _DENIED:
        title = _("{path} may not be read or written: {reason}.")
        hint = _("Check who owns the folder, its mode, and that the disk is not mounted read-only.")
        runbook = "7.1"
    elif code in _BAD_NAME:
        title = _("The disk cannot hold a file of that name, {path}: {reason}.")
        hint = _("Choose a shorter BACKUP_PREFIX, in plain letters.")
    elif code == errno.EIO:
        title = _("The disk failed at {path}: {reason}.")
        hint = _("Look at the system's log for the disk before trusting what is on it.")
    return StorageError(title.format(path=path, reason=reason), hint, runbook)


def no_space(path: Path) -> NoSpace:
    """Return the error for a full disk that holds ``path``."""
    return NoSpace(
        _("The disk that holds {path} is full.").format(path=path),
        _("Free some space. “mtn list” shows the backups and their sizes."),
    )


def missing(path: Path) -> StorageError:
    """Return the error for a path that is missing, or whose disk is not mounted."""
    return StorageError(
        _("{path} cannot be reached: it, or the folder it is in, is missing.").format(path=path),
        _("Check BACKUP_DIR, and that its disk is mounted; then create it."),
        runbook="7.1",
    )
