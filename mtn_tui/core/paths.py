"""Where things are: the configuration, what its relative paths count from, the state folder."""

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
    """The files that are looked for, in order, when none was named; ``working`` is the current folder."""
    return (
        working / "config" / CONFIGURATION,
        _user_folder(environment, "XDG_CONFIG_HOME", platformdirs.user_config_path(APPLICATION))
        / CONFIGURATION,
        SYSTEM_CONFIGURATION / CONFIGURATION,
        platformdirs.site_config_path(APPLICATION) / CONFIGURATION,
    )


def base_folder(configuration: Path) -> Path:
    """What the relative paths in a configuration count from.

    The scripts kept it at ``backup-system/config/backup.conf`` and ran in
    ``backup-system``: so it is the folder above where the file's folder is
    named ``config``, else the file's own folder. Symlinks are not followed.
    """
    folder = configuration.absolute().parent
    return folder.parent if folder.name == "config" else folder


def resolved(path: str, base: Path, environment: Mapping[str, str]) -> Path:
    """An absolute path: ``~`` is a home folder, anything relative counts from ``base``.

    Raises ValueError for the home folder of somebody who is not known here.
    """
    if path == "~" or path.startswith("~/"):
        home = environment.get("HOME")
        return base / (Path(home, path[2:]) if home else Path(path).expanduser())
    try:
        return base / Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(str(error)) from None


def state_dir(setting: Path | None, environment: Mapping[str, str], shared: Path = SYSTEM_STATE) -> Path:
    """The folder of journals and locks: STATE_DIR, else ``shared`` where it can be written, else the user's.

    It is not made here.
    """
    if setting is not None:
        return setting
    if shared.is_dir() and os.access(shared, os.W_OK | os.X_OK):
        return shared
    return _user_folder(environment, "XDG_STATE_HOME", platformdirs.user_state_path(APPLICATION))


def cache_dir(environment: Mapping[str, str]) -> Path:
    """The user's own folder for what may be thrown away at any time. It is not made here."""
    return _user_folder(environment, "XDG_CACHE_HOME", platformdirs.user_cache_path(APPLICATION))


def is_file(path: Path) -> bool:
    """Whether a file is there. False in a folder that this user may not search: su leaves such on PATH."""
    try:
        return path.is_file()
    except OSError:
        return False


def too_open(path: Path) -> bool:
    """Whether others than its owner could read or change a file of secrets.

    The group ``mtn`` may read it, on a machine that several operators share.
    Anything but a regular file (a pipe) is nobody else's. Raises OSError.
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
    """XDG's rule: the variable counts only when it holds an absolute path."""
    folder = environment.get(variable, "")
    return Path(folder) / APPLICATION if Path(folder).is_absolute() else otherwise


def present(path: Path) -> bool:
    """Whether something is there; False also where a folder above it is closed to us."""
    return os.access(path, os.F_OK)
