"""Locations: the configuration, the base of its relative paths, the state and cache folders."""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import platformdirs

APPLICATION = "mtn"
GROUP = "mtn"
"""The group of the operators who share a machine."""

CONFIGURATION = "backup.conf"
SYSTEM_CONFIGURATION = Path("/etc/mtn")
SYSTEM_STATE = Path("/var/lib/mtn")


def configuration_places(environment: Mapping[str, str], working: Path) -> tuple[Path, ...]:
    """Return the files to look for, in order, if none was named; ``working`` is the current folder."""
    return (
        working / "config" / CONFIGURATION,
        _user_folder(environment, "XDG_CONFIG_HOME", platformdirs.user_config_path(APPLICATION))
        / CONFIGURATION,
        SYSTEM_CONFIGURATION / CONFIGURATION,
        platformdirs.site_config_path(APPLICATION) / CONFIGURATION,
    )


def base_folder(configuration: Path) -> Path:
    """Return the folder that relative paths in a configuration are relative to.

    The scripts kept the file at ``backup-system/config/backup.conf`` and ran in
    ``backup-system``: so this is the folder above, if the file's folder is named
    ``config``, else the file's folder. Symlinks are not followed.
    """
    folder = configuration.absolute().parent
    return folder.parent if folder.name == "config" else folder


def resolved(path: str, base: Path, environment: Mapping[str, str]) -> Path:
    """Return an absolute path: ``~`` is expanded, and a relative path starts at ``base``.

    Raises ValueError if ``~user`` names an unknown user.
    """
    if path == "~" or path.startswith("~/"):
        home = environment.get("HOME")
        return base / (Path(home, path[2:]) if home else Path(path).expanduser())
    try:
        return base / Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(str(error)) from None


def state_dir(setting: Path | None, environment: Mapping[str, str], shared: Path = SYSTEM_STATE) -> Path:
    """Return the folder of journals and locks: STATE_DIR, else ``shared`` if writable, else the user's own.

    Does not create it.
    """
    if setting is not None:
        return setting
    if shared.is_dir() and os.access(shared, os.W_OK | os.X_OK):
        return shared
    return _user_folder(environment, "XDG_STATE_HOME", platformdirs.user_state_path(APPLICATION))


def cache_dir(environment: Mapping[str, str]) -> Path:
    """Return the user's cache folder, whose contents may be deleted at any time. Does not create it."""
    return _user_folder(environment, "XDG_CACHE_HOME", platformdirs.user_cache_path(APPLICATION))


def is_file(path: Path) -> bool:
    """Whether a file is there. False in a folder that this user may not search: su leaves such on PATH."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder is there; as ``is_file``."""
    try:
        return path.is_dir()
    except OSError:
        return False


def too_open(path: Path) -> bool:
    """Return whether others than its owner can read or change a file of secrets.

    The group ``mtn`` may read it, on a machine shared by several operators.
    Returns False for anything but a regular file, such as a pipe. Raises OSError.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        return False
    if found.st_mode & (stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP):
        return True
    return bool(found.st_mode & stat.S_IRGRP) and not _is_ours(found.st_gid)


def _is_ours(group: int) -> bool:
    try:
        return grp.getgrgid(group).gr_name == GROUP
    except KeyError:
        return False


def _user_folder(environment: Mapping[str, str], variable: str, otherwise: Path) -> Path:
    """Apply XDG's rule: the variable counts only if it holds an absolute path."""
    folder = environment.get(variable, "")
    return Path(folder) / APPLICATION if Path(folder).is_absolute() else otherwise


def present(path: Path) -> bool:
    """Return whether ``path`` exists; False too if a folder above it is closed to this user."""
    return os.access(path, os.F_OK)
