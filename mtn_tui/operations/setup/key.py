"""The encryption key: made once, and never over another."""

from __future__ import annotations

import base64
import os
import secrets
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mtn_tui.core import paths
from mtn_tui.core.advice import Notice
from mtn_tui.core.errors import ConfigError, KeyFileError
from mtn_tui.core.i18n import _
from mtn_tui.storage import durable

KEY_BYTES = 32
"""Random bytes, which the key's file holds in base64."""


def ensure_key(path: Path, backups_exist: Callable[[], bool]) -> bool:
    """Make the key at ``path`` if there is none and no backup either; True when it was made.

    A file that is there stays as it is, even if it is empty or unreadable:
    ``read_key`` says so. Raises KeyFileError if backups exist that the lost key
    was for, and whatever ``backups_exist`` raises.
    """
    with as_config_error(path):
        if os.path.lexists(path):
            return False
    if backups_exist():
        raise KeyFileError(
            _(
                "The encryption key is not there: {path}. Backups exist, and were made with it; a new key"
                " could not read them."
            ).format(path=path),
            _("Put back the copy of the key that was kept elsewhere."),
        )
    make_key(path)
    return True


def make_key(path: Path) -> None:
    """Write a new key: 32 random bytes in base64, one line. Never over a file. Raises KeyFileError."""
    with as_config_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            durable.write(path, base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n", durable.publish)
        except FileExistsError:
            raise KeyFileError(
                _("There is an encryption key already: {path}. It was left as it is.").format(path=path)
            ) from None


def keep_elsewhere(path: Path) -> Notice:
    """The notice to show whenever a key was made."""
    return Notice(
        _("A new encryption key was made: {path}. WITHOUT IT NO BACKUP CAN EVER BE READ.").format(path=path),
        _("Copy it now to a safe place that is not on this machine, such as the school's password manager."),
    )


def open_to_others(path: Path) -> Notice | None:
    """The notice if other users can read the key; else None. Raises OSError if it can't be looked at."""
    if not paths.too_open(path):
        return None
    return Notice(
        _("Other users of this machine can read the encryption key {path}.").format(path=path),
        _("chmod 600 {path} (640 where the group {group} owns it)").format(
            path=shlex.quote(str(path)), group=paths.GROUP
        ),
    )


@contextmanager
def as_config_error(path: Path) -> Iterator[None]:
    """Raise an OSError about ``path`` as ConfigError."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            _("{path} cannot be made: {reason}.").format(path=path, reason=error.strerror),
            _("Look at the permissions and the free space of the folder above it, or choose another place."),
        ) from error
