"""Locks: one operation per database at a time, and no archive deleted while it is read.

A lock is a kernel ``flock`` on an open file, released when the process ends,
in whatever way; the file's content only tells who holds it. A lock's file is
never deleted, since processes that have it open would then hold a lock on
nothing. A lease's file may be deleted by whoever claims the archive: leases
check that the file they locked still has its name.

Both require a local file system; other hosts are kept out by a PostgreSQL
advisory lock, whose key is computed here.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType

from mtn_tui.core.errors import Locked, MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.moments import read_moment
from mtn_tui.core.redact import redact
from mtn_tui.engine.statefiles import make_folder, open_found, open_shared, refusal

_WORD = re.compile("[a-z][a-z0-9-]*")
_TRIES = 10
_TRY_EVERY = 0.02
"""Seconds; about 0.2 s in all, longer than others take to look at a lock or to create its file."""

LEASE_WAIT = 10.0
"""Seconds that a lease waits while the archive is being deleted."""


TURN_WAIT = 60.0
"""Seconds to wait for a turn: longer than the timeout of a bucket that does not answer."""


@dataclass(frozen=True)
class Holder:
    """The holder of a lock: ``job`` is an id, ``since`` is in UTC."""

    operation: str
    database: str
    job: str
    operator: str
    host: str
    pid: int
    since: datetime

    @classmethod
    def parse(cls, text: bytes) -> Holder | None:
        """Parse the content of a lock file; None if it is invalid or incomplete."""
        try:
            found = json.loads(text)
            since = read_moment(found["since"])
            words = {name: str(found[name]) for name in ("operation", "database", "job", "operator", "host")}
            return cls(**words, pid=int(found["pid"]), since=since)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None

    def encoded(self) -> bytes:
        """Encode as the content of a lock file, secrets masked."""
        record = {**asdict(self), "since": self.since.isoformat()}
        record |= {"database": redact(self.database), "operator": redact(self.operator)}
        return json.dumps(record).encode("ascii") + b"\n"


def slug(name: str) -> str:
    """Return a file name of at most 100 bytes for any name: readable letters, then a hash to be unique.

    In lower case, since ``Foo`` and ``foo`` are two databases but, on macOS, one file.
    """
    readable = re.sub("[^a-z0-9_.]+", "-", name.lower()).strip("-.")[:60]
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{readable}-{digest}" if readable else digest


def lock_path(folder: Path, database: str, operation: str) -> Path:
    """Return the path of the lock of an operation on a database: ``<slug>-<operation>.lock``."""
    if not _WORD.fullmatch(operation):
        raise ValueError(f"not an operation: {operation!r}")
    return folder / f"{slug(database)}-{operation}.lock"


def advisory_key(system_identifier: int, database: str, operation: str) -> int:
    """Return the key of ``pg_advisory_lock`` for an operation: 64 bits of a SHA-256, as a signed number."""
    text = json.dumps(["mtn lock 1", system_identifier, database, operation])
    return int.from_bytes(hashlib.sha256(text.encode("ascii")).digest()[:8], "big", signed=True)


class FileLock:
    """The lock of one operation, held for the ``with`` block; never waits for it.

    Raises Locked if it is held by another, NoSpace or another StorageError if its
    file can't be made.
    """

    def __init__(self, path: Path, holder: Holder, beside: Sequence[Path] = ()) -> None:
        """``beside`` are other files that may hold the same lock; if one is held, this raises Locked too."""
        self.path = path
        self.holder = holder
        self._beside = [one for one in beside if one != path]
        self._fd = -1

    def acquire(self) -> None:
        """Take the lock and write its holder into the file. Raises Locked or StorageError."""
        if self._fd >= 0:
            raise ValueError("this lock is held already")
        try:
            make_folder(self.path.parent)
            fd = self._take()
            try:
                _say(fd, self.holder.encoded())
            except OSError:
                os.close(fd)
                raise
        except OSError as error:
            raise refusal(error, self.path) from error
        self._fd = fd
        for path in self._beside:
            if _is_held(path):
                found = holder_of(path)
                self.release()
                raise _busy(self.holder, found)

    def release(self) -> None:
        """Clear the file and release the lock, if held. Raises StorageError."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                _say(fd, b"")
            except OSError as error:
                raise refusal(error, self.path) from error
            finally:
                os.close(fd)

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _take(self) -> int:
        for left in reversed(range(_TRIES)):
            try:
                fd = open_shared(self.path, os.O_RDWR)
            except PermissionError:
                # Another operator is just creating it and has not made it group-writable yet.
                if not left:
                    raise
                time.sleep(_TRY_EVERY)
                continue
            try:
                if try_lock(fd, fcntl.LOCK_EX):
                    return fd
                holder = Holder.parse(os.pread(fd, 1 << 16, 0))
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)
            if left:
                time.sleep(_TRY_EVERY)
        raise _busy(self.holder, holder)


