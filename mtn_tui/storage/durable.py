"""Makes bytes and names on a disk survive a crash of the machine."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)
"""macOS: fsync alone leaves the bytes in the drive's own cache."""

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""Errors of filesystems without hard links (exFAT, many network and FUSE mounts)."""


def sync_file(descriptor: int) -> None:
    """Make the bytes of an open file durable; on macOS past the drive's own cache. Raises OSError."""
    if _FULL_SYNC is not None:
        try:
            fcntl.fcntl(descriptor, _FULL_SYNC)
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EINVAL, errno.ENOTTY):
                raise
        else:
            return
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable, as far as its filesystem can."""
    with _opened(folder) as descriptor:
        try:
            os.fsync(descriptor)
        except OSError as error:
            # Some network filesystems know no fsync of a folder: names are durable there at once, or never.
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF):
                raise


def write(path: Path, data: bytes, place: Callable[[Path, Path], None]) -> None:
    """Write ``data`` to a file of mode 0600 beside ``path``, durably; ``place`` (``replace`` or ``publish``)
    gives it that name."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            sync_file(file.fileno())
        place(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def replace(part: Path, final: Path) -> None:
    """Rename ``part`` to ``final``, atomically and durably, replacing what has that name."""
    part.replace(final)
    sync_folder(final.parent)


def publish(part: Path, final: Path) -> None:
    """Give ``part`` its final name durably. Raises FileExistsError if the name is taken.

    A hard link is exclusive by itself. On a filesystem without them the folder is
    locked, so that still only one of our own processes takes the name.
    """
    try:
        os.link(part, final, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with _opened(final.parent) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.lexists(final):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from None
            part.rename(final)
    else:
        part.unlink()
    try:
        sync_folder(final.parent)
    except OSError:
        final.unlink(missing_ok=True)  # not proven to last, so not published
        raise


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
