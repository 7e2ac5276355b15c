"""A file that is invisible until it is whole: ``<name>.part``, then its name.

While it is open its writer holds a lock on it, so that a sweeper can tell
leftovers of a crash from files in progress.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import AlreadyThere
from mtn_tui.core.file_lock import lock
from mtn_tui.core.i18n import _
from mtn_tui.core.models import PART
from mtn_tui.storage import durable
from mtn_tui.storage.disk_errors import disk_errors, missing
from mtn_tui.storage.growing import GrowingReader, Growth, given_up

_TOKEN = re.compile(r"\.~[0-9a-f]{8}$")


class PartFile:
    """Writes ``<path>.part``; ``commit`` gives it its name, ``abort`` removes it.

    Leaving its ``with`` block without a commit aborts. ``token`` (8 hex digits)
    lets several writers of one name work at once. Written by one thread;
    followed by any number.
    """

    def __init__(self, path: Path, token: str = "") -> None:
        self.path = path
        suffix = f".~{token}{PART}" if token else PART
        self.part = path.with_name(path.name + suffix)
        self._growth = Growth()
        self._committed = False
        with disk_errors(path):
            self._descriptor: int | None = _created(self.part)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Write all of ``data``; followers may read it at once. Raises NoSpace and StorageError."""
        left = memoryview(data)
        with disk_errors(self.path):
            while left:
                count = os.write(self._open(), left)
                self._growth.advance(count)
                left = left[count:]
        return len(data)

    def tell(self) -> int:
        """Bytes written so far."""
        return self._growth.written

    def sync(self) -> None:
        """Make the bytes written so far durable."""
        with disk_errors(self.path):
            durable.sync_file(self._open())

    def commit(self, *, exclusive: bool = True) -> None:
        """Make the bytes durable, then the name. Raises AlreadyThere if it is taken.

        With ``exclusive=False`` the file of that name is replaced. A commit that
        fails leaves the file open, to be aborted.
        """
        self.sync()
        with disk_errors(self.path):
            try:
                (durable.publish if exclusive else durable.replace)(self.part, self.path)
            except FileExistsError as error:
                raise taken(self.path) from error
            self._committed = True
            self._growth.finish()
            self._close()

    def abort(self, error: BaseException | None = None) -> None:
        """Remove the file; its followers raise ``error``. Does nothing after a commit or abort."""
        if self._descriptor is None:
            return
        try:
            with disk_errors(self.path):
                self._close()
                self.part.unlink(missing_ok=True)
        finally:
            self._growth.fail(error or given_up())

    def follow(
        self,
        *,
        deadline: float | Callable[[], float] = float("inf"),
        monotonic: Callable[[], float] = time.monotonic,
        cancel: CancelToken | None = None,
    ) -> GrowingReader:
        """Return a reader from the start of the file, while it grows or after the commit."""
        with disk_errors(self.path):
            try:
                return GrowingReader(
                    self.path if self._committed else self.part,
                    self._growth,
                    deadline=deadline,
                    monotonic=monotonic,
                    cancel=cancel,
                )
            except FileNotFoundError:
                self._growth.wait(0, 0)  # aborted meanwhile: raises why
                # Committed meanwhile: it has its name now.
                return GrowingReader(
                    self.path, self._growth, deadline=deadline, monotonic=monotonic, cancel=cancel
                )

    def _open(self) -> int:
        if self._descriptor is None:
            raise ValueError(f"{self.part} is closed")
        return self._descriptor

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort(error)


def _created(part: Path) -> int:
    """Create ``part`` and hold the lock on it. Raises AlreadyThere, OSError."""
    while True:
        try:
            descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        except FileExistsError as error:
            raise taken(part) from error
        except FileNotFoundError as error:
            raise missing(part.parent) from error
        try:
            os.fchmod(descriptor, 0o640)  # whatever the umask: the group's other operators read and sweep
            lock(descriptor, wait=True)
            if _still_named(descriptor, part):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # a sweeper was quicker than our lock: begin again


def taken(path: Path) -> AlreadyThere:
    """Return the error for a path that exists already."""
    return AlreadyThere(
        _("{path} exists already; nothing was replaced.").format(path=path),
        _("If nothing is writing it now, remove it or choose another name."),
    )


def sweep_parts(root: Path, matches: Callable[[str, datetime], bool]) -> list[str]:
    """Remove the unfinished files that nobody is writing; return their paths below ``root``.

    ``matches`` takes the name that the file would have got, without folder or ``.part``, and
    when it was last written (UTC). Looks in ``root`` and the folders right below it.
    """
    swept = []
    with disk_errors(root):
        for path in sorted(_parts(root)):
            final = _TOKEN.sub("", path.name.removesuffix(PART))
            if matches(final, _modified(path)) and _swept(path):
                swept.append(path.relative_to(root).as_posix())
    return swept


def _parts(root: Path) -> Iterator[Path]:
    for path in root.iterdir():
        if path.name.endswith(PART) and not path.is_dir():
            yield path
        elif path.is_dir() and not path.is_symlink() and os.access(path, os.R_OK | os.X_OK):
            yield from (below for below in path.iterdir() if below.name.endswith(PART) and not below.is_dir())


def _modified(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except FileNotFoundError:
        return datetime.now(UTC)  # gone meanwhile, or finished


def _swept(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        # Gone meanwhile, a symlink, or another user's: none of them is ours to remove.
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.EACCES):
            return False
        raise
    try:
        # Without the lock it may be in use, so it stays.
        if not lock(descriptor, wait=False) or not _still_named(descriptor, path):
            return False
        path.unlink()
        return True
    finally:
        os.close(descriptor)


def _still_named(descriptor: int, path: Path) -> bool:
    try:
        named = path.lstat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), named)
