"""Files shared by several operators: journals, logs, locks.

A file follows its folder: if the folder belongs to a group (2770, like the
state folder of a machine), the group may write to the file (0660), whatever the
umask; else it is private (0600). Anyone in the group may have put files there,
so symlinks are never followed, and a named pipe does not block.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from mtn_tui.core.errors import NoSpace, StorageError
from mtn_tui.core.file_lock import lock
from mtn_tui.core.i18n import _

PART = ".part"

_TRIED = 1 << 14
"""Bytes; more than the journal of a short job."""

_FULL = (errno.ENOSPC, errno.EDQUOT)


def refusal(error: OSError, path: Path) -> StorageError:
    """Convert an OSError: NoSpace if the disk is full, else a StorageError with the reason."""
    if error.errno in _FULL:
        return NoSpace(
            _("The disk is full: {path} could not be written.").format(path=path),
            _("Free some space there, then run it again."),
        )
    return StorageError(
        _("{path} could not be used: {reason}.").format(path=path, reason=error.strerror or error),
        _("Check that the folder exists and that you may write to it (mtn doctor)."),
        runbook="3.2",
    )


def make_folder(path: Path) -> None:
    """Create a folder and its parents, each as open to the group as its parent. Raises OSError."""
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir(mode=0o700)
        if _is_a_groups(path.parent):
            path.chmod(0o2770)
    except FileExistsError:
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from None


def files_in(folders: Iterable[Path], wanted: Callable[[str], object]) -> list[Path]:
    """Return the files whose name is ``wanted``; of each name the one in the last folder that has it.

    Empty if no folder is there. Raises StorageError if no folder can be read.
    """
    found: dict[str, Path] = {}
    trouble = None
    read = False
    for folder in folders:
        try:
            found |= {path.name: path for path in folder.iterdir() if wanted(path.name)}
        except FileNotFoundError:
            continue
        except OSError as error:
            trouble = refusal(error, folder)
            continue
        read = True
    if trouble is not None and not read:
        raise trouble
    return list(found.values())


def open_shared(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open or create a file that follows its folder. Returns the descriptor; raises OSError.

    ``mode`` applies if the folder does not belong to a group.
    """
    try:
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        return _regular(os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK), path)
    if _is_a_groups(path.parent):
        os.fchmod(fd, 0o660)
    return fd


def _is_a_groups(folder: Path) -> bool:
    shared = stat.S_IWGRP | stat.S_ISGID
    return folder.stat().st_mode & shared == shared


def open_found(path: Path) -> int:
    """Open a file for reading that anyone may have put there. Returns the descriptor; raises OSError.

    Where something else is in a folder's place, nothing can be there: FileNotFoundError too.
    """
    try:
        return _regular(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), path)
    except NotADirectoryError:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None


def _regular(fd: int, path: Path) -> int:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
    return fd


def write_whole(path: Path, data: bytes) -> None:
    """Write a file atomically and durably; it follows its folder. Raises OSError.

    Creates the folder if needed. A crash may leave a file that ends in ``.part``, which
    the next writer of the same file removes: a lock on it tells those that are at it.
    """
    make_folder(path.parent)
    _sweep(path)
    part = path.with_name(f"{path.name}-{secrets.token_hex(4)}{PART}")
    try:
        with os.fdopen(open_shared(part, os.O_WRONLY | os.O_EXCL), "wb") as file:
            lock(file.fileno(), fcntl.LOCK_SH, wait=True)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            part.rename(path)  # still locked: until it has its name, a sweep would take it for one left
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _sweep(path: Path) -> None:
    """Remove what killed writers of a file have left."""
    for left in path.parent.glob(f"{glob.escape(path.name)}-????????{PART}"):
        try:
            fd = open_found(left)
        except OSError:
            continue  # gone meanwhile, or not ours to read
        try:
            # An empty one may have been made just now, and not be locked yet.
            if os.fstat(fd).st_size and lock(fd, wait=False):
                left.unlink(missing_ok=True)
        except OSError:
            continue  # only its owner may remove it
        finally:
            os.close(fd)


def try_writing(folder: Path) -> None:
    """Write some KiB durably to a file there, and remove it. Raises OSError.

    Creates the folder if needed. This tells more than permissions do.
    """
    make_folder(folder)
    path = folder / f".try-{secrets.token_hex(4)}{PART}"
    fd = open_shared(path, os.O_WRONLY | os.O_EXCL)
    try:
        data = memoryview(bytes(_TRIED))
        while data:
            data = data[os.write(fd, data) :]
        os.fsync(fd)
    finally:
        os.close(fd)
        path.unlink(missing_ok=True)


def is_full(folder: Path) -> bool:
    """Return whether its disk has no room for another line; False if that can't be asked. Writes nothing."""
    try:
        return shutil.disk_usage(folder).free < _TRIED
    except OSError:
        return False


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class LineFile:
    """A file that is only appended to, one write per line.

    After an incomplete write (a full disk) the next line starts on a new line, so
    that only one line is damaged. Not thread-safe. Raises NoSpace and other
    StorageErrors.
    """

    def __init__(self, path: Path, *, exclusive: bool = False, mode: int = 0o600) -> None:
        """With ``exclusive``, raises FileExistsError if the file exists."""
        self.path = path
        self._torn = False
        flags = os.O_WRONLY | os.O_APPEND | (os.O_EXCL if exclusive else 0)
        try:
            make_folder(path.parent)
            self._fd = open_shared(path, flags, mode)
        except FileExistsError:
            raise
        except OSError as error:
            raise refusal(error, path) from error

    def lock(self) -> None:
        """Hold off others that lock it, until it is closed. Does nothing on a filesystem without locks.

        A line that another process is still writing may look like one whose writer died.
        """
        try:
            lock(self._fd, wait=True)
        except OSError as error:
            raise refusal(error, self.path) from error

    def begin_afresh(self) -> None:
        """Start on a new line if the last one is incomplete, since its writer died. Lock it before."""
        try:
            with self.path.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(end - 1, 0))
                self._torn = self._torn or file.read(1) not in (b"", b"\n")
        except OSError as error:
            raise refusal(error, self.path) from error

    def append(self, line: bytes) -> None:
        """Append a line, given without its newline."""
        whole = rest = memoryview((b"\n" if self._torn else b"") + line + b"\n")
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            self._torn = self._torn or len(rest) < len(whole)
            raise refusal(error, self.path) from error
        self._torn = False

    def sync(self) -> None:
        """Make the content durable."""
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise refusal(error, self.path) from error

    def sync_name(self) -> None:
        """Make the file's name durable."""
        try:
            sync_folder(self.path.parent)
        except OSError as error:
            raise refusal(error, self.path) from error

    def close(self) -> None:
        """Close the file. Repeating it has no effect."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


class Nowhere:
    """Stands in for a LineFile if no folder takes one: everything written is lost."""

    path = Path(os.devnull) / "none"  # which can never exist

    def append(self, line: bytes) -> None:
        """Do nothing."""

    def sync(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
