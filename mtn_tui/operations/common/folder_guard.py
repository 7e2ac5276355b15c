"""Refuses a folder for backups that any user may write to, and warns of one that a stranger owns."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from mtn_tui.core.errors import StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.ownership import of_strangers, open_to_all
from mtn_tui.storage.disk_errors import disk_errors

_MOUNTS = Path("/proc/self/mountinfo")
_BY_OPTION = {
    **dict.fromkeys(("vfat", "exfat", "msdos", "ntfs", "ntfs3", "fuseblk", "hfsplus"), "umask=0027"),
    **dict.fromkeys(("cifs", "smb3", "smbfs"), "dir_mode=0750,file_mode=0640"),
    "vboxsf": "dmode=0750,fmode=0640",
    "9p": "metadata,umask=0027",
}
"""Filesystems whose modes are those of the mount, whatever chmod says, and the options that set them."""


def require_closed(folder: Path) -> None:
    """Raise StorageError if any user of this machine may replace files in ``folder``."""
    problem = open_folder(folder)
    if problem is not None:
        raise problem


def open_folder(folder: Path) -> StorageError | None:
    """The error if any user may replace files in ``folder``, else None.

    Raises StorageError if it can't be looked at.
    """
    with disk_errors(folder):
        found = open_to_all(folder)
    if found is None:
        return None
    return StorageError(
        _("Anybody on this machine may put or remove files in {folder}, where the backups are.").format(
            folder=found
        ),
        _fix(found),
        "7.1",
    )


def strangers_folder(folder: Path, configuration: Path | None) -> StorageError | None:
    """The warning if ``folder`` belongs to neither root, us nor the configuration's owner, else None.

    It is not refused: another account may be meant to keep the backups. Raises
    StorageError if it can't be looked at.
    """
    trusted = []
    with disk_errors(folder):
        if configuration is not None:
            trusted.append(configuration.stat().st_uid)
        found = of_strangers(folder, trusted)
    if found is None:
        return None
    of, owner = found
    return StorageError(
        _("{folder}, where the backups are, belongs to {owner}, who may replace or remove them.").format(
            folder=of, owner=owner
        ),
        _("If that is not meant: chown {user} {folder}").format(
            user=os.geteuid(), folder=shlex.quote(str(of))
        )
        + " "
        + _("If its owner can't be changed (a share of a NAS), mount it beneath a folder of mode 750."),
        "7.1",
    )


def _fix(folder: Path) -> str:
    kind, mount = _filesystem(folder)
    fix = _("chmod o-w {folder}").format(folder=shlex.quote(str(folder)))
    option = _BY_OPTION.get(kind)
    if option is not None:
        fix = _("Mount {mount} ({kind}) with the options uid=…,gid=…,{options}.").format(
            mount=mount, kind=kind, options=option
        )
    beneath = _("If the mode can't be changed (a share of a NAS), mount it beneath a folder of mode 750.")
    return f"{fix} {beneath}"


def _filesystem(folder: Path) -> tuple[str, str]:
    """Its type and mount point as Linux tells them; empty elsewhere."""
    real = os.path.realpath(folder)
    best = ("", "")
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return best
    for line in lines:
        mount, _dash, rest = line.partition(" - ")
        point = mount.split(" ")[4].replace("\\040", " ")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[1]):
            best = (rest.split(" ")[0], point)
    return best
