"""Who could change what lies at a path: only root and oneself, or strangers too.

A path is looked at part by part, from the root on, symlinks and what they name
alike: whoever may write to one of its folders can put another file in its
place. In a sticky folder (``/tmp``) that is only the owner of what lies there.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from mtn_tui.core.i18n import _

_MOST_LINKS = 40
"""Symlinks in one path, as Linux allows them."""
_ADMIN_OF_MACOS = 80


def changeable(path: Path) -> str:
    """Why others than root and oneself could change or replace what is at ``path``; empty if they can't.

    A sentence that names the part of the path, the owner or the mode. Of what
    is not there, its folders are judged. Raises OSError for a folder that can't
    be looked into.
    """
    for part, found in _parts(path):
        reason = _why(part, found)
        if reason:
            return reason
    return ""


def file_changeable(path: Path, found: os.stat_result) -> str:
    """The same for an open file: its own owner and mode are those of its descriptor, ``found``."""
    return _why(path, found) or changeable(path)


def open_to_all(path: Path) -> Path | None:
    """The folder, ``path`` or one above it, in which any user may replace what lies there; None without one.

    A folder counts only where any user can get to it. What lies in a sticky one
    can't be taken away by others, but they may add to it: so ``path`` itself
    counts, sticky or not. Raises OSError.
    """
    real = Path(os.path.realpath(path))
    for folder in (*reversed(real.parents), real):
        try:
            mode = folder.stat().st_mode
        except FileNotFoundError:
            return None
        if not mode & stat.S_IXOTH:
            return None
        if mode & stat.S_IWOTH and (folder == real or not mode & stat.S_ISVTX):
            return folder
    return None


def of_strangers(path: Path, trusted: Collection[int] = ()) -> tuple[Path, str] | None:
    """The folder, ``path`` or one above it, whose owner could replace what lies there, and who that is.

    None where all are root's, one's own, those of the ``trusted`` users or of
    whoever has the root folder (where user ids are not mapped, that is nobody).
    What lies beneath a folder that only such a user may enter is nobody else's.
    Raises OSError.
    """
    known = {0, os.geteuid(), *trusted, Path("/").stat().st_uid}
    real = Path(os.path.realpath(path))
    for folder in (*reversed(real.parents), real):
        try:
            found = folder.stat()
        except FileNotFoundError:
            return None
        if found.st_uid not in known:
            return folder, _owner(found.st_uid)
        if not found.st_mode & stat.S_IXOTH:
            return None
    return None


def _why(part: Path, found: os.stat_result) -> str:
    if found.st_uid not in (0, os.geteuid()):
        return _("{path} belongs to {owner}").format(path=part, owner=_owner(found.st_uid))
    if stat.S_ISLNK(found.st_mode):
        return ""  # its mode says nothing
    if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX:
        return ""
    if found.st_mode & stat.S_IWOTH:
        return _("anybody may write to {path}").format(path=part)
    if found.st_mode & stat.S_IWGRP and not _is_private(part, found):
        return _("the group {group} may write to {path}").format(group=_group(found.st_gid), path=part)
    return ""


def _parts(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every folder, symlink and file that opening ``path`` passes, from the root on."""
    at = Path("/")
    yield at, os.lstat(at)
    left = list(reversed(path.absolute().parts[1:]))
    links = 0
    while left:
        name = left.pop()
        if name == "..":
            at = at.parent
            continue
        here = at / name
        try:
            found = os.lstat(here)
        except (FileNotFoundError, NotADirectoryError):
            return
        yield here, found
        if not stat.S_ISLNK(found.st_mode):
            at = here
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        target = here.readlink()
        if target.is_absolute():
            at = Path("/")
        left += reversed([part for part in target.parts if part != "/"])


def _is_private(part: Path, found: os.stat_result) -> bool:
    """Whether nobody but root and the owner is in the group: root's own, or one that a user has alone.

    Many systems give each user a group of the same name and a umask of 002. An
    access list shows its mask there, and may let others write.
    """
    if found.st_gid == 0 or (sys.platform == "darwin" and found.st_gid == _ADMIN_OF_MACOS):
        return True
    try:
        group, owner = grp.getgrgid(found.st_gid), pwd.getpwuid(found.st_uid)
    except KeyError:
        return False
    alone = owner.pw_gid == group.gr_gid and group.gr_name == owner.pw_name
    return alone and not set(group.gr_mem) - {owner.pw_name} and not _has_access_list(part)


def _has_access_list(path: Path) -> bool:
    if not hasattr(os, "getxattr"):
        return False
    try:
        return bool(os.getxattr(path, "system.posix_acl_access"))
    except OSError:
        return False  # none, or a filesystem that knows no such lists


def _owner(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return _("user {number}").format(number=user)


def _group(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)
