"""Tells whether others than root and the current user could change what is at a path.

Every part of the path is checked, from the root on, including symlinks and
their targets: whoever may write to one of the folders can replace its
contents. In a sticky folder (``/tmp``) only the owner of an entry can.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import shlex
import stat
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from mtn_tui.core.i18n import _

_MOST_LINKS = 40
"""Symlinks followed in one path, the limit of Linux."""
_ADMIN_OF_MACOS = 80


def changeable(path: Path) -> str:
    """Return why others than root and the current user could change ``path``; empty if they can't.

    The text names the part of the path, and its owner or who may write to it. If
    nothing is there, the folders are checked. Raises OSError if a folder can't be
    searched.
    """
    for part, found in _parts(path):
        reason = _why(part, found)
        if reason:
            return reason
    return ""


def file_changeable(path: Path, found: os.stat_result) -> str:
    """Like ``changeable`` for an open file, whose own owner and mode are in ``found``."""
    return _why(path, found) or changeable(path)


def open_to_all(path: Path) -> Path | None:
    """Return the folder, ``path`` or one above it, in which any user may replace entries; None without one.

    Only folders that any user can reach count. In a sticky folder others can't
    remove entries, but they can add some, so ``path`` itself counts even if it is
    sticky. Raises OSError.
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
    """Return the folder, ``path`` or one above it, whose owner could replace its contents, and the owner.

    None if each belongs to root, the current user, one of the ``trusted`` users,
    or the owner of the root folder (nobody, where user ids are not mapped). The
    search ends at a folder that only such a user can enter. Raises OSError.
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
        return ""  # the mode of a symlink has no meaning
    if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX:
        return ""
    if found.st_mode & stat.S_IWOTH:
        return _("anybody may write to {path}").format(path=part)
    if found.st_mode & stat.S_IWGRP and not _is_private(part, found):
        return _("the group {group} may write to {path}").format(group=_group(found.st_gid), path=part)
    return ""


def _parts(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield every folder, symlink and file that opening ``path`` passes through, from the root on."""
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
    """Return whether nobody but root and the owner is in the group of ``part``.

    Many systems give each user a group of the same name and a umask of 002. With
    an access list the group bits are its mask, and others may be allowed to write,
    root's group or not.
    """
    if _has_access_list(part):
        return False
    if found.st_gid == 0 or (sys.platform == "darwin" and found.st_gid == _ADMIN_OF_MACOS):
        return True
    try:
        group, owner = grp.getgrgid(found.st_gid), pwd.getpwuid(found.st_uid)
    except KeyError:
        return False
    alone = owner.pw_gid == group.gr_gid and group.gr_name == owner.pw_name
    return alone and not set(group.gr_mem) - {owner.pw_name}


def _has_access_list(path: Path) -> bool:
    if not hasattr(os, "getxattr"):
        return False
    try:
        return bool(os.getxattr(path, "system.posix_acl_access"))
    except OSError:
        return False  # no list, or a filesystem without access lists


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


def how_to_own(path: Path, configuration: Path | None = None) -> str:
    """Return what makes a file count that others could change; ``configuration`` is the one that names it."""
    user, folder = os.geteuid(), shlex.quote(str(path.parent))
    mend = _("Let it and its folders belong to you or root: chown {user} {path}; chmod go-w {path} {folder}")
    meant = _("If it is meant all the same: mtn --config {path} …")
    return " ".join(
        (
            mend.format(user=user, path=shlex.quote(str(path)), folder=folder),
            meant.format(path=shlex.quote(str(configuration or path))),
        )
    )
