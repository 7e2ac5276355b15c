"""Would the user who makes the backups, that of cron, be refused something? And is a folder open to all?

A run as root leaves files behind that belong to root, and the next of cron ends
with “Permission denied” (runbook 7.1). So it is judged by owners and modes for
the user to whom the configuration belongs, whoever asks.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.ownership import open_to_all
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health.inspection import Inspection

_NAME = "permissions"
_MOST = 5000
"""Entries of a folder that are looked at."""

_READ, _WRITE, _ENTER = 4, 2, 1


@dataclass(frozen=True)
class User:
    """An account, and the groups that it is in."""

    uid: int
    name: str
    groups: frozenset[int]

    def may(self, found: os.stat_result, wanted: int) -> bool:
        """Whether owner and mode allow it; access lists are not looked at."""
        if self.uid == 0:
            return True
        mode = stat.S_IMODE(found.st_mode)
        if found.st_uid == self.uid:
            mode >>= 6
        elif found.st_gid in self.groups:
            mode >>= 3
        return mode & wanted == wanted


def permissions(inspection: Inspection) -> Iterator[Check]:
    """What that user may not read or write, and which of the folders are open to all."""
    context = inspection.context
    user = who_backs_up(context)
    doubts = [*_refused(context, user), *_open(context)]
    yield from doubts
    if not doubts:
        text = _("{user}, who makes the backups, may read and write all that is needed.")
        yield Check(_NAME, Status.OK, text.format(user=user.name), runbook="7.1")


def who_backs_up(context: Context) -> User:
    """The user to whom the configuration belongs; if that is root, or there is none, the present one."""
    owner = context.configuration.stat().st_uid if context.configuration else 0
    uid = owner or os.geteuid()
    try:
        known = pwd.getpwuid(uid)
    except KeyError:
        return User(uid, str(uid), frozenset())
    return User(uid, known.pw_name, frozenset(os.getgrouplist(known.pw_name, known.pw_gid)))


def _refused(context: Context, user: User) -> Iterator[Check]:
    settings, state = context.settings, context.state
    files = [("ENCRYPTION_KEY_FILE", settings.encryption_key_file), ("CONTACTS_FILE", settings.contacts_file)]
    for setting, path in files:
        found = _stat(path) if path is not None else None
        if found is not None and not user.may(found, _READ):
            text = _("{user}, who makes the backups, may not read {path} ({setting}).")
            text = text.format(user=user.name, path=path, setting=setting)
            yield Check(_NAME, Status.FAIL, text, _give(user, str(path)), "7.1")
    folders = (
        (settings.backup_dir, _READ),
        (settings.log_dir, 0),
        (settings.metrics_dir, _READ),
        (settings.temp_dir, 0),
        (state, _READ),
        (state / "jobs", _READ),
        (state / "locks", _READ | _WRITE),
        (state / "health", _READ | _WRITE),
    )
    for folder, wanted in folders:
        found = _stat(folder)
        if found is None:
            continue  # it is made when it is needed
        if not user.may(found, _READ | _WRITE | _ENTER):
            text = _("{user}, who makes the backups, may not write to {folder}, which belongs to {owner}.")
            text = text.format(user=user.name, folder=folder, owner=_owner(found))
            yield Check(_NAME, Status.FAIL, text, _give(user, str(folder)), "7.1")
        elif closed := _closed(folder, user, wanted):
            yield _left(folder, user, closed)


def _closed(folder: Path, user: User, wanted: int) -> list[Path]:
    """The files in a folder that the user may not use as ``wanted``."""
    try:
        with os.scandir(folder) as entries:
            return [
                Path(one)
                for one in islice(entries, _MOST)
                if one.is_file(follow_symlinks=False) and not user.may(one.stat(), wanted)
            ]
    except OSError:
        return []  # not ours to look at: what we ourselves are refused has other checks


def _left(folder: Path, user: User, closed: list[Path]) -> Check:
    found = _stat(closed[0])
    text = ngettext(
        "{user}, who makes the backups, may not use {count} file in {folder}: {name}, of {owner}.",
        "{user}, who makes the backups, may not use {count} files in {folder}, such as {name}, of {owner}.",
        len(closed),
    ).format(
        user=user.name,
        count=len(closed),
        folder=folder,
        name=closed[0].name,
        owner=_owner(found) if found else "—",
    )
    return Check(_NAME, Status.FAIL, text, _give(user, "-R", str(folder)), "7.1")


def _give(user: User, *words: str) -> str:
    command = shlex.join(["sudo", "chown", *words[:-1], user.name, words[-1]])
    return _("Give it back: {command}. And let all runs be those of {user}.").format(
        command=command, user=user.name
    )


def _open(context: Context) -> Iterator[Check]:
    """BACKUP_DIR is looked at by ``folders``, before each backup too."""
    settings = context.settings
    told: set[Path] = set()
    for folder in (settings.log_dir, settings.metrics_dir, settings.temp_dir, context.state):
        found = open_to_all(folder)
        if found is None or found in told:
            continue
        told.add(found)
        text = _("Anybody on this machine may put or remove files in {folder}.").format(folder=found)
        yield Check(_NAME, Status.WARN, text, f"chmod o-w {shlex.quote(str(found))}", "7.1")


def _stat(path: Path) -> os.stat_result | None:
    """None if nothing is there, or we ourselves may not look, which other checks tell."""
    try:
        return path.stat()
    except OSError:
        return None


def _owner(found: os.stat_result) -> str:
    try:
        name = pwd.getpwuid(found.st_uid).pw_name
    except KeyError:
        name = str(found.st_uid)
    try:
        return f"{name}:{grp.getgrgid(found.st_gid).gr_name}"
    except KeyError:
        return f"{name}:{found.st_gid}"
