"""Backups in a folder of this machine."""

from __future__ import annotations

import errno
import io
import os
import secrets
import shutil
import stat as modes
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import NotFound, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.storage import durable
from mtn_tui.storage.base import Entry, Readable, checked_key, storable
from mtn_tui.storage.disk_errors import disk_error, disk_errors, missing, no_space
from mtn_tui.storage.part import PartFile, taken
from mtn_tui.storage.span import Span, ends_early, wrong_size

CHECK = ".mtn-check-"
"""Prefix of the files that ``check`` writes."""

_PIECE = 1 << 20
_BUFFER = 1 << 17
_NOTHING = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
"""Errors of a missing file: also below a file, gone since the listing, a symlink to nothing or itself."""


class LocalStorage:
    """The contract of ``base`` over a folder, which has to exist.

    Payloads lie flat in it, as the scripts left them. Keys with a folder work
    too; that folder is made when it is needed, and is never a symlink.
    """

    name = "disk"

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def identity(self) -> str:
        """``disk`` and the folder's absolute path."""
        return f"disk {self.root.absolute()}"

    @property
    def place(self) -> str:
        """The folder's path."""
        return str(self.root)

    def path(self, key: str) -> Path:
        """Return the path of ``key``. Raises StorageError if it could leave the folder."""
        path = self.root / checked_key(key)
        if path.parent != self.root and path.parent.is_symlink():
            raise StorageError(
                _("{folder} is a symlink, which could lead out of the folder of the backups.").format(
                    folder=path.parent
                ),
                _("Put a folder there, or point BACKUP_DIR at the real one."),
            )
        return path

    def check(self) -> None:
        """Write and remove a small file. Raises StorageError."""
        self._require_root()
        probe = self.root / f"{CHECK}{secrets.token_hex(4)}"
        with PartFile(probe) as part, disk_errors(self.root):
            part.write(bytes(4096))
            part.sync()

    def put(
        self,
        key: str,
        source: Readable,
        size: int | None = None,
        *,
        size_hint: int | None = None,
        exclusive: bool = False,
        cancel: CancelToken | None = None,
    ) -> Entry:
        """Write a ``.part`` file, then give it its name; the contract says the rest."""
        path = self.path(key)
        self._require_root()
        if exclusive and os.path.lexists(path):
            raise taken(path)
        if size is not None and size > self.free():
            raise no_space(path)
        self._make_folder(path)
        with PartFile(path, secrets.token_hex(4)) as part:
            while piece := source.read(_PIECE):
                if cancel is not None:
                    cancel.check()
                part.write(piece)
                if size is not None and part.tell() > size:
                    break
            if size is not None and part.tell() != size:
                raise wrong_size(key, size, part.tell())
            part.commit(exclusive=exclusive)
        return self.stat(key)

    @contextmanager
    def open(self, key: str, start: int = 0, length: int | None = None) -> Iterator[BinaryIO]:
        """Open bytes of a file; reads raise Truncated if it gets shorter meanwhile. Raises NotFound."""
        if start < 0 or (length is not None and length < 0):
            raise ValueError("a range begins at 0 or later and is not negative")
        path = self.path(key)
        self.stat(key)
        try:
            file = io.FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))
        except OSError as error:
            raise self._not_found(key) if error.errno in _NOTHING else disk_error(error, path) from error
        with file:
            with disk_errors(path):
                size = os.fstat(file.fileno()).st_size
                file.seek(start)
            left = size - start if length is None else length
            if left < 0 or start + left > size:
                raise ends_early(key, size)
            with io.BufferedReader(
                Span(_Pieces(file, path), left, lambda: ends_early(key, size)), _BUFFER
            ) as reader:
                yield reader

    def stat(self, key: str) -> Entry:
        """Return a file's entry. Raises NotFound, also for a symlink that leaves the folder."""
        path = self.path(key)
        try:
            found = path.stat() if _is_inside(path, self.root) else None
        except OSError as error:
            if error.errno not in _NOTHING:
                raise disk_error(error, path) from error
            found = None
        if found is None or not modes.S_ISREG(found.st_mode):
            self._require_root()
            raise self._not_found(key)
        return _entry(key, found)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Yield the files in the folder and in those right below it, as they were at the first ``next``."""
        self._require_root()
        with disk_errors(self.root):
            found = [_entry(key, status) for key, status in _files(self.root) if key.startswith(prefix)]
        yield from sorted(found, key=lambda entry: entry.key)

    def delete(self, key: str) -> None:
        """Remove a file; a missing one, or a folder, is left alone without an error."""
        path = self.path(key)
        self._require_root()
        if path.is_dir() and not path.is_symlink():
            return
        try:
            path.unlink()
        except OSError as error:
            if error.errno not in _NOTHING:
                raise disk_error(error, path) from error

    def free(self) -> int:
        """Bytes that still fit, without those kept for root."""
        with disk_errors(self.root):
            return shutil.disk_usage(self.root).free

    def total(self) -> int:
        """Bytes of the whole disk."""
        with disk_errors(self.root):
            return shutil.disk_usage(self.root).total

    def _not_found(self, key: str) -> NotFound:
        return NotFound(
            _("There is no {key} in {place}.").format(key=key, place=self.place),
            _("“mtn list” shows what is there."),
        )

    def _require_root(self) -> None:
        with disk_errors(self.root):
            if not self.root.is_dir():
                raise missing(self.root)

    def _make_folder(self, path: Path) -> None:
        if path.parent != self.root and not path.parent.is_dir():
            with disk_errors(path.parent):
                path.parent.mkdir(mode=0o750, exist_ok=True)
                durable.sync_folder(self.root)


class _Pieces:
    """Reads a file; OSErrors become StorageErrors."""

    def __init__(self, file: io.FileIO, path: Path) -> None:
        self._file = file
        self._path = path

    def read(self, size: int = -1, /) -> bytes:
        with disk_errors(self._path):
            return self._file.read(size)


def _files(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield key and status of the files in ``root`` and the folders right below it."""
    with os.scandir(root) as items:
        for item in items:
            if not item.is_dir(follow_symlinks=False):
                if status := _status(item.name, item, root):
                    yield item.name, status
            elif item.name != "lost+found":  # made by the system on a disk of its own, for root alone
                with os.scandir(item) as below:
                    for one in below:
                        key = f"{item.name}/{one.name}"
                        if status := _status(key, one, root):
                            yield key, status


def _status(key: str, item: os.DirEntry[str], root: Path) -> os.stat_result | None:
    """Return a file's status; None if it is no file, or not one of the store's."""
    if not storable(key) or (item.is_symlink() and not _is_inside(Path(item.path), root)):
        return None
    try:
        status = item.stat()
    except OSError as error:
        if error.errno not in _NOTHING:
            raise
        return None
    return status if modes.S_ISREG(status.st_mode) else None


def _is_inside(path: Path, root: Path) -> bool:
    # Not Path.resolve: it raises for symlinks in a circle.
    return not path.is_symlink() or Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def _entry(key: str, status: os.stat_result) -> Entry:
    # A file's bytes can be changed and its mtime set back; its ctime can't.
    tag = f"{status.st_ino}-{status.st_mtime_ns}-{status.st_ctime_ns}"
    return Entry(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC), tag)