def _say(fd: int, content: bytes) -> None:
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, content, 0)
    except OSError as error:
        # The lock is valid without it, and operations that free a full disk need a lock too.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise


def _is_held(path: Path) -> bool:
    try:
        fd = open_found(path)
    except OSError:
        return False  # missing or unreadable: the server's advisory lock still protects
    try:
        return not try_lock(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def holder_of(path: Path) -> Holder | None:
    """Return the holder of a lock; None if it is free or not described yet. Raises StorageError."""
    try:
        fd = open_found(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal(error, path) from error
    try:
        return None if try_lock(fd, fcntl.LOCK_SH) else Holder.parse(os.pread(fd, 1 << 16, 0))
    finally:
        os.close(fd)


@contextmanager
def lease(folder: Path | None, archive: str) -> Iterator[None]:
    """Prevent an archive from being deleted while it is read in the block. Leases are shared.

    Raises Locked while it is being deleted; once inside, check that it still exists.
    Does nothing if ``folder`` is None.
    """
    if folder is None:
        yield
        return
    fd = _hold_within(LEASE_WAIT, folder / f"{slug(archive)}.lease", fcntl.LOCK_SH)
    if fd is None:
        raise Locked(
            _("{archive} is being deleted just now.").format(archive=archive),
            _("Choose another backup: mtn list"),
        )
    try:
        yield
    finally:
        os.close(fd)


def is_leased(folder: Path, archive: str) -> bool:
    """Return whether somebody reads (or claims) the archive now. Raises StorageError."""
    path = folder / f"{slug(archive)}.lease"
    try:
        fd = open_found(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise refusal(error, path) from error
    try:
        return not try_lock(fd, fcntl.LOCK_EX)
    finally:
        os.close(fd)


@contextmanager
def claim(folder: Path, archive: str) -> Iterator[bool]:
    """Reserve an archive for deletion. Yields False if it is leased; else leases fail within the block."""
    path = folder / f"{slug(archive)}.lease"
    fd = _hold(path, fcntl.LOCK_EX)
    try:
        yield fd is not None
    finally:
        if fd is not None:
            path.unlink(missing_ok=True)
            os.close(fd)


@contextmanager
def turn(folder: Path | None, what: str) -> Iterator[None]:
    """Allow one process of this machine at a time at ``what``. Raises Locked after TURN_WAIT seconds.

    Does nothing if ``folder`` is None.
    """
    if folder is None:
        yield
        return
    fd = _hold_within(TURN_WAIT, folder / f"{slug(what)}.turn", fcntl.LOCK_EX)
    if fd is None:
        raise Locked(_("Another process is writing there just now."), _("Try it again in a minute."))
    try:
        yield
    finally:
        os.close(fd)


def _hold_within(seconds: float, path: Path, kind: int) -> int | None:
    """Like ``_hold``, retrying for so many seconds."""
    deadline = time.monotonic() + seconds
    while (fd := _hold(path, kind)) is None and time.monotonic() <= deadline:
        time.sleep(_TRY_EVERY)
    return fd


def _hold(path: Path, kind: int) -> int | None:
    """Lock the file, creating it if needed. Returns its descriptor; None if locked or just deleted."""
    try:
        make_folder(path.parent)
        fd = open_shared(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal(error, path) from error
    try:
        if try_lock(fd, kind) and is_still(fd, path):
            return fd
    except OSError as error:
        os.close(fd)
        raise refusal(error, path) from error
    os.close(fd)
    return None


def try_lock(fd: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Try to take the ``flock`` of this kind without waiting; return whether it was taken."""
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_still(fd: int, path: Path) -> bool:
    """Return whether the open file still has this path: its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(fd), path.lstat())
    except FileNotFoundError:
        return False


def _busy(wanted: Holder, holder: Holder | None) -> MtnError:
    if holder is None:
        return Locked(
            _("Already running: {operation} of {database}.").format(
                operation=wanted.operation, database=wanted.database
            ),
            _("See who, and wait for it to end: mtn job list"),
        )
    return Locked(
        _(
            "Already running, by {operator}: {operation} of {database} on {host}, since {since}, job {job}."
        ).format(
            operator=holder.operator,
            operation=holder.operation,
            database=holder.database,
            host=holder.host,
            since=holder.since.astimezone().strftime("%Y-%m-%d %H:%M:%S %z"),
            job=holder.job,
        ),
        _("Wait for it to end (mtn job list), or stop it: mtn job cancel {job}").format(job=holder.job),
    )
